/** One pass on one lake: looks, plans, does what is planned with DuckLake's own functions, looks again. */
import type { Clock } from '../../base/clock.ts';
import type { Lake } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import { limits, mergeBands } from './limits.ts';
import type { MaintenanceMetrics } from './metrics.ts';
import { type Action, type Plan, plan } from './plan.ts';
import type { LakeFacts, LakeSettings, MaintenanceCatalog, Workshop } from './ports.ts';

export interface PassOptions {
  readonly lake: Lake;
  readonly settings: LakeSettings;
  readonly flushedAt: number;
  readonly isAsked: boolean;
  readonly catalog: MaintenanceCatalog;
  readonly openWorkshop: (lake: Lake) => Promise<Workshop>;
  readonly metrics: MaintenanceMetrics;
  readonly clock: Clock;
  /** Aborts at the deadline and when the pod drains. */
  readonly signal: AbortSignal;
  /** Resolves when users leave room. */
  readonly room: (signal: AbortSignal) => Promise<void>;
}

/** What a pass did; the sums of `ducklakes show`. */
export interface PassReport {
  readonly rowsFlushed: number;
  readonly snapshotsExpired: number;
  readonly filesTaken: number;
  readonly filesMade: number;
  readonly filesDeleted: number;
  readonly bytesDeleted: number;
  readonly keeps: readonly string[];
  readonly wakeAt: number | null;
  readonly again: boolean;
  readonly flushedAt: number;
  /** The catalog as it is after the pass. */
  readonly facts: LakeFacts;
}

/** Rejects with DuckDB's error when an action lost a conflict or failed; what was done before it stays done. */
export async function runPass(options: PassOptions): Promise<PassReport> {
  const { catalog, lake, clock, signal } = options;
  const look = (): Promise<LakeFacts> =>
    catalog.survey(lake, { expireBefore: 0, rewriteThreshold: limits.rewriteThreshold, mergeBands });
  const planned = (facts: LakeFacts, isAsked: boolean, flushedAt: number): Plan =>
    plan({ facts, settings: options.settings, dataPath: lake.dataPath, flushedAt, isAsked, now: clock.now() });
  const sums = new Sums();
  let { flushedAt } = options;
  let facts = await look();
  const first = planned(facts, options.isAsked, flushedAt);
  if (first.actions.length > 0) {
    const workshop = await options.openWorkshop(lake);
    const stop = (): void => workshop.interrupt();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (const action of first.actions) {
        await options.room(signal);
        signal.throwIfAborted();
        await act(action, lake, workshop, sums);
      }
      if (first.actions.some(({ t }) => t === 'flush')) flushedAt = clock.now();
    } finally {
      signal.removeEventListener('abort', stop);
      workshop.close();
      sums.report(options.metrics);
    }
    facts = await look();
  }
  const after = planned(facts, false, flushedAt);
  return {
    rowsFlushed: sums.rowsFlushed,
    snapshotsExpired: sums.snapshotsExpired,
    filesTaken: sums.merged.taken + sums.rewritten.taken,
    filesMade: sums.merged.made + sums.rewritten.made,
    filesDeleted: 0,
    bytesDeleted: 0,
    keeps: after.keeps,
    wakeAt: after.wakeAt,
    again: first.again,
    flushedAt,
    facts,
  };
}

class Sums {
  rowsFlushed = 0;
  snapshotsExpired = 0;
  readonly merged = { taken: 0, made: 0 };
  readonly rewritten = { taken: 0, made: 0 };

  report(metrics: MaintenanceMetrics): void {
    metrics.flushed(this.rowsFlushed);
    metrics.expired(this.snapshotsExpired);
    metrics.compacted('merge', this.merged.taken, this.merged.made);
    metrics.compacted('rewrite', this.rewritten.taken, this.rewritten.made);
  }
}

/** Source of the functions: DuckLake documentation, "Maintenance". */
async function act(action: Action, { name }: Lake, workshop: Workshop, sums: Sums): Promise<void> {
  const lake = quoteString(name);
  switch (action.t) {
    case 'flush': {
      const rows = await workshop.run(
        `SELECT coalesce(sum(rows_flushed), 0)::BIGINT FROM ducklake_flush_inlined_data(${lake}, schema_name => ${quoteString(action.schema)}, table_name => ${quoteString(action.table)})`,
        'maintenance: flush of inlined data',
      );
      sums.rowsFlushed += Number(rows[0]?.[0] ?? 0);
      return;
    }
    case 'expire': {
      const rows = await workshop.run(
        `SELECT count(*) FROM ducklake_expire_snapshots(${lake}, older_than => make_timestamptz(${Math.floor(action.olderThan)} * 1000))`,
        'maintenance: expiry of snapshots',
      );
      sums.snapshotsExpired += Number(rows[0]?.[0] ?? 0);
      return;
    }
    case 'merge':
      return compacted(
        await workshop.run(
          `SELECT coalesce(sum(files_processed), 0)::BIGINT, coalesce(sum(files_created), 0)::BIGINT FROM ducklake_merge_adjacent_files(${lake}, ${quoteString(action.table)}, ` +
            `schema => ${quoteString(action.schema)}, max_compacted_files => ${limits.mergeFilesMax}, min_file_size => ${mergeBands[action.band - 1] ?? 0}, max_file_size => ${mergeBands[action.band]})`,
          'maintenance: merge of small files',
        ),
        sums.merged,
      );
    case 'rewrite':
      return compacted(
        await workshop.run(
          `SELECT coalesce(sum(files_processed), 0)::BIGINT, coalesce(sum(files_created), 0)::BIGINT FROM ducklake_rewrite_data_files(${lake}, ${quoteString(action.table)}, ` +
            `schema => ${quoteString(action.schema)}, delete_threshold => ${limits.rewriteThreshold})`,
          'maintenance: rewrite of files with deleted rows',
        ),
        sums.rewritten,
      );
  }
}

function compacted(rows: readonly (readonly unknown[])[], into: { taken: number; made: number }): void {
  into.taken += Number(rows[0]?.[0] ?? 0);
  into.made += Number(rows[0]?.[1] ?? 0);
}

/** True for what users are to win: a conflict, or a place that they hold. */
export function isGivingWay(error: unknown): boolean {
  if (error instanceof LakeError) return error.code === 'serialization_conflict' || error.code === 'limit_exceeded';
  return /conflict|gives way to users/i.test(error instanceof Error ? error.message : String(error));
}
