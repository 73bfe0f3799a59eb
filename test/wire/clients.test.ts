/** Real clients against the wire alone, over TLS and SCRAM (the drivers of the whole product are in test/compat). */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';
import { needsClient, runClient } from '../support/clients.ts';
import { startWireServer, testPassword } from '../support/wire-server.ts';

const server = await startWireServer({ plainAllowed: false });
after(() => server.close());
const conninfo = `host=127.0.0.1 port=${server.options.port} user=tester dbname=test sslmode=require`;
const environment = { ...process.env, PGPASSWORD: testPassword };

test('psycopg reads and writes every kind of value, COPY, pipelines, cancels', async (t) => {
  if (!needsClient(t, 'python')) return;
  const ran = await runClient('python', [fileURLToPath(new URL('./driver.py', import.meta.url)), conninfo], { environment });
  assert.equal(ran.stdout.trim(), 'ok', ran.stderr);
});

test('psql prints results, copies in from its input, and binds the channel', async (t) => {
  if (!needsClient(t, 'psql')) return;
  const script = `CREATE TABLE p (a text);\n\\copy p from stdin\none\ntwo\n\\.\nSELECT count(*) FROM p;\nSELECT '{}'::json, [1,2], interval '1 day';\n\\copy (select a from p order by 1) to stdout\n`;
  const ran = await runClient('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', `${conninfo} channel_binding=require`, '-f', '-'], {
    environment,
    input: script,
  });
  assert.equal(ran.stderr, '');
  assert.deepEqual(ran.stdout.trim().split('\n'), ['2', '{}|{1,2}|1 day', 'one', 'two']);
});
