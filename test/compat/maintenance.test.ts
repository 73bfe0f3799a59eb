/** Background maintenance seen from outside: what it does to a lake that psql and a stock DuckDB write, and what they notice of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ducklakeConnection, duckdb, needsClient, psql } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';

/** The value of a sample; 0 when there is none yet. */
async function metric(pod: Pod, sample: string): Promise<number> {
  const text = await (await fetch(`http://${pod.metrics.host}:${pod.metrics.port}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** Waits until a sample is at least `least`. */
async function reaches(pod: Pod, sample: string, least: number): Promise<void> {
  for (let waited = 0; (await metric(pod, sample)) < least; waited += 100) {
    assert.ok(waited < 30_000, `${sample} is ${await metric(pod, sample)}, not ${least}:\n${pod.log()}`);
    await sleep(100);
  }
}

describe('background maintenance', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod({ environment: { BOILSTREAM_MAINTENANCE_INTERVAL: '500ms', BOILSTREAM_FLUSH_AFTER: '0s' } });
  });
  after(() => pod.stop());

  async function inPsql(sql: string): Promise<string> {
    const ran = await psql(pod, ['-At'], { input: sql });
    assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${pod.log()}`);
    return ran.stdout.trim();
  }

  test('moves inlined rows into files; rows and older snapshots stay as they were', async (t) => {
    if (!needsClient(t, 'psql') || !needsClient(t, 'duckdb')) return;
    await inPsql("CREATE TABLE trickle (i INTEGER, s VARCHAR); INSERT INTO trickle VALUES (1, 'a'), (2, 'b');");
    const before = await metric(pod, 'boilstream_maintenance_flushed_rows_total');
    await inPsql("INSERT INTO trickle VALUES (3, 'c'); UPDATE trickle SET s = 'B' WHERE i = 2;");
    await reaches(pod, 'boilstream_maintenance_flushed_rows_total', Math.max(before, 3));
    assert.equal(await inPsql('SELECT * FROM trickle ORDER BY i'), '1|a\n2|B\n3|c');
    const attach = `ATTACH 'ducklake:postgres:${ducklakeConnection(pod)}' AS lake;\n`;
    const ran = await duckdb(
      pod,
      `${attach}SELECT count(*) AS n, string_agg(s, '' ORDER BY i) AS s FROM lake.trickle AT (VERSION => 2);`,
    );
    assert.equal(ran.stdout.trim().replaceAll('\r', ''), 'n,s\n2,ab', ran.stderr);
  });
});
