/**
 * kill -9 at random moments under concurrent writers: every acknowledged row is there after the restart, nothing
 * half-written is, and the pod is ready again in time. 10 kills in `npm test`, 200 in `npm run test:long`; KILL_SEED and
 * KILL_COUNT repeat a run. The seed fixes who writes what and when the pod is killed, not how the operating system
 * schedules it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { duckdb, ducklakeConnection, needsClient } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';
import { scaled } from '../support/tier.ts';
import { WireClient, wireOptionsOf } from '../support/wire-client.ts';
import { type Found, Ledger, type Operation } from './ledger.ts';
import { randomFrom } from './random.ts';
import { assertReadyInTime, describeReadiness, type Readiness, readinessOf } from './readiness.ts';
import { StockWriter } from './stock-writer.ts';
import { counterOf, tables, type WriterKind, write } from './writers.ts';

const seed = Number(process.env['KILL_SEED'] ?? 20_261_122);
const kills = Number(process.env['KILL_COUNT'] ?? scaled(10, 200));
/** Every so many kills, and at the end, all rows of all rounds are compared; in between those of the last round. */
const fullCheckEvery = 20;

const writers: ReadonlyArray<{ readonly name: string; readonly kind: WriterKind }> = [
  { name: 'a', kind: 'single' },
  { name: 'b', kind: 'single' },
  { name: 'c', kind: 'transaction' },
  { name: 'd', kind: 'transaction' },
  { name: 'e', kind: 'copy' },
  { name: 'f', kind: 'rollback' },
];
const counters = writers.filter(({ kind }) => kind === 'transaction').map(({ name }) => counterOf(name));

test(`${kills} times kill -9 under concurrent writers: nothing acknowledged is lost, nothing is half there (seed ${seed})`, {
  timeout: kills * 60_000 + 120_000,
}, async (t) => {
  if (!needsClient(t, 'python') || !needsClient(t, 'duckdb')) return;
  const dataDir = mkdtempSync(join(tmpdir(), 'boilstream-kill-'));
  const ledger = new Ledger();
  const stock = new StockWriter(ledger);
  const restarts: Readiness[] = [];
  let pod: Pod | null = null;
  let isGood = false;
  t.after(async () => {
    stock.stop();
    await pod?.kill();
    if (isGood) rmSync(dataDir, { recursive: true, force: true });
    else t.diagnostic(`the data directory is kept: ${dataDir}; end of the pod's log:\n${pod?.log().slice(-5_000)}`);
  });

  pod = await startPod({ dataDir });
  await prepare(pod);
  for (let round = 1; round <= kills; round++) {
    const random = randomFrom(seed + round);
    await writeUntilKilled(pod, round, ledger, stock, random);
    // One time in five the restart is killed too, at any moment of it.
    if (random() < 0.2) await killedStart(dataDir, random() * (restarts.at(-1)?.wallMs ?? 1_500) * 1.1);
    pod = await startPod({ dataDir });
    restarts.push(readinessOf(pod));
    const isFull = round % fullCheckEvery === 0 || round === kills;
    await check(pod, ledger, isFull ? () => true : (operation) => operation.round === round, isFull ? null : round);
    if (process.env['KILL_PROGRESS'])
      process.stderr.write(
        `kill ${round}: ready after ${Math.round(pod.readyMs)} ms (${pod.readyCpuMs} ms of CPU), ${ledger.count('acked')} acknowledged\n`,
      );
  }

  // The same rows through the other door: a stock DuckDB that attaches the lake.
  const answer = await duckdb(
    pod,
    `LOAD ducklake; LOAD postgres_scanner; ATTACH 'ducklake:postgres:${ducklakeConnection(pod)}' AS lake; SELECT count(*) FROM lake.chaos_rows;`,
  );
  const expected = [...ledger.operations.values()].reduce(
    (sum, operation) => sum + (operation.seen ? (operation.rows['chaos_rows'] ?? 0) : 0),
    0,
  );
  assert.equal(answer.stdout.trim().split('\n').at(-1), String(expected), answer.stderr);

  const unknown = [...ledger.operations.values()].filter(({ told }) => told === 'unknown');
  t.diagnostic(
    `${kills} kills: ${ledger.count('acked')} operations acknowledged, ${ledger.count('failed')} refused or rolled back (${reasons(ledger)}), ${unknown.length} unknown of which ${unknown.filter(({ seen }) => seen).length} had happened; ${expected} rows; ${describeReadiness(restarts)}`,
  );
  assert.ok(ledger.count('acked') >= kills, 'the writers hardly wrote: the test has shown nothing');
  for (const { name, kind } of [...writers, { name: 'stock', kind: 'stock' }]) {
    if (kind === 'rollback') continue;
    const acked = [...ledger.operations.values()].filter(({ id, told }) => told === 'acked' && id.split('-')[1] === name).length;
    assert.ok(acked > 0, `writer ${name} (${kind}) was never told "done": ${stock.attachErrors.at(-1) ?? ''}`);
  }
  for (const restart of restarts) assertReadyInTime(restart);
  isGood = true;
});

function reasons(ledger: Ledger): string {
  const counts = new Map<string, number>();
  for (const { told, reason } of ledger.operations.values())
    if (told === 'failed' && reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `${reason}: ${count}`).join(', ');
}

async function prepare(pod: Pod): Promise<void> {
  const client = await WireClient.logIn(wireOptionsOf(pod));
  for (const table of tables) await client.rows(`CREATE TABLE ${table} (op VARCHAR, round INTEGER, n INTEGER, check_sum BIGINT)`);
  for (const counter of counters) {
    await client.rows(`CREATE TABLE ${counter} (v BIGINT)`);
    await client.rows(`INSERT INTO ${counter} VALUES (0)`);
  }
  await client.close();
}

async function writeUntilKilled(
  pod: Pod,
  round: number,
  ledger: Ledger,
  stock: StockWriter,
  random: () => number,
): Promise<void> {
  const over = new AbortController();
  const options = { ...wireOptionsOf(pod), deadlineMs: 60_000 };
  const failures: unknown[] = [];
  const running = writers.map(({ name, kind }, index) =>
    write({ name, kind, round, ledger, random: randomFrom(seed + round * 100 + index), over: over.signal }, options).catch(
      (error: unknown) => failures.push(error),
    ),
  );
  const foreign = stock.begin(pod, round);
  // The moment is counted in work done, so that a slow machine kills as much as a fast one: after some acknowledgements
  // (none at all is a moment too), often only when the stock client is at work, and then anywhere in between.
  const wanted = Math.floor(random() * 40);
  const isStockAtWork = random() < 0.4;
  const from = ledger.count('acked');
  const deadline = performance.now() + 4_000;
  if (isStockAtWork) await Promise.race([foreign.attached, sleep(20_000)]);
  while (ledger.count('acked') - from < wanted && performance.now() < deadline) await sleep(5);
  await sleep(random() * 100);
  over.abort();
  await pod.kill();
  await Promise.all(running);
  await Promise.race([foreign.over, sleep(20_000).then(() => assert.fail('the stock client did not notice that the pod died'))]);
  assert.deepEqual(failures, [], `round ${round}: a writer failed although the pod was alive; its log:\n${pod.log()}`);
}

/** A start that is killed after this many ms (or just after it became ready, when it was quicker). */
async function killedStart(dataDir: string, afterMs: number): Promise<void> {
  await startPod({ dataDir, readyDeadlineMs: Math.max(1, afterMs) }).then(
    (early) => early.kill(),
    () => {}, // the deadline is the kill
  );
}

/** Reads back and compares; `round` narrows the question to one round. */
async function check(pod: Pod, ledger: Ledger, covers: (operation: Operation) => boolean, round: number | null): Promise<void> {
  const client = await WireClient.logIn({ ...wireOptionsOf(pod), deadlineMs: 120_000 });
  const found = new Map<string, Map<string, { rows: number; check: bigint }>>();
  for (const table of tables) {
    const rows = await client.rows(
      `SELECT op, count(*), sum(check_sum) FROM ${table} ${round === null ? '' : `WHERE round = ${round} `}GROUP BY op`,
    );
    for (const [op, count, sum] of rows) {
      const of = found.get(op as string) ?? new Map();
      found.set(op as string, of.set(table, { rows: Number(count), check: BigInt(sum as string) }));
    }
  }
  const wrong = ledger.judge(found as Found, covers);
  for (const [counter, expected] of ledger.counters()) {
    const [[value] = []] = await client.rows(`SELECT v FROM ${counter}`);
    if (Number(value) !== expected) wrong.push(`${counter} is ${value}, but ${expected} transactions that raised it are there`);
  }
  await client.close();
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} operations are wrong; log of the pod:\n${pod.log().slice(-20_000)}`);
}
