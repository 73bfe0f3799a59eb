/** tokio-postgres, Rust's driver: built from source, so in the long tier only. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { needsClient, runClient } from '../support/clients.ts';
import { projectRoot, startPod } from '../support/pod.ts';

const buildDeadlineMs = 600_000;

test('tokio-postgres writes, reads, pipelines, copies, keeps portals and cancels', async (t) => {
  if (!needsClient(t, 'cargo')) return;
  const pod = await startPod();
  try {
    const cwd = fileURLToPath(new URL('./tokio-postgres/', import.meta.url));
    const environment = {
      ...pod.libpqEnvironment(),
      PGHOST: 'localhost',
      CARGO_TARGET_DIR: join(projectRoot, '.cache', 'cargo'),
    };
    const ran = await runClient('cargo', ['run', '--quiet'], { cwd, environment, deadlineMs: buildDeadlineMs });
    assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
  } finally {
    await pod.stop();
  }
});
