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

/**
 * A point of the retained log: a position, or the newest one whose time (milliseconds since 1970) is not after `time`.
 * Objects that do not tell their time (written by releases before it was kept) count as of when the store took them.
 */
export type Until =
  | { readonly t: 'position'; readonly position: LogPosition }
  | { readonly t: 'time'; readonly time: number }
  /** Right before the database of this name was dropped (the last of that name); the present while it is there. */
  | { readonly t: 'drop'; readonly name: string };

/** Where a point was found. */
export interface PastPoint {
  readonly position: LogPosition;
  /** Time of the last object up to there, milliseconds since 1970; 0 = unknown. */
  readonly time: number;
}

export interface RestoreRequest {
  /** Name of the new database. */
  readonly name: string;
  /** Name, at that point, of the database that is looked back at; it may be gone by now. */
  readonly of: string;
  readonly at: Until;
  /** Changes the restored database before anybody sees it, in transactions of its own (plain COMMIT). */
  readonly prepare?: (connection: DuckDBConnection) => Promise<void>;
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
  /**
   * Makes a commit of plain changes of rows (row-changes.ts) durable without DuckDB, which gets it later. Right only if DuckDB
   * would make it: no transaction that has written is open on this database, keys are free, values fit their columns.
   * `mayStill` is asked when all earlier commits are known; null if it says no. Otherwise as `commit`.
   */
  record(rows: Buffer, mayStill: () => boolean): Promise<{ durable(): Promise<LogPosition> } | null>;
  /**
   * When DuckDB has everything that was committed; null = now. To be awaited before a connection that has been open for a
   * while begins a transaction or reads.
   */
  caughtUp(): Promise<void> | null;
  /** Resolves when everything committed in this database so far is durable. Synchronously cheap (`null`) when it already is. */
  barrier(): Promise<void> | null;
}

export interface ReplicatedLog {
  /** Names of the databases that exist now. */
  databases(): Promise<readonly string[]>;
  /** For each database, by name, what its durable state is called: another text = something was written since. Opens nothing. */
  marks(): ReadonlyMap<string, string>;
  /** Opens (attaches, replays) a database; `not_found` when there is none. Cheap when open already. */
  open(name: string): Promise<ReplicatedDatabase>;
  /** Creates an empty database durably; `already_exists`. */
  create(name: string): Promise<ReplicatedDatabase>;
  /** Removes a database from the present (its log stays restorable for the retention time). */
  drop(name: string): Promise<void>;
  /**
   * Makes a new database of what another one held at a point of the retained log; that one is not touched. Throws
   * `not_found` when it did not exist then, `invalid_argument` when the log does not reach there, `already_exists`,
   * `corrupt` naming the damaged object.
   */
  restore(request: RestoreRequest): Promise<{ readonly database: ReplicatedDatabase; readonly point: PastPoint }>;
  /** Runs `work` on what a database held at a point, for reading; nothing of it stays. Throws as `restore` does. */
  look<T>(request: { readonly of: string; readonly at: Until }, work: (connection: DuckDBConnection) => Promise<T>): Promise<T>;
  /** Names of the databases that existed at a point. Throws as `restore` does. */
  databasesAt(at: Until): Promise<{ readonly point: PastPoint; readonly names: readonly string[] }>;
  position(): LogPosition;
  /** The position at which everything committed so far is in the log. */
  settled(): Promise<LogPosition>;
  /** Takes snapshots where the log since the last one is long; called by a timer and at drain. */
  maintain(): Promise<void>;
  /** Aborts when this pod has been fenced or the log cannot go on: all sessions must close without an error text. */
  readonly lost: AbortSignal;
  close(): Promise<void>;
}
