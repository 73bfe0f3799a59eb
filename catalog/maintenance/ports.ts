/**
 * What maintenance says about a lake and asks of the rest of the worker. Types only. Everything here can be cloned to
 * another thread. Times are milliseconds since 1970 by this pod's clock, sizes are bytes.
 */

/** A table and what of it could be put in order. */
export interface TableFacts {
  readonly schema: string;
  readonly table: string;
  /** Rows that lie in the catalog instead of in files, and marks of deletion that do. */
  readonly inlinedRows: number;
  readonly inlinedDeletes: number;
  /** Live files by size band (`limits.ts`), without those that have deleted rows: how many could be merged. */
  readonly mergeable: readonly { readonly band: number; readonly files: number; readonly bytes: number }[];
  /** Live files of which at least the given part is deleted. */
  readonly rewritable: { readonly files: number; readonly bytes: number };
}

export interface LakeFacts {
  /** The state of the lake's database in the log when this was looked at; another one means that something was written. */
  readonly mark: string;
  /** False while no DuckLake client has made the tables yet: there is nothing to do. */
  readonly isInitialised: boolean;
  /** Where the catalog says its files are; files of a catalog that says another place than ours are not touched. */
  readonly dataPath: string | null;
  readonly tables: readonly TableFacts[];
  readonly snapshots: number;
  /** Time of the oldest snapshot that is not the newest; null when there is one only. */
  readonly oldestSnapshotAt: number | null;
  /** Snapshots older than what was asked for. */
  readonly expirable: number;
  readonly liveFiles: number;
  readonly liveBytes: number;
  /** Files that no snapshot names any more and that are not deleted yet. */
  readonly scheduledFiles: number;
  /** Since when the oldest transaction on this lake has been open; null when there is none. */
  readonly oldestTransactionAt: number | null;
}

/** Why a file was found: no snapshot names it any more, or nothing ever did. */
export type GarbageKind = 'old' | 'orphan';
