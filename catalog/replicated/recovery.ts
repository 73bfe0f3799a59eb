/**
 * From the store to a state that may be led from: read the log from its newest anchor, prove it, take the next epoch,
 * read what the predecessor wrote meanwhile. Knows nothing of DuckDB; the WAL bytes go to a sink.
 */
import { LakeError } from '../../base/errors.ts';
import { takeEpoch, type TakeEpochOptions } from './fence.ts';
import type { Applied } from './ledger.ts';
import { type LogReader, openLogReader } from './log-reader.ts';

/** Takes what is read, in order. */
export interface RestoreSink {
  take(applied: readonly Applied[]): void;
  /** What was taken so far is void: reading begins again. */
  clear(): void;
}

export interface Recovered {
  readonly reader: LogReader;
  readonly epoch: number;
}

const attemptsMax = 5;

/**
 * Restores and takes the next epoch. Throws `corrupt` naming the object, `store_unavailable`, and
 * `precondition_failed` when the log is collected faster than it can be read.
 */
export async function recover(sink: RestoreSink, options: TakeEpochOptions): Promise<Recovered> {
  for (let attempt = 1; ; attempt++) {
    try {
      const reader = await openLogReader(options);
      const epoch = await takeEpoch(reader, (applied) => sink.take(applied), options);
      return { reader, epoch };
    } catch (error) {
      // What was being read was collected meanwhile by whoever leads: begin again from a newer anchor.
      if (!(error instanceof LakeError) || error.code !== 'precondition_failed' || attempt >= attemptsMax) throw error;
      options.log.warn({ error }, 'the log moved on while it was read; reading it again');
      sink.clear();
    }
  }
}
