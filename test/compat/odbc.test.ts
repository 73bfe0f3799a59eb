/** psqlODBC through Python's pyodbc, in each of its ways to send a query, and what it asks the catalog. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, needsClient, odbcDriver, python } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';

test('psqlODBC writes, reads, looks at the schema and branches on errors', async (t) => {
  if (!needsClient(t, 'odbc')) return;
  const pod = await startPod();
  try {
    const ran = await python(pod, fixture(new URL('./odbc.py', import.meta.url)), { args: [odbcDriver] });
    assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
  } finally {
    await pod.stop();
  }
});
