/**
 * Admits calls into DuckDB. Every such call holds a libuv thread until it returns, so fewer are let in than there are
 * threads. A place is held for one native call (execute, fetch one chunk), never while a client reads: a slow reader
 * blocks nobody. Sessions inside a transaction have places of their own, so that one who holds something others wait for
 * can always go on and finish.
 */
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import { Gate } from '../../base/mutex.ts';
import type { EngineLimits } from './limits.ts';

export type AdmissionClass = 'fresh' | 'transaction';

export class Admission {
  readonly #clock: Clock;
  readonly #limits: EngineLimits;
  readonly #gates: Readonly<Record<AdmissionClass, Gate>>;

  constructor(clock: Clock, limits: EngineLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#gates = {
      fresh: new Gate(limits.statementsMax, limits.waitingMax),
      transaction: new Gate(limits.transactionStatementsMax, limits.waitingMax),
    };
  }

  /** Calls running and waiting now, for metrics. */
  get load(): { readonly running: number; readonly waiting: number } {
    const { fresh, transaction } = this.#gates;
    return { running: fresh.running + transaction.running, waiting: fresh.queued + transaction.queued };
  }

  /** Calls back after `ms` milliseconds; the returned function cancels. */
  after(ms: number, call: () => void): () => void {
    return this.#clock.after(ms, call);
  }

  /**
   * Runs `call` when a place is free. Rejects with `limit_exceeded` when the queue is full or the wait too long (nothing
   * was done then), or with the reason of `abort`, which is asked for only when it has to wait.
   */
  async run<T>(kind: AdmissionClass, call: () => Promise<T>, abort?: () => AbortSignal): Promise<T> {
    const gate = this.#gates[kind];
    const leave = gate.running < gate.slots && gate.queued === 0 ? await gate.enter() : await this.#wait(gate, abort?.());
    try {
      return await call();
    } finally {
      leave();
    }
  }

  async #wait(gate: Gate, abort: AbortSignal | undefined): Promise<() => void> {
    const expiry = new AbortController();
    const cancel = this.#clock.after(this.#limits.waitMsMax, () =>
      expiry.abort(
        new LakeError('limit_exceeded', `the pod is busy: no place for this statement within ${this.#limits.waitMsMax} ms`, {
          hint: 'Send fewer statements at once, or try again later.',
          retriable: true,
        }),
      ),
    );
    try {
      return await gate.enter(abort === undefined ? expiry.signal : AbortSignal.any([expiry.signal, abort]));
    } finally {
      cancel();
    }
  }
}
