/** What background maintenance needs handed in. Types only. Times are milliseconds since 1970, sizes bytes. */
import type { Lake } from '../../base/domain.ts';

export interface TableFacts {
  readonly schema: string;
  readonly table: string;
  readonly inlinedRows: number;
  readonly inlinedDeletes: number;
  /** Live files without deleted rows, by band of size (`mergeBands`). */
  readonly mergeable: readonly { readonly band: number; readonly files: number; readonly bytes: number }[];
  readonly rewritable: { readonly files: number; readonly bytes: number };
}

/** A lake as its catalog shows it (catalog/maintenance/ports.ts says more). */
export interface LakeFacts {
  readonly mark: string;
  readonly isInitialised: boolean;
  readonly dataPath: string | null;
  readonly tables: readonly TableFacts[];
  readonly snapshots: number;
  readonly oldestSnapshotAt: number | null;
  readonly expirable: number;
  readonly liveFiles: number;
  readonly liveBytes: number;
  readonly scheduledFiles: number;
  readonly oldestTransactionAt: number | null;
}

/** What applies to one lake: the pod's settings, where its owner has said nothing else. */
export interface LakeSettings {
  readonly enabled: boolean;
  /** Snapshots older than this expire; null = never. */
  readonly snapshotRetentionMs: number | null;
  /** Rows stay in the catalog at most this long, however few they are. */
  readonly flushAfterMs: number;
}

/** The catalogs, in the metadata worker. */
export interface MaintenanceCatalog {
  /** The state of every lake's database in the log, by lake id; opens nothing. */
  marks(): Promise<ReadonlyMap<string, string>>;
  survey(
    lake: Pick<Lake, 'id'>,
    request: { readonly expireBefore: number; readonly rewriteThreshold: number; readonly mergeBands: readonly number[] },
  ): Promise<LakeFacts>;
}

/** What a DuckLake function said it did. */
export interface Done {
  readonly rows: number;
  readonly filesTaken: number;
  readonly filesMade: number;
}

/** One lake attached in an instance of its own. */
export interface Workshop {
  /** Runs a table function of DuckLake in a transaction of its own; resolves to the rows it answered. Rejects with DuckDB's error. */
  run(sql: string, message: string): Promise<readonly (readonly unknown[])[]>;
  /** Stops what runs. */
  interrupt(): void;
  close(): void;
}
