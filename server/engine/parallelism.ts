/**
 * When DuckDB's own threads help. A statement runs on the libuv thread that called it; DuckDB's other threads take what they
 * can get of its work, and while one of them has it the caller turns in a loop until it is done. For a statement of a few
 * milliseconds that is a wake-up and a core for nothing (a third of the CPU of SELECT 1, two thirds of a small INSERT's), so
 * an instance has no threads of its own until a statement has been at work for a while, and loses them when none is.
 * Statements that wait more than they compute (rows inserted one text at a time, COMMIT) have to take longer.
 *
 * `step` decides, `Parallelism` does it with DuckDB's setting `external_threads`: how many of `threads` are callers.
 */
import type { Clock } from '../../base/clock.ts';

/** Milliseconds of work after which a statement gets helpers; and milliseconds without such a statement after which they go. */
export const helpAfterMs = 5;
export const patientHelpAfterMs = 50;
export const helpEndsAfterMs = 500;
/** Milliseconds between looks while something runs. */
const lookMs = 5;

export interface ParallelismState {
  readonly isOn: boolean;
  /** When the last statement that deserves help was seen; monotonic milliseconds. */
  readonly seenAt: number;
}

/** Pure: whether the threads should be there now. `isHeavy`: a statement that deserves help runs. */
export function step(state: ParallelismState, isHeavy: boolean, now: number): ParallelismState {
  if (isHeavy) return { isOn: true, seenAt: now };
  return state.isOn && now - state.seenAt >= helpEndsAfterMs ? { isOn: false, seenAt: state.seenAt } : state;
}

/** A statement's native calls; `spentMs` is what the earlier ones took. */
export interface Work {
  spentMs: number;
  readonly patienceMs: number;
}

export class Parallelism {
  readonly #clock: Clock;
  readonly #threads: number;
  readonly #turn: (on: boolean) => Promise<unknown>;
  readonly #running = new Map<Work, number>();
  #state: ParallelismState = { isOn: false, seenAt: 0 };
  #isTurned = false;
  #turning: Promise<void> | null = null;
  #cancel: (() => void) | null = null;
  #closed = false;

  /** `threads`: all that may be at work. `turn` tells DuckDB; its failure leaves things as they are. */
  constructor(clock: Clock, threads: number, turn: (on: boolean) => Promise<unknown>) {
    this.#clock = clock;
    this.#threads = threads;
    this.#turn = turn;
  }

  /** Runs one native call of a statement. */
  async run<T>(work: Work, call: () => Promise<T>): Promise<T> {
    const began = this.#clock.monotonic();
    this.#running.set(work, began);
    if (work.spentMs >= work.patienceMs) this.#look();
    else this.#cancel ??= this.#clock.after(lookMs, this.#tick);
    try {
      return await call();
    } finally {
      this.#running.delete(work);
      work.spentMs += this.#clock.monotonic() - began;
    }
  }

  /** No more looks. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  readonly #tick = (): void => {
    this.#cancel = null;
    this.#look();
  };

  #look(): void {
    if (this.#closed) return;
    const now = this.#clock.monotonic();
    // With a statement for every core there is nobody left to help; and then each takes long, however little it does.
    const isHeavy =
      this.#running.size < this.#threads &&
      [...this.#running].some(([{ spentMs, patienceMs }, began]) => spentMs + now - began >= patienceMs);
    this.#state = step(this.#state, isHeavy, now);
    if (this.#state.isOn !== this.#isTurned) this.#apply();
    if (this.#running.size > 0 || this.#state.isOn) this.#cancel ??= this.#clock.after(lookMs, this.#tick);
  }

  #apply(): void {
    if (this.#turning) return;
    const { isOn } = this.#state;
    this.#turning = this.#turn(isOn)
      .then(
        () => {
          this.#isTurned = isOn;
        },
        () => undefined,
      )
      .finally(() => {
        this.#turning = null;
      });
  }
}
