/** pgx, Go's driver, in each of its ways to send a query: built from source, so in the long tier only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { needsClient, runClient } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';

const buildDeadlineMs = 600_000;

test('pgx writes, reads, copies, nests transactions and cancels', async (t) => {
  if (!needsClient(t, 'go')) return;
  const pod = await startPod();
  try {
    const cwd = fileURLToPath(new URL('./pgx/', import.meta.url));
    const environment = { ...pod.libpqEnvironment(), PGSSLMODE: 'verify-full', GOFLAGS: '-mod=readonly' };
    const ran = await runClient('go', ['run', '.'], { cwd, environment, deadlineMs: buildDeadlineMs });
    assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
  } finally {
    await pod.stop();
  }
});
