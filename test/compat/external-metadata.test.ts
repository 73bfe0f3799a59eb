/** Lakes whose metadata lies in a real PostgreSQL (BOILSTREAM_METADATA_URL): the same lake, kept apart by that server's own roles, through its outages. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { duckdb, ducklakeConnection, fixture, needsClient, psql, python, type Ran } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../support/postgres-server.ts';

const stock = fixture(new URL('./ducklake-stock.py', import.meta.url));

describe('metadata in an external PostgreSQL', () => {
  const data = mkdtempSync(join(tmpdir(), 'external-'));
  let server: PostgresServer | undefined;
  let pod: Pod | undefined;
  after(async () => {
    await pod?.stop();
    server?.remove();
    rmSync(data, { recursive: true, force: true });
  });

  /** Starts both at the first test that may; false when the machine lacks what it takes. */
  async function ready(t: TestContext): Promise<boolean> {
    if (!needsPostgres(t) || !needsClient(t, 'psql')) return false;
    server ??= await startPostgres();
    const { user, password, port, caPath } = server;
    const url = `postgres://${user}:${encodeURIComponent(password)}@localhost:${port}/postgres?sslmode=verify-full&sslrootcert=${caPath}`;
    pod ??= await startPod({
      environment: { BOILSTREAM_METADATA_URL: url, BOILSTREAM_LOG_LEVEL: 'debug' },
      readyDeadlineMs: 60_000,
    });
    return true;
  }
  const sql = (text: string, database = 'lake', environment: NodeJS.ProcessEnv = {}): Promise<Ran> =>
    psql(pod as Pod, ['-A', '-t', '-c', text], { database, environment });

  async function gives(text: string, expected: string, database?: string): Promise<void> {
    const { stdout, stderr, code } = await sql(text, database);
    assert.equal(stdout.trim(), expected, stderr);
    assert.equal(code, 0, stderr);
  }

  test('SQL on the lake and a stock DuckDB on its catalog work as ever', async (t) => {
    if (!(await ready(t))) return;
    await gives(
      "CREATE TABLE t (a INT, b VARCHAR); INSERT INTO t VALUES (1, 'ä''x'); INSERT INTO t SELECT range, 'r' FROM range(5000)",
      '',
    );
    await gives('SELECT count(*), max(b) FROM t', "5001|ä'x");
    await gives('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()', 't', 'lake__catalog');
    if (needsClient(t, 'duckdb')) {
      const ran = await duckdb(
        pod as Pod,
        `ATTACH 'ducklake:postgres:${ducklakeConnection(pod as Pod)}' AS cat; SELECT count(*) AS n FROM cat.t;`,
      );
      assert.equal(ran.stdout.trim(), 'n\n5001', ran.stderr);
    }
    if (needsClient(t, 'python')) {
      await gives('CREATE DUCKLAKE fresh WITH (initialize = false)', '');
      const ran = await python(pod as Pod, stock, { args: ['everything', 'fresh__catalog', join(data, 'fresh'), '0'] });
      assert.equal(ran.stdout.trim(), 'ok', ran.stderr);
    }
  });

  test('a reader reads, a writer stays in its lake, and neither becomes somebody else', async (t) => {
    if (!(await ready(t))) return;
    await gives('CREATE TABLE IF NOT EXISTS seen (a INT); CREATE DUCKLAKE other; CREATE USER reader; CREATE USER writer', '');
    await gives('GRANT READ ON DUCKLAKE lake TO reader; GRANT WRITE ON DUCKLAKE lake TO writer', '');
    const credentials = new Map<string, NodeJS.ProcessEnv>();
    for (const who of ['reader', 'writer']) {
      const { stdout, stderr } = await sql(`CREATE CREDENTIAL FOR ${who} ON DUCKLAKE lake`);
      const [user = '', password = ''] = stdout.trim().split('|');
      assert.ok(user.startsWith(who) && password.length > 15, `${stdout} ${stderr}`);
      credentials.set(who, { PGUSER: user, PGPASSWORD: password, PGPASSFILE: '/dev/null' });
    }
    const refused = async (who: string, text: string, reason: RegExp, database = 'lake__catalog'): Promise<void> => {
      const { code, stderr } = await sql(text, database, credentials.get(who));
      assert.notEqual(code, 0, text);
      assert.match(stderr, reason, text);
    };
    for (const who of ['reader', 'writer']) {
      const { stdout, stderr } = await sql('SELECT count(*) > 0 FROM ducklake_snapshot', 'lake__catalog', credentials.get(who));
      assert.equal(stdout.trim(), 't', stderr);
      await refused(who, 'SELECT 1', /database "other__catalog" does not exist/, 'other__catalog');
      await refused(who, "ALTER ROLE CURRENT_USER PASSWORD 'mine'", /permission denied: ALTER ROLE/);
      await refused(who, 'SET ROLE lakes', /permission denied: SET ROLE/);
      await refused(who, "SELECT set_config('role', 'lakes', false)", /permission denied to set role/);
      await refused(who, "SELECT pg_read_file('/etc/passwd')", /permission denied/);
      await refused(who, 'DROP DATABASE postgres', /permission denied/);
      await refused(who, 'SELECT 1; /* */ CREATE ROLE x', /permission denied/);
    }
    for (const text of [
      'DELETE FROM ducklake_snapshot',
      'CREATE TABLE mine (a INT)',
      'SET default_transaction_read_only = off; UPDATE ducklake_table SET end_snapshot = 1',
      'CREATE TEMP TABLE x (a INT)',
    ])
      await refused('reader', text, /permission denied|read-only transaction/);
    // A role that lost its password (its holder may change it where nothing stands in between) gets it back.
    const [role] = (server as PostgresServer)
      .sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'boilstream%_rw' ORDER BY oid")
      .split('\n');
    (server as PostgresServer).sql(`ALTER ROLE "${role}" PASSWORD 'lost'`);
    await gives('SELECT count(*) > 0 FROM ducklake_snapshot', 't', 'lake__catalog');
  });

  test('a cancel request reaches the statement that runs there', async (t) => {
    if (!(await ready(t))) return;
    const began = performance.now();
    const ran = await psql(pod as Pod, ['-c', 'SELECT pg_sleep(60)'], {
      database: 'lake__catalog',
      environment: { PGOPTIONS: '' },
      deadlineMs: 1_500,
    });
    assert.notEqual(ran.code, 0);
    // The client was killed: what it ran there is cancelled too, long before the minute is over.
    let left = '';
    do {
      await sleep(100);
      left = (server as PostgresServer).sql(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'",
      );
    } while (left !== '0' && performance.now() - began < 20_000);
    assert.equal(left, '0');
  });

  test('while the server is down everyone is told so, and afterwards all is as before', async (t) => {
    if (!(await ready(t))) return;
    const away = server as PostgresServer;
    away.stop();
    const [sqlSession, metadata] = [await sql('SELECT count(*) FROM seen'), await sql('SELECT 1', 'lake__catalog')];
    assert.notEqual(sqlSession.code, 0);
    assert.match(sqlSession.stderr, /the catalog of the lake cannot be reached/);
    assert.notEqual(metadata.code, 0);
    assert.match(metadata.stderr, /the metadata server cannot be reached/);
    const refused = await sql('CREATE DUCKLAKE never', 'postgres');
    assert.notEqual(refused.code, 0);
    away.start();
    let ran: Ran | undefined;
    for (const deadline = performance.now() + 30_000; performance.now() < deadline && ran?.code !== 0; await sleep(200))
      ran = await sql('INSERT INTO seen VALUES (7); SELECT count(*) FROM seen');
    assert.equal(ran?.code, 0, ran?.stderr);
    await gives('SELECT count(*) FROM seen', '1');
    await gives('CREATE DUCKLAKE never', '');
  });

  test('an account that the server does not take is told at start, without its password', async (t) => {
    if (!(await ready(t))) return;
    const url = `postgres://lakes:geheim@localhost:${(server as PostgresServer).port}/postgres`;
    await assert.rejects(startPod({ environment: { BOILSTREAM_METADATA_URL: url } }), (error: Error) => {
      assert.match(error.message, /refuses the account in BOILSTREAM_METADATA_URL/);
      assert.doesNotMatch(error.message, /geheim/);
      return true;
    });
  });

  test('a dropped lake leaves nothing on the server, and secrets are in no log', async (t) => {
    if (!(await ready(t))) return;
    const count = (): string =>
      (server as PostgresServer).sql(
        "SELECT (SELECT count(*) FROM pg_database WHERE datname LIKE 'boilstream%') || ' ' || (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'boilstream%')",
      );
    const [databases = 0, roles = 0] = count().split(' ').map(Number);
    const session = sql('SELECT pg_sleep(30)', 'other__catalog');
    await sleep(500);
    await gives('DROP DUCKLAKE other; DROP DUCKLAKE never', '');
    assert.equal(count(), `${databases - 2} ${roles - 4}`);
    assert.notEqual((await session).code, 0, 'sessions on the lake end with it');
    const { password } = server as PostgresServer;
    assert.doesNotMatch((pod as Pod).log(), new RegExp(`${password}|${encodeURIComponent(password)}`));
    const passwords = [...(server as PostgresServer).log().matchAll(/ ROLE "boilstream.*PASSWORD '(.{13})/g)].map(
      (found) => found[1],
    );
    assert.ok(passwords.length >= 8);
    assert.deepEqual([...new Set(passwords)], ['SCRAM-SHA-256']);
  });
});
