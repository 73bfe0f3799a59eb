/**
 * Rows of a running query, pulled chunk by chunk from DuckDB. Nobody pulls, nothing is computed beyond DuckDB's own small
 * buffer. When the session needs the connection for another statement the rest is drained into memory (`detach`).
 */
import {
  type DuckDBDataChunk,
  type DuckDBMaterializedResult,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  ResultReturnType,
} from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import type { EngineConnection } from './connection.ts';

/** Rows kept in memory when a cursor stays open across other statements; about 250 MB of ten-column rows. */
export const detachedRowsMax = 1_000_000;

export class EngineRows {
  readonly result: DuckDBResult;
  readonly #connection: EngineConnection;
  readonly #prepared: DuckDBPreparedStatement;
  /** The prepared statement is nobody else's: it goes when the rows have ended. */
  readonly #ownsPrepared: boolean;
  readonly #released: () => void;
  #state: 'open' | 'detached' | 'ended' = 'open';
  #kept: DuckDBDataChunk[] = [];
  #failure: unknown = null;
  #interruption: unknown = null;

  constructor(
    connection: EngineConnection,
    query: { result: DuckDBResult; prepared: DuckDBPreparedStatement; ownsPrepared: boolean },
    released: () => void,
  ) {
    this.#connection = connection;
    this.result = query.result;
    this.#prepared = query.prepared;
    this.#ownsPrepared = query.ownsPrepared;
    this.#released = released;
  }

  /** The next chunk, or null at the end. Rejects with DuckDB's error as it is. */
  async next(): Promise<DuckDBDataChunk | null> {
    if (this.#state === 'detached') return this.#nextKept();
    if (this.#state === 'ended') return null;
    try {
      const chunk = await this.#connection.call(() => this.result.fetchChunk());
      if (this.#interruption === null && chunk !== null && chunk.rowCount > 0) return chunk;
    } catch (error) {
      this.#end();
      throw this.#interruption ?? error;
    }
    // DuckDB ends a stream that failed or was interrupted as if it were complete; only its return type tells. Without this
    // rows would be missing and nobody would know.
    if (this.#interruption !== null || this.result.returnType === ResultReturnType.INVALID) {
      const reason = this.#interruption ?? (await this.#connection.reasonOf(this.#prepared));
      this.#end();
      throw reason;
    }
    this.#end();
    return null;
  }

  /** Ends the query early: DuckDB stops its work and lets go of what it holds. */
  async close(): Promise<void> {
    const wasOpen = this.#state === 'open';
    this.#end();
    this.#kept = [];
    if (wasOpen) await this.#connection.abandon();
  }

  /** The query was interrupted: whoever pulls next is told why. */
  interrupted(reason: unknown): void {
    if (this.#state === 'open') this.#interruption ??= reason;
  }

  /** The connection is needed for something else: fetches the rest now. What goes wrong is told to whoever pulls next. */
  async detach(): Promise<void> {
    if (this.#state !== 'open') return;
    const kept: DuckDBDataChunk[] = [];
    let rows = 0;
    try {
      for (let chunk = await this.next(); chunk !== null; chunk = await this.next()) {
        rows += chunk.rowCount;
        if (rows > detachedRowsMax) {
          throw new LakeError(
            'limit_exceeded',
            `an open cursor has more than ${detachedRowsMax} rows left while another statement runs`,
            {
              hint: 'Read the cursor to its end first, or use two connections.',
            },
          );
        }
        kept.push(chunk);
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#end();
    this.#state = 'detached';
    this.#kept = kept;
  }

  #nextKept(): DuckDBDataChunk | null {
    const chunk = this.#kept.shift();
    if (chunk) return chunk;
    this.#state = 'ended';
    if (this.#failure !== null) throw this.#failure;
    return null;
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    if (this.#ownsPrepared) this.#prepared.destroySync();
    this.#released();
  }
}

/** Chunks of a result that is wholly there. */
export class KeptRows {
  readonly result: DuckDBMaterializedResult;
  #at = 0;
  readonly #count: number;

  constructor(result: DuckDBMaterializedResult) {
    this.result = result;
    this.#count = result.chunkCount;
  }

  async next(): Promise<DuckDBDataChunk | null> {
    return this.#at < this.#count ? this.result.getChunk(this.#at++) : null;
  }

  async close(): Promise<void> {
    this.#at = this.#count;
  }
}
