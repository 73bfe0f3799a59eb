/** Many idle sessions in one pod, over TLS with node-postgres: each was asked something, each still answers, and none costs much. 10,000 in the long tier. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clientProgram, needsClient, nodeClientsFolder, psql } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';
import { isLong, scaled } from '../support/tier.ts';

/** After these milliseconds at most an idle session has given back its engine connection (protocols/pgwire/limits.ts, twice `restMs`). */
const restMs = 30_000;
/** With few sessions what the process takes for all of them weighs more. */
const kibibytesMax = scaled(512, 128);

test(`${scaled(300, 10_000)} idle sessions are held, answer again, and take less than ${kibibytesMax} KiB each`, async (t) => {
  if (!needsClient(t, 'node') || !needsClient(t, 'psql')) return;
  const count = scaled(300, 10_000);
  const pod = await startPod({ environment: { BOILSTREAM_PGWIRE_MAX_CONNECTIONS: '12000' } });
  const residentKib = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pod.pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
  const sessions = async (): Promise<number> => {
    const text = await (await fetch(`http://${pod.metrics.host}:${pod.metrics.port}/metrics`)).text();
    return Number(/^boilstream_pgwire_sessions (\d+)/m.exec(text)?.[1] ?? Number.NaN);
  };
  try {
    const seen = await psql(pod, ['-Atc', 'CREATE TABLE idle_seen AS SELECT 1 AS i FROM range(3)']);
    assert.equal(seen.code, 0, seen.stderr);
    const before = residentKib();
    const child = spawn(clientProgram('node'), [fileURLToPath(new URL('./idle-sessions.mjs', import.meta.url)), String(count)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...pod.libpqEnvironment(), BOILSTREAM_TEST_NODE_CLIENTS: nodeClientsFolder },
    });
    let complaints = '';
    child.stderr.on('data', (data) => {
      complaints += data;
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const said = async (line: string): Promise<void> => {
      const { value } = await lines.next();
      assert.equal(value, line, `${complaints}\n${pod.log().slice(-4000)}`);
    };
    await said('open');
    assert.equal(await sessions(), count);
    if (isLong) await sleep(restMs + 5_000);
    const each = (residentKib() - before) / count;
    t.diagnostic(`${each.toFixed(0)} KiB for each of ${count} idle sessions`);
    assert.ok(each < kibibytesMax, `${each.toFixed(0)} KiB per session`);
    child.stdin.write('ask\n');
    await said('answered, 0 gone');
    child.stdin.end('close\n');
    await said('closed');
    for (let tries = 0; (await sessions()) > 0 && tries < 50; tries++) await sleep(100);
    assert.equal(await sessions(), 0, 'those that left are not counted any more');
  } finally {
    await pod.stop();
  }
});
