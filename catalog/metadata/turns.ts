/**
 * Whose turn it is to commit on a lake. DuckLake's commits are optimistic: whoever reads the latest snapshot and comes
 * second to insert the next one is refused, sleeps and tries again, at most ten times, and among many writers some
 * come second ten times in a row. So a transaction that is likely to commit waits here, in arrival order, before it
 * takes its moment; what it reads then is still the latest when it commits. A turn is a courtesy, not a lock: it ends
 * with the transaction, when its holder falls silent, or when its time is over, so one who stalls, or only reads,
 * delays the others by that much and no more.
 *
 * Who comes back at once after a commit, as a loop of inserts does, has a few turns in a row: its process and all it
 * knows are still in the caches, and every change of hands costs more than half a commit.
 */
import type { Clock } from '../../base/clock.ts';
import { limits } from './limits.ts';

interface Waiter {
  grant(): void;
}

export interface Turn {
  /** Its holder is at work: the time in which it may be silent begins anew. */
  touch(): void;
  /** Idempotent. `mayReturn`: its holder has committed, and gets the next turn too if it is known to come back at once. */
  end(mayReturn?: boolean): void;
}

/** What is known of one who takes turns. */
interface Habit {
  endedAt: number;
  /** Whether it came back soon after its last turn. */
  returns: boolean;
  /** Turns in a row. */
  row: number;
}

const none: Turn = { touch: () => undefined, end: () => undefined };

export class Turns {
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];
  #isTaken = false;
  readonly #habits = new WeakMap<object, Habit>();
  /** Whose return is waited for. */
  #kept: { readonly owner: object; readonly cancel: () => void } | null = null;

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
   * `owner` stands for who asks, whenever it asks.
   */
  take(refusals = 0, owner: object = {}): Turn | Promise<Turn> {
    const silenceMs = Math.min(limits.turnSilenceMsMax * 2 ** Math.min(refusals, 10), limits.turnMsMax);
    const habit = this.#habits.get(owner) ?? { endedAt: Number.NEGATIVE_INFINITY, returns: false, row: 0 };
    this.#habits.set(owner, habit);
    habit.returns = this.#clock.monotonic() - habit.endedAt <= limits.turnReturnMsMax;
    if (this.#kept?.owner === owner) {
      this.#kept.cancel();
      this.#kept = null;
      return this.#begin(silenceMs, owner, habit);
    }
    habit.row = 0;
    if (!this.#isTaken) return this.#begin(silenceMs, owner, habit);
    return new Promise((resolve) => {
      const entry: Waiter = {
        grant: () => {
          cancel();
          resolve(this.#begin(silenceMs, owner, habit));
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

  #pass(): void {
    this.#isTaken = false;
    this.#waiting.shift()?.grant();
  }

  #begin(silenceMs: number, owner: object, habit: Habit): Turn {
    this.#isTaken = true;
    habit.row++;
    const began = this.#clock.monotonic();
    let touched = began;
    let isOver = false;
    const end = (mayReturn = false): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      habit.endedAt = this.#clock.monotonic();
      if (!mayReturn || !habit.returns || habit.row >= limits.turnsInRowMax || this.#waiting.length === 0) return this.#pass();
      const expired = this.#clock.after(limits.turnReturnMsMax, () => {
        this.#kept = null;
        this.#pass();
      });
      this.#kept = { owner, cancel: expired };
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
