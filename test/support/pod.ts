/**
 * Starts a real pod for a test: server/main.ts in a process of its own, on free ports, in a temporary data directory.
 * What it knows of the pod is its public face: environment, ready file, and the files it writes into the data directory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface PodOptions {
  /** Run in this folder (a restart) instead of a new temporary one; it is then left in place by `stop`. */
  readonly dataDir?: string;
  /** More BOILSTREAM_* variables. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly readyDeadlineMs?: number;
  /** Flags of the command line after `serve`. */
  readonly flags?: readonly string[];
  /** Flags of Node before the file, e.g. `--expose-gc`. */
  readonly nodeFlags?: readonly string[];
  /** As `npm start` runs it: compiled. Tests run the sources, so that a change needs no build; what is measured is what people run. */
  readonly launched?: boolean;
  /** A command that runs its arguments as the same process, e.g. `unshare …`. */
  readonly through?: readonly string[];
}

export interface Pod {
  readonly pid: number;
  readonly dataDir: string;
  readonly pgwire: Address;
  readonly auth: Address;
  readonly metrics: Address;
  /** From spawning to the ready file, milliseconds. */
  readonly readyMs: number;
  /** CPU time of the process until then, milliseconds; what a busy machine does not stretch. NaN off Linux. */
  readonly readyCpuMs: number;
  /** The superadmin's login name and password. */
  readonly user: string;
  readonly password: string;
  readonly caPath: string;
  readonly pgpassPath: string;
  /** libpq's variables for this pod, password by file: hand them to psql, pgbench or psycopg. */
  libpqEnvironment(database?: string): NodeJS.ProcessEnv;
  /** Everything the pod wrote to stdout and stderr so far (the last 4 MB of it). */
  log(): string;
  /** Sends the signal, waits for the end (SIGKILL after the deadline), removes a temporary data directory. After `kill`: only the last. */
  stop(options?: {
    signal?: NodeJS.Signals;
    keepData?: boolean;
    deadlineMs?: number;
  }): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** kill -9, then waits for the process to be gone. The data directory stays. */
  kill(): Promise<void>;
  /** Resolves when the process ends by itself. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const logBytesMax = 4 << 20;

/** Starts a pod and resolves when it is ready. Throws with the pod's log when it ends or takes too long before that. */
export async function startPod(options: PodOptions = {}): Promise<Pod> {
  const temporary = options.dataDir === undefined;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'boilstream-test-'));
  const readyFile = join(dataDir, `ready-${process.pid}-${process.hrtime.bigint()}.json`);
  const started = performance.now();
  const [program = process.execPath, ...before] = [...(options.through ?? []), process.execPath];
  const child = spawn(
    program,
    [
      ...before,
      ...(options.nodeFlags ?? []),
      '--disable-warning=ExperimentalWarning',
      ...(options.launched === true ? [join(projectRoot, 'scripts/run.mjs'), 'start'] : [join(projectRoot, 'server/main.ts')]),
      'serve',
      ...(options.flags ?? []),
    ],
    {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...podEnvironment(), BOILSTREAM_DATA_DIR: dataDir, BOILSTREAM_READY_FILE: readyFile, ...options.environment },
    },
  );
  const output = collect(child);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.on('exit', (code, signal) => resolve({ code, signal })),
  );
  // A test that fails half-way must not leave its pod behind.
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.on('exit', killAtExit);
  void exited.then(() => process.off('exit', killAtExit));

  const ready = await waitForReady(child, readyFile, started + (options.readyDeadlineMs ?? 30_000), exited, output);
  const readyMs = performance.now() - started;
  const readyCpuMs = cpuMsOf(child.pid as number);
  rmSync(readyFile, { force: true });
  const read = (name: string): string => readFileSync(join(dataDir, name), 'utf8').trim();
  const address = (name: string): Address => {
    const listener = ready[name];
    if (!listener) throw new Error(`the ready file names no ${name} listener: ${JSON.stringify(ready)}`);
    return listener;
  };
  const stop: Pod['stop'] = async ({ signal = 'SIGTERM', keepData = false, deadlineMs = 30_000 } = {}) => {
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    const how = await exited;
    clearTimeout(late);
    if (temporary && !keepData) rmSync(dataDir, { recursive: true, force: true });
    return how;
  };
  const pod: Pod = {
    pid: child.pid as number,
    dataDir,
    pgwire: address('pgwire'),
    get auth() {
      return address('auth');
    },
    get metrics() {
      return address('metrics');
    },
    readyMs,
    readyCpuMs,
    user: options.environment?.['BOILSTREAM_SUPERADMIN_EMAIL'] ?? 'admin@localhost',
    get password() {
      return read('superadmin-password');
    },
    caPath: join(dataDir, 'ca.pem'),
    pgpassPath: join(dataDir, 'pgpass'),
    libpqEnvironment(database = 'lake') {
      const { host, port } = address('pgwire');
      return {
        ...process.env,
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: pod.user,
        PGDATABASE: database,
        PGPASSFILE: pod.pgpassPath,
        PGSSLMODE: 'verify-ca',
        PGSSLROOTCERT: pod.caPath,
        PGCONNECT_TIMEOUT: '20',
      };
    },
    log: () => output.join(''),
    stop,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    exited,
  };
  return pod;
}

/** The test's own environment without settings of some other pod, and every port free to choose. */
function podEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('BOILSTREAM_') || name === 'BOILSTREAM_EXTENSION_DIR'),
  );
  // The runner marks its children, and a pod is not a test.
  delete inherited['NODE_TEST_CONTEXT'];
  return {
    ...inherited,
    UV_THREADPOOL_SIZE: '64',
    NODE_COMPILE_CACHE: join(projectRoot, '.cache', 'compiled'),
    BOILSTREAM_PGWIRE_PORT: '0',
    BOILSTREAM_AUTH_PORT: '0',
    BOILSTREAM_METRICS_PORT: '0',
    BOILSTREAM_BIND_HOST: '127.0.0.1',
  };
}

/** User and system time of a process in milliseconds, from Linux's count of hundredths. */
function cpuMsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}

function collect(child: ChildProcess): string[] {
  const parts: string[] = [];
  let bytes = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      parts.push(text);
      bytes += text.length;
      while (bytes > logBytesMax) bytes -= (parts.shift() as string).length;
    });
  }
  return parts;
}

async function waitForReady(
  child: ChildProcess,
  readyFile: string,
  deadline: number,
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>,
  output: readonly string[],
): Promise<Record<string, Address>> {
  let over: string | undefined;
  void exited.then(({ code, signal }) => (over = `the pod ended before it was ready (${signal ?? `exit code ${code}`})`));
  child.on('error', (error) => (over = `the pod could not be started: ${error.message}`));
  for (;;) {
    // The file is written whole (made beside and renamed), but its existence is all that is promised to a poller.
    if (existsSync(readyFile)) {
      const text = readFileSync(readyFile, 'utf8');
      if (text.trim().endsWith('}')) return JSON.parse(text) as Record<string, Address>;
    }
    if (performance.now() > deadline) {
      over ??= 'the pod was not ready in time';
      child.kill('SIGKILL');
      await exited; // its data directory is free when the caller hears of this
    }
    if (over) throw new Error(`${over}; its log:\n${output.join('')}`);
    await sleep(10);
  }
}
