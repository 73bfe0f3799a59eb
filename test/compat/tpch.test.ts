/** The main job on real input: TPC-H goes in by COPY over the wire, and every answer is DuckDB's, value by value. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { benchClients, benchTarget } from '../support/bench-target.ts';
import { needsClient, runClient, stockExtensionDirectory } from '../support/clients.ts';
import { projectRoot, startPod } from '../support/pod.ts';
import { isLong } from '../support/tier.ts';

const scale = isLong ? '1' : '0.01';

test(`the 22 TPC-H queries at scale ${scale} give DuckDB's answers in text and binary`, async (t) => {
  if (!needsClient(t, 'python')) return;
  const pod = await startPod();
  t.after(() => pod.stop());
  const ran = await runClient(
    'python',
    [join(benchClients, 'tpch.py'), '--target', benchTarget(pod), '--sf', scale, '--load', '--check'],
    {
      environment: {
        ...process.env,
        BOILSTREAM_TEST_EXTENSIONS: stockExtensionDirectory(),
        BOILSTREAM_TPCH_CACHE: join(projectRoot, '.cache', 'tpch'),
      },
      deadlineMs: isLong ? 1_200_000 : 240_000,
    },
  );
  const last = ran.stdout.trim().split('\n').at(-1) ?? '';
  assert.ok(last.startsWith('{"queries"'), `the client did not get to its answers:\n${ran.stdout}\n${ran.stderr}\n${pod.log()}`);
  assert.deepEqual(JSON.parse(last), { queries: 22, formats: 2, wrong: {} });
  assert.equal(ran.code, 0);
});
