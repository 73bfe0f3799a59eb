/**
 * What maintenance says about a lake and asks of the rest of the worker. Types only. Everything here can be cloned to
 * another thread. Times are milliseconds since 1970 by this pod's clock, sizes are bytes.
 */

import type { DuckDBConnection } from '@duckdb/node-api';
import type { Lake } from '../../base/domain.ts';
import type { ReplicatedLog } from '../replicated/ports.ts';
import type { Candidate } from './judge.ts';

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

/** What one look at a lake's garbage did, and what it leaves. */
export interface Collected {
  readonly files: Readonly<Record<GarbageKind, number>>;
  readonly bytes: Readonly<Record<GarbageKind, number>>;
  readonly keeps: readonly string[];
  /** When another look may do more; null = when somebody writes. */
  readonly wakeAt: number | null;
}

/** A dropped lake that has ended. */
export interface CollectedLake {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
}

/** The transactions that are open on a lake (catalog/metadata/traffic.ts). */
export interface LakeTraffic {
  oldestAt(): number | null;
  /** Names of files that no commit may name now. */
  readonly condemned: ReadonlySet<string>;
  condemn(names: ReadonlySet<string>): void;
}

/** What collecting needs of the other rooms of the worker. */
export interface GarbagePorts {
  readonly log: Pick<ReplicatedLog, 'open' | 'position'>;
  readonly sessions: {
    traffic(lake: Pick<Lake, 'id'>): Promise<LakeTraffic>;
    /** A transaction of the pod's own on the lake's metadata that changes rows of these tables; resolves when it is durable. */
    write<T>(lake: Pick<Lake, 'id'>, tables: readonly string[], work: (connection: DuckDBConnection) => Promise<T>): Promise<T>;
  };
  readonly control: {
    lakes(): Promise<readonly Lake[]>;
    droppedLakes(): Promise<readonly (Lake & { readonly droppedAt: number })[]>;
    garbage(lakeId: string): Promise<readonly Candidate[]>;
    recordGarbage(lakeId: string, garbage: readonly Candidate[]): Promise<void>;
    forgetLake(lakeId: string, removed: { readonly files: number; readonly bytes: number }): Promise<void>;
    /** What restores may still need of a lake's files. */
    restoreFloor(
      lakeId: string,
    ): Promise<{ readonly keepSince: number; readonly relatives: readonly { readonly name: string }[] }>;
  };
}
