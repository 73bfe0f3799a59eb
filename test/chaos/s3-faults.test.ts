/**
 * A pod on an S3 that loses answers, refuses with 409, 500 and 503, and is slow, killed in between: the same promise as on a
 * disk. The S3 is in this process, so the faults are seeded; it outlives the pod, as S3 does.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Pod, startPod } from '../support/pod.ts';
import { type S3Fault, S3Server } from '../support/s3-server.ts';
import { scaled } from '../support/tier.ts';
import { WireClient, wireOptionsOf } from '../support/wire-client.ts';
import { randomFrom } from './random.ts';

const seed = Number(process.env['S3_SEED'] ?? 20_261_122);
const kills = scaled(3, 30);
const writers = 3;

/** Seven requests in a hundred go wrong, each kind in its share. */
const faults: ReadonlyArray<readonly [number, S3Fault]> = [
  [0.01, { t: 'lost-answer' }],
  [0.01, { t: 'status-after', status: 500, code: 'InternalError' }],
  [0.01, { t: 'status', status: 503, code: 'SlowDown' }],
  [0.01, { t: 'status', status: 409, code: 'ConditionalRequestConflict' }],
  [0.01, { t: 'cut' }],
  [0.02, { t: 'delay', delayMs: 150 }],
];

test(`${kills} kills on an S3 with faults: nothing acknowledged is lost, nothing is there twice (seed ${seed})`, {
  timeout: kills * 60_000 + 120_000,
}, async (t) => {
  const server = await S3Server.start(['lakes']);
  const dataDir = mkdtempSync(join(tmpdir(), 'boilstream-s3-'));
  const keys = join(dataDir, 'key');
  writeFileSync(keys, 'test-key\n');
  const environment = {
    BOILSTREAM_STORAGE_URL: 's3://lakes/pre/fix',
    BOILSTREAM_S3_ENDPOINT: server.endpoint,
    BOILSTREAM_S3_REGION: 'us-east-1',
    BOILSTREAM_S3_PATH_STYLE: 'true',
    BOILSTREAM_S3_ACCESS_KEY_PATH: keys,
    BOILSTREAM_S3_SECRET_KEY_PATH: keys,
  };
  let pod: Pod = await startPod({ dataDir, environment });
  t.after(async () => {
    await pod.kill();
    await server.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const setUp = await WireClient.logIn(wireOptionsOf(pod));
  await setUp.rows('CREATE TABLE kept (writer INTEGER, n INTEGER)');
  await setUp.close();

  const chance = randomFrom(seed);
  let met = 0;
  const isLog = (key: string): boolean => key.includes('/catalog/');
  const breakSome = (): void => {
    server.fault = ({ key }) => {
      // Data files are DuckDB's own requests, with its own retries; the promise here is the log's.
      if (!isLog(key)) return null;
      let draw = chance();
      for (const [share, fault] of faults) {
        if (draw < share) {
          met++;
          return fault;
        }
        draw -= share;
      }
      return null;
    };
  };

  const acknowledged = new Set<string>();
  const sent = new Set<string>();
  const next = Array.from({ length: writers }, () => 0);
  const write = async (writer: number, over: AbortSignal): Promise<void> => {
    const client = await WireClient.logIn({ ...wireOptionsOf(pod), deadlineMs: 60_000 }).catch(() => null);
    while (client !== null && !over.aborted) {
      const n = (next[writer] as number)++;
      sent.add(`${writer}/${n}`);
      const messages = await client.query(`INSERT INTO kept VALUES (${writer}, ${n})`).catch(() => []);
      if (messages.some(({ type }) => type === 'E')) sent.delete(`${writer}/${n}`);
      else if (messages.some(({ type }) => type === 'C')) acknowledged.add(`${writer}/${n}`);
      if (messages.at(-1)?.type !== 'Z') break;
    }
    client?.destroy();
  };

  for (let kill = 1; kill <= kills; kill++) {
    breakSome();
    const over = new AbortController();
    const running = Array.from({ length: writers }, (_, writer) => write(writer, over.signal));
    const wanted = acknowledged.size + Math.floor(chance() * 30);
    const deadline = performance.now() + 15_000;
    while (acknowledged.size < wanted && performance.now() < deadline) await sleep(5);
    over.abort();
    await pod.kill();
    await Promise.all(running);
    pod = await startPod({ dataDir, environment, readyDeadlineMs: 60_000 });
    server.fault = () => null;
    const reader = await WireClient.logIn({ ...wireOptionsOf(pod), deadlineMs: 60_000 });
    const rows = (await reader.rows('SELECT writer, n FROM kept')).map(([writer, n]) => `${writer}/${n}`);
    await reader.close();
    const there = new Set(rows);
    assert.equal(rows.length, there.size, `a row is there twice (kill ${kill})`);
    assert.deepEqual(
      [...acknowledged].filter((row) => !there.has(row)),
      [],
      `acknowledged and gone (kill ${kill}); log:\n${pod.log().slice(-10_000)}`,
    );
    assert.deepEqual(
      [...there].filter((row) => !sent.has(row)),
      [],
      `refused and there all the same (kill ${kill})`,
    );
  }
  t.diagnostic(`${kills} kills, ${met} faults met, ${acknowledged.size} rows acknowledged, ${server.requests.length} requests`);
  assert.ok(met > 0 && acknowledged.size > kills, 'the test has shown nothing');
});
