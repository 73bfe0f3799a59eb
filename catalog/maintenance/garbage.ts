/**
 * One look at the files of a lake that no snapshot names: finds what the catalog has given up, lets judge.ts decide, writes
 * that down, and deletes what is doomed once everything is durable, which only the leader can make it. A crash in
 * between leaves a file that is found again, never a catalog that names one which is gone.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { type Lake, lakeDatabaseName } from '../../base/domain.ts';
import type { Logger } from '../../base/log.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import { isBelow, type LakeFiles } from './files.ts';
import { type Candidate, type Floors, judge, nameOf } from './judge.ts';
import { limits } from './limits.ts';
import type { Collected, GarbagePorts } from './ports.ts';

export interface GarbageOptions extends GarbagePorts {
  readonly files: LakeFiles;
  /** See judge.ts. */
  readonly waits: Pick<Floors, 'ledSince' | 'readerAgeMsMax' | 'writeTransactionMsMax' | 'marginMs'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const scheduledTable = 'ducklake_files_scheduled_for_deletion';

/** `orphans`: absolute paths of files that a search found in no table of the lake; null when it did not search. */
export async function collectGarbage(lake: Lake, orphans: readonly string[] | null, options: GarbageOptions): Promise<Collected> {
  const { sessions, control, log, clock, logger, files, waits } = options;
  const [traffic, known, floor] = await Promise.all([
    sessions.traffic(lake),
    control.garbage(lake.id),
    control.restoreFloor(lake.id),
  ]);
  // Before anything is read: who begins later sees what is read here, or something newer.
  const oldestTransactionAt = traffic.oldestAt();
  const now = clock.now();
  const read = await readNames(await log.open(lakeDatabaseName(lake)), lake, [
    ...known.map(({ path }) => path),
    ...(orphans ?? []),
  ]);
  const verdict = judge({
    known,
    found: {
      old: read.scheduled,
      orphan: orphans?.filter((path) => isBelow(lake.dataPath, path)).slice(0, limits.candidatesMax) ?? null,
    },
    named: read.named,
    floors: {
      ...waits,
      keepSince: floor.keepSince,
      relatives: floor.relatives.map(({ name }) => name),
      oldestTransactionAt,
      epoch: log.position().epoch,
      guarded: traffic.condemned,
    },
    condemnMax: limits.condemnMax,
    now,
  });
  // The doomed stay refused until they are gone.
  const condemned = verdict.candidates.filter((candidate) => candidate.condemned !== null);
  traffic.condemn(new Set([...condemned, ...verdict.doomed].map(({ path }) => nameOf(path))));
  const keeps = [...verdict.keeps];
  if (read.outside > 0) keeps.push(`${read.outside} files outside of the data path: they are not this server's`);
  if (!verdict.isChanged) return { files: { old: 0, orphan: 0 }, bytes: { old: 0, orphan: 0 }, keeps, wakeAt: verdict.wakeAt };
  const paths = (kind: Candidate['kind']): string[] =>
    verdict.doomed.filter((each) => each.kind === kind).map(({ path }) => path);
  if (paths('old').length > 0)
    await sessions.write(lake, [scheduledTable], (connection) => unschedule(connection, lake, paths('old')));
  await control.recordGarbage(lake.id, verdict.candidates);
  const collected = { files: { old: 0, orphan: 0 }, bytes: { old: 0, orphan: 0 } };
  for (const kind of ['old', 'orphan'] as const) {
    const doomed = paths(kind);
    if (doomed.length === 0) continue;
    const removed = await files.remove(lake.dataPath, doomed);
    collected.files[kind] = removed.files;
    collected.bytes[kind] = removed.bytes;
    for (const { path, reason } of removed.failed)
      logger.warn({ error: reason, path, lake: lake.name }, 'a file could not be deleted');
    logger.info(
      { lake: lake.name, kind, files: removed.files, bytes: removed.bytes },
      'files were deleted that nothing needs any more',
    );
  }
  traffic.condemn(new Set(condemned.map(({ path }) => nameOf(path))));
  return { ...collected, keeps, wakeAt: verdict.wakeAt };
}

interface Names {
  /** Absolute paths of what DuckLake has scheduled for deletion. */
  readonly scheduled: readonly string[];
  /** Scheduled files that lie elsewhere. */
  readonly outside: number;
  /** Names, of those asked about and those scheduled, that some snapshot has. */
  readonly named: ReadonlySet<string>;
}

/** In one transaction. */
async function readNames(
  database: { connect(): Promise<DuckDBConnection>; barrier(): Promise<void> | null },
  lake: Lake,
  asked: readonly string[],
): Promise<Names> {
  const connection = await database.connect();
  try {
    await connection.run('BEGIN TRANSACTION READ ONLY');
    const rows = async (sql: string): Promise<string[]> =>
      (await connection.runAndReadAll(sql)).getRows().map(([value]) => String(value));
    const all = await rows(`SELECT DISTINCT ${absolutePath(lake)} FROM ${scheduledTable} LIMIT ${limits.candidatesMax}`);
    const scheduled = all.filter((path) => isBelow(lake.dataPath, path));
    const names = [...new Set([...scheduled, ...asked].map(nameOf))];
    const named = new Set<string>();
    for (let start = 0; start < names.length; start += namesPerQuery) {
      const some = names
        .slice(start, start + namesPerQuery)
        .map(quoteString)
        .join(', ');
      for (const name of await rows(
        `SELECT DISTINCT name FROM (SELECT regexp_extract(path, '[^/]*$') AS name FROM ducklake_data_file
           UNION ALL SELECT regexp_extract(path, '[^/]*$') FROM ducklake_delete_file) WHERE name IN (${some})`,
      ))
        named.add(name);
    }
    await connection.run('ROLLBACK');
    return { scheduled, outside: all.length - scheduled.length, named };
  } finally {
    connection.closeSync();
    await database.barrier();
  }
}

const namesPerQuery = 1_000;

async function unschedule(connection: DuckDBConnection, lake: Lake, paths: readonly string[]): Promise<void> {
  await connection.run(`DELETE FROM ${scheduledTable} WHERE ${absolutePath(lake)} IN (${paths.map(quoteString).join(', ')})`);
}

function absolutePath(lake: Lake): string {
  return `CASE WHEN path_is_relative THEN ${quoteString(lake.dataPath)} || path ELSE path END`;
}
