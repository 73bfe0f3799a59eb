/**
 * Fills the first lake of a stopped pod with a history: so many snapshots, each of which added one data file of a table
 * `t (i BIGINT, s VARCHAR)`. Written through the replicated log as a client's commits would be, in a few large ones. The data
 * files do not exist: what is measured with this is the catalog.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSealer, parseKeyFile } from '../../auth/seal.ts';
import { createVerifierMaker } from '../../auth/verifier-maker.ts';
import { systemClock as clock } from '../../base/clock.ts';
import { lakeDatabaseName } from '../../base/domain.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom as random } from '../../base/random.ts';
import { createControlCatalog } from '../../catalog/control/control-catalog.ts';
import { createReplicatedLog } from '../../catalog/replicated/log.ts';
import type { ReplicatedDatabase } from '../../catalog/replicated/ports.ts';
import { openObjectStore } from '../../storage/open.ts';

const commits = 20;

/** `dataDir` is that of a pod which has stopped, and whose lake has a table `t (i BIGINT, s VARCHAR)` without rows. */
export async function fillLake(dataDir: string, snapshots: number): Promise<void> {
  const store = await openObjectStore({ url: `file://${join(dataDir, 'storage')}`, s3: {}, clock, random });
  const log = await createReplicatedLog({ store, localDir: join(dataDir, 'cache'), clock, random, log: silentLogger });
  const control = await createControlCatalog({
    log,
    clock,
    random,
    sealer: createSealer(parseKeyFile(readFileSync(join(dataDir, 'encryption-key'), 'utf8')), random),
    verifiers: createVerifierMaker(random),
    logger: silentLogger,
    storageRoot: join(dataDir, 'storage'),
  });
  try {
    const [lake] = await control.lakes();
    if (!lake) throw new Error('there is no lake');
    const database = await log.open(lakeDatabaseName(lake));
    const each = Math.ceil(snapshots / commits);
    for (let done = 0; done < snapshots; done += each) {
      await addSnapshots(database, Math.min(each, snapshots - done));
      await log.maintain();
    }
  } finally {
    control.close();
    await log.close();
    await store.close();
  }
}

async function addSnapshots(database: ReplicatedDatabase, count: number): Promise<void> {
  const connection = await database.connect();
  try {
    await connection.run('BEGIN');
    for (const sql of [
      `CREATE TEMP TABLE last AS SELECT max(snapshot_id) AS snapshot, max(schema_version) AS version, max(next_catalog_id) AS catalog, max(next_file_id) AS file,
         (SELECT max(table_id) FROM ducklake_table WHERE table_name = 't' AND end_snapshot IS NULL) AS "table" FROM ducklake_snapshot`,
      `INSERT INTO ducklake_snapshot (snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id)
         SELECT snapshot + n, now(), version, catalog, file + n FROM last, range(1, ${count + 1}) r(n)`,
      `INSERT INTO ducklake_snapshot_changes (snapshot_id, changes_made) SELECT snapshot + n, 'inserted_into_table:' || "table" FROM last, range(1, ${count + 1}) r(n)`,
      `INSERT INTO ducklake_data_file (data_file_id, table_id, begin_snapshot, path, path_is_relative, file_format, record_count, file_size_bytes, footer_size, row_id_start)
         SELECT file + n - 1, "table", snapshot + n, 'ducklake-' || uuid() || '.parquet', true, 'parquet', 1000, 10000, 300, (file + n - 1) * 1000 FROM last, range(1, ${count + 1}) r(n)`,
      `INSERT INTO ducklake_file_column_stats (data_file_id, table_id, column_id, column_size_bytes, value_count, null_count, min_value, max_value)
         SELECT file + n - 1, "table", c, 5000, 1000, 0, ((file + n - 1) * 1000)::VARCHAR, ((file + n) * 1000 - 1)::VARCHAR FROM last, range(1, ${count + 1}) r(n), range(1, 3) s(c)`,
      `DELETE FROM ducklake_table_stats WHERE table_id = (SELECT "table" FROM last)`,
      `INSERT INTO ducklake_table_stats (table_id, record_count, next_row_id, file_size_bytes)
         SELECT "table", (file + ${count}) * 1000, (file + ${count}) * 1000, (file + ${count}) * 10000 FROM last`,
      'DROP TABLE last',
    ])
      await connection.run(sql);
    await (await database.commit(connection)).durable();
  } finally {
    connection.closeSync();
  }
}
