/**
 * Taking the next epoch. The terminal object in the present epoch's own sequence, at the first name that is free, is
 * the election: whoever creates it leads the epoch it names, and it is never deleted. Its predecessor's next put finds
 * it there. The log is read to its tail first, so that a damaged log never deposes a healthy leader; what the
 * predecessor wrote meanwhile is read before trying again.
 */
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Applied } from './ledger.ts';
import type { LogLimits } from './limits.ts';
import type { LogReader } from './log-reader.ts';
import type { LogNames } from './names.ts';
import { encodeLogObject } from './segment.ts';

export interface TakeEpochOptions {
  readonly store: ObjectStore;
  readonly names: LogNames;
  readonly limits: LogLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** 16 random bytes that only this process uses. */
  readonly writer: Buffer;
  readonly signal?: AbortSignal;
  /**
   * Asked after the tail was read, each time before a terminal is sent; false: `fenced`. In a cluster: whether the own
   * claim still cannot have been replaced. A candidate that slept would else read on past the terminal of its successor
   * and depose it, while that one answers reads by its lease (docs/spec/takeover.qnt). Alone: always.
   */
  readonly mayTake?: () => boolean;
}

/**
 * Reads to the tail and takes the epoch after it. On return the reader's ledger stands at (own epoch, 0) and has seen
 * everything that any predecessor acknowledged. Throws `corrupt`, `store_unavailable` after `undecidedMsMax`, `fenced`.
 */
export async function takeEpoch(
  reader: LogReader,
  take: (applied: readonly Applied[]) => void,
  options: TakeEpochOptions,
): Promise<number> {
  const { store, names, limits, clock, log, writer, signal, mayTake } = options;
  const started = clock.monotonic();
  let pause = limits.retryMsMin;
  for (;;) {
    await reader.toTail(take);
    const { ledger } = reader;
    if (ledger.digest === null) throw new LakeError('internal', 'the log was not read before fencing');
    const at = ledger.next;
    const terminal = encodeLogObject({
      t: 'terminal',
      epoch: at.epoch,
      seq: at.seq,
      time: Math.max(clock.now(), ledger.time),
      writer,
      previous: ledger.digest,
      successor: at.epoch + 1,
    });
    const key = names.segment(at);
    if (mayTake && !mayTake())
      throw new LakeError('fenced', 'the claim to the next epoch of the log has run out', { retriable: true });
    try {
      await store.putIfAbsent(key, terminal, { signal: attemptSignal(clock, limits.putMsMax, signal) });
    } catch (error) {
      signal?.throwIfAborted();
      const isRefused = error instanceof LakeError && error.code === 'precondition_failed';
      if (!isRefused) {
        // Outcome unknown: it may be there. Reading on tells, and the same bytes are sent again if it is not.
        if (clock.monotonic() - started > limits.undecidedMsMax) throw error;
        log.warn({ error, key }, 'taking the next epoch: no answer from the store, trying again');
        await clock.sleep(pause, signal ? { signal } : {});
        pause = Math.min(pause * 2, limits.retryMsMax);
      }
    }
    const found = await readAgain(key, options);
    // An own terminal is the own one, whatever the answer was; anything else is read as part of the log.
    if (found?.equals(terminal)) {
      await reader.toTail(take);
      if (ledger.position.epoch !== at.epoch + 1 || ledger.position.seq !== 0) continue; // deposed again already: somebody else went on
      return at.epoch + 1;
    }
  }
}

async function readAgain(key: string, { store, clock, limits, signal }: TakeEpochOptions): Promise<Buffer | null> {
  try {
    return (await store.get(key, { signal: attemptSignal(clock, limits.putMsMax, signal) }))?.body ?? null;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LakeError && error.code === 'store_unavailable') return null;
    throw error;
  }
}

function attemptSignal(clock: Clock, ms: number, signal?: AbortSignal): AbortSignal {
  const deadline = clock.deadline(ms);
  return signal ? AbortSignal.any([deadline, signal]) : deadline;
}
