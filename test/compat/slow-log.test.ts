/** The log of slow statements of a real pod, filled by psycopg: which are in it, with what, and above all without which words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { needsClient, python } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';

const program = `
import psycopg
c = psycopg.connect(autocommit=True, application_name='reports')
n = "FROM range(200000000) r(i) WHERE mod(i, 7) = 3"
c.execute(f"SELECT /* secret-comment */ count(*) {n} AND 'secret-literal' <> $tag$secret-dollar$tag$ -- secret-line")
c.execute(f"SELECT count(*) {n} AND %s <> 'x'", ['secret-parameter'])
c.execute("SELECT 'quick' AS a_quick_one")
c.execute("SET statement_timeout = '300ms'")
try:
    c.execute("SELECT count(*) AS too_slow FROM range(30000000000) r(i) WHERE mod(i, 7) = 3")
except psycopg.errors.QueryCanceled:
    print('cancelled')
`;

test('slow statements are logged with who, how long and what, but never with a literal, a comment or a parameter', async (t) => {
  if (!needsClient(t, 'python')) return;
  const pod = await startPod({ environment: { BOILSTREAM_LOG_MIN_DURATION: '50ms' } });
  try {
    const ran = await python(pod, program);
    assert.equal(ran.stdout.trim(), 'cancelled', ran.stderr);
    const lines = (): { [name: string]: unknown }[] =>
      pod
        .log()
        .split('\n')
        .filter((line) => line.includes('"slow statement"'))
        .map((line) => JSON.parse(line));
    for (let tries = 0; lines().filter((line) => line['failed']).length === 0 && tries < 50; tries++) await sleep(50);
    const found = lines().filter((line) => /^SELECT count/.test(String(line['statement'])));
    assert.deepEqual(
      found.map(({ statement, parameters, failed }) => ({ statement, parameters, failed })),
      [
        {
          statement: 'SELECT count(*) FROM range(?) r(i) WHERE mod(i, ?) = ? AND ? <> ?',
          parameters: undefined,
          failed: undefined,
        },
        { statement: 'SELECT count(*) FROM range(?) r(i) WHERE mod(i, ?) = ? AND $1 <> ?', parameters: 1, failed: undefined },
        {
          statement: 'SELECT count(*) AS too_slow FROM range(?) r(i) WHERE mod(i, ?) = ?',
          parameters: undefined,
          failed: 'query_canceled',
        },
      ],
    );
    for (const line of found) {
      assert.deepEqual(
        [line['user'], line['database'], line['client'], line['application']],
        [pod.user, 'lake', '127.0.0.1', 'reports'],
      );
      assert.ok((line['ms'] as number) >= 50 && (line['ms'] as number) < 60_000);
    }
    assert.doesNotMatch(pod.log(), /secret-/);
    const metrics = await (await fetch(`http://${pod.metrics.host}:${pod.metrics.port}/metrics`)).text();
    assert.equal(Number(/^boilstream_slow_statements_total (\d+)/m.exec(metrics)?.[1]), lines().length);
    assert.ok(Number(/^boilstream_statement_duration_seconds_count (\d+)/m.exec(metrics)?.[1]) >= 5);
  } finally {
    await pod.stop();
  }
});
