/**
 * Whose turn it is to commit on a lake. DuckLake's commits are optimistic: whoever reads the latest snapshot and comes
 * second to insert the next one is refused, sleeps and tries again, at most ten times, and among many writers some
 * come second ten times in a row. So a transaction that is likely to commit waits here, in arrival order, before it
 * takes its moment; what it reads then is still the latest when it commits. A turn is a courtesy, not a lock: it ends
 * with the transaction, when its holder falls silent, or when its time is over, so one who stalls, or only reads,
 * delays the others by that much and no more.
 */
import type { Clock } from '../../base/clock.ts';
import { limits } from './limits.ts';

interface Waiter {
  grant(): void;
}

export interface Turn {
  /** Its holder is at work: the time in which it may be silent begins anew. */
  touch(): void;
  /** Idempotent. */
  end(): void;
}

const none: Turn = { touch: () => undefined, end: () => undefined };

export class Turns {
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];
  #isTaken = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * The turn at once, if nobody has it; else a promise of it, which is kept within `turnWaitMsMax` whatever others do. Whoever
   * has been refused `refusals` times in a row may be silent the longer: on a machine that is too busy it is not its fault.
   */
  take(refusals = 0): Turn | Promise<Turn> {
    const silenceMs = Math.min(limits.turnSilenceMsMax * 2 ** Math.min(refusals, 10), limits.turnMsMax);
    if (!this.#isTaken) return this.#begin(silenceMs);
    return new Promise((resolve) => {
      const entry: Waiter = {
        grant: () => {
          cancel();
          resolve(this.#begin(silenceMs));
        },
      };
      // Too many in front, or all of them stall: on without a turn, as if there were none.
      const cancel = this.#clock.after(limits.turnWaitMsMax, () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        resolve(none);
      });
      this.#waiting.push(entry);
    });
  }

  #begin(silenceMs: number): Turn {
    this.#isTaken = true;
    const began = this.#clock.monotonic();
    let touched = began;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      this.#isTaken = false;
      this.#waiting.shift()?.grant();
    };
    const look = (): void => {
      const left = Math.min(touched + silenceMs, began + limits.turnMsMax) - this.#clock.monotonic();
      if (left <= 0) end();
      else cancel = this.#clock.after(left, look);
    };
    let cancel = this.#clock.after(silenceMs, look);
    return {
      touch: () => {
        touched = this.#clock.monotonic();
      },
      end,
    };
  }
}
