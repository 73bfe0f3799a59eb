/**
 * Looks at a lake's DuckLake tables and counts what maintenance could do. Reads only, in one transaction, on a connection
 * of its own. Source of the tables' meaning: DuckLake specification 1.0, "Tables".
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import { limits } from './limits.ts';
import type { LakeFacts, TableFacts } from './ports.ts';

export interface SurveyRequest {
  /** Alias of the lake's database in the instance. */
  readonly database: string;
  /** Snapshots older than this count as expirable. */
  readonly expireBefore: number;
  /** Part of a file's rows that must be deleted before it counts as rewritable, 0 to 1. */
  readonly rewriteThreshold: number;
  /** Upper bounds of the bands of size in which files are counted, bytes, rising. */
  readonly mergeBands: readonly number[];
}

type Counted = Omit<LakeFacts, 'mark' | 'oldestTransactionAt'>;

const nothing: Counted = {
  isInitialised: false,
  dataPath: null,
  tables: [],
  snapshots: 0,
  oldestSnapshotAt: null,
  expirable: 0,
  liveFiles: 0,
  liveBytes: 0,
  scheduledFiles: 0,
};

/** Counts. The connection must have no transaction open. */
export async function survey(connection: DuckDBConnection, request: SurveyRequest): Promise<Counted> {
  await connection.run('BEGIN TRANSACTION READ ONLY');
  try {
    return await count(connection, request);
  } finally {
    await connection.run('ROLLBACK');
  }
}

async function count(connection: DuckDBConnection, request: SurveyRequest): Promise<Counted> {
  const rows = async (sql: string): Promise<DuckDBValue[][]> => (await connection.runAndReadAll(sql)).getRows();
  const present = new Set(
    (
      await rows(
        `SELECT table_name FROM duckdb_tables() WHERE database_name = ${quoteString(request.database)} AND schema_name = 'main'`,
      )
    ).map(([name]) => name as string),
  );
  if (!present.has('ducklake_metadata') || !present.has('ducklake_data_file')) return nothing;
  const [path] = await rows("SELECT value FROM ducklake_metadata WHERE key = 'data_path' AND scope IS NULL");
  const [snapshots] = await rows(
    `SELECT count(*), count(*) FILTER (snapshot_id <> newest AND epoch_ms(snapshot_time) < ${request.expireBefore}),
       min(epoch_ms(snapshot_time)) FILTER (snapshot_id <> newest)
     FROM ducklake_snapshot, (SELECT max(snapshot_id) AS newest FROM ducklake_snapshot)`,
  );
  const [files] = await rows(
    'SELECT count(*), coalesce(sum(file_size_bytes), 0)::BIGINT FROM ducklake_data_file WHERE end_snapshot IS NULL',
  );
  const [scheduled] = await rows('SELECT count(*) FROM ducklake_files_scheduled_for_deletion');
  return {
    isInitialised: true,
    dataPath: (path?.[0] as string | undefined) ?? null,
    tables: await tablesToPutInOrder(rows, present, request),
    snapshots: Number(snapshots?.[0]),
    expirable: Number(snapshots?.[1]),
    oldestSnapshotAt: snapshots?.[2] == null ? null : Number(snapshots[2]),
    liveFiles: Number(files?.[0]),
    liveBytes: Number(files?.[1]),
    scheduledFiles: Number(scheduled?.[0]),
  };
}

type Rows = (sql: string) => Promise<DuckDBValue[][]>;

async function tablesToPutInOrder(rows: Rows, present: ReadonlySet<string>, request: SurveyRequest): Promise<TableFacts[]> {
  const { mergeBands, rewriteThreshold } = request;
  const inBand = (band: number): string =>
    `deleted IS NULL AND bytes < ${mergeBands[band]}${band === 0 ? '' : ` AND bytes >= ${mergeBands[band - 1]}`}`;
  const inlined = await inlinedRows(rows, present);
  const found = await rows(
    `WITH deleted AS (SELECT data_file_id, sum(delete_count) AS deleted FROM ducklake_delete_file WHERE end_snapshot IS NULL GROUP BY data_file_id
       ${inlinedDeletesSql(present)}),
     file AS (SELECT table_id, partition_id, file_size_bytes AS bytes, record_count AS records, deleted
       FROM ducklake_data_file LEFT JOIN (SELECT data_file_id, sum(deleted) AS deleted FROM deleted GROUP BY data_file_id) USING (data_file_id)
       WHERE end_snapshot IS NULL)
     SELECT table_id,
       ${mergeBands.map((_, band) => `count(*) FILTER (${inBand(band)}), coalesce(sum(bytes) FILTER (${inBand(band)}), 0)::BIGINT`).join(', ')},
       count(*) FILTER (deleted >= records * ${rewriteThreshold}), coalesce(sum(bytes) FILTER (deleted >= records * ${rewriteThreshold}), 0)::BIGINT
     FROM file GROUP BY table_id`,
  );
  const byTable = new Map(found.map(([id, ...counts]) => [Number(id), counts.map(Number)]));
  const names = await rows(
    `SELECT t.table_id, s.schema_name, t.table_name FROM ducklake_table t JOIN ducklake_schema s USING (schema_id)
     WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL ORDER BY t.table_id`,
  );
  return names
    .map(([id, schema, table]): TableFacts => {
      const counts = byTable.get(Number(id)) ?? [];
      const waiting = inlined.get(Number(id));
      const at = (index: number): number => counts[index] ?? 0;
      return {
        schema: schema as string,
        table: table as string,
        inlinedRows: waiting?.rows ?? 0,
        inlinedDeletes: waiting?.deletes ?? 0,
        mergeable: mergeBands
          .map((_, band) => ({ band, files: at(2 * band), bytes: at(2 * band + 1) }))
          .filter(({ files }) => files > 1),
        rewritable: { files: at(2 * mergeBands.length), bytes: at(2 * mergeBands.length + 1) },
      };
    })
    .filter((table) => table.inlinedRows + table.inlinedDeletes + table.mergeable.length + table.rewritable.files > 0)
    .slice(0, limits.tablesPerSurvey);
}

/** Marks of deletion that lie in the catalog: one table of DuckLake's per table that has some. */
function inlinedDeletesSql(present: ReadonlySet<string>): string {
  return deleteTables(present)
    .map((name) => `UNION ALL SELECT file_id, count(*) FROM ${quoteName(name)} GROUP BY file_id`)
    .join('\n');
}

function deleteTables(present: ReadonlySet<string>): string[] {
  return [...present].filter((name) => /^ducklake_inlined_delete_\d+$/.test(name));
}

async function inlinedRows(rows: Rows, present: ReadonlySet<string>): Promise<Map<number, { rows: number; deletes: number }>> {
  const found = new Map<number, { rows: number; deletes: number }>();
  const add = (id: number, more: { rows?: number; deletes?: number }): void => {
    const known = found.get(id) ?? { rows: 0, deletes: 0 };
    found.set(id, { rows: known.rows + (more.rows ?? 0), deletes: known.deletes + (more.deletes ?? 0) });
  };
  const listed = (await rows('SELECT table_id, table_name FROM ducklake_inlined_data_tables'))
    .filter(([, name]) => present.has(name as string))
    .map(([id, name]) => ({ id: Number(id), name: name as string }));
  const counted = [
    ...listed.map(({ id, name }) => `SELECT ${id}, 'rows', count(*) FROM ${quoteName(name)}`),
    ...deleteTables(present).map(
      (name) => `SELECT ${Number(/\d+$/.exec(name)?.[0])}, 'deletes', count(*) FROM ${quoteName(name)}`,
    ),
  ];
  for (let start = 0; start < counted.length; start += tablesPerQuery) {
    for (const [id, what, many] of await rows(counted.slice(start, start + tablesPerQuery).join(' UNION ALL ')))
      add(Number(id), what === 'rows' ? { rows: Number(many) } : { deletes: Number(many) });
  }
  return found;
}

/** One UNION of counts must not become a plan of thousands of scans. */
const tablesPerQuery = 100;
