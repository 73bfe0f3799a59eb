/** Back to any point of the retained log: by position, by time, of databases that are gone, through snapshots and damage. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { LakeError } from '../../../../base/errors.ts';
import type { LogPosition } from '../../../../catalog/replicated/ports.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { begin, execute, openLog, rows, testNames } from '../../../support/replicated-log.ts';

const at = (position: LogPosition) => ({ t: 'position', position }) as const;

test('a database is restored to every position of its past, across snapshots and restarts, and the present stays', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  let log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER PRIMARY KEY)');
  const seen: Array<{ position: LogPosition; count: number }> = [];
  for (let i = 0; i < 12; i++) {
    await execute(await log.open('sales'), `INSERT INTO t VALUES (${i})`);
    seen.push({ position: log.position(), count: i + 1 });
    if (i % 4 === 1) await log.maintain();
    if (i === 6) {
      await log.close();
      log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
    }
  }
  for (const { position, count } of seen) {
    const name = `back_${count}`;
    const { database, point } = await log.restore({ name, of: 'sales', at: at(position) });
    assert.deepEqual(point.position, position);
    assert.deepEqual(await rows(database, 'SELECT count(*), max(i) FROM t'), [[String(count), count - 1]]);
  }
  assert.deepEqual(await rows(await log.open('sales'), 'SELECT count(*) FROM t'), [['12']]);

  // What was restored is a database like any other: it takes commits, and is there after a restart on another machine.
  await execute(await log.open('back_3'), 'INSERT INTO t VALUES (100)');
  const other = await openLog(bucket, t);
  assert.deepEqual(await rows(await other.open('back_3'), 'SELECT list(i ORDER BY i) FROM t'), [[[0, 1, 2, 100]]]);
});

test('a dropped database comes back as it was before the drop; at the drop it is gone', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  await execute(await log.create('sales'), 'CREATE TABLE t AS SELECT 7 AS i');
  const before = log.position();
  await log.drop('sales');
  const { database } = await log.restore({ name: 'again', of: 'sales', at: at(before) });
  assert.deepEqual(await rows(database, 'SELECT i FROM t'), [[7]]);
  await assert.rejects(log.restore({ name: 'never', of: 'sales', at: at(log.position()) }), { code: 'not_found' });
});

test('by time: the newest state that is not after it; before the log began there is none', async (t) => {
  const clock = { now: 1_800_000_000_000 };
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t, { clock: { ...systemClock, now: () => clock.now } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  for (let i = 1; i <= 5; i++) {
    clock.now += 60_000;
    await execute(sales, `INSERT INTO t VALUES (${i})`);
  }
  // A clock that is set back does not make the log go backwards.
  clock.now -= 3_600_000;
  await execute(sales, 'INSERT INTO t VALUES (6)');
  const countAt = async (name: string, time: number) =>
    (
      await rows((await log.restore({ name, of: 'sales', at: { t: 'time', time } })).database, 'SELECT count(*)::INTEGER FROM t')
    )[0]?.[0];
  assert.equal(await countAt('at_two', 1_800_000_120_000), 2);
  assert.equal(await countAt('before_three', 1_800_000_179_999), 2);
  assert.equal(await countAt('at_the_end', 1_900_000_000_000), 6);
  await assert.rejects(countAt('too_early', 1_700_000_000_000), { code: 'not_found' });
});

test('right before the drop, with the last commit, though drop and commit come together', async (t) => {
  const log = await openLog(new MemoryBucket(), t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  const last = await begin(sales, 'INSERT INTO t VALUES (1)');
  await Promise.all([last.durable(), log.drop('sales')]);
  const { database } = await log.restore({ name: 'again', of: 'sales', at: { t: 'drop', name: 'sales' } });
  assert.deepEqual(await rows(database, 'SELECT i FROM t'), [[1]]);
  assert.deepEqual(
    await log.look({ of: 'sales', at: { t: 'drop', name: 'sales' } }, async (c) =>
      (await c.runAndReadAll('SELECT i FROM t')).getRows(),
    ),
    [[1]],
  );
  assert.deepEqual(await log.databases(), ['again']);
});

test('a damaged segment stops the start with its name; until then every point before it can be restored', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  const good = log.position();
  await execute(sales, 'INSERT INTO t VALUES (1)');
  const damaged = testNames.segment(log.position());
  await execute(sales, 'INSERT INTO t VALUES (2)');
  const store = bucket.connect();
  const body = Buffer.from(((await store.get(damaged)) as { body: Buffer }).body);
  body.writeUInt8(body.readUInt8(body.length - 40) ^ 1, body.length - 40);
  await store.put(damaged, body);
  const named = (error: unknown): boolean =>
    error instanceof LakeError && error.code === 'corrupt' && error.message.includes(damaged) && /restore/.test(error.hint ?? '');
  await assert.rejects(log.restore({ name: 'later', of: 'sales', at: at(log.position()) }), named);
  const { database } = await log.restore({ name: 'before', of: 'sales', at: at(good) });
  assert.deepEqual(await rows(database, 'SELECT count(*)::INTEGER FROM t'), [[0]]);
  assert.deepEqual(await rows(sales, 'SELECT count(*)::INTEGER FROM t'), [[2]]);
  await assert.rejects(openLog(bucket, t), named);
});

test('a damaged snapshot closes its database only, and an earlier point of it can be restored', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t AS SELECT range AS i FROM range(100)');
  const good = log.position();
  const before = new Set(bucket.contents().map(([key]) => key));
  await log.maintain();
  const chunk = bucket.contents().find(([key]) => key.startsWith(testNames.chunkPrefix) && !before.has(key));
  assert.ok(chunk, 'the snapshot has a chunk of its own');
  await bucket.connect().put(chunk[0], Buffer.alloc(chunk[1].length, 1));
  const second = await openLog(bucket, t);
  const named = (error: unknown): boolean =>
    error instanceof LakeError &&
    error.code === 'corrupt' &&
    error.message.includes(chunk[0]) &&
    /earlier point/.test(error.hint ?? '');
  await assert.rejects(second.open('sales'), named);
  await execute(await second.create('other'), 'CREATE TABLE fine(i INTEGER)');
  await assert.rejects(second.restore({ name: 'no', of: 'sales', at: at(second.position()) }), named);
  const { database } = await second.restore({ name: 'sales_again', of: 'sales', at: at(good) });
  assert.deepEqual(await rows(database, 'SELECT count(*)::INTEGER FROM t'), [[100]]);
  await second.drop('sales');
});

test('what retention keeps is restorable, what it does not is refused with how far the log reaches', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 }, retentionMs: 400, collectMs: 0 });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  const early = log.position();
  const points: Array<{ time: number; count: number }> = [];
  for (let i = 1; i <= 12; i++) {
    await execute(sales, `INSERT INTO t VALUES (${i})`);
    points.push({ time: Date.now(), count: i });
    await log.maintain();
    await systemClock.sleep(100);
  }
  await log.maintain();
  const horizon = Date.now() - 400;
  const kept = points.filter(({ time }) => time > horizon);
  assert.ok(kept.length > 0);
  for (const { time, count } of kept) {
    const { database } = await log.restore({ name: `kept_${count}`, of: 'sales', at: { t: 'time', time } });
    assert.deepEqual(await rows(database, 'SELECT count(*)::INTEGER FROM t'), [[count]]);
  }
  await assert.rejects(log.restore({ name: 'gone', of: 'sales', at: at(early) }), (error: unknown) => {
    return (
      error instanceof LakeError &&
      error.code === 'invalid_argument' &&
      /does not go back so far: it reaches back to about \d{4}-/.test(error.message)
    );
  });
});
