/** What a session did last, and since when, for pg_stat_activity. Times are wall clock milliseconds. */
import type { Clock } from '../../base/clock.ts';

export class StatementHistory {
  readonly #clock: Clock;
  #query = '';
  #queryStart: number | null = null;
  #transactionStart: number | null = null;
  #stateChange: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#stateChange = clock.now();
  }

  /** A statement of the client begins; `opens`: no transaction was open before it. */
  began(query: string, opens: boolean): void {
    const now = this.#clock.now();
    this.#query = query;
    this.#queryStart = now;
    this.#stateChange = now;
    if (opens) this.#transactionStart = now;
  }

  /** It has ended with all its rows. */
  ended(): void {
    this.#stateChange = this.#clock.now();
  }

  /** `isIdle`: no transaction is open and nothing runs. */
  shown(isIdle: boolean): {
    readonly query: string;
    readonly queryStart: number | null;
    readonly transactionStart: number | null;
    readonly stateChange: number;
  } {
    return {
      query: this.#query,
      queryStart: this.#queryStart,
      transactionStart: isIdle ? null : this.#transactionStart,
      stateChange: this.#stateChange,
    };
  }
}
