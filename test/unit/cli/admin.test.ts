import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { runAdmin } from '../../../cli/admin.ts';
import { totpCodeAt } from '../../../base/totp.ts';
import { type AdminPod, startAdminPod } from '../../support/admin-pod.ts';

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

function machine(environment: Record<string, string> = {}): { home: string; run(...argv: string[]): Promise<Ran> } {
  const home = mkdtempSync(join(tmpdir(), 'cli-home-'));
  homes.push(home);
  return {
    home,
    async run(...argv) {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const code = await runAdmin(argv, { environment, home, cwd: home, stdin: Readable.from([]), stdout, stderr });
      const text = (stream: PassThrough): string => (stream.read() as Buffer | null)?.toString() ?? '';
      return { code, stdout: text(stdout), stderr: text(stderr) };
    },
  };
}
const homes: string[] = [];
after(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

describe('boilstream-admin', () => {
  let pod: AdminPod;
  let passwordPath: string;
  let me: ReturnType<typeof machine>;
  const ok = async (...argv: string[]): Promise<string> => {
    const ran = await me.run(...argv);
    assert.equal(ran.code, 0, `${argv.join(' ')}: ${ran.stderr}`);
    return ran.stdout;
  };
  before(async () => {
    pod = await startAdminPod();
    passwordPath = join(pod.directory, 'password.txt');
    writeFileSync(passwordPath, `${pod.password}\n`);
    me = machine({ BOILSTREAM_CA_PATH: pod.caPath, BOILSTREAM_PASSWORD_PATH: passwordPath });
  });
  after(() => pod.close());

  it('logs in, keeps the session to itself (0600), switches and logs out', async () => {
    assert.match(
      await ok('auth', 'login', '--server', pod.url),
      /logged in to https:\/\/127\.0\.0\.1:\d+ as admin@localhost \(profile default, ends in 59 min\)/,
    );
    await ok('auth', 'login', '--server', pod.url, '--email', 'admin@localhost', '--as-profile', 'second');
    const folder = join(me.home, '.boilstream', 'sessions');
    assert.deepEqual(readdirSync(folder).sort(), ['default.json', 'second.json']);
    for (const file of readdirSync(folder)) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
    assert.ok(!readFileSync(join(folder, 'second.json'), 'utf8').includes(pod.password));
    const status = JSON.parse(await ok('auth', 'status', '--json'));
    assert.equal(status.current, 'second');
    assert.deepEqual(
      status.profiles.map((each: { profile: string; state: string }) => [each.profile, each.state]),
      [
        ['default', 'open'],
        ['second', 'open'],
      ],
    );
    await ok('auth', 'switch', 'default');
    const { token } = JSON.parse(readFileSync(join(folder, 'second.json'), 'utf8'));
    await ok('-P', 'second', 'auth', 'logout');
    assert.equal((await pod.call('GET', '/auth/session', { token })).status, 401, 'the session is over on the server too');
    assert.match((await me.run('ducklakes', 'list', '-P', 'second')).stderr, /there is no profile "second"/);
  });

  it('makes, shows, lists and drops ducklakes; singular works too; options work in any place', async () => {
    assert.match(await ok('ducklakes', 'create', 'sales'), /ducklake sales is there/);
    assert.match(
      await ok('ducklake', 'list'),
      /^NAME +ACCESS +CREATED +BY +DATA PATH\nsales +owner +\d+ s ago +admin@localhost +\//,
    );
    assert.equal(JSON.parse(await ok('--format', 'json', 'ducklakes', 'list'))[0].name, 'sales');
    assert.equal(JSON.parse(await ok('ducklakes', 'list', '--format', 'json'))[0].name, 'sales');
    assert.match(await ok('ducklakes', 'show', 'sales'), /DuckLake metadata {2}dbname=sales__catalog/);
    const taken = await me.run('ducklakes', 'create', 'sales');
    assert.deepEqual([taken.code, taken.stdout, taken.stderr], [1, '', 'boilstream-admin: ducklake "sales" already exists\n']);
    await ok('ducklakes', 'create', 'sales', '--if-not-exists');
    await ok('ducklakes', 'create', 'scratch');
    await ok('ducklakes', 'drop', 'scratch');
    assert.equal((await me.run('ducklakes', 'drop', 'scratch')).code, 1);
    await ok('ducklakes', 'drop', 'scratch', '--if-exists');
  });

  it('adds people, grants, revokes, deletes', async () => {
    await ok('users', 'create', 'alice@example.com');
    await ok('user', 'grant', 'alice@example.com', '--ducklake', 'sales', '--access', 'write');
    const alice = JSON.parse(await ok('users', 'list', '--json')).find(
      (user: { name: string }) => user.name === 'alice@example.com',
    );
    assert.deepEqual([alice.admin, alice.ducklakes], [false, [{ ducklake: 'sales', access: 'write' }]]);
    await ok('users', 'revoke', 'alice@example.com', '--ducklake', 'sales');
    await ok('users', 'grant', 'alice@example.com', '--admin');
    await ok('users', 'revoke', 'alice@example.com', '--admin');
    assert.match((await me.run('users', 'delete', 'admin@localhost')).stderr, /superadmin cannot be deleted/);
    await ok('users', 'delete', 'alice@example.com');
  });

  it('prints a credential in the shape that scripts rely on, under both names', async () => {
    const made = JSON.parse(
      await ok(
        'credentials',
        'create',
        '--ducklake',
        'sales',
        '--read-only',
        '--only-ducklake',
        '--ttl',
        '30d',
        '--format',
        'json',
      ),
    );
    for (const key of [
      'user',
      'password',
      'expires_at',
      'database',
      'uri',
      'psql',
      'jdbc',
      'duckdb_attach',
      'ca_path',
      'kafka',
      'flightsql',
      'airport',
    ])
      assert.ok(key in made, key);
    assert.equal(made.ca_path, pod.caPath);
    assert.ok(made.psql.includes(`sslrootcert=${pod.caPath}`));
    assert.ok(made.duckdb_attach.endsWith('AS cat'));
    const { principal } = (await pod.control.findCredential(made.user)) ?? assert.fail('the credential works at once');
    assert.deepEqual(
      [[...principal.rights], principal.superuser],
      [[['sales', 'read']], false],
      'narrowed, although an administrator made it',
    );
    const table = await me.run('catalog', 'credentials', 'create');
    assert.match(table.stdout, /\nDuckDB\n {2}ATTACH 'ducklake:postgres:host=localhost .* AS cat;\n/);
    assert.match(table.stderr, /not shown again/);
    assert.match(await ok('credentials', 'list'), new RegExp(`${made.user} +admin@localhost +sales +read, this ducklake only`));
    await ok('credential', 'revoke', made.user);
    assert.ok(!(await ok('credentials', 'list')).includes(made.user));
  });

  it('ends with 2 on wrong usage and 1 on refusals, each with one line that says why', async () => {
    for (const argv of [
      ['nonsense'],
      ['users', 'grant', 'alice'],
      ['credentials', 'create', '--ttl', 'soon'],
      ['credentials', 'create', '--only-ducklake'],
      ['ducklakes', 'create'],
      ['--format', 'xml', 'users', 'list'],
      ['auth', 'login', '--server', 'http://x'],
    ]) {
      const ran = await me.run(...argv);
      assert.equal(ran.code, 2, argv.join(' '));
      assert.match(ran.stderr, /^boilstream-admin: /, argv.join(' '));
    }
    for (const argv of [
      ['cluster', 'status'],
      ['cluster', 'leader', 'stepdown', '--prefer', 'x'],
      ['topic', 'create', 't', '--partitions', '3'],
      ['users', 'invite', 'a@b.c'],
      ['topics', 'list'],
    ]) {
      const ran = await me.run(...argv);
      assert.deepEqual([ran.code, ran.stdout], [1, ''], argv.join(' '));
      assert.match(ran.stderr, /^boilstream-admin: [a-z ]+ is not in this release\n$/);
    }
  });

  it('says what to do when the certificate is not trusted, nothing listens, or the password is wrong', async () => {
    const stranger = machine({ BOILSTREAM_PASSWORD_PATH: passwordPath });
    const untrusted = await stranger.run('auth', 'login', '--server', pod.url);
    assert.equal(untrusted.code, 1);
    assert.match(untrusted.stderr, /is not trusted .*BOILSTREAM_CA_PATH/);
    const insecure = await stranger.run('auth', 'login', '--server', pod.url, '--insecure');
    assert.equal(insecure.code, 0);
    assert.match(insecure.stderr, /not checked/);
    assert.match((await stranger.run('auth', 'login', '--server', 'https://127.0.0.1:1')).stderr, /nothing listens/);
    writeFileSync(join(stranger.home, 'wrong'), 'wrong-password');
    const wrong = await machine({ BOILSTREAM_CA_PATH: pod.caPath, BOILSTREAM_PASSWORD_PATH: join(stranger.home, 'wrong') }).run(
      'auth',
      'login',
      '--server',
      pod.url,
    );
    assert.deepEqual([wrong.code, wrong.stderr.startsWith('boilstream-admin: password authentication failed')], [1, true]);
    assert.match((await machine().run('users', 'list')).stderr, /not logged in.*auth login/);
    assert.match(
      (await machine({ BOILSTREAM_CA_PATH: pod.caPath }).run('auth', 'login', '--server', pod.url)).stderr,
      /no terminal.*BOILSTREAM_PASSWORD_PATH/,
    );
  });

  it('notices a session that is over', async () => {
    const folder = join(me.home, '.boilstream', 'sessions', 'default.json');
    const session = JSON.parse(readFileSync(folder, 'utf8'));
    writeFileSync(folder, JSON.stringify({ ...session, expires_at: new Date(Date.now() - 1000).toISOString() }));
    const ran = await me.run('users', 'list');
    assert.deepEqual(
      [ran.code, /session of profile "default" is over; boilstream-admin auth login --server/.test(ran.stderr)],
      [1, true],
    );
    writeFileSync(folder, JSON.stringify(session));
  });

  it('talks to the local pod without a login when there is no session', async () => {
    // The test's pod keeps its socket beside the data, a real one in run/: link what the command looks for.
    mkdirSync(join(pod.directory, 'run'), { recursive: true });
    symlinkSync(pod.socketPath, join(pod.directory, 'run', 'admin.sock'));
    const local = machine({ BOILSTREAM_DATA_DIR: pod.directory });
    const ran = await local.run('credentials', 'create', '--json');
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(JSON.parse(ran.stdout).ca_path, pod.caPath);
    assert.match(
      (await machine({ BOILSTREAM_DATA_DIR: join(pod.directory, 'nowhere') }).run('users', 'list')).stderr,
      /no pod answers in/,
    );
  });
});

describe('boilstream-admin with one-time codes', () => {
  it('answers the second prompt from BOILSTREAM_MFA_SECRET_PATH, and a code works once', async () => {
    const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    const pod = await startAdminPod({ mfaSecret: secret });
    try {
      const files = { password: join(pod.directory, 'password.txt'), mfa: join(pod.directory, 'mfa.txt') };
      writeFileSync(files.password, pod.password);
      writeFileSync(files.mfa, `${secret}\n`);
      const me = machine({
        BOILSTREAM_CA_PATH: pod.caPath,
        BOILSTREAM_PASSWORD_PATH: files.password,
        BOILSTREAM_MFA_SECRET_PATH: files.mfa,
      });
      const first = await me.run('auth', 'login', '--server', pod.url);
      assert.equal(first.code, 0, first.stderr);
      assert.equal((await me.run('auth', 'login', '--server', pod.url)).code, 1, 'the same code again');
      assert.deepEqual((await pod.call('POST', '/auth/login', { body: { password: pod.password } })).body, {
        mfa_required: true,
      });
      assert.equal(
        (await pod.call('POST', '/auth/login', { body: { password: 'wrong-password' } })).status,
        401,
        'a wrong password never gets as far as the code',
      );
      assert.equal(
        await pod.superadmin.findCredential('admin@localhost'),
        undefined,
        'the password alone does not open the wires',
      );
      assert.equal(totpCodeAt(Buffer.from('12345678901234567890'), 1, 8), '94287082', 'RFC 6238, appendix B');
      assert.equal(
        totpCodeAt(Buffer.from('12345678901234567890'), Math.floor(1111111109 / 30), 8),
        '07081804',
        'RFC 6238, appendix B',
      );
    } finally {
      await pod.close();
    }
  });
});
