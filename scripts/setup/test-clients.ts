/**
 * Makes `.cache/venv`, a Python environment with the pinned clients of requirements.txt: stock DuckDB (package and command
 * line), psycopg, asyncpg, pg8000, pyarrow. psql and pgbench come from the system (Debian: postgresql-client).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const venv = join(root, '.cache', 'venv');
const stepDeadlineMs = 900_000;

/** Throws, saying what to install, when Python or a package is not to be had. */
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
}

function must(program: string, args: readonly string[], advice: string): void {
  const done = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2], timeout: stepDeadlineMs });
  if (done.status === 0) return;
  throw new Error(`${program} ${args.slice(0, 3).join(' ')} failed${done.error ? ` (${done.error.message})` : ''}: ${advice}`);
}
