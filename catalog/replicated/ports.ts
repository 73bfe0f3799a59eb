/**
 * What the replicated databases offer to the catalogs that live in them (control catalog, lake metadata).
 * One `ReplicatedLog` per leading pod; it owns one DuckDB instance (in the metadata worker), in which every replicated
 * database is attached lazily. Every commit is durable in the object store before anyone is told of it.
 */
import type { DuckDBConnection } from '@duckdb/node-api';

/** A point in the log: everything up to and including segment `seq` of `epoch` (and `index` commits within it). */
export interface LogPosition {
  readonly epoch: number;
  readonly seq: number;
}

export interface ReplicatedDatabase {
  /** Stable uuid; the files and segments carry it. */
  readonly uuid: string;
  /** Name under which it was created; also its alias in the DuckDB instance (quote it). */
  readonly name: string;
  /** A connection with this database in use. The caller closes it. Many may be open at once. */
  connect(): Promise<DuckDBConnection>;
  /**
   * Runs `COMMIT` on a connection that has an open transaction on this database, under the commit lock, and cuts the
   * WAL bytes of exactly that commit into the log's queue. Resolves when DuckDB has committed (visible in memory, NOT
   * durable yet); `durable()` of the result resolves when it may be told to anyone. Rejects with DuckDB's error when the
   * commit was refused (then nothing happened and the transaction is rolled back), with a retriable LakeError when the
   * store does not answer (not executed, rolled back), with `fenced` when this pod has been deposed. `durable()` rejects
   * only when the outcome will never be known here: then the session closes without an error text.
   */
  commit(connection: DuckDBConnection): Promise<{ durable(): Promise<LogPosition> }>;
  /** Resolves when everything committed in this database so far is durable. Synchronously cheap (`null`) when it already is. */
  barrier(): Promise<void> | null;
}

export interface ReplicatedLog {
  /** Names of the databases that exist now. */
  databases(): Promise<readonly string[]>;
  /** Opens (attaches, replays) a database; `not_found` when there is none. Cheap when open already. */
  open(name: string): Promise<ReplicatedDatabase>;
  /** Creates an empty database durably; `already_exists`. */
  create(name: string): Promise<ReplicatedDatabase>;
  /** Removes a database from the present (its log stays restorable for the retention time). */
  drop(name: string): Promise<void>;
  position(): LogPosition;
  /** Takes snapshots where the log since the last one is long; called by a timer and at drain. */
  maintain(): Promise<void>;
  /** Aborts when this pod has been fenced or the log cannot go on: all sessions must close without an error text. */
  readonly lost: AbortSignal;
  close(): Promise<void>;
}
