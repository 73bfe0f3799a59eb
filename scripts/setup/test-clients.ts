/**
 * Makes `.cache/venv`, a Python environment with the pinned clients of requirements.txt: stock DuckDB (package and command
 * line), psycopg, asyncpg, pg8000, pyarrow; and `.cache/node-clients` with those of node-clients/package.json, which are
 * no dependencies of the product. psql and pgbench come from the system (Debian: postgresql-client). Where Maven is
 * installed, `.cache/jars` gets the JDBC driver; without it the tests of JDBC are listed as not run.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const venv = join(root, '.cache', 'venv');
const nodeClients = join(root, '.cache', 'node-clients');
const jars = join(root, '.cache', 'jars');
const stepDeadlineMs = 900_000;
const jdbcDriver = 'org.postgresql:postgresql:42.7.14';

/** Throws, saying what to install, when Python, npm or a package is not to be had. Java's clients are only tried for. */
export async function setUpTestClients(): Promise<void> {
  process.stderr.write('boilstream: making the Python environment of the test clients (.cache/venv) …\n');
  if (!existsSync(join(venv, 'bin', 'python'))) {
    rmSync(venv, { recursive: true, force: true });
    must(
      'python3',
      ['-m', 'venv', venv],
      'install Python 3.10 or newer with its venv module (Debian: apt-get install python3-venv)',
    );
  }
  const requirements = fileURLToPath(new URL('./requirements.txt', import.meta.url));
  must(
    join(venv, 'bin', 'python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements],
    'is PyPI within reach?',
  );
  setUpNodeClients();
  setUpJdbc();
}

function setUpNodeClients(): void {
  process.stderr.write('boilstream: installing the Node test clients (.cache/node-clients) …\n');
  mkdirSync(nodeClients, { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(fileURLToPath(new URL(`./node-clients/${name}`, import.meta.url)), join(nodeClients, name));
  // npm tells the scripts it starts where it is; its own file runs on any Node.
  const own = process.env['npm_execpath'];
  const [program, ...before] = own?.endsWith('.js') ? [process.execPath, own] : [platform() === 'win32' ? 'npm.cmd' : 'npm'];
  const args = [...before, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  must(program as string, args, 'is the npm registry within reach?', nodeClients);
}

function setUpJdbc(): void {
  const args = ['-q', '-B', 'dependency:copy', `-Dartifact=${jdbcDriver}`, `-DoutputDirectory=${jars}`];
  rmSync(jars, { recursive: true, force: true });
  const done = spawnSync('mvn', args, { cwd: root, stdio: 'ignore', timeout: stepDeadlineMs });
  if (done.status !== 0) process.stderr.write('boilstream: no JDBC driver (it takes Java and Maven): its tests will not run\n');
}

function must(program: string, args: readonly string[], advice: string, cwd = root): void {
  const done = spawnSync(program, args, { cwd, stdio: ['ignore', 2, 2], timeout: stepDeadlineMs });
  if (done.status === 0) return;
  throw new Error(`${program} ${args.slice(0, 3).join(' ')} failed${done.error ? ` (${done.error.message})` : ''}: ${advice}`);
}
