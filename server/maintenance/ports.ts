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

/** What an owner has said; the rest is as the pod is configured. */
export type OwnerSettings = { readonly [K in keyof LakeSettings]?: LakeSettings[K] | undefined };

/** The catalogs, in the metadata worker. */
export interface MaintenanceCatalog {
  /** The state of every lake's database in the log, by lake id; opens nothing. */
  marks(): Promise<ReadonlyMap<string, string>>;
  survey(
    lake: Pick<Lake, 'id'>,
    request: { readonly expireBefore: number; readonly rewriteThreshold: number; readonly mergeBands: readonly number[] },
  ): Promise<LakeFacts>;
  /** One look at the files that no snapshot names; `orphans` are what a search found in no table, null when it did not search. */
  collect(lake: Lake, orphans: readonly string[] | null): Promise<Collected>;
  /** Ends dropped lakes whose time has come. */
  collectDropped(): Promise<readonly { readonly name: string; readonly files: number; readonly bytes: number }[]>;
}

export interface Collected {
  readonly files: { readonly old: number; readonly orphan: number };
  readonly bytes: { readonly old: number; readonly orphan: number };
  readonly keeps: readonly string[];
  readonly wakeAt: number | null;
}

/** What is remembered of lakes' maintenance beyond this process. */
export interface MaintenanceRecords {
  /** Of all lakes that have any; settings that are absent are the pod's. */
  read(): Promise<readonly { readonly lakeId: string; readonly settings: OwnerSettings; readonly passed: unknown }[]>;
  write(lakeId: string, passed: Passed): Promise<void>;
}

/** What a pass left. */
export interface Passed {
  readonly at: number;
  readonly ms: number;
  readonly end: 'done' | 'gave-way' | 'failed';
  /** Why it failed, for people. */
  readonly reason: string | null;
  /** The lake as it was then; empty when more is to be done. */
  readonly mark: string;
  readonly wakeAt: number | null;
  readonly flushedAt: number;
  /** When files that nobody names were last searched for, and the lake as it was then. */
  readonly searchedAt: number;
  readonly searchedMark: string;
  /** The action that did not come to its end; null when all did. */
  readonly stumbledOn: string | null;
  readonly did: Sums;
  readonly keeps: readonly string[];
}

/** What was done, in one pass or altogether. */
export interface Sums {
  readonly rowsFlushed: number;
  readonly snapshotsExpired: number;
  readonly filesMerged: number;
  readonly filesRewritten: number;
  readonly filesMade: number;
  readonly filesDeleted: number;
  readonly bytesDeleted: number;
}

/** One lake attached in an instance of its own. */
export interface Workshop {
  /** Runs a table function of DuckLake in a transaction of its own; resolves to the rows it answered. Rejects with DuckDB's error. */
  run(sql: string, message: string): Promise<readonly (readonly unknown[])[]>;
  /** Stops what runs. */
  interrupt(): void;
  close(): void;
}
