/**
 * One DuckDB connection of one session: every native call goes through admission, one at a time, and can be interrupted.
 * DuckDB keeps at most one result open per connection; when the session runs something else while a client still reads
 * (a cursor, a suspended portal), the rest of that result is first drained into memory, within a bound.
 */
import type { DuckDBConnection, DuckDBMaterializedResult, DuckDBPreparedStatement, DuckDBValue } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import type { Admission } from './admission.ts';
import { EngineRows } from './read.ts';

/** Milliseconds spent on finding out why a stream failed. */
const reasonMsMax = 10_000;

export class EngineConnection {
  readonly native: DuckDBConnection;
  /** Inside a transaction block: decides the class of admission. */
  inTransaction = false;
  readonly #admission: Admission;
  #open: EngineRows | null = null;
  #waiting: AbortController | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  readonly #onClosed: () => void;

  constructor(native: DuckDBConnection, admission: Admission, closed: () => void = () => undefined) {
    this.native = native;
    this.#admission = admission;
    this.#onClosed = closed;
  }

  /** Prepares (parses, binds, plans) one statement. Rejects with DuckDB's error as it is. */
  async prepare(sql: string): Promise<DuckDBPreparedStatement> {
    if (this.#open) await this.#settleOpen();
    return this.call(() => this.native.prepare(sql));
  }

  /** Runs to the end and keeps the whole result: for statements that answer a row or a count. */
  async execute(prepared: DuckDBPreparedStatement): Promise<DuckDBMaterializedResult> {
    if (this.#open) await this.#settleOpen();
    return this.call(() => prepared.run());
  }

  /** Begins a query whose rows are computed as they are pulled. `ownsPrepared`: the statement is destroyed with the rows. */
  async stream(prepared: DuckDBPreparedStatement, ownsPrepared: boolean): Promise<EngineRows> {
    if (this.#open) await this.#settleOpen();
    const result = await this.call(() => prepared.stream());
    const rows = new EngineRows(this, { result, prepared, ownsPrepared }, () => {
      if (this.#open === rows) this.#open = null;
    });
    this.#open = rows;
    return rows;
  }

  /** Runs text of our own making (never a client's) and resolves to the rows changed. */
  async run(sql: string): Promise<number> {
    if (this.#open) await this.#settleOpen();
    return this.call(async () => (await this.native.run(sql)).rowsChanged);
  }

  /** All rows of a small query of our own making. */
  async rows(sql: string, values: DuckDBValue[]): Promise<DuckDBValue[][]> {
    if (this.#open) await this.#settleOpen();
    return this.call(async () => (await this.native.runAndReadAll(sql, values)).getRows());
  }

  /** One admitted native call. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    const call = this.#admission.run(this.inTransaction ? 'transaction' : 'fresh', work, this.#abortable);
    this.#last = call;
    try {
      return await call;
    } finally {
      this.#waiting = null;
    }
  }

  /** Only a call that has to wait for its place needs something to abort it with. */
  readonly #abortable = (): AbortSignal => {
    this.#waiting = new AbortController();
    return this.#waiting.signal;
  };

  /** Stops what runs or waits now; `reason` is what a waiting call rejects with. Never throws. */
  interrupt(reason: unknown): void {
    if (this.#closed) return;
    this.#waiting?.abort(reason);
    this.#open?.interrupted(reason);
    this.native.interrupt();
  }

  /**
   * Why a stream failed half way. DuckDB's C interface keeps the message to itself, so the query is run once more, to its
   * error, for a bounded time.
   */
  async reasonOf(prepared: DuckDBPreparedStatement): Promise<unknown> {
    const stop = this.#admission.after(reasonMsMax, () => this.native.interrupt());
    try {
      await this.call(() => prepared.run());
    } catch (error) {
      if (error instanceof Error && !/^INTERRUPT Error|transaction is aborted/.test(error.message)) return error;
    } finally {
      stop();
    }
    return new LakeError('invalid_argument', 'the query failed while its rows were being read', {
      hint: 'A value of a later row could not be computed, such as a cast or an overflow. Run the query outside a transaction, or with ORDER BY, to see which.',
    });
  }

  /** Makes DuckDB let go of a result that nobody will read to its end. */
  async abandon(): Promise<void> {
    if (this.#closed) return;
    await this.call(() => this.native.run('SELECT NULL')).catch(() => undefined);
  }

  /** Ends what runs, rolls back what is open and frees the connection; idempotent. */
  async close(reason: unknown): Promise<void> {
    if (this.#closed) return;
    this.interrupt(reason);
    this.#closed = true;
    await this.#last.catch(() => undefined);
    // Rolling back inside disconnect would run on this thread; do it where waiting is harmless.
    if (this.inTransaction) await this.native.run('ROLLBACK').catch(() => undefined);
    this.native.closeSync();
    this.#onClosed();
  }

  async #settleOpen(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.detach();
  }
}
