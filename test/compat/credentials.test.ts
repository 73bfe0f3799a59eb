/** Credentials as people use them: made on the command line, pasted into psql and DuckDB, narrowed, revoked; and where their secrets are not. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runAdmin } from '../../cli/admin.ts';
import { duckdb, needsClient, type Ran } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';

interface Made {
  readonly user: string;
  readonly password: string;
  readonly uri: string;
  readonly psql: string;
  readonly duckdb_attach: string;
}

describe('credentials', () => {
  let pod: Pod;
  const made: Made[] = [];
  before(async () => {
    pod = await startPod();
    for (const argv of [
      ['ducklakes', 'create', 'sales'],
      ['ducklakes', 'create', 'other'],
      ['users', 'create', 'alice@example.com'],
      ['users', 'grant', 'alice@example.com', '--ducklake', 'sales', '--access', 'write'],
      ['users', 'grant', 'alice@example.com', '--ducklake', 'other', '--access', 'write'],
    ])
      await admin(...argv);
  });
  after(() => pod.stop());

  /** The command line as on the pod's machine, with no session. */
  async function admin(...argv: string[]): Promise<string> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const code = await runAdmin(argv, {
      environment: { BOILSTREAM_DATA_DIR: pod.dataDir },
      home: pod.dataDir,
      cwd: pod.dataDir,
      stdin: Readable.from([]),
      stdout,
      stderr,
    });
    assert.equal(code, 0, `${argv.join(' ')}: ${stderr.read()}`);
    return String(stdout.read());
  }

  async function credential(...options: string[]): Promise<Made> {
    const one = JSON.parse(
      await admin('credentials', 'create', '--user', 'alice@example.com', '--ducklake', 'sales', ...options, '--json'),
    ) as Made;
    made.push(one);
    return one;
  }

  /** A pasted psql line, with more arguments behind it; through the environment, because a shell's own arguments are in the process list. */
  function paste(line: string, sql: string): Promise<Ran> {
    return new Promise((resolve) => {
      const child = spawn('sh', ['-c', 'eval "$LINE"'], {
        timeout: 60_000,
        env: { ...process.env, LINE: `${line} -X -At -v ON_ERROR_STOP=1` },
      });
      const out = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out.stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        out.stderr += text;
      });
      child.stdin.on('error', () => {});
      child.stdin.end(sql);
      child.on('close', (code) => resolve({ code, ...out }));
    });
  }

  test('every string works when pasted, and shows the same rows', async (t) => {
    if (!needsClient(t, 'psql') || !needsClient(t, 'duckdb')) return;
    const one = await credential();
    const wrote = await paste(one.psql, 'CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2); SELECT sum(i) FROM t;');
    assert.deepEqual([wrote.code, wrote.stdout.trim().split('\n').at(-1)], [0, '3'], wrote.stderr);
    const byUri = await paste(`psql "${one.uri}&channel_binding=require"`, 'SELECT current_user, count(*) FROM t;');
    assert.equal(byUri.stdout.trim(), 'alice@example.com|2', byUri.stderr);
    const attached = await duckdb(pod, `${one.duckdb_attach};\nINSERT INTO cat.t VALUES (3);\nSELECT sum(i) AS s FROM cat.t;`);
    assert.match(attached.stdout, /\n6\s*$/, attached.stderr);
    assert.equal((await paste(one.psql, 'SELECT sum(i) FROM t;')).stdout.trim(), '6');
  });

  test('--read-only and --only-ducklake hold on SQL and on the metadata', async (t) => {
    if (!needsClient(t, 'psql') || !needsClient(t, 'duckdb')) return;
    const reader = await credential('--read-only');
    assert.equal((await paste(reader.psql, 'SELECT count(*) > 0 FROM t;')).stdout.trim(), 't');
    const refused = await paste(reader.psql, 'INSERT INTO t VALUES (9);');
    assert.notEqual(refused.code, 0);
    const wrote = await duckdb(pod, `${reader.duckdb_attach};\nINSERT INTO cat.t VALUES (9);`);
    assert.notEqual(wrote.code, 0, 'a stock client with a read-only credential wrote');
    assert.equal((await paste(reader.psql, 'SELECT count(*) FROM t WHERE i = 9;')).stdout.trim(), '0');
    const only = await credential('--only-ducklake');
    const elsewhere = only.psql.replace('dbname=sales', 'dbname=other');
    assert.notEqual((await paste(elsewhere, 'SELECT 1;')).code, 0);
    assert.notEqual((await paste(elsewhere.replace('dbname=other', 'dbname=other__catalog'), 'SELECT 1;')).code, 0);
    assert.notEqual((await paste(only.psql, 'SELECT * FROM other.main.t;')).code, 0);
    assert.notEqual((await paste(only.psql, 'CREATE USER mallory;')).code, 0);
  });

  test('revoking ends open sessions, SQL and metadata, before it is answered, and no new one begins', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const one = await credential();
    const sessions = [one.psql, one.psql.replace('dbname=sales', 'dbname=sales__catalog')].map((line) => {
      const child = spawn('sh', ['-c', `exec ${line} -X -At`], { stdio: ['pipe', 'pipe', 'pipe'] });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      child.stdin.on('error', () => {});
      child.stdin.write('SELECT 41 + 1;\n');
      return { child, output: () => output };
    });
    for (const { output } of sessions) while (!output().includes('42')) await sleep(20);
    await admin('credentials', 'revoke', one.user);
    for (const { child, output } of sessions) {
      const ended = new Promise((resolve) => child.on('close', resolve));
      child.stdin.end('SELECT 43 + 1;\n');
      await ended;
      assert.ok(!output().includes('44'), output());
      assert.match(output(), /terminating connection|rights of this session have ended/);
    }
    const again = await paste(one.psql, 'SELECT 1;');
    assert.match(again.stderr, /password authentication failed/);
  });

  test('a revoked grant is felt by the next statement of an open session', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const one = await credential();
    const child = spawn('sh', ['-c', `exec ${one.psql} -X -At`], { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.stdin.on('error', () => {});
    child.stdin.write('SELECT 41 + 1;\n');
    while (!output.includes('42')) await sleep(20);
    await admin('users', 'revoke', 'alice@example.com', '--ducklake', 'sales');
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.stdin.end("SELECT 'seen', count(*) FROM t;\n");
    await ended;
    assert.ok(!output.includes('seen'), output);
    await admin('users', 'grant', 'alice@example.com', '--ducklake', 'sales', '--access', 'write');
  });

  test('a changed superadmin password is in force without a restart and ends the sessions of the old one', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const old = pod.password;
    const line = (password: string): string =>
      `env PGPASSWORD=${password} psql "host=localhost port=${pod.pgwire.port} dbname=lake user=${pod.user} sslmode=verify-full sslrootcert=${pod.caPath}"`;
    assert.equal((await paste(line(old), 'SELECT 1;')).stdout.trim(), '1');
    writeFileSync(join(pod.dataDir, 'superadmin-password'), 'another-password-2\n', { mode: 0o600 });
    const deadline = Date.now() + 20_000;
    // Not faster: wrong passwords are limited to ten a minute.
    for (;;) {
      await sleep(2500);
      if ((await paste(line('another-password-2'), 'SELECT 1;')).code === 0) break;
      assert.ok(Date.now() < deadline, 'the new password is not taken');
    }
    assert.match((await paste(line(old), 'SELECT 1;')).stderr, /password authentication failed/);
    const token = await fetchToken('another-password-2');
    assert.ok(token);
    assert.match(readFileSync(pod.pgpassPath, 'utf8'), /another-password-2/, 'the printed commands go on working');
  });

  async function fetchToken(password: string): Promise<string> {
    const home = join(pod.dataDir, 'home');
    const passwordPath = join(pod.dataDir, 'typed');
    writeFileSync(passwordPath, password, { mode: 0o600 });
    const stderr = new PassThrough();
    const code = await runAdmin(['auth', 'login', '--server', `https://localhost:${pod.auth.port}`], {
      environment: { BOILSTREAM_CA_PATH: pod.caPath, BOILSTREAM_PASSWORD_PATH: passwordPath },
      home,
      cwd: home,
      stdin: Readable.from([]),
      stdout: new PassThrough(),
      stderr,
    });
    assert.equal(code, 0, String(stderr.read()));
    const path = join(home, '.boilstream', 'sessions', 'default.json');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    return (JSON.parse(readFileSync(path, 'utf8')) as { token: string }).token;
  }

  test('secrets are in no file of the pod but its own 0600 ones, not in its log, not in the process list', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const one = await credential();
    const running = paste(one.psql, 'SELECT pg_sleep(2);');
    await sleep(700);
    const processes = spawnSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' }).stdout;
    assert.ok(processes.includes(one.user), 'psql is running now');
    assert.ok(!processes.includes(one.password));
    await running;
    assert.ok(made.length >= 5);
    const secrets = [...made.map(({ password }) => password), pod.password];
    const found: string[] = [];
    for (const name of readdirSync(pod.dataDir, { recursive: true, encoding: 'utf8' })) {
      const path = join(pod.dataDir, name);
      if (!statSync(path).isFile()) continue;
      const bytes = readFileSync(path);
      if (secrets.some((secret) => bytes.includes(secret))) found.push(`${name} ${(statSync(path).mode & 0o777).toString(8)}`);
    }
    assert.deepEqual(found.sort(), ['pgpass 600', 'superadmin-password 600', 'typed 600']);
    assert.ok(!secrets.some((secret) => pod.log().includes(secret)));
  });
});
