/** A stock DuckDB, command line and Python package, on the same lake as SQL sessions: what one does the other sees. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ducklakeConnection, duckdb, needsClient, psql, python } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';

describe('stock DuckDB', () => {
  let pod: Pod;
  let attach: string;
  before(async () => {
    pod = await startPod();
    attach = `ATTACH 'ducklake:postgres:${ducklakeConnection(pod)}' AS lake;\nUSE lake;\n`;
  });
  after(() => pod.stop());

  /** CSV output of a script in a new DuckDB process with the lake attached. */
  async function inDuckdb(sql: string): Promise<string> {
    const ran = await duckdb(pod, attach + sql);
    assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${ran.stdout}\n${pod.log()}`);
    return ran.stdout.trim().replaceAll('\r', '');
  }

  async function inPsql(sql: string): Promise<string> {
    const ran = await psql(pod, ['-At'], { input: sql });
    assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${pod.log()}`);
    return ran.stdout.trim();
  }

  test('creates, inserts inlined rows and Parquet, updates, deletes; psql sees the same', async (t) => {
    if (!needsClient(t, 'duckdb') || !needsClient(t, 'psql')) return;
    await inDuckdb(
      "CREATE TABLE small (i BIGINT, s VARCHAR, seen TIMESTAMP);\nINSERT INTO small VALUES (1, 'a', '2026-01-01 00:00:00.123456'), (2, 'b''\\x', NULL);",
    );
    await inDuckdb("CREATE TABLE large AS SELECT i, 'row-' || i AS s FROM range(100000) t(i);");
    assert.equal(await inPsql('SELECT * FROM small ORDER BY i'), "1|a|2026-01-01 00:00:00.123456\n2|b'\\x|");
    assert.equal(await inPsql('SELECT count(*), sum(i), max(s) FROM large'), '100000|4999950000|row-99999');
    await inDuckdb("UPDATE small SET s = 'c' WHERE i = 1;\nDELETE FROM large WHERE i >= 50000;");
    assert.equal(await inPsql('SELECT s FROM small WHERE i = 1; SELECT count(*) FROM large'), 'c\n50000');
    await inPsql("INSERT INTO small VALUES (3, 'from psql', NULL); DELETE FROM large WHERE i < 10000");
    assert.equal(await inDuckdb('SELECT count(*) AS n FROM small; SELECT count(*) AS n FROM large;'), 'n\n3\nn\n40000');
  });

  test('alters, renames, drops, makes views and schemas', async (t) => {
    if (!needsClient(t, 'duckdb')) return;
    await inDuckdb(`
      CREATE TABLE shape (i INTEGER);
      INSERT INTO shape VALUES (1);
      ALTER TABLE shape ADD COLUMN s VARCHAR DEFAULT 'x';
      ALTER TABLE shape RENAME COLUMN i TO id;
      ALTER TABLE shape ALTER COLUMN id TYPE BIGINT;
      CREATE VIEW seen AS SELECT id FROM shape;
      CREATE SCHEMA apart;
      CREATE TABLE apart.t (x DECIMAL(18,3), l INTEGER[], st STRUCT(a INTEGER, b VARCHAR));
      INSERT INTO apart.t VALUES (1.5, [1, 2], {'a': 1, 'b': 'q'});
      ALTER TABLE shape RENAME TO form;`);
    assert.equal(
      await inDuckdb('SELECT * FROM form; SELECT * FROM apart.t;'),
      'id,s\n1,x\nx,l,st\n1.500,"[1, 2]","{\'a\': 1, \'b\': q}"',
    );
    assert.equal(
      await inPsql(
        "SELECT * FROM form; SELECT x FROM apart.t; SELECT * FROM information_schema.tables WHERE table_name LIKE 'ducklake%'",
      ),
      '1|x\n1.500',
    );
    await inDuckdb('DROP VIEW seen; DROP TABLE apart.t; DROP SCHEMA apart; DROP TABLE form;');
  });

  test('travels in time', async (t) => {
    if (!needsClient(t, 'duckdb')) return;
    await inDuckdb('CREATE TABLE past (i INTEGER);\nINSERT INTO past VALUES (1);');
    const version = (await inDuckdb("SELECT max(snapshot_id) AS v FROM ducklake_snapshots('lake');")).split('\n')[1];
    await inDuckdb('INSERT INTO past VALUES (2);\nDELETE FROM past WHERE i = 1;');
    assert.equal(await inDuckdb(`SELECT i FROM past AT (VERSION => ${version}); SELECT i FROM past;`), 'i\n1\ni\n2');
    assert.equal(await inPsql(`SELECT i FROM past AT (VERSION => ${version})`), '1');
  });

  test('several processes write at once and every acknowledged row is there', async (t) => {
    if (!needsClient(t, 'python')) return;
    await inDuckdb('CREATE TABLE crowd (who INTEGER, n INTEGER);');
    const program = `
import os, sys, duckdb
c = duckdb.connect(config={'extension_directory': os.environ['BOILSTREAM_TEST_EXTENSIONS']})
c.execute('SET enable_progress_bar = false')
c.execute("ATTACH 'ducklake:postgres:" + sys.argv[2] + "' AS lake; USE lake; SET ducklake_max_retry_count = 100")
for n in range(10):
    c.execute('INSERT INTO crowd VALUES (?, ?)', [int(sys.argv[1]), n])
print('done')`;
    const ran = await Promise.all(
      [0, 1, 2, 3].map((who) => python(pod, program, { args: [String(who), ducklakeConnection(pod)] })),
    );
    for (const one of ran) assert.equal(one.stdout.trim(), 'done', `${one.stderr}\n${pod.log()}`);
    assert.equal(await inPsql('SELECT count(*), count(DISTINCT (who, n)) FROM crowd'), '40|40');
  });

  test('ATTACH on the SQL database is refused with the name that works, and nothing is made there', async (t) => {
    if (!needsClient(t, 'duckdb')) return;
    const wrong = ducklakeConnection(pod).replace('lake__catalog', 'lake');
    // Without a data path the client itself stops before it has sent anything of DuckLake.
    assert.notEqual((await duckdb(pod, `ATTACH 'ducklake:postgres:${wrong}' AS wrong;`)).code, 0);
    const ran = await duckdb(pod, `ATTACH 'ducklake:postgres:${wrong}' AS wrong (DATA_PATH '${pod.dataDir}/x/');`);
    assert.notEqual(ran.code, 0);
    assert.match(ran.stderr, /lake__catalog/);
    assert.equal(await inPsql("SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'ducklake%'"), '0');
  });
});
