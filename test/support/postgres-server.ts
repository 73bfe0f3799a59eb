/**
 * A real PostgreSQL of the test's own: a fresh cluster on a free loopback port with TLS and SCRAM, and an account that may
 * make databases and roles but is no superuser. It can be stopped and started, which a server that somebody else uses cannot.
 */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface PostgresServer {
  readonly port: number;
  /** Its certificate, which is its own CA; the name in it is localhost. */
  readonly caPath: string;
  /** An account with CREATEDB and CREATEROLE. */
  readonly user: string;
  readonly password: string;
  /** What the server logged, statements included. */
  log(): string;
  /** Runs SQL as the superuser, one statement each; resolves to the rows of the last, columns joined by `|`. */
  sql(...statements: readonly string[]): string;
  start(): void;
  /** Cuts every connection. */
  stop(): void;
  /** Stops it and removes its files. */
  remove(): void;
}

/** True when the server's programs are here. When not: throws under CI=true, else marks the test as skipped with the reason. */
export function needsPostgres(t: TestContext): boolean {
  if (binaries() !== undefined) return true;
  const text = 'the PostgreSQL server is not here: apt-get install postgresql';
  if (process.env['CI'] === 'true') throw new Error(text);
  t.skip(text);
  return false;
}

/** Where Debian and others put what is not meant to be typed. */
function binaries(): string | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const folders = [
    ...versions.sort((a, b) => Number(b) - Number(a)).map((version) => `/usr/lib/postgresql/${version}/bin`),
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  return folders.find((folder) => ['initdb', 'pg_ctl', 'postgres'].every((name) => existsSync(join(folder, name))));
}

/** Makes a cluster and starts it; a few seconds. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = binaries() as string;
  const home = mkdtempSync(join(tmpdir(), 'postgres-'));
  const data = join(home, 'data');
  // The server refuses to run as root.
  const owner = userInfo().uid === 0 ? accountFor() : undefined;
  if (owner) chownSync(home, owner.uid, owner.gid);
  const port = await freePort();
  const run = (program: string, args: readonly string[], input = ''): string => {
    const done = spawnSync(program, args, {
      input,
      encoding: 'utf8',
      timeout: 60_000,
      cwd: home,
      ...(owner ? { uid: owner.uid, gid: owner.gid } : {}),
    });
    if (done.status !== 0) throw new Error(`${program} failed: ${done.error ?? ''} ${done.stderr} ${done.stdout}`);
    return done.stdout.trim();
  };
  const ctl = (...args: string[]): string => run(join(bin, 'pg_ctl'), ['-D', data, '-w', '-t', '50', ...args]);
  const logPath = join(home, 'log');
  run(join(bin, 'initdb'), [
    '-D',
    data,
    '-U',
    'super',
    '-A',
    'trust',
    '--auth-host=scram-sha-256',
    '-E',
    'UTF8',
    '--locale=C',
    '-N',
  ]);
  const caPath = join(home, 'ca.pem');
  const key = join(data, 'server.key');
  run(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost'
      .split(' ')
      .concat(['-keyout', key, '-out', caPath]),
  );
  chmodSync(key, 0o600);
  writeFileSync(join(data, 'server.crt'), readFileSync(caPath), { mode: 0o644 });
  appendFileSync(
    join(data, 'postgresql.conf'),
    `listen_addresses = 'localhost'\nport = ${port}\nunix_socket_directories = '${home}'\nssl = on\nlog_statement = all\nfsync = off\nmax_connections = 100\n`,
  );
  const password = 'p@ss:w/örd';
  const server: PostgresServer = {
    port,
    caPath,
    user: 'lakes',
    password,
    log: () => readFileSync(logPath, 'utf8'),
    sql: (...statements) =>
      run(
        'psql',
        ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', home, '-p', String(port), '-U', 'super', 'postgres'],
        statements.map((one) => `${one};\n`).join(''),
      ),
    start: () => void ctl('-l', logPath, 'start'),
    stop: () => void ctl('-m', 'immediate', 'stop'),
    remove() {
      spawnSync(join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'], owner ? { uid: owner.uid, gid: owner.gid } : {});
      rmSync(home, { recursive: true, force: true });
    },
  };
  server.start();
  server.sql(`CREATE ROLE lakes LOGIN CREATEDB CREATEROLE PASSWORD '${password}'`);
  return server;
}

/** Somebody who is not root: Debian's `postgres` if there is one. */
function accountFor(): { uid: number; gid: number } {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const found =
    lines.find((line) => line.startsWith('postgres:')) ??
    lines.find((line) => line.startsWith('nobody:')) ??
    'nobody:x:65534:65534';
  const [, , uid, gid] = found.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
