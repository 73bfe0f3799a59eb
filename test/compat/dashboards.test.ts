/** What dashboards ask the catalog, in the words their own drivers send, with the answers they need. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, needsClient, python } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';

for (const tool of ['metabase', 'grafana']) {
  test(`what ${tool} asks finds tables, columns, comments and rights`, async (t) => {
    if (!needsClient(t, 'python')) return;
    const pod = await startPod();
    try {
      const ran = await python(pod, fixture(new URL('./dashboards.py', import.meta.url)), { args: [tool] });
      assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
    } finally {
      await pod.stop();
    }
  });
}
