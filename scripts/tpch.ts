/**
 * `npm run tpch -- [--sf 1] [--data-dir DIR]`: loads TPC-H into a lake over the PostgreSQL wire by COPY, checks that the
 * 22 answers equal DuckDB's on the same data, and times them. Starts a pod of its own, in a temporary folder unless given one.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchClients, benchTarget } from '../test/support/bench-target.ts';
import { stockExtensionDirectory } from '../test/support/clients.ts';
import { projectRoot, startPod } from '../test/support/pod.ts';

const { values } = parseArgs({
  options: { sf: { type: 'string', default: '1' }, 'data-dir': { type: 'string' }, rounds: { type: 'string', default: '3' } },
});
const pod = await startPod(values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] });
let status: number | null = 1;
try {
  const args = ['--target', benchTarget(pod), '--sf', values.sf, '--rounds', values.rounds, '--load', '--check', '--time'];
  const done = spawnSync(join(projectRoot, '.cache', 'venv', 'bin', 'python'), [join(benchClients, 'tpch.py'), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      BOILSTREAM_TEST_EXTENSIONS: stockExtensionDirectory(),
      BOILSTREAM_TPCH_CACHE: join(projectRoot, '.cache', 'tpch'),
    },
  });
  status = done.status;
  if (status !== 0) process.stderr.write(pod.log());
} finally {
  await pod.stop();
}
process.exit(status ?? 1);
