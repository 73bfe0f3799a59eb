/**
 * dbt with its PostgreSQL adapter: a table, a view and an incremental model, twice, with tests and documentation. In the
 * long tier because its environment (.cache/dbt) takes a minute to install.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clientProgram, needsClient, psql, runClient } from '../support/clients.ts';
import { projectRoot, startPod } from '../support/pod.ts';

/** The last line of versions that are plain Python packages. */
const packages = ['dbt-core==1.10.23', 'dbt-postgres==1.10.2'];
const home = join(projectRoot, '.cache', 'dbt');

test('dbt debug, run, run again, test and docs generate', async (t) => {
  if (!needsClient(t, 'psql') || !needsDbt(t)) return;
  const pod = await startPod();
  const project = mkdtempSync(join(tmpdir(), 'boilstream-dbt-'));
  try {
    cpSync(fileURLToPath(new URL('./dbt/', import.meta.url)), project, { recursive: true });
    const environment = {
      ...pod.libpqEnvironment(),
      PGHOST: 'localhost',
      DBT_ENV_SECRET_PASSWORD: pod.password,
      DBT_PROFILES_DIR: project,
      DO_NOT_TRACK: '1',
    };
    const run = async (...args: string[]): Promise<void> => {
      const ran = await runClient('dbt', ['--no-use-colors', ...args], { cwd: project, environment });
      assert.equal(ran.code, 0, `dbt ${args.join(' ')}: ${ran.stdout}\n${ran.stderr}\n${pod.log()}`);
    };
    await run('debug');
    await run('run');
    // The second run finds all three and replaces, renames or appends.
    await run('run');
    await run('test');
    await run('docs', 'generate');
    const counts = await psql(pod, [
      '-Atc',
      `SELECT (SELECT count(*) FROM modelled.numbers), (SELECT count(*) FROM modelled.kinds), (SELECT count(*) FROM modelled.growing),
         obj_description('modelled.numbers'::regclass)`,
    ]);
    assert.equal(counts.stdout.trim(), '1000|7|286|a thousand numbers', counts.stderr);
    const catalog = JSON.parse(readFileSync(join(project, 'target', 'catalog.json'), 'utf8')) as {
      errors: unknown;
      nodes: Record<string, { metadata: { type: string; comment: string | null }; columns: Record<string, { type: string }> }>;
    };
    assert.equal(catalog.errors, null);
    const seen = Object.fromEntries(
      Object.entries(catalog.nodes).map(([name, { metadata, columns }]) => [
        name,
        [metadata.type, ...Object.entries(columns).map(([column, { type }]) => `${column} ${type}`)],
      ]),
    );
    assert.deepEqual(seen, {
      'model.lake.growing': ['BASE TABLE', 'id bigint', 'kind bigint'],
      'model.lake.kinds': ['VIEW', 'kind bigint', 'times bigint'],
      'model.lake.numbers': ['BASE TABLE', 'id bigint', 'kind bigint'],
    });
    assert.equal(catalog.nodes['model.lake.numbers']?.metadata.comment, 'a thousand numbers');
  } finally {
    await pod.stop();
    rmSync(project, { recursive: true, force: true });
  }
});

/** True when dbt is here or could be installed; else the test is skipped, or fails under CI=true. */
function needsDbt(t: TestContext): boolean {
  if (existsSync(clientProgram('dbt'))) return true;
  try {
    execFileSync('python3', ['-m', 'venv', home], { stdio: 'pipe' });
    execFileSync(join(home, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...packages], {
      stdio: 'pipe',
      timeout: 600_000,
    });
    return true;
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    const text = `dbt could not be installed: ${(error as Error).message.slice(0, 300)}`;
    if (process.env['CI'] === 'true') throw new Error(text);
    t.skip(text);
    return false;
  }
}
