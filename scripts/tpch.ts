/**
 * `npm run tpch -- [--sf 1] [--rounds 3] [--data-dir DIR]`: loads TPC-H into a lake over the PostgreSQL wire by COPY, checks
 * that the 22 answers equal DuckDB's on the same data, and times each query against DuckDB on the same Parquet files. Starts
 * a pod of its own, in a temporary folder unless given one; the lake stays in a folder that was given.
 */
import { parseArgs } from 'node:util';
import { runBenchClient } from '../test/support/bench-client.ts';
import { benchTarget } from '../test/support/bench-target.ts';
import { startPod } from '../test/support/pod.ts';

const { values } = parseArgs({
  options: { sf: { type: 'string', default: '1' }, 'data-dir': { type: 'string' }, rounds: { type: 'string', default: '3' } },
});
const dataDir = values['data-dir'];
const pod = await startPod({ launched: true, ...(dataDir === undefined ? {} : { dataDir }) });
try {
  const args = ['--target', benchTarget(pod), '--sf', values.sf, '--rounds', values.rounds];
  await runBenchClient('tpch', [...args, '--load', '--check', '--time']);
} catch (error) {
  process.stderr.write(`${pod.log()}\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await pod.stop();
}
