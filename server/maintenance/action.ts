/** One action of a pass, said in SQL with DuckLake's own functions. Source: DuckLake documentation, "Maintenance". */
import type { Lake } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import { limits, mergeBands } from './limits.ts';
import type { Action } from './plan.ts';
import type { Workshop } from './ports.ts';

/** What was done so far. */
export interface Counts {
  rowsFlushed: number;
  snapshotsExpired: number;
  readonly merged: { taken: number; made: number };
  readonly rewritten: { taken: number; made: number };
}

/** Nothing was done. */
export function zero(): Counts {
  return { rowsFlushed: 0, snapshotsExpired: 0, merged: { taken: 0, made: 0 }, rewritten: { taken: 0, made: 0 } };
}

/** Does it and counts it. Rejects with DuckDB's error; then nothing of this action has happened. */
export async function act(action: Action, { name }: Lake, workshop: Workshop, counts: Counts): Promise<void> {
  const lake = quoteString(name);
  switch (action.t) {
    case 'flush': {
      const rows = await workshop.run(
        `SELECT coalesce(sum(rows_flushed), 0)::BIGINT FROM ducklake_flush_inlined_data(${lake}, schema_name => ${quoteString(action.schema)}, table_name => ${quoteString(action.table)})`,
        'maintenance: flush of inlined data',
      );
      counts.rowsFlushed += Number(rows[0]?.[0] ?? 0);
      return;
    }
    case 'expire': {
      const rows = await workshop.run(
        `SELECT count(*) FROM ducklake_expire_snapshots(${lake}, older_than => ${timestamp(action.olderThan)})`,
        'maintenance: expiry of snapshots',
      );
      counts.snapshotsExpired += Number(rows[0]?.[0] ?? 0);
      return;
    }
    case 'merge':
      return compacted(
        await workshop.run(
          `${compactedSql} ducklake_merge_adjacent_files(${lake}, ${quoteString(action.table)}, schema => ${quoteString(action.schema)}, ` +
            `max_compacted_files => ${limits.mergeFilesMax}, min_file_size => ${mergeBands[action.band - 1] ?? 0}, max_file_size => ${mergeBands[action.band]})`,
          'maintenance: merge of small files',
        ),
        counts.merged,
      );
    case 'rewrite':
      return compacted(
        await workshop.run(
          `${compactedSql} ducklake_rewrite_data_files(${lake}, ${quoteString(action.table)}, schema => ${quoteString(action.schema)}, ` +
            `delete_threshold => ${limits.rewriteThreshold})`,
          'maintenance: rewrite of files with deleted rows',
        ),
        counts.rewritten,
      );
  }
}

/** Paths of Parquet files below the lake's data path that none of its tables names, last changed before `olderThan`. Deletes nothing. */
export async function orphansOf({ name }: Lake, workshop: Workshop, olderThan: number): Promise<string[]> {
  const rows = await workshop.run(
    `SELECT path FROM ducklake_delete_orphaned_files(${quoteString(name)}, dry_run => true, older_than => ${timestamp(olderThan)})`,
    'maintenance: search for orphaned files',
  );
  return rows.map(([path]) => String(path));
}

/** True for what users are to win: a conflict, or a moment that they did not leave. */
export function isGivingWay(error: unknown): boolean {
  if (error instanceof LakeError) return error.code === 'serialization_conflict' || error.code === 'limit_exceeded';
  return /conflict|gives way to users/i.test(error instanceof Error ? error.message : String(error));
}

const compactedSql = 'SELECT coalesce(sum(files_processed), 0)::BIGINT, coalesce(sum(files_created), 0)::BIGINT FROM';

function timestamp(ms: number): string {
  return `make_timestamptz(${Math.floor(ms)} * 1000)`;
}

function compacted(rows: readonly (readonly unknown[])[], into: { taken: number; made: number }): void {
  into.taken += Number(rows[0]?.[0] ?? 0);
  into.made += Number(rows[0]?.[1] ?? 0);
}
