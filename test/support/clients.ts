/**
 * The clients that compatibility tests drive: psql of the system, Python and the DuckDB command line of `.cache/venv`,
 * Node's drivers of `.cache/node-clients`, the JDBC driver of `.cache/jars` on the system's Java.
 * A client that is missing fails the test under CI=true; elsewhere the test says what to install and is listed as not run.
 * Whole toolchains (Java, Go, Rust) and ODBC's driver manager are asked of nobody: without them their tests are listed as not run everywhere.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { extensionDirectories } from '../../server/engine/extensions.ts';
import { type Pod, projectRoot } from './pod.ts';

const venv = join(projectRoot, '.cache', 'venv', 'bin');
/** Where the Node drivers lie: BOILSTREAM_TEST_NODE_CLIENTS of programs that a test starts itself. */
export const nodeClientsFolder = join(projectRoot, '.cache', 'node-clients');
/** psqlODBC as Debian installs it. */
export const odbcDriver = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/odbc/psqlodbcw.so`;
/** Where Maven put the JDBC driver. */
export const jars = join(projectRoot, '.cache', 'jars');

interface Client {
  readonly program: string;
  /** What must be there besides the program. */
  readonly file?: string;
  readonly advice: string;
  /** What asks it whether it runs; default `--version`. */
  readonly versionArgument?: string;
  /** Not part of what CI has to have. */
  readonly toolchain?: boolean;
}

/** Each client: the program, and what brings it. */
const clients = {
  psql: { program: 'psql', advice: 'apt-get install postgresql-client' },
  pgbench: { program: 'pgbench', advice: 'apt-get install postgresql-15 (it carries pgbench)' },
  python: { program: join(venv, 'python'), advice: 'npm run setup (needs Python 3 with venv)' },
  duckdb: { program: join(venv, 'duckdb'), advice: 'npm run setup (needs Python 3 with venv)' },
  rclone: { program: join(venv, 'rclone'), advice: 'npm run setup (needs Python 3 with venv)' },
  node: { program: process.execPath, file: join(nodeClientsFolder, 'node_modules', 'pg'), advice: 'npm run setup (needs npm)' },
  quint: {
    program: process.execPath,
    file: join(nodeClientsFolder, 'node_modules', '@informalsystems', 'quint'),
    advice: 'npm run setup (needs npm)',
  },
  java: {
    program: 'java',
    file: jars,
    advice: 'install a JDK of 17 or newer and Maven, then npm run setup',
    toolchain: true,
  },
  go: { program: 'go', versionArgument: 'version', advice: 'install Go 1.26 or newer', toolchain: true },
  cargo: { program: 'cargo', advice: 'install Rust 1.88 or newer', toolchain: true },
  dbt: { program: join(projectRoot, '.cache', 'dbt', 'bin', 'dbt'), advice: 'its test installs it' },
  odbc: {
    program: join(venv, 'python'),
    file: odbcDriver,
    advice: 'apt-get install odbc-postgresql, then npm run setup',
    toolchain: true,
  },
} as const satisfies Readonly<Record<string, Client>>;

export type ClientName = keyof typeof clients;

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Text for standard input. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** The client is killed after this; default 120,000. */
  readonly deadlineMs?: number;
}

const present = new Map<ClientName, boolean>();

/** True when the client is here. When not: throws under CI=true, else marks the test as skipped with the reason. */
export function needsClient(t: Pick<TestContext, 'skip'>, name: ClientName): boolean {
  let here = present.get(name);
  if (here === undefined) {
    const { program, file, versionArgument = '--version' }: Client = clients[name];
    here =
      (file === undefined || existsSync(file)) &&
      spawnSync(program, [versionArgument], { stdio: 'ignore', timeout: 30_000 }).status === 0;
    present.set(name, here);
  }
  if (here) return true;
  const text = `${name} is not here: ${clients[name].advice}`;
  if (process.env['CI'] === 'true' && !(clients[name] as Client).toolchain) throw new Error(text);
  t.skip(text);
  return false;
}

/** Where the client's program is. */
export function clientProgram(name: ClientName): string {
  return clients[name].program;
}

/** Runs a client to its end. Never throws for an exit code: look at `code`. */
export function runClient(name: ClientName, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(clients[name].program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: options.cwd ?? projectRoot,
      env: options.environment ?? process.env,
      timeout: options.deadlineMs ?? 120_000,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => stdout.push(data));
    child.stderr.on('data', (data: Buffer) => stderr.push(data));
    // A client that ends before it read its input breaks the pipe; its exit code tells the story.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => reject(new Error(`${name} could not be started: ${error.message}; ${clients[name].advice}`)));
    child.on('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout).toString('utf8'), stderr: Buffer.concat(stderr).toString('utf8') }),
    );
  });
}

/** Runs psql without its start-up file, quietly and unaligned, stopping at the first error. `args` come last. */
export function psql(pod: Pod, args: readonly string[], options: RunOptions & { database?: string } = {}): Promise<Ran> {
  return runClient('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...args], {
    ...options,
    environment: { ...pod.libpqEnvironment(options.database), ...options.environment },
  });
}

/** Runs a Python program text with the pod's libpq variables and BOILSTREAM_TEST_EXTENSIONS (an `extension_directory`). */
export function python(
  pod: Pod,
  program: string,
  options: RunOptions & { database?: string; args?: readonly string[] } = {},
): Promise<Ran> {
  return runClient('python', ['-c', program, ...(options.args ?? [])], {
    ...options,
    environment: { ...pod.libpqEnvironment(options.database), ...stockDuckdbEnvironment(), ...options.environment },
  });
}

/** Runs a Node program, named by its file, with the pod's libpq variables and BOILSTREAM_TEST_NODE_CLIENTS (where its packages are). */
export function nodeProgram(pod: Pod, file: URL, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const environment = { ...pod.libpqEnvironment(), BOILSTREAM_TEST_NODE_CLIENTS: nodeClientsFolder, ...options.environment };
  return runClient('node', [fileURLToPath(file), ...args], { ...options, environment });
}

/** Runs one Java source file as a program, with the JDBC driver in its class path and the pod's libpq variables. */
export function javaProgram(pod: Pod, file: URL, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const environment = { ...pod.libpqEnvironment(), ...options.environment };
  return runClient('java', ['-cp', join(jars, '*'), fileURLToPath(file), ...args], { ...options, environment });
}

/** Runs stock DuckDB's command line with a fresh home and the signed extensions where it looks for them. CSV on stdout. */
export async function duckdb(pod: Pod, sql: string, options: RunOptions & { database?: string } = {}): Promise<Ran> {
  const home = mkdtempSync(join(tmpdir(), 'boilstream-duckdb-'));
  try {
    const environment = {
      ...pod.libpqEnvironment(options.database),
      ...stockDuckdbEnvironment(),
      HOME: home,
      ...options.environment,
    };
    const setting = `SET extension_directory = '${stockExtensionDirectory()}';\n`;
    return await runClient('duckdb', ['-csv', '-bail', '-no-init'], { ...options, environment, input: setting + sql });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** The connection part of `ATTACH 'ducklake:postgres:…'` for a lake's metadata. The password comes from PGPASSFILE. */
export function ducklakeConnection(pod: Pod, lake = 'lake'): string {
  const { host, port } = pod.pgwire;
  return `host=${host} port=${port} user=${pod.user} dbname=${lake}__catalog sslmode=verify-ca sslrootcert=${pod.caPath} passfile=${pod.pgpassPath}`;
}

/** DuckDB's `extension_directory`: the folder above `v<version>/<platform>`. */
export function stockExtensionDirectory(): string {
  for (const directory of extensionDirectories()) {
    const home = directory.replace(/\/v[^/]+\/[^/]+$/, '');
    if (home !== directory && existsSync(join(directory, 'ducklake.duckdb_extension'))) return home;
  }
  throw new Error('no cache of DuckDB extensions is here: npm run setup');
}

function stockDuckdbEnvironment(): NodeJS.ProcessEnv {
  return { BOILSTREAM_TEST_EXTENSIONS: stockExtensionDirectory() };
}

/** Text of a file beside a test, e.g. a Python program. */
export function fixture(url: URL): string {
  return readFileSync(url, 'utf8');
}
