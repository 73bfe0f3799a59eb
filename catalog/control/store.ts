/**
 * Transactions on the control database. Writes run one at a time, so what a command decided on is still true when it
 * commits; reads run beside them on a kept connection each. Nothing that was read or written is handed on before it is durable.
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { blobValue, DuckDBBlobValue } from '@duckdb/node-api';
import { assert } from '../../base/errors.ts';
import { Mutex } from '../../base/mutex.ts';
import type { ReplicatedDatabase } from '../replicated/ports.ts';

export type SqlValue = string | number | boolean | null | Uint8Array;
export type Row = Record<string, SqlValue>;

/** Statements inside one transaction. BIGINT comes back as a number (times and counts fit), BLOB as Buffer. */
export interface Tx {
  run(sql: string, values?: readonly SqlValue[]): Promise<void>;
  all<R extends object = Row>(sql: string, values?: readonly SqlValue[]): Promise<R[]>;
  one<R extends object = Row>(sql: string, values?: readonly SqlValue[]): Promise<R | undefined>;
}

export class ControlStore {
  readonly #database: ReplicatedDatabase;
  readonly #writing = new Mutex();
  readonly #idleReaders: DuckDBConnection[] = [];
  #writer: DuckDBConnection | undefined;

  constructor(database: ReplicatedDatabase) {
    this.#database = database;
  }

  /** Runs `work` in a transaction of its own and resolves when it is durable. Whatever `work` throws rolls it back. */
  async write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const { result, durable } = await this.#writing.run(async () => {
      this.#writer ??= await this.#database.connect();
      const connection = this.#writer;
      await connection.run('BEGIN TRANSACTION');
      try {
        const result = await work(txOn(connection));
        const committed = await this.#database.commit(connection);
        return { result, durable: committed.durable() };
      } catch (error) {
        await this.#rollBack(connection);
        throw error;
      }
    });
    await durable;
    return result;
  }

  /** Runs `work` on one snapshot and resolves when all it may have seen is durable. */
  async read<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const connection = this.#idleReaders.pop() ?? (await this.#database.connect());
    let isClean = false;
    try {
      await connection.run('BEGIN TRANSACTION READ ONLY');
      const result = await work(txOn(connection));
      await connection.run('ROLLBACK');
      isClean = true;
      return result;
    } finally {
      if (isClean && this.#idleReaders.length < idleReadersMax) this.#idleReaders.push(connection);
      else connection.closeSync();
      await this.#database.barrier();
    }
  }

  close(): void {
    this.#writer?.closeSync();
    this.#writer = undefined;
    for (const reader of this.#idleReaders.splice(0)) reader.closeSync();
  }

  /** A connection that cannot roll back (a refused commit has done so already) is not used again. */
  async #rollBack(connection: DuckDBConnection): Promise<void> {
    try {
      await connection.run('ROLLBACK');
    } catch {
      connection.closeSync();
      this.#writer = undefined;
    }
  }
}

const idleReadersMax = 4;

function txOn(connection: DuckDBConnection): Tx {
  const all = async <R extends object>(sql: string, values: readonly SqlValue[] = []): Promise<R[]> => {
    const reader = await connection.runAndReadAll(sql, values.map(toDuckDB));
    return reader
      .getRowObjects()
      .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fromDuckDB(value)])) as R);
  };
  return {
    async run(sql, values = []) {
      await connection.run(sql, values.map(toDuckDB));
    },
    all,
    async one<R extends object>(sql: string, values: readonly SqlValue[] = []) {
      const rows = await all<R>(sql, values);
      assert(rows.length <= 1, 'a query for one row gave several');
      return rows[0];
    },
  };
}

function toDuckDB(value: SqlValue): DuckDBValue {
  if (value instanceof Uint8Array) return blobValue(value);
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  return value;
}

function fromDuckDB(value: DuckDBValue): SqlValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    assert(Number.isSafeInteger(number), 'a number in the control catalog is too large');
    return number;
  }
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes);
  assert(
    value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean',
    'a value in the control catalog has an unexpected type',
  );
  return value;
}
