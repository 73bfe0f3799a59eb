/** Background maintenance seen from outside: what it does to a lake that psql and a stock DuckDB write, and what they notice of it. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ducklakeConnection, duckdb, needsClient, psql, python } from '../support/clients.ts';
import { admin, filesOf, metric, reaches, type Shown, until } from '../support/maintained-lake.ts';
import { type Pod, startPod } from '../support/pod.ts';
import { scaled } from '../support/tier.ts';

describe('background maintenance', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod({
      environment: {
        BOILSTREAM_MAINTENANCE_INTERVAL: '500ms',
        BOILSTREAM_FLUSH_AFTER: '0s',
        BOILSTREAM_LOG_RETENTION: '1s',
        BOILSTREAM_READER_AGE_MAX: '2s',
        BOILSTREAM_DELETION_MARGIN: '1s',
        BOILSTREAM_WRITE_TRANSACTION_MAX: '8s',
      },
    });
  });
  after(() => pod.stop());

  async function inPsql(sql: string, database = 'lake'): Promise<string> {
    const ran = await psql(pod, ['-At'], { input: sql, database });
    assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${pod.log()}`);
    return ran.stdout.trim();
  }

  async function inDuckdb(sql: string, lake = 'lake'): Promise<string> {
    const ran = await duckdb(pod, `ATTACH 'ducklake:postgres:${ducklakeConnection(pod, lake)}' AS cat;\nUSE cat;\n${sql}`);
    assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${ran.stdout}\n${pod.log()}`);
    return ran.stdout.trim().replaceAll('\r', '');
  }

  test('moves inlined rows into files; rows and older snapshots stay as they were', async (t) => {
    if (!needsClient(t, 'psql') || !needsClient(t, 'duckdb')) return;
    await inPsql("CREATE TABLE trickle (i INTEGER, s VARCHAR); INSERT INTO trickle VALUES (1, 'a'), (2, 'b');");
    const flushed = 'boilstream_maintenance_flushed_rows_total';
    await inPsql("INSERT INTO trickle VALUES (3, 'c'); UPDATE trickle SET s = 'B' WHERE i = 2;");
    await reaches(pod, flushed, 3);
    assert.equal(await inPsql('SELECT * FROM trickle ORDER BY i'), '1|a\n2|B\n3|c');
    assert.equal(
      await inDuckdb("SELECT count(*) AS n, string_agg(s, '' ORDER BY i) AS s FROM trickle AT (VERSION => 2);"),
      'n,s\n2,ab',
    );
  });

  test('users who write all the time lose nothing to it and are never refused', async (t) => {
    if (!needsClient(t, 'psql')) return;
    await inPsql('CREATE DUCKLAKE lively');
    const passes = async (): Promise<number> =>
      (await metric(pod, 'boilstream_maintenance_passes_total{end="done"}')) +
      (await metric(pod, 'boilstream_maintenance_passes_total{end="gave-way"}'));
    const before = await passes();
    const rounds = scaled(12, 100);
    // Each has a table of its own: whatever is refused was not refused because of another user.
    const writer = async (name: string): Promise<void> => {
      await inPsql(`CREATE TABLE ${name} (i BIGINT, v BIGINT)`, 'lively');
      for (let round = 0; round < rounds; round++) {
        await inPsql(
          `INSERT INTO ${name} SELECT ${round * 100} + i, 0 FROM range(100) r(i);
           INSERT INTO ${name} VALUES (-${round} - 1, 0);
           UPDATE ${name} SET v = v + 1 WHERE i % 7 = 0;
           DELETE FROM ${name} WHERE i = ${round * 100};
           BEGIN; DELETE FROM ${name} WHERE i = ${round * 100} + 1; INSERT INTO ${name} VALUES (${round * 100} + 1, 5); COMMIT;`,
          'lively',
        );
      }
    };
    await Promise.all(['a', 'b', 'c'].map(writer));
    for (const name of ['a', 'b', 'c'])
      assert.equal(
        await inPsql(`SELECT count(*), count(*) FILTER (i < 0), count(*) FILTER (v = 5) >= ${rounds} FROM ${name}`, 'lively'),
        `${rounds * 100}|${rounds}|t`,
      );
    assert.ok((await passes()) > before, 'maintenance was at work meanwhile');
  });

  test('merges small files and writes those with deleted rows anew; what they held stays, in every snapshot', async (t) => {
    if (!needsClient(t, 'duckdb')) return;
    await inPsql("CREATE DUCKLAKE small; ALTER DUCKLAKE small SET (maintenance = off, snapshot_retention = 'never')");
    await inDuckdb(
      `CREATE TABLE t (i BIGINT);\n${Array.from({ length: 12 }, (_, n) => `INSERT INTO t SELECT i + ${n * 100} FROM range(100) r(i);`).join('\n')}
      CREATE TABLE u AS SELECT i FROM range(1000) r(i);
      DELETE FROM u WHERE i % 10 < 7;`,
      'small',
    );
    const { id } = await admin(pod, 'ducklakes', 'show', 'small');
    const before = filesOf(pod, id).length;
    const told = (await admin(pod, 'ducklakes', 'maintenance', 'small', '--on', '--run')) as unknown as Shown['maintenance'];
    assert.equal(told.last_run?.end, 'done', JSON.stringify(told));
    assert.equal(told.last_run?.files_merged, 12);
    assert.equal(told.last_run?.files_rewritten, 1);
    assert.ok(filesOf(pod, id).length >= before, 'nothing is deleted at once');
    assert.equal(
      await inPsql('SELECT count(*), sum(i) FROM t; SELECT count(*), sum(i) FROM u', 'small'),
      '1200|719400\n300|150900',
    );
    assert.equal(
      await inDuckdb('SELECT count(*) AS n FROM t AT (VERSION => 4); SELECT count(*) AS n FROM u AT (VERSION => 14);', 'small'),
      'n\n300\nn\n1000',
    );
    const author = "SELECT count(*) > 0 FROM ducklake_snapshots('cat') WHERE author = 'boilstream'";
    assert.match(await inDuckdb(`SELECT (${author}) AS is_told;`, 'small'), /true/);
  });

  test('deletes what no snapshot names, after all waits, and nothing else', async (t) => {
    if (!needsClient(t, 'duckdb')) return;
    await inPsql("CREATE DUCKLAKE waste; ALTER DUCKLAKE waste SET (snapshot_retention = '1s')");
    await inDuckdb(
      'CREATE TABLE t AS SELECT i FROM range(1000) r(i); CREATE TABLE gone AS SELECT i FROM range(1000) r(i); DROP TABLE gone;',
      'waste',
    );
    const { id } = await admin(pod, 'ducklakes', 'show', 'waste');
    const folder = join(pod.dataDir, 'storage', 'lakes', id, 'data', 'main', 't');
    const kept = readdirSync(folder);
    copyFileSync(join(folder, kept[0] as string), join(folder, 'nobody.parquet'));
    writeFileSync(join(folder, 'notes.txt'), 'not a data file');
    // The search for orphans comes with a pass that is asked for; its file must be older than any open transaction.
    await until('the orphan is deleted', pod, async () => {
      await admin(pod, 'ducklakes', 'maintenance', 'waste', '--run');
      return !existsSync(join(folder, 'nobody.parquet'));
    });
    await until('the files of the dropped table are deleted', pod, () => filesOf(pod, id).length === 2);
    assert.deepEqual(filesOf(pod, id), [...kept, 'notes.txt'].sort());
    assert.equal(await inPsql('SELECT count(*) FROM t', 'waste'), '1000');
    assert.ok((await metric(pod, 'boilstream_maintenance_files_deleted_total{kind="orphan"}')) >= 1);
    assert.ok((await metric(pod, 'boilstream_maintenance_files_deleted_total{kind="old"}')) >= 1);
  });

  test('a stock client is told that cleaning up is not its business', async (t) => {
    if (!needsClient(t, 'duckdb')) return;
    for (const call of [
      "ducklake_cleanup_old_files('cat', cleanup_all => true)",
      "ducklake_delete_orphaned_files('cat', cleanup_all => true)",
    ]) {
      const ran = await duckdb(pod, `ATTACH 'ducklake:postgres:${ducklakeConnection(pod)}' AS cat;\nCALL ${call};`);
      assert.notEqual(ran.code, 0);
      assert.match(ran.stderr, /permission denied to clean up/);
    }
  });

  test('the files of a dropped ducklake go when it cannot be restored any more', async (t) => {
    if (!needsClient(t, 'psql')) return;
    await inPsql('CREATE DUCKLAKE ending');
    await inPsql('CREATE TABLE t AS SELECT i FROM range(100000) r(i)', 'ending');
    const { id } = await admin(pod, 'ducklakes', 'show', 'ending');
    assert.equal(filesOf(pod, id).length, 1);
    await inPsql('DROP DUCKLAKE ending');
    assert.equal(filesOf(pod, id).length, 1, 'it can be restored');
    await until('its files are deleted', pod, () => filesOf(pod, id).length === 0);
    await inPsql('CREATE DUCKLAKE ending; DROP DUCKLAKE ending');
  });
});

/** A stock client in another process that begins a transaction, does `first`, waits for a file, does `then`, commits and prints what it saw. */
const patient = `
import duckdb, os, sys, time
con = duckdb.connect(config={"extension_directory": os.environ["BOILSTREAM_TEST_EXTENSIONS"]})
con.execute("LOAD ducklake; LOAD postgres_scanner")
con.execute(sys.argv[1])
con.execute("BEGIN")
print(con.execute(sys.argv[2]).fetchall())
open(sys.argv[4] + ".begun", "w").close()
while not os.path.exists(sys.argv[4]): time.sleep(0.02)
print(con.execute(sys.argv[3]).fetchall())
con.execute("COMMIT")
print("committed")
`;

describe('maintenance and users', () => {
  let pod: Pod;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'maintenance-'));
    pod = await startPod({
      environment: { BOILSTREAM_LOG_RETENTION: '1s', BOILSTREAM_READER_AGE_MAX: '1s', BOILSTREAM_DELETION_MARGIN: '0s' },
    });
  });
  after(async () => {
    await pod.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function inPsql(sql: string, database: string): Promise<string> {
    const ran = await psql(pod, ['-At'], { input: sql, database });
    assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${pod.log()}`);
    return ran.stdout.trim();
  }

  const run = async (lake: string) =>
    (await admin(pod, 'ducklakes', 'maintenance', lake, '--run')) as unknown as Shown['maintenance'];

  function begin(
    lake: string,
    options: string,
    first: string,
    then: string,
  ): { go(): void; begun: Promise<void>; ended: Promise<string> } {
    const marker = join(folder, lake);
    const attach = `ATTACH 'ducklake:postgres:${ducklakeConnection(pod, lake)}' AS cat ${options}`;
    const ended = python(pod, patient, { args: [attach, first, then, marker] }).then((ran) => {
      assert.equal(ran.code, 0, `${ran.stderr}\n${pod.log()}`);
      return ran.stdout.trim();
    });
    return {
      begun: until('the client begins', pod, () => existsSync(`${marker}.begun`)),
      go: () => writeFileSync(marker, ''),
      ended,
    };
  }

  test('a DELETE that began before a merge commits; the merge gives way and comes back', async (t) => {
    if (!needsClient(t, 'python') || !needsClient(t, 'psql')) return;
    await inPsql('CREATE DUCKLAKE busy', 'lake');
    await inPsql(
      `CREATE TABLE t (i BIGINT); ${Array.from({ length: 10 }, (_, n) => `INSERT INTO t SELECT i + ${n * 100} FROM range(100) r(i);`).join(' ')}`,
      'busy',
    );
    const client = begin('busy', '', 'SELECT count(*) FROM cat.t', 'DELETE FROM cat.t WHERE i < 50');
    await client.begun;
    const during = await run('busy');
    assert.equal(during.last_run?.end, 'gave-way', JSON.stringify(during));
    assert.equal(during.last_run?.files_merged, 0);
    assert.ok(during.next_run, 'it will be tried again');
    client.go();
    assert.equal(await client.ended, '[(1000,)]\n[(50,)]\ncommitted');
    const after = await run('busy');
    assert.equal(after.last_run?.end, 'done', JSON.stringify(after));
    assert.ok(Number(after.last_run?.files_merged) > 0);
    assert.equal(await inPsql('SELECT count(*), min(i) FROM t', 'busy'), '950|50');
  });

  test('files stay as long as a transaction that reads them is open', async (t) => {
    if (!needsClient(t, 'python') || !needsClient(t, 'psql')) return;
    await inPsql('CREATE DUCKLAKE read', 'lake');
    await inPsql("ALTER DUCKLAKE read SET (snapshot_retention = '0s')", 'lake');
    await inPsql('CREATE TABLE r AS SELECT i FROM range(100000) s(i)', 'read');
    const client = begin('read', '(READ_ONLY)', 'SELECT count(*) FROM cat.r', 'SELECT sum(i) FROM cat.r');
    await client.begun;
    await inPsql('DROP TABLE r; CREATE TABLE another (i BIGINT)', 'read');
    const { id } = await admin(pod, 'ducklakes', 'show', 'read');
    let shown = await run('read');
    for (let pass = 0; pass < 4; pass++) {
      await sleep(1_000);
      shown = await run('read');
    }
    assert.equal(filesOf(pod, id).length, 1, JSON.stringify(shown));
    assert.match(shown.keeps.join(' '), /a transaction open since/);
    client.go();
    assert.equal(await client.ended, '[(100000,)]\n[(4999950000,)]\ncommitted');
    await until('the file is deleted when the reader is gone', pod, async () => {
      await run('read');
      return filesOf(pod, id).length === 0;
    });
  });
});
