/**
 * What a hostile tenant may send. Mallory writes in lake `hers`, reads `shared`, has no grant on `secret`; Alice owns all
 * three. Nothing below may give Mallory a byte of another lake, of a file, of a secret, or change the engine.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { allowedTableFunctions, maintenanceFunctions, refusedFunctions } from '../../../../base/sql-refusal.ts';
import { EnginePod, type TestSession } from '../../../support/engine-pod.ts';

let pod: EnginePod;
let mallory: TestSession;
let alice: TestSession;
let outside: string;
let secretPath: string;
let hersPath: string;

before(async () => {
  pod = await EnginePod.start();
  hersPath = (await pod.createLake('hers')).dataPath;
  await pod.createLake('shared');
  secretPath = (await pod.createLake('secret')).dataPath;
  for (const lake of ['hers', 'shared', 'secret']) pod.grant('alice', lake, 'owner');
  pod.grant('mallory', 'hers', 'write');
  pod.grant('mallory', 'shared', 'read');
  outside = join(pod.directory, 'passwords.csv');
  writeFileSync(outside, 'user,password\nroot,hunter2\n');
  writeFileSync(join(secretPath, 'plain.csv'), 'a\nTOPSECRET\n');
  alice = await pod.session('alice', 'secret');
  await alice.send("CREATE TABLE plans(t VARCHAR); INSERT INTO plans VALUES ('TOPSECRET')");
  await alice.send("CREATE TABLE shared.main.news(t VARCHAR); INSERT INTO shared.main.news VALUES ('public')");
  mallory = await pod.session('mallory', 'hers');
  await mallory.send("CREATE TABLE t(i INTEGER, s VARCHAR); INSERT INTO t VALUES (1, 'x')");
});

after(() => pod.stop());

/** Statements that must be refused, whatever with; none may answer. `%O` is a file outside, `%S` another lake's prefix, `%H` her own. */
const refused: readonly string[] = [
  // files and URLs, by every door
  "SELECT * FROM '%O'",
  "FROM '%O'",
  'FROM "%O"',
  "SELECT * FROM read_text('%O')",
  "SELECT * FROM read_csv('%O')",
  "SELECT * FROM read_csv_auto('%O')",
  "SELECT * FROM read_blob('%O')",
  "SELECT * FROM read_json('%O')",
  "SELECT * FROM read_parquet('%O')",
  "SELECT * FROM parquet_scan(['%O'])",
  "SELECT * FROM sniff_csv('%O')",
  "SELECT * FROM glob('/*')",
  "SELECT * FROM parquet_metadata('%O')",
  "SELECT * FROM READ_TEXT('%O')",
  'SELECT * FROM "read_text"(\'%O\')',
  "SELECT * FROM Read_Text ( '%O' )",
  "SELECT * FROM system.main.read_text('%O')",
  'SELECT * FROM "system"."main"."read_text"(\'%O\')',
  "SELECT * FROM read_text/**/('%O')",
  "SELECT * FROM read_text -- x\n('%O')",
  "SELECT * FROM t, read_text('%O')",
  "SELECT * FROM t, LATERAL (SELECT * FROM read_text('%O'))",
  "SELECT (SELECT content FROM read_text('%O'))",
  "SELECT * FROM read_text(E'\\x2fetc/passwd')",
  'SELECT * FROM read_text($$%O$$)',
  "SELECT * FROM read_duckdb('%O')",
  "SELECT * FROM 'https://example.com/x.parquet'",
  "SELECT * FROM read_parquet('s3://other/x.parquet')",
  "SELECT * FROM '%H../secret/plain.csv'",
  "SELECT * FROM read_csv('%Splain.csv')",
  "SELECT * FROM '%Splain.csv'",
  'SELECT * FROM "%Splain.csv"',
  "SELECT * FROM t, '%Splain.csv'",
  'SELECT * FROM t JOIN "%O" ON true',
  "WITH a AS (FROM '%O') SELECT * FROM a",
  "DESCRIBE '%O'",
  "SUMMARIZE '%O'",
  "DESCRIBE SELECT * FROM '%O'",
  "INSERT INTO t SELECT 1, content FROM read_text('%O')",
  "CREATE TABLE stolen AS FROM '%O'",
  "PIVOT '%O' ON a",
  // characters that DuckDB reads otherwise than a careless lexer
  "SELECT 1 --\r, * FROM read_text('%O')",
  "SELECT * FROM read_text\u00a0('%O')",
  "SELECT * FROM read_text\u3000('%O')",
  "SELECT * FROM read_text\u200b('%O')",
  "SELECT $😀$ ' $😀$, content FROM read_text('%O') --'",
  "SELECT 1 AS 😀$a$, content FROM read_text('%O'), (SELECT '$a$')",
  `SELECT $${'a'.repeat(90)}$ ' $${'a'.repeat(90)}$, content FROM read_text('%O') --'`,
  'SELECT U&"re\\0061d_text" FROM t',
  "/* /* */ SELECT 1; */ SELECT * FROM read_text('%O')",
  // writing files
  "COPY t TO '%O.copy'",
  "COPY (SELECT 1) TO '%Hx.csv'",
  "COPY t TO '%Hx.parquet' (FORMAT parquet)",
  "COPY t FROM '%O'",
  "COPY t FROM PROGRAM 'id'",
  "COPY t TO PROGRAM 'id'",
  "EXPORT DATABASE '%Hexport'",
  "IMPORT DATABASE '%H'",
  "EXPLAIN ANALYZE COPY (SELECT 1) TO '%Hx.csv'",
  "EXPLAIN (FORMAT json) COPY (SELECT 1) TO '%Hx.csv'",
  "PREPARE p AS COPY (SELECT 1) TO '%Hx.csv'",
  'COPY FROM DATABASE hers TO shared',
  "COPY (SELECT * FROM read_text('%O')) TO STDOUT",
  // attaching, loading, secrets
  "ATTACH ':memory:' AS m",
  "ATTACH '%Hx.db' AS m (READ_WRITE)",
  "ATTACH 'dbname=secret__catalog' AS s (TYPE postgres)",
  "ATTACH 'ducklake:postgres:dbname=secret__catalog' AS s",
  'DETACH shared',
  'DETACH DATABASE IF EXISTS shared',
  'INSTALL httpfs',
  'FORCE INSTALL httpfs FROM community',
  'LOAD httpfs',
  "LOAD '%O'",
  'UPDATE EXTENSIONS',
  'CREATE SECRET s (TYPE s3)',
  'CREATE OR REPLACE PERSISTENT SECRET s (TYPE s3)',
  'CREATE TEMPORARY SECRET s IN memory (TYPE s3)',
  'DROP SECRET s',
  'SELECT * FROM duckdb_secrets()',
  'SELECT * FROM duckdb_secrets',
  'FROM "duckdb_secrets"()',
  "SELECT * FROM which_secret('s3://x', 's3')",
  "SELECT getenv('HOME')",
  'CREATE DATABASE x',
  'USE secret',
  'USE system',
  // settings
  'SET threads = 64',
  "SET memory_limit = '100GB'",
  'SET lock_configuration = false',
  'SET enable_external_access = true',
  'SET GLOBAL threads = 64',
  "SET allowed_directories = ['/']",
  'RESET enable_external_access',
  'RESET lock_configuration',
  'PRAGMA threads = 64',
  'PRAGMA enable_profiling',
  'PRAGMA database_list',
  "PRAGMA import_database('%H')",
  'CALL enable_logging()',
  'CALL pragma_version()',
  'SELECT * FROM duckdb_settings()',
  'SELECT * FROM duckdb_databases()',
  'FROM pragma_database_list()',
  "SELECT current_setting('s3_secret_access_key')",
  "SELECT current_setting('temp_directory')",
  'SELECT * FROM enable_profiling()',
  'CHECKPOINT',
  'FORCE CHECKPOINT',
  'SELECT * FROM checkpoint()',
  'CALL force_checkpoint()',
  'SET ROLE alice',
  'SET SESSION AUTHORIZATION alice',
  // SQL in strings
  "SELECT * FROM query('SELECT * FROM duckdb_secrets()')",
  "FROM \"query\"('FROM read_text(''/etc/passwd'')')",
  "SELECT * FROM query_table('%O')",
  "SELECT * FROM json_execute_serialized_sql('{}')",
  "PRAGMA json_execute_serialized_sql('{}')",
  'DO $$ BEGIN END $$',
  // the metadata behind the lakes
  "SELECT * FROM postgres_query('x', 'SELECT 1')",
  "CALL postgres_execute('x', 'DELETE FROM ducklake_table')",
  "SELECT * FROM postgres_scan('dbname=secret__catalog', 'public', 'ducklake_table')",
  "SELECT * FROM postgres_attach('')",
  'FROM __ducklake_metadata_hers.public.ducklake_table',
  'SELECT * FROM "__DUCKLAKE_METADATA_x".public.ducklake_table',
  "CALL postgres_configure_pool(catalog_name='x', max_connections=0)",
  'SELECT * FROM ducklake_scan()',
  'SELECT * FROM pg_clear_cache()',
  'CREATE TABLE ducklake_metadata(k VARCHAR)',
  'CREATE TABLE "public"."ducklake_snapshot"(x BIGINT)',
  // memory addresses and logs
  'SELECT * FROM arrow_scan(1::POINTER, 2::POINTER, 3::POINTER)',
  'SELECT * FROM arrow_scan_dumb(1, 2, 3)',
  "SELECT write_log('x')",
  'SELECT * FROM duckdb_logs',
  'SELECT * FROM duckdb_temporary_files()',
  'SELECT sleep_ms(10000)',
  // another's lake, and what only its owner may do
  'SELECT * FROM secret.main.plans',
  'SELECT * FROM secret.plans',
  "INSERT INTO secret.main.plans VALUES ('x')",
  "SELECT * FROM ducklake_snapshots('secret')",
  'FROM secret.snapshots()',
  "SELECT * FROM ducklake_table_changes('secret', 'main', 'plans', 0, 9)",
  "INSERT INTO shared.main.news VALUES ('x')",
  'DELETE FROM shared.main.news',
  'DROP TABLE shared.main.news',
  'CREATE TABLE shared.main.x(i INT)',
  'CREATE OR REPLACE VIEW shared.main.news AS SELECT 1',
  'ALTER TABLE shared.main.news ADD COLUMN x INT',
  "CALL ducklake_expire_snapshots('hers', older_than => now())",
  "CALL ducklake_expire_snapshots('shared', older_than => now())",
  "SELECT * FROM ducklake_expire_snapshots('hers', older_than => now())",
  "CALL ducklake_delete_orphaned_files('hers', cleanup_all => true)",
  "CALL ducklake_add_data_files('hers', 't', '%Splain.csv')",
  "CALL ducklake_set_option('shared', 'encrypted', 'true')",
  "CALL hers.set_option('data_inlining_row_limit', '0')",
  "SELECT * FROM hers.set_commit_message('a', 'b')",
  // stored SQL that would run with its reader's rights
  "CREATE VIEW v AS SELECT * FROM read_text('%O')",
  'CREATE VIEW v AS FROM duckdb_secrets()',
  "CREATE MACRO m() AS TABLE SELECT * FROM glob('/*')",
  'CREATE FUNCTION m(x) AS (SELECT content FROM read_text(x))',
  "CREATE VIEW v AS SELECT * FROM ducklake_expire_snapshots('shared', older_than => now())",
  'CREATE TEMP MACRO m(p) AS TABLE FROM read_csv(p)',
  'CREATE MACRO query(x) AS TABLE SELECT x',
  "CREATE VIEW v AS FROM query('select 1')",
  // places tenants of one instance would share
  'CREATE TABLE boilstream.main.x(i INT)',
  'CREATE MACRO boilstream.main.f(x) AS x',
  'CREATE OR REPLACE VIEW boilstream.pg.pg_class AS SELECT 1',
  'CREATE MACRO system.main.f(x) AS x',
  'DROP VIEW boilstream.pg.pg_class',
];

test('every hostile statement is refused, says why, and shows no secret', async () => {
  assert.ok(refused.length >= 60);
  for (const text of refused) {
    const sql = text.replaceAll('%O', outside).replaceAll('%S', secretPath).replaceAll('%H', hersPath);
    const outcome = await mallory.send(sql).catch((error: unknown) => error);
    assert.ok(
      outcome instanceof LakeError,
      `${text} was answered: ${JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
    );
    assert.notEqual(outcome.code, 'internal', `${text}: ${String(outcome.cause)}`);
    const told = `${outcome.message} ${outcome.hint ?? ''} ${outcome.detail ?? ''}`;
    assert.doesNotMatch(told, /hunter2|TOPSECRET|__ducklake_metadata_[0-9a-f]/, `${text} gives something away: ${told}`);
  }
});

test('the same statements are refused when they are prepared', async () => {
  for (const text of refused.filter((one) => !/^(USE|SET|RESET|DROP|DELETE|INSERT|ALTER)/.test(one))) {
    const sql = text.replaceAll('%O', outside).replaceAll('%S', secretPath).replaceAll('%H', hersPath);
    const outcome = await (async () => {
      const prepared = await mallory.session.prepare(sql, []);
      const ran = await prepared.execute([]);
      if (ran.t === 'rows') await ran.rows.close();
      return ran.t;
    })().catch((error: unknown) => error);
    assert.ok(outcome instanceof LakeError, `${text} was answered: ${String(outcome)}`);
    await mallory.session.failed(outcome);
    await mallory.session.sync();
  }
});

test('two statements in one prepared text do not pass as one', async () => {
  await assert.rejects(mallory.session.prepare('SELECT 1; SELECT 2', []), LakeError);
});

test('nothing was written outside, nothing left in the lake by the refused COPY', () => {
  assert.ok(!existsSync(`${outside}.copy`));
  assert.deepEqual(
    readdirSync(hersPath).filter((name) => /x\.(csv|parquet|db)|export/.test(name)),
    [],
  );
});

test('ordinary words that look like refused names pass', async () => {
  await mallory.send('CREATE TABLE query(summary INTEGER, "read_text" INTEGER, checkpoint INTEGER)');
  await mallory.send('INSERT INTO query (summary, "read_text") VALUES (1, 2)');
  assert.deepEqual(await mallory.rows('SELECT summary, read_text FROM query'), [[1, 2]]);
  assert.deepEqual(await mallory.rows("SELECT 'read_text(''x'')', extract(year FROM DATE '2020-01-02')"), [
    ["read_text('x')", 2020n],
  ]);
  assert.deepEqual(await mallory.rows("SELECT trim(BOTH 'x' FROM 'xax')"), [['a']]);
});

test('what is granted works across lakes', async () => {
  assert.deepEqual(await mallory.rows('SELECT news.t FROM shared.main.news JOIN hers.main.t ON true'), [['public']]);
});

test('a temporary table and a variable of one session are not seen by another of the same instance', async () => {
  const other = await pod.session('mallory', 'hers');
  await mallory.send("CREATE TEMP TABLE mine AS SELECT 1 a; SET VARIABLE v = 'mine'");
  assert.equal((await other.error('SELECT * FROM mine')).code, 'undefined_table');
  assert.deepEqual(await other.rows("SELECT getvariable('v')"), [[null]]);
  await other.close();
});

// Confused deputy: a stock DuckDB writes views into the metadata without passing the gate, so the metadata server asks.
test("a view that would act with its reader's rights cannot be stored past the gate", async () => {
  const lease = await pod.engine.pool.lease({
    id: 'mallory',
    name: 'mallory',
    kind: 'user',
    superuser: false,
    rights: new Map(),
  });
  const connection = await lease.instance.connect();
  for (const sql of [
    "CREATE VIEW hers.main.bait AS SELECT * FROM ducklake_expire_snapshots('hers', older_than => now() - INTERVAL 1000 DAY)",
    "CREATE VIEW hers.main.bait AS SELECT * FROM query('SELECT 1')",
    'CREATE MACRO hers.main.bait() AS TABLE SELECT * FROM duckdb_secrets()',
  ])
    await assert.rejects(connection.run(sql), /may not be stored/, sql);
  await connection.run('CREATE VIEW hers.main.honest AS SELECT i FROM hers.main.t');
  connection.closeSync();
  lease.release();
});

// And whatever got there, the instance itself still refuses files and another's lake.
test('a view runs with no more than its reader has', async () => {
  await alice.send('CREATE VIEW shared.main.bait AS SELECT * FROM secret.main.plans');
  const error = await mallory.error('SELECT * FROM shared.main.bait');
  assert.match(error.code, /undefined_(table|database|schema)|invalid_argument/);
});

test('every table function of the engine has been judged', async () => {
  const lease = await pod.engine.pool.lease({ id: 'alice', name: 'alice', kind: 'user', superuser: false, rights: new Map() });
  const connection = await lease.instance.connect();
  const reader = await connection.runAndReadAll(
    "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro') AND database_name = 'system'",
  );
  const unjudged = reader
    .getRows()
    .map(([name]) => String(name))
    .filter((name) => !allowedTableFunctions.has(name) && !refusedFunctions.has(name) && !maintenanceFunctions.has(name));
  connection.closeSync();
  lease.release();
  assert.deepEqual(unjudged, []);
});

test('the lock holds without the gate: DuckDB itself opens no file, attaches nothing, changes no setting', async () => {
  const lease = await pod.engine.pool.lease({
    id: 'mallory',
    name: 'mallory',
    kind: 'user',
    superuser: false,
    rights: new Map(),
  });
  const connection = await lease.instance.connect();
  for (const text of [
    "FROM read_text('%O')",
    "FROM '%Splain.csv'",
    "FROM glob('/etc/*')",
    "FROM read_text('%H../secret/plain.csv')",
    "COPY (SELECT 1) TO '%O.copy'",
    "ATTACH 'dbname=secret__catalog' AS s (TYPE postgres)",
    "ATTACH ':memory:' AS m",
    'SET enable_external_access = true',
    'SET lock_configuration = false',
    'SET threads = 1',
    'SET allowed_configs = []',
    "LOAD 'x'",
    'INSTALL tpch',
    'CREATE TABLE boilstream.main.x(i INT)',
    'CREATE MACRO boilstream.main.f() AS 1',
    'DELETE FROM shared.main.news',
  ]) {
    const sql = text.replaceAll('%O', outside).replaceAll('%S', secretPath).replaceAll('%H', hersPath);
    await assert.rejects(connection.run(sql), /Error/, text);
  }
  connection.closeSync();
  lease.release();
});
