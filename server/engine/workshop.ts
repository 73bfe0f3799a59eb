/**
 * One lake attached in a locked-down instance of its own, for the pod's own work on it. Tables carry what users wrote (sort
 * expressions, macros), so this instance can reach no more than a user's: the lake's files, nothing else.
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import { EngineInstance, type InstanceOptions } from './instance.ts';

/** Who the snapshots say made them. */
const author = 'boilstream';

export class Workshop {
  readonly #instance: EngineInstance;
  readonly #connection: DuckDBConnection;
  readonly #lake: string;

  private constructor(instance: EngineInstance, connection: DuckDBConnection, lake: string) {
    this.#instance = instance;
    this.#connection = connection;
    this.#lake = lake;
  }

  /** Opens and attaches. Rejects with DuckDB's reason. `options.access` names the one lake. */
  static async open(options: InstanceOptions): Promise<Workshop> {
    const instance = await EngineInstance.open(options);
    const [one] = options.access;
    try {
      if (!one || !instance.access.has(one.lake.name)) throw new Error('the ducklake cannot be attached');
      return new Workshop(instance, await instance.connect(), one.lake.name);
    } catch (error) {
      instance.close();
      throw error;
    }
  }

  /** Runs one statement in a transaction; the snapshot it makes says `message`. Resolves to its rows; rejects with DuckDB's error, rolled back. */
  async run(sql: string, message: string): Promise<DuckDBValue[][]> {
    const connection = this.#connection;
    await connection.run('BEGIN TRANSACTION');
    try {
      await connection.run(`CALL ${quoteName(this.#lake)}.set_commit_message(${quoteString(author)}, ${quoteString(message)})`);
      const rows = (await connection.runAndReadAll(sql)).getRows();
      await connection.run('COMMIT');
      return rows;
    } catch (error) {
      await connection.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  interrupt(): void {
    this.#connection.interrupt();
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.close();
  }
}
