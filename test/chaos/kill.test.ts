/**
 * kill -9 at random moments under concurrent writers, again and again in one data directory: every row whose commit was
 * acknowledged is there afterwards, no transaction is there by half, and the pod is ready again in time.
 *
 * Each writer inserts pairs: two rows in one transaction. A pair that was acknowledged must be there; one that was not may
 * be there or not (the answer was lost), but never with one row only, and never twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPod, type Pod } from '../support/pod.ts';
import { scaled } from '../support/tier.ts';
import { WireClient, wireOptionsOf } from '../support/wire-client.ts';

const kills = scaled(25, 200);
const writers = 4;
/** What the product promises after a kill with a log of 100 MB. */
const readyDeadlineMs = 5_000;

/** Small and seeded, so that a failing run can be had again: SEED=… */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test(`${kills} times kill -9 under ${writers} writers: all that was acknowledged stays, nothing is half there`, async (t) => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  const random = randomFrom(seed);
  t.diagnostic(`SEED=${seed}`);
  let pod: Pod = await startPod();
  const { dataDir } = pod;
  t.after(() => pod.stop());
  const setUp = await WireClient.logIn(wireOptionsOf(pod));
  await setUp.rows('CREATE TABLE pairs (writer int, n int, half int)');
  await setUp.close();

  const acknowledged = Array.from({ length: writers }, () => [] as number[]);
  const next = Array.from({ length: writers }, () => 0);
  const slowest = { readyMs: 0 };
  let lost = 0;

  async function write(writer: number, over: AbortSignal): Promise<void> {
    const client = await WireClient.logIn(wireOptionsOf(pod)).catch(() => undefined);
    while (client && !over.aborted) {
      const n = (next[writer] as number)++;
      const block = random() < 0.5;
      const insert = `INSERT INTO pairs VALUES (${writer}, ${n}, 0), (${writer}, ${n}, 1)`;
      const sql = block ? `BEGIN; INSERT INTO pairs VALUES (${writer}, ${n}, 0); INSERT INTO pairs VALUES (${writer}, ${n}, 1); COMMIT` : insert;
      const messages = await client.query(sql).catch(() => []);
      if (messages.at(-1)?.type !== 'Z') break;
      if (messages.some((message) => message.type === 'E')) {
        // Writers conflict now and then; a refused block has to be ended.
        if (block) await client.query('ROLLBACK').catch(() => []);
      } else acknowledged[writer]?.push(n);
    }
    client?.destroy();
  }

  for (let kill = 1; kill <= kills; kill++) {
    const over = new AbortController();
    const running = Array.from({ length: writers }, (_, writer) => write(writer, over.signal));
    await sleep(20 + random() * 400);
    await pod.kill();
    over.abort();
    await Promise.all(running);
    pod = await startPod({ dataDir });
    slowest.readyMs = Math.max(slowest.readyMs, pod.readyMs);
    assert.ok(pod.readyMs <= readyDeadlineMs, `ready again only after ${Math.round(pod.readyMs)} ms (kill ${kill}, SEED=${seed})`);
    if (kill % 5 !== 0 && kill !== kills) continue;

    const reader = await WireClient.logIn(wireOptionsOf(pod));
    const halves = await reader.rows('SELECT writer, n, count(*) FROM pairs GROUP BY ALL HAVING count(*) <> 2 OR count(DISTINCT half) <> 2');
    assert.deepEqual(halves, [], `transactions by half or twice (kill ${kill}, SEED=${seed})`);
    const there = new Set((await reader.rows('SELECT DISTINCT writer, n FROM pairs')).map(([writer, n]) => `${writer}/${n}`));
    await reader.close();
    const missing = acknowledged.flatMap((list, writer) => list.map((n) => `${writer}/${n}`)).filter((pair) => !there.has(pair));
    assert.deepEqual(missing, [], `acknowledged and gone (kill ${kill}, SEED=${seed})`);
    lost = there.size - acknowledged.flat().length;
  }
  const pairs = acknowledged.flat().length;
  t.diagnostic(`${pairs} pairs acknowledged, ${lost} more there whose answer was lost, slowest restart ${Math.round(slowest.readyMs)} ms`);
  assert.ok(pairs >= kills, `only ${pairs} pairs were written between ${kills} kills: the test tested nothing`);
});
