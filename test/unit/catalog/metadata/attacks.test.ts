/**
 * All lakes of a pod lie in one DuckDB instance. Whatever a client of one lake writes, it must reach nothing but that
 * lake's DuckLake tables: no other lake, no file, no setting, no secret, no extension, no table of the pod's own.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { lakeDatabaseName } from '../../../../base/domain.ts';
import { type MetadataLakes, openMetadataLakes, someTables } from '../../../support/metadata-lake.ts';

let lakes: MetadataLakes;
let directory: string;
let file: string;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'attacks-'));
  file = join(directory, 'secret.csv');
  writeFileSync(file, 'a,b\ntop,secret\n');
  lakes = await openMetadataLakes(['mine', 'theirs']);
  for (const lake of ['mine', 'theirs']) await (await lakes.client(lake)).send(someTables);
  await (await lakes.client('theirs')).send("INSERT INTO ducklake_metadata VALUES ('owner', 'top secret', NULL, NULL)");
  // A table of the pod's own in the lake's database: there, and nobody's business.
  const database = await lakes.log.open(lakeDatabaseName({ id: 'mine' }));
  const connection = await database.connect();
  await connection.run(
    'CREATE TABLE stream_state(epoch BIGINT); INSERT INTO stream_state VALUES (5); CREATE SCHEMA hidden; CREATE TABLE hidden.t(a INT)',
  );
  connection.closeSync();
});

after(async () => {
  await lakes.close();
  rmSync(directory, { recursive: true, force: true });
});

const theirs = lakeDatabaseName({ id: 'theirs' });
const mine = lakeDatabaseName({ id: 'mine' });

/** `FILE` and `OUT` are replaced by paths that exist and that must not come to exist. */
const attacks: readonly string[] = [
  // other databases of the instance
  `SELECT * FROM ${theirs}.ducklake_metadata`,
  `SELECT * FROM ${theirs}.main.ducklake_metadata`,
  `SELECT * FROM "${theirs}"."main"."ducklake_metadata"`,
  `SELECT (SELECT value FROM ${theirs}.main.ducklake_metadata)`,
  `SELECT * FROM ducklake_metadata WHERE key IN (SELECT key FROM ${theirs}.ducklake_metadata)`,
  `WITH x AS (SELECT * FROM ${theirs}.ducklake_metadata) SELECT * FROM x`,
  `WITH RECURSIVE "${theirs}.ducklake_metadata" AS (SELECT * FROM "${theirs}.ducklake_metadata") SELECT 1`,
  `INSERT INTO ducklake_metadata SELECT * FROM ${theirs}.ducklake_metadata`,
  `INSERT INTO ${theirs}.main.ducklake_metadata VALUES ('a', 'b', NULL, NULL)`,
  `UPDATE ducklake_metadata SET value = x.value FROM ${theirs}.ducklake_metadata x`,
  `DELETE FROM ${theirs}.ducklake_metadata`,
  `DELETE FROM ducklake_metadata USING ${theirs}.ducklake_metadata x WHERE true`,
  `DROP TABLE ${theirs}.ducklake_metadata`,
  `DROP TABLE IF EXISTS ${theirs}.main.ducklake_metadata`,
  `TRUNCATE ${theirs}.ducklake_metadata`,
  `ALTER TABLE ${theirs}.ducklake_metadata ADD COLUMN x INT`,
  `CREATE TABLE ${theirs}.ducklake_x(a INT)`,
  `CREATE TABLE ${theirs}.main.ducklake_x(a INT)`,
  `CREATE SCHEMA ${theirs}.s`,
  `COPY ${theirs}.ducklake_metadata TO STDOUT`,
  `COPY (SELECT * FROM ${theirs}.ducklake_metadata) TO STDOUT`,
  `COPY ${theirs}.ducklake_metadata FROM STDIN`,
  `USE ${theirs}`,
  'USE memory',
  `DETACH ${theirs}`,
  `DETACH ${mine}`,
  `CHECKPOINT ${mine}`,
  'FORCE CHECKPOINT',
  `ATTACH 'OUT' AS x`,
  "ATTACH ':memory:' AS x",
  `COPY FROM DATABASE ${theirs} TO ${mine}`,
  "EXPORT DATABASE 'OUT'",
  "IMPORT DATABASE 'OUT'",
  // files and programs
  "SELECT * FROM 'FILE'",
  'SELECT * FROM "FILE"',
  "SELECT * FROM read_csv('FILE')",
  "SELECT * FROM read_csv_auto('FILE')",
  "SELECT * FROM read_text('FILE')",
  "SELECT * FROM read_blob('FILE')",
  "SELECT * FROM read_json('FILE')",
  "SELECT * FROM read_parquet('FILE')",
  "SELECT * FROM parquet_scan('FILE')",
  "SELECT * FROM glob('/*')",
  "SELECT * FROM sniff_csv('FILE')",
  "FROM read_csv('FILE')",
  "FROM 'FILE'",
  "TABLE 'FILE'",
  'TABLE "FILE"',
  `WITH "FILE" AS (SELECT 1) SELECT * FROM "FILE"`,
  `WITH x AS (SELECT 1), y AS (SELECT * FROM "FILE") SELECT * FROM y`,
  "COPY ducklake_metadata TO 'OUT'",
  "COPY ducklake_metadata FROM 'FILE'",
  "COPY (SELECT 1) TO 'OUT'",
  "COPY (SELECT 1) TO PROGRAM 'touch OUT'",
  "COPY ducklake_metadata FROM PROGRAM 'cat FILE'",
  'COPY (SELECT 1) TO STDOUT (FORMAT parquet)',
  "SELECT 'FILE'.read_text()",
  "SELECT ('FILE').read_text()",
  "INSERT INTO ducklake_metadata FROM read_csv('FILE')",
  "CREATE TABLE ducklake_x AS SELECT * FROM 'FILE'",
  "CREATE TABLE ducklake_x(a VARCHAR DEFAULT getenv('HOME'))",
  "CREATE TEMPORARY TABLE x AS FROM 'FILE'",
  "SELECT * FROM ducklake_metadata POSITIONAL JOIN 'FILE'",
  "SELECT * FROM ducklake_metadata ASOF JOIN read_csv('FILE') ON true",
  // functions that reach around
  "SELECT getenv('HOME')",
  'SELECT * FROM duckdb_databases()',
  'SELECT * FROM duckdb_tables()',
  'SELECT * FROM duckdb_secrets()',
  'SELECT * FROM duckdb_settings()',
  'SELECT * FROM duckdb_secrets',
  'SELECT * FROM duckdb_columns',
  "SELECT * FROM query('SELECT 1')",
  "SELECT * FROM query_table('stream_state')",
  "SELECT * FROM pragma_table_info('stream_state')",
  'SELECT * FROM pragma_database_list',
  'SELECT * FROM pragma_database_list()',
  "SELECT * FROM pragma_storage_info('ducklake_metadata')",
  "SELECT current_setting('temp_directory')",
  "SELECT getvariable('x')",
  "SELECT * FROM which_secret('s3://x', 's3')",
  "SELECT write_log('x')",
  "SELECT * FROM postgres_query('x', 'y')",
  "SELECT nextval('x')",
  "SELECT pg_read_file('FILE')",
  "SELECT lo_import('FILE')",
  "SELECT * FROM pg_ls_dir('/')",
  'SELECT * FROM repeat_row(1, num_rows = 10)',
  "SELECT repeat('x', 1000000000)",
  'SELECT * FROM range(1000000000000)',
  'SELECT * FROM generate_series(1, 1000000000000)',
  "SELECT list_transform([1], x -> getenv('HOME'))",
  "SELECT apply([1], lambda x : getenv('HOME'))",
  'SELECT COLUMNS(*) FROM ducklake_metadata',
  'SELECT * EXCLUDE (key) FROM ducklake_metadata',
  "SELECT * REPLACE (getenv('HOME') AS key) FROM ducklake_metadata",
  "SELECT {'a': getenv('HOME')}",
  "SELECT [getenv('HOME')]",
  "SELECT main.getenv('HOME')",
  'SELECT "getenv"(\'HOME\')',
  "SELECT system.main.getenv('HOME')",
  "SELECT count(*) FILTER (WHERE getenv('HOME') = '') FROM ducklake_metadata",
  "SELECT CASE WHEN getenv('HOME') = '' THEN 1 END",
  "SELECT 1 ORDER BY getenv('HOME')",
  "SELECT 1 LIMIT (SELECT length(getenv('HOME')))",
  "VALUES (getenv('HOME'))",
  "SELECT CAST(getenv('HOME') AS VARCHAR)",
  "SELECT x'41'",
  "SELECT U&'\\0041'",
  // the pod's own tables and DuckDB's catalog
  'SELECT * FROM stream_state',
  'SELECT * FROM public.stream_state',
  'SELECT * FROM main.stream_state',
  `SELECT * FROM ${mine}.main.stream_state`,
  'UPDATE stream_state SET epoch = 9',
  'DROP TABLE stream_state',
  'TRUNCATE stream_state',
  'COPY stream_state TO STDOUT',
  'ALTER TABLE stream_state RENAME TO ducklake_x',
  'ALTER TABLE ducklake_metadata RENAME TO stream_state2',
  'CREATE TABLE mine_too(a INT)',
  'CREATE TABLE "ducklake_x; DROP TABLE stream_state"(a INT)',
  'SELECT * FROM hidden.t',
  'DROP SCHEMA hidden CASCADE',
  'DROP SCHEMA public CASCADE',
  'SELECT * FROM information_schema.sequences',
  'SELECT * FROM pg_catalog.pg_authid',
  'SELECT * FROM sqlite_master',
  'SELECT * FROM temp.information_schema.tables',
  'SELECT * FROM system.main.duckdb_tables',
  'WITH stream_state2 AS (SELECT 1), x AS (SELECT * FROM stream_state) SELECT * FROM x',
  // the instance
  "SET memory_limit = '1MB'",
  'SET GLOBAL threads = 1',
  "SET temp_directory = '/tmp'",
  'SET checkpoint_threshold = 1',
  'RESET ALL; PRAGMA threads=1',
  'PRAGMA database_list',
  'PRAGMA disable_checkpoint_on_shutdown',
  'INSTALL httpfs',
  'LOAD httpfs',
  "INSTALL 'OUT'",
  'UPDATE EXTENSIONS',
  'CREATE SECRET x (TYPE s3)',
  'DROP SECRET x',
  'CREATE MACRO ducklake_f() AS 1',
  'CREATE FUNCTION ducklake_f() RETURNS INT AS $$ SELECT 1 $$ LANGUAGE sql',
  'CREATE VIEW ducklake_v AS SELECT 1',
  'CREATE INDEX i ON ducklake_metadata(key)',
  'CREATE SEQUENCE ducklake_s',
  "CREATE TYPE ducklake_t AS ENUM ('a')",
  'CALL pragma_version()',
  'EXPLAIN ANALYZE SELECT 1',
  'VACUUM',
  'ANALYZE',
  'SUMMARIZE ducklake_metadata',
  'DESCRIBE ducklake_metadata',
  'SHOW TABLES',
  'SHOW ALL TABLES',
  'PIVOT ducklake_metadata ON key',
  'SELECT * FROM (SHOW TABLES)',
  'SELECT * FROM (DESCRIBE ducklake_metadata)',
  'PREPARE p AS SELECT 1',
  'EXECUTE p',
  'DECLARE c CURSOR FOR SELECT 1',
  'LISTEN x',
  'DO $$ BEGIN END $$',
  'MERGE INTO ducklake_metadata USING ducklake_metadata ON false WHEN NOT MATCHED THEN DO NOTHING',
  "COMMENT ON TABLE ducklake_metadata IS 'x'",
  'SET ROLE admin',
  'SET SESSION AUTHORIZATION admin',
  "SET TRANSACTION SNAPSHOT '00000003-0000001B-1'",
  'SAVEPOINT a',
  "PREPARE TRANSACTION 'x'",
  'LOCK TABLE ducklake_metadata',
  // texts that try to end early or to hide
  "SELECT '\\'; DROP TABLE stream_state; --'",
  "SELECT $$x$$ FROM 'FILE'",
  'SELECT 1 /* */ FROM /**/ "FILE"',
  `SELECT - -1 FROM ${theirs}.ducklake_metadata`,
  'SELECT 1 --\n FROM "FILE"',
  'SELECT 1 AS "a"" FROM stream_state --" FROM stream_state',
];

for (const attack of attacks) {
  test(`refuses: ${attack.slice(0, 90)}`, async () => {
    const client = await lakes.client('mine');
    const out = join(directory, 'out');
    const sql = attack.replaceAll('FILE', file).replaceAll('OUT', out);
    try {
      const answers = await client.send(sql);
      assert.equal(
        isHarmless(attack),
        true,
        `went through: ${sql}\n${JSON.stringify(answers, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}`,
      );
    } catch (error) {
      assert.ok(error instanceof LakeError, String(error));
      assert.notEqual(error.code, 'internal', error.message);
    }
    assert.equal(existsSync(out), false);
    await client.session.close();
  });
}

/** No attack when read as PostgreSQL does: a table that is not there need not be dropped. */
function isHarmless(attack: string): boolean {
  return attack.startsWith('DROP TABLE IF EXISTS');
}

test('nothing of it happened', async () => {
  const [me, them] = [await lakes.client('mine'), await lakes.client('theirs')];
  assert.deepEqual(await me.rows('SELECT * FROM ducklake_metadata'), []);
  assert.deepEqual(await them.rows('SELECT key, value FROM ducklake_metadata'), [['owner', 'top secret']]);
  const database = await lakes.log.open(mine);
  const connection = await database.connect();
  const left = await connection.runAndReadAll('SELECT epoch FROM stream_state');
  assert.deepEqual(left.getRows(), [[5n]]);
  const tables = await connection.runAndReadAll(
    `SELECT table_name FROM duckdb_tables() WHERE database_name = '${mine}' ORDER BY 1`,
  );
  assert.deepEqual(tables.getRows().flat(), [
    'ducklake_inlined_data_1_1',
    'ducklake_metadata',
    'ducklake_snapshot',
    'ducklake_table_column_stats',
    'stream_state',
    't',
  ]);
  connection.closeSync();
});
