/**
 * Rows from a query to the client, chunk by chunk: one chunk is written while the next is computed, and no more is
 * pulled before the client has taken what was written. A portal keeps its pump between Executes.
 */
import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { RowStream } from '../../base/statement-session.ts';
import type { RowWriter } from './messages/data-row.ts';
import type { Outbox } from './outbox.ts';

export class RowPump {
  readonly #rows: RowStream;
  readonly #writer: RowWriter;
  readonly #flushBytes: number;
  #chunk: DuckDBDataChunk | null = null;
  #count = 0;
  #at = 0;
  #ahead: Promise<DuckDBDataChunk | null> | null = null;
  #finished = false;
  /** Rows of the first chunk that are not meant, and rows that may still be sent. */
  #skip: number;
  #left: number;

  constructor(rows: RowStream, writer: RowWriter, flushBytes: number) {
    this.#rows = rows;
    this.#skip = rows.window?.skip ?? 0;
    this.#left = rows.window?.count ?? Number.POSITIVE_INFINITY;
    this.#writer = writer;
    this.#flushBytes = flushBytes;
  }

  /** True when the last row was sent. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Sends up to `rowsMax` rows (0 = all) and returns how many there were. */
  async send(out: Outbox, rowsMax: number): Promise<number> {
    let sent = 0;
    while (!this.#finished) {
      if (this.#at === this.#count && !(await this.#load(rowsMax === 0))) break;
      const to = rowsMax === 0 ? this.#count : Math.min(this.#count, this.#at + rowsMax - sent);
      const next = this.#writer.write(out, this.#at, to);
      sent += next - this.#at;
      this.#at = next;
      if (out.at >= this.#flushBytes) await out.flush();
      if (rowsMax !== 0 && sent === rowsMax) return sent;
    }
    return sent;
  }

  /** Frees the query; waits for what runs. Idempotent, never throws. */
  async close(): Promise<void> {
    this.#finished = true;
    this.#chunk = null;
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead) await ahead.catch(() => null);
    await this.#rows.close().catch(() => undefined);
  }

  async #load(prefetch: boolean): Promise<boolean> {
    if (this.#left === 0) {
      await this.close();
      return false;
    }
    const pending = this.#ahead ?? this.#rows.next();
    this.#ahead = null;
    let chunk = await pending;
    while (chunk !== null && chunk.rowCount === 0) chunk = await this.#rows.next();
    if (chunk === null) {
      await this.close();
      return false;
    }
    if (prefetch && this.#left > chunk.rowCount) {
      this.#ahead = this.#rows.next();
      // Its failure is met when it is awaited; until then it must not count as unhandled.
      this.#ahead.catch(() => undefined);
    }
    this.#chunk = chunk;
    this.#at = this.#skip;
    this.#skip = 0;
    this.#count = Math.min(chunk.rowCount, this.#at + this.#left);
    this.#left -= this.#count - this.#at;
    this.#writer.load(this.#chunk);
    return true;
  }
}
