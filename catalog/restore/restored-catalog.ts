/**
 * The last touch to a restored DuckLake catalog: a snapshot of its own on top, whose numbers lie above all that the lake
 * has ever used. Clients keep schemas by schema version and tables by id for as long as they run; after a restore these
 * must not mean something else. Source of the tables: DuckLake specification 1.0, "Tables".
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { assert, LakeError } from '../../base/errors.ts';
import type { ReplicatedDatabase } from '../replicated/ports.ts';

/** The highest numbers that a lake has used. */
export interface Counters {
  readonly snapshot: bigint;
  readonly schemaVersion: bigint;
  readonly nextCatalogId: bigint;
  readonly nextFileId: bigint;
}

/** Added when the newest state cannot be read: more than any lake uses between two points of the retained log. */
const leap = 1_000_000_000n;

const countersSql = `SELECT max(snapshot_id)::BIGINT, max(schema_version)::BIGINT, max(next_catalog_id)::BIGINT, max(next_file_id)::BIGINT FROM ducklake_snapshot`;

/** Reads them from the catalog in use. Null when DuckLake's tables are not (yet) in it. */
export async function readCounters(connection: DuckDBConnection): Promise<Counters | null> {
  const tables = await connection.runAndReadAll(
    "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main' AND table_name = 'ducklake_snapshot'",
  );
  if (tables.currentRowCount === 0) return null;
  const [row] = (await connection.runAndReadAll(countersSql)).getRows() as (bigint | null)[][];
  const [snapshot, schemaVersion, nextCatalogId, nextFileId] = row ?? [];
  if (snapshot == null || schemaVersion == null || nextCatalogId == null || nextFileId == null) return null;
  return { snapshot, schemaVersion, nextCatalogId, nextFileId };
}

/** Throws `not_found` unless the database in use is a DuckLake catalog. */
export async function assertCatalog(connection: DuckDBConnection): Promise<void> {
  if ((await readCounters(connection)) === null)
    throw new LakeError('not_found', 'the ducklake had no tables yet at that point; choose a later one');
}

/** Adds the snapshot to a restored catalog, durably. `used` are the numbers of the lake's newest state, null when that cannot be read. */
export async function addRestoreSnapshot(
  database: ReplicatedDatabase,
  used: Counters | null,
  told: { readonly author: string; readonly message: string; readonly now: number },
): Promise<void> {
  const connection = await database.connect();
  try {
    await connection.run('BEGIN TRANSACTION');
    await insertSnapshot(connection, used, told);
    await (await database.commit(connection)).durable();
  } finally {
    connection.closeSync();
  }
}

async function insertSnapshot(
  connection: DuckDBConnection,
  used: Counters | null,
  told: { readonly author: string; readonly message: string; readonly now: number },
): Promise<void> {
  const own = await readCounters(connection);
  assert(own, 'a restored database is a DuckLake catalog');
  const above = (counter: keyof Counters): bigint => {
    if (used === null) return own[counter] + leap;
    return used[counter] > own[counter] ? used[counter] : own[counter];
  };
  const snapshot = above('snapshot') + 1n;
  await connection.run(
    `INSERT INTO ducklake_snapshot (snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id)
     VALUES ($1::BIGINT, make_timestamptz($2::BIGINT), $3::BIGINT, $4::BIGINT, $5::BIGINT)`,
    [snapshot, BigInt(told.now) * 1000n, above('schemaVersion') + 1n, above('nextCatalogId'), above('nextFileId')],
  );
  await connection.run(
    `INSERT INTO ducklake_snapshot_changes (snapshot_id, changes_made, author, commit_message) VALUES ($1::BIGINT, '', $2, $3)`,
    [snapshot, told.author, told.message],
  );
}
