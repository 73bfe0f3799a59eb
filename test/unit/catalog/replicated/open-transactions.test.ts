/** Snapshots and images taken while other transactions are open, and two pods on one directory: real files throughout. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { silentLogger } from '../../../../base/log.ts';
import { systemRandom } from '../../../../base/random.ts';
import { createReplicatedLog } from '../../../../catalog/replicated/log.ts';
import type { ReplicatedDatabase, ReplicatedLog } from '../../../../catalog/replicated/ports.ts';
import { openDirectoryStore } from '../../../../storage/directory.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { execute, openLog, rows } from '../../../support/replicated-log.ts';

const many = 4_200_000; // more than two row groups: rows go into the file before COMMIT

async function restoresEqually(bucket: MemoryBucket, t: TestContext, sales: ReplicatedDatabase, sql: string): Promise<void> {
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), sql), await rows(sales, sql));
}

for (const count of [10, many]) {
  test(`a transaction that wrote ${count} rows before a snapshot and commits after it is restored`, async (t) => {
    const bucket = new MemoryBucket();
    const log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
    const sales = await log.create('sales');
    await execute(sales, 'CREATE TABLE t(i BIGINT)', 'CREATE TABLE u(i BIGINT)');
    const open = await sales.connect();
    await open.run('BEGIN');
    await open.run(`INSERT INTO t SELECT range FROM range(${count})`);
    await execute(sales, 'INSERT INTO u VALUES (1)');
    await log.maintain();
    await execute(sales, 'INSERT INTO u VALUES (2)');
    await (await sales.commit(open)).durable();
    await execute(sales, 'INSERT INTO u VALUES (3)');
    open.closeSync();
    await restoresEqually(bucket, t, sales, 'SELECT (SELECT count(*)::INTEGER FROM t), (SELECT sum(i)::INTEGER FROM u)');
  });
}

test('an image taken while another transaction has rows in the file serves both, whichever commits', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE a(i BIGINT)', 'CREATE TABLE b(i BIGINT)', 'CREATE TABLE c(i BIGINT)');
  const [first, second, third] = [await sales.connect(), await sales.connect(), await sales.connect()];
  for (const [connection, table] of [
    [first, 'a'],
    [second, 'b'],
    [third, 'c'],
  ] as const) {
    await connection.run('BEGIN');
    await connection.run(`INSERT INTO ${table} SELECT range * 3 FROM range(${many})`);
  }
  await (await sales.commit(first)).durable();
  await second.run('ROLLBACK');
  await execute(sales, 'INSERT INTO b VALUES (7)');
  await (await sales.commit(third)).durable();
  await execute(sales, 'DELETE FROM a WHERE i < 30');
  await restoresEqually(
    bucket,
    t,
    sales,
    'SELECT (SELECT sum(i)::VARCHAR FROM a), (SELECT sum(i)::VARCHAR FROM b), (SELECT sum(i)::VARCHAR FROM c)',
  );
});

test('a snapshot that open transactions hold up does not fail, and is taken when they end', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1, quiesceMsMax: 20 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)', 'INSERT INTO t VALUES (1)');
  const open = await sales.connect();
  await open.run('BEGIN');
  await open.run('UPDATE t SET i = 2');
  const chunks = (): number => [...bucket.objects.keys()].filter((key) => key.includes('/chunk/')).length;
  const before = chunks();
  await log.maintain();
  assert.equal(chunks(), before);
  await (await sales.commit(open)).durable();
  open.closeSync();
  await log.maintain();
  assert.ok(chunks() > before);
  await restoresEqually(bucket, t, sales, 'SELECT * FROM t');
});

test('two pods on one directory: the earlier one acknowledges nothing more', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'boilstream-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const start = async (): Promise<ReplicatedLog> =>
    createReplicatedLog({
      store: await openDirectoryStore({ path: join(directory, 'store'), clock: systemClock }),
      localDir: join(directory, 'local'),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      probeMs: 0,
      maintainMs: 0,
    });
  const first = await start();
  const old = await first.create('sales');
  await execute(old, 'CREATE TABLE t(i INTEGER)', 'INSERT INTO t VALUES (1)');
  const second = await start();
  const sales = await second.open('sales');
  await execute(sales, 'INSERT INTO t VALUES (2)');
  await assert.rejects(execute(old, 'INSERT INTO t VALUES (3)'), { code: 'fenced' });
  assert.ok(first.lost.aborted && !second.lost.aborted);
  await second.close();
  const third = await start();
  assert.deepEqual(await rows(await third.open('sales'), 'SELECT * FROM t ORDER BY i'), [[1], [2]]);
  await third.close();
});
