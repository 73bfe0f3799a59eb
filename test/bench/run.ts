/**
 * `npm run bench [-- --only point,fetch,ingest,catalog,tpch,lake,start --rounds 3]`: a pod and PostgreSQL side by side on this machine,
 * interleaved in every round; ratios count, not absolutes. Each part's measurements lie in `.cache/bench/<part>.jsonl`;
 * docs/benchmarks.md is written anew from all that are there. Exits 1 when something that must hold does not.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, cpus, homedir, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { duckdbVersion } from '../../server/engine/extension-pins.ts';
import { runBenchClient } from '../support/bench-client.ts';
import { benchTarget } from '../support/bench-target.ts';
import { type Pod, projectRoot, startPod } from '../support/pod.ts';
import { judge, type Measurement, toMarkdown } from './report.ts';

const parts = ['point', 'fetch', 'ingest', 'catalog', 'tpch', 'lake', 'start'] as const;
type Part = (typeof parts)[number];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    sf: { type: 'string', default: '1' },
    'no-write': { type: 'boolean', default: false },
  },
});
const chosen = values.only === undefined ? [...parts] : (values.only.split(',') as Part[]);
for (const part of chosen) if (!parts.includes(part)) throw new Error(`no part is called ${part}: ${parts.join(', ')}`);
const results = join(projectRoot, '.cache', 'bench');
mkdirSync(results, { recursive: true });

for (const part of chosen) {
  process.stderr.write(`\n── ${part}\n`);
  const out = join(results, `${part}.jsonl`);
  rmSync(out, { force: true });
  if (part === 'start') await measureStart(out);
  else if (part === 'tpch')
    await withPod((pod) => client('tpch', ['--target', benchTarget(pod), '--sf', values.sf, '--load', '--check', '--time'], out));
  else if (part === 'lake') await withPod((pod) => client('lake_point', ['--target', benchTarget(pod)], out));
  else
    await withPod((pod) =>
      withPostgres((postgres) =>
        client(part === 'catalog' ? part : `pg_${part}`, ['--target', postgres, '--target', benchTarget(pod)], out),
      ),
    );
}

const measurements = parts
  .map((part) => join(results, `${part}.jsonl`))
  .filter((file) => existsSync(file))
  .flatMap((file) =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Measurement),
  );
const judged = judge(measurements);
const page = `${preamble(measurements)}\n${toMarkdown(judged)}\n`;
if (values['no-write']) process.stdout.write(page);
else writeFileSync(join(projectRoot, 'docs', 'benchmarks.md'), page);
const missed = judged.filter((row) => row.holds === false);
process.stdout.write(
  `${judged.filter((row) => row.holds === true).length} of what must hold holds, ${missed.length} missed${missed.map((row) => `\n  ${row.goal.label}`).join('')}\n`,
);
process.exit(missed.length === 0 ? 0 : 1);

async function withPod(work: (pod: Pod) => Promise<void> | void): Promise<void> {
  const pod = await startPod({ launched: true });
  try {
    await work(pod);
  } catch (error) {
    process.stderr.write(`   the pod's log is in ${join(results, 'pod.log')}\n`);
    throw error;
  } finally {
    writeFileSync(join(results, 'pod.log'), pod.log());
    await pod.stop();
  }
}

function client(name: string, args: readonly string[], out: string): Promise<void> {
  return runBenchClient(name, [...args, '--rounds', values.rounds, '--out', out]);
}

/** A PostgreSQL of our own on a free port, as a `--target`. Its data stay in PEERS_HOME for the next run. */
async function withPostgres(work: (target: string) => Promise<void> | void): Promise<void> {
  // Root's own cache folder is closed to the user that PostgreSQL must run as.
  const fallback =
    process.getuid?.() === 0
      ? '/var/tmp/boilstream-bench-peers'
      : join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'boilstream-bench-peers');
  const home = process.env['PEERS_HOME'] ?? fallback;
  const port = await freePort();
  const child = spawn(join(projectRoot, 'test/bench/peers/postgres/start.sh'), [], {
    env: { ...process.env, PEERS_HOME: home, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  process.on('exit', () => child.kill('SIGINT'));
  const folder = join(home, 'postgres');
  const settings = {
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: 'bench',
    PGDATABASE: 'bench',
    PGPASSFILE: join(folder, 'pgpass'),
  };
  for (
    let waited = 0;
    spawnSync('psql', ['-Xqc', 'SELECT 1'], { env: { ...process.env, ...settings }, stdio: 'ignore' }).status !== 0;
    waited++
  ) {
    if (child.exitCode !== null || waited > 120) throw new Error(`PostgreSQL did not start:\n${said.join('')}`);
    await sleep(500);
  }
  try {
    await work(
      `name=postgres;host=127.0.0.1;port=${port};user=bench;db=bench;passfile=${settings.PGPASSFILE};sslrootcert=${join(folder, 'ca.pem')};pid=${child.pid}`,
    );
  } finally {
    child.kill('SIGINT');
    await ended(child);
  }
}

/** Times `npm start` as a person runs it, and weighs the pod when nobody asks it anything. */
async function measureStart(out: string): Promise<void> {
  const record = (metric: string, round: number, value: number): void =>
    appendFileSync(
      out,
      `${JSON.stringify({ script: 'start', target: 'boilstream', metric, round, value, load1: loadavg()[0] as number } satisfies Measurement & { round: number })}\n`,
    );
  // What has to be done once (compiling) is not part of a start.
  const prepared = spawnSync(process.execPath, [join(projectRoot, 'scripts/run.mjs'), 'start', '--version'], {
    encoding: 'utf8',
  });
  if (prepared.status !== 0) throw new Error(`npm start cannot run: ${prepared.stderr}`);
  for (let round = 0; round < Math.max(3, Number(values.rounds)); round++) {
    const folder = mkdtempSync(join(tmpdir(), 'boilstream-bench-'));
    try {
      const first = await runNpmStart(folder, 0);
      record('ready_first', round, first.readyMs);
      const again = await runNpmStart(folder, 10_000);
      record('ready_again', round, again.readyMs);
      record('idle_memory', round, again.residentMb);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Milliseconds from starting npm to the ready file, and what the pod weighs after `idleMs` in which nobody asks it anything. */
async function runNpmStart(dataDir: string, idleMs: number): Promise<{ readyMs: number; residentMb: number }> {
  const readyFile = join(dataDir, 'bench-ready.json');
  const started = performance.now();
  const child = spawn('npm', ['start', '--silent'], {
    cwd: projectRoot,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      BOILSTREAM_DATA_DIR: dataDir,
      BOILSTREAM_READY_FILE: readyFile,
      BOILSTREAM_PGWIRE_PORT: '0',
      BOILSTREAM_AUTH_PORT: '0',
      BOILSTREAM_METRICS_PORT: '0',
    },
  });
  const over = ended(child);
  const said: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null || performance.now() - started > 60_000)
      throw new Error(`npm start did not get ready: ${said.join('')}`);
    await sleep(5);
  }
  const readyMs = Math.round(performance.now() - started);
  rmSync(readyFile);
  await sleep(idleMs);
  const pid = readFileSync(join(dataDir, 'pod.lock'), 'utf8').split(' ')[0];
  const residentMb = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000;
  process.kill(-(child.pid as number), 'SIGTERM');
  await over;
  return { readyMs, residentMb };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What was measured, on what, how to read it. */
function preamble(rows: readonly Measurement[]): string {
  const loads = rows.flatMap((row) => (row.load1 === undefined ? [] : [row.load1]));
  const said = (program: string, args: readonly string[]): string => {
    try {
      return execFileSync(program, args, { encoding: 'utf8', cwd: projectRoot }).trim();
    } catch {
      return 'unknown';
    }
  };
  const postgres =
    /\d+\.\d+/.exec(said('bash', ['-c', '$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)/postgres --version']))?.[0] ??
    '15';
  return `# Benchmarks

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)} at commit \`${said('git', ['rev-parse', '--short', 'HEAD'])}\`; not edited by hand.

* Machine: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB of memory, Linux ${release()}; clients and servers share it.
* Ours: one pod, embedded default, Node ${process.versions.node}, DuckDB ${duckdbVersion.slice(1)}. Peer: PostgreSQL ${postgres} (\`shared_buffers\` 1 GB, \`work_mem\` 128 MB), fsync on.
  For TPC-H the peer is DuckDB ${duckdbVersion.slice(1)} inside the client's process, on the same Parquet files. What a DuckLake client does is done by a stock
  DuckDB ${duckdbVersion.slice(1)} with either server as its catalog, data files on the same disk. Clients: libpq by psycopg, pgbench; TLS on for both servers.
* Each round measures one server right after the other. Shown are medians of ${values.rounds} rounds (least–most). Wall time moves with whatever
  else the machine does; the ratio and the server's CPU seconds hardly do: read those. Load average meanwhile: ${Math.min(...loads).toFixed(1)}–${Math.max(...loads).toFixed(1)}.
`;
}
