/** Restoring lakes as people do it: on the command line, by position and time, undoing it, undoing a DROP, with sessions open. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { adminSocketPath } from '../../base/local-socket.ts';
import { adminJson, adminLine } from '../support/admin-line.ts';
import { ducklakeConnection, duckdb, needsClient, psql } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';
import { WireClient, wireOptionsOf } from '../support/wire-client.ts';

describe('restore', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod();
    await adminJson(pod, 'ducklakes', 'create', 'sales');
  });
  after(() => pod.stop());

  async function sql(text: string, database = 'sales'): Promise<string> {
    const ran = await psql(pod, ['-At', '-v', 'ON_ERROR_STOP=1'], { input: text, database });
    assert.equal(ran.code, 0, `${text}\n${ran.stderr}`);
    return ran.stdout.trim();
  }

  test('a lake goes back in time and forth again; inlined rows, files and tables are as they were', async (t) => {
    if (!needsClient(t, 'psql')) return;
    await sql(
      'CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1), (2); CREATE TABLE kept AS SELECT range AS i FROM range(5000)',
    );
    const then = await now();
    await sql('INSERT INTO t SELECT range FROM range(3000); DROP TABLE kept; CREATE TABLE fresh (i INTEGER)');
    const back = await adminJson(pod, 'ducklakes', 'restore', 'sales', '--to', then);
    assert.ok(back.restored_to.time <= then, `${back.restored_to.time} is not after ${then}`);
    assert.equal(await sql('SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM kept)'), '2|5000');
    assert.equal(await sql("SELECT count(*) FROM information_schema.tables WHERE table_name = 'fresh'"), '0');
    await sql('INSERT INTO t VALUES (3)');
    const forth = await adminJson(pod, 'ducklakes', 'restore', 'sales', '--to', back.before);
    assert.equal(forth.restored_to.position, back.before);
    assert.equal(await sql('SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM fresh)'), '3002|0');
    const again = await adminJson(pod, 'ducklakes', 'restore', 'sales', '--to', forth.before);
    assert.equal(await sql('SELECT list(i ORDER BY i) FROM t'), '{1,2,3}');
    assert.notEqual(again.id, back.id);
  });

  test('numbers of snapshots, tables and schema versions are never used twice', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const point = await now();
    await sql('CREATE TABLE one (i INTEGER); CREATE TABLE another (i INTEGER)');
    const used = "SELECT max(snapshot_id), max(schema_version) FROM ducklake_snapshots('sales')";
    const [snapshot, version] = (await sql(used)).split('|').map(Number) as [number, number];
    const table = await sql("SELECT max(table_id) FROM ducklake_table_info('sales')");
    await adminJson(pod, 'ducklakes', 'restore', 'sales', '--to', point);
    const [later, laterVersion] = (await sql(used)).split('|').map(Number) as [number, number];
    assert.ok(later > snapshot && laterVersion > version, `${later} > ${snapshot}, ${laterVersion} > ${version}`);
    await sql('CREATE TABLE two (i INTEGER)');
    assert.ok(Number(await sql("SELECT max(table_id) FROM ducklake_table_info('sales')")) > Number(table));
  });

  test('beside the present lake, to look and to copy from', async (t) => {
    if (!needsClient(t, 'psql')) return;
    await sql('CREATE TABLE precious AS SELECT range AS i FROM range(2000)');
    const point = await now();
    await sql('DELETE FROM precious');
    const copy = await adminJson(pod, 'ducklakes', 'restore', 'sales', '--to', point, '--as', 'sales_before');
    assert.equal(copy.before, null);
    await sql('INSERT INTO precious SELECT * FROM sales_before.precious');
    assert.equal(await sql('SELECT count(*), sum(i) FROM precious'), '2000|1999000');
    const taken = await adminLine(pod, 'ducklakes', 'restore', 'sales', '--to', point, '--as', 'sales_before');
    assert.deepEqual([taken.code, /already exists/.test(taken.stderr)], [1, true], taken.stderr);
  });

  test('a dropped lake comes back with its rows, grants and credentials', async (t) => {
    if (!needsClient(t, 'psql')) return;
    await adminJson(pod, 'ducklakes', 'create', 'scratch');
    await adminJson(pod, 'users', 'create', 'alice@example.com');
    await adminJson(pod, 'users', 'grant', 'alice@example.com', '--ducklake', 'scratch', '--access', 'write');
    await sql("CREATE TABLE t AS SELECT 'last words' AS s", 'scratch');
    await adminJson(pod, 'ducklakes', 'drop', 'scratch');
    assert.match((await psql(pod, ['-c', 'SELECT 1'], { database: 'scratch' })).stderr, /does not exist/);
    await adminJson(pod, 'ducklakes', 'restore', 'scratch');
    assert.equal(await sql('SELECT s FROM t', 'scratch'), 'last words');
    const { grants } = await adminJson(pod, 'ducklakes', 'show', 'scratch');
    assert.deepEqual(grants.map(({ user, access }: { user: string; access: string }) => [user, access]).sort(), [
      ['admin@localhost', 'owner'],
      ['alice@example.com', 'write'],
    ]);
    const refused = await adminLine(pod, 'ducklakes', 'restore', 'scratch');
    assert.match(refused.stderr, /is not dropped: say to which point/);
  });

  test('open sessions go on with the restored state; an open transaction fails and nothing of it is kept', async () => {
    const session = await WireClient.logIn(wireOptionsOf(pod, 'sales'));
    try {
      await session.rows('CREATE TABLE open (i INTEGER)');
      await session.rows('INSERT INTO open VALUES (1)');
      const point = await now();
      await session.rows('INSERT INTO open VALUES (2)');
      await session.rows('BEGIN');
      await session.rows('INSERT INTO open VALUES (3)');
      await adminJson(pod, 'ducklakes', 'restore', 'sales', '--to', point);
      await assert.rejects(session.rows('COMMIT'));
      await assert.rejects(session.rows('SELECT 1'), /^Error: 25P02/);
      await session.rows('ROLLBACK');
      assert.deepEqual(await session.rows('SELECT i FROM open ORDER BY i'), [['1']]);
    } finally {
      await session.close();
    }
  });

  test('a stock DuckDB writes to the restored lake', async (t) => {
    if (!needsClient(t, 'duckdb')) return;
    const attach = `ATTACH 'ducklake:postgres:${ducklakeConnection(pod, 'sales')}' AS l;\n`;
    const ran = await duckdb(pod, `${attach}CREATE TABLE l.stock AS SELECT 1 AS i; SELECT count(*) AS n FROM l.stock;`);
    assert.equal(ran.stdout.trim().replaceAll('\r', ''), 'n\n1', ran.stderr);
    const point = await now();
    await sql('DELETE FROM stock');
    await adminJson(pod, 'ducklakes', 'restore', 'sales', '--to', point);
    const later = await duckdb(pod, `${attach}INSERT INTO l.stock VALUES (2); SELECT count(*) AS n FROM l.stock;`);
    assert.equal(later.stdout.trim().replaceAll('\r', ''), 'n\n2', later.stderr);
  });

  test('the same request with the same key is done once', async () => {
    const point = await now();
    await sql('CREATE TABLE once (i INTEGER)');
    const restore = (to: string, key: string): Promise<{ status: number; body: { id?: string } }> =>
      new Promise((resolve, reject) => {
        const asked = request(
          {
            socketPath: adminSocketPath(pod.dataDir),
            method: 'POST',
            path: '/api/v1/ducklakes/sales/restore',
            headers: { 'content-type': 'application/json', 'idempotency-key': key },
            agent: false,
          },
          (response) => {
            const parts: Buffer[] = [];
            response.on('data', (part: Buffer) => parts.push(part));
            response.on('end', () =>
              resolve({
                status: response.statusCode as number,
                body: JSON.parse(Buffer.concat(parts).toString()) as { id?: string },
              }),
            );
          },
        );
        asked.on('error', reject);
        asked.end(JSON.stringify({ to }));
      });
    const first = await restore(point, 'restore-key-1');
    assert.equal(first.status, 200, JSON.stringify(first.body));
    await sql('CREATE TABLE after_it (i INTEGER)');
    assert.deepEqual(await restore(point, 'restore-key-1'), first);
    assert.equal(await sql('SELECT count(*) FROM after_it'), '0');
    assert.equal((await restore('1h ago', 'restore-key-1')).status, 400);
  });

  test('a copy of the storage, taken while the pod writes, starts under another path and is a lake like the original', async (t) => {
    if (!needsClient(t, 'duckdb')) return;
    await sql('CREATE TABLE copied AS SELECT range AS i FROM range(3000)');
    const elsewhere = mkdtempSync(join(tmpdir(), 'boilstream-copy-'));
    t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
    const storage = join(elsewhere, 'storage');
    // The order that docs/backup-and-restore.md gives.
    for (const part of ['catalog/anchor', 'catalog/log', 'catalog', 'lakes'])
      cpSync(join(pod.dataDir, 'storage', part), join(storage, part), { recursive: true, force: false, errorOnExist: false });
    for (const file of ['encryption-key', 'superadmin-password']) cpSync(join(pod.dataDir, file), join(elsewhere, 'data', file));
    const copy = await startPod({
      dataDir: join(elsewhere, 'data'),
      environment: { BOILSTREAM_STORAGE_URL: `file://${storage}` },
    });
    t.after(() => copy.stop());
    // Nothing of it reaches back to the original.
    const shown = await adminJson(copy, 'ducklakes', 'show', 'sales');
    assert.ok(shown.data_path.startsWith(storage), shown.data_path);
    const ran = await duckdb(
      copy,
      `ATTACH 'ducklake:postgres:${ducklakeConnection(copy, 'sales')}' AS l; INSERT INTO l.copied SELECT range FROM range(5000); SELECT count(*) AS n FROM l.copied;`,
    );
    assert.equal(ran.stdout.trim().replaceAll('\r', ''), 'n\n8000', ran.stderr);
    assert.equal(await sql('SELECT count(*) FROM copied'), '3000');
  });

  test('refusals say what to do, and change nothing', async () => {
    const lakes = await adminJson(pod, 'ducklakes', 'list');
    for (const [argv, expected] of [
      [['restore', 'sales', '--to', 'yesterday'], /is no point to restore to/],
      [['restore', 'sales', '--to', '2126-01-01T00:00:00Z'], /lies in the future/],
      [['restore', 'sales', '--to', '1999-01-01T00:00:00Z'], /does not go back so far|there was no ducklake/],
      [['restore', 'sales', '--to', '999/1'], /the log ends at/],
      [['restore', 'nosuch'], /there is and was no ducklake "nosuch"/],
      [['restore', 'sales', '--to', '1/1', '--as', 'bad__catalog'], /__catalog/],
    ] as const) {
      const ran = await adminLine(pod, 'ducklakes', ...argv);
      assert.equal(ran.code, 1, argv.join(' '));
      assert.match(ran.stderr, expected);
    }
    assert.deepEqual(await adminJson(pod, 'ducklakes', 'list'), lakes);
  });

  /** A moment with nothing in it. */
  async function now(): Promise<string> {
    await sleep(20);
    const time = new Date().toISOString();
    await sleep(20);
    return time;
  }
});
