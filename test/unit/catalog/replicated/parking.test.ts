/** Databases that nobody uses cost next to nothing: parked, they come back with the next use, and lose nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { toPark } from '../../../../catalog/replicated/parking.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { execute, openLog, rows } from '../../../support/replicated-log.ts';

const attached = `SELECT count(*)::INTEGER FROM duckdb_databases() WHERE path LIKE '%.duckdb'`;

test('who is parked: the long idle, and the longest idle of too many; nobody in use', () => {
  const limits = { idleMsMax: 1000, idleDatabasesMax: 2 };
  const of = (name: string, idleSince: number | null, isParked = false) => ({ name, idleSince, isParked });
  const names = (...all: ReturnType<typeof of>[]) => toPark(all, 10_000, limits).map(({ name }) => name);
  assert.deepEqual(names(of('a', 9_500), of('b', 9_400)), []);
  assert.deepEqual(names(of('a', 9_500), of('b', 9_400), of('c', 9_600)), ['b']);
  assert.deepEqual(names(of('a', 8_000), of('used', null), of('parked', 1, true)), ['a']);
});

test('an idle database leaves the instance, and every use brings it back: reading, writing, a snapshot, dropping', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t, { limits: { idleMsMax: 0, idleDatabasesMax: 0, snapshotWalBytes: 100_000 } });
  const used = await log.create('used');
  const connection = await used.connect();
  t.after(() => connection.closeSync());
  const idle = await log.create('idle');
  await execute(idle, 'CREATE TABLE t(i INTEGER PRIMARY KEY, s VARCHAR)', "INSERT INTO t VALUES (1, 'one')");
  const count = async () => Number(((await connection.runAndReadAll(attached)).getRows() as number[][])[0]?.[0]);
  await log.maintain();
  assert.equal(await count(), 1);

  // The same object goes on working.
  for (let i = 2; i < 6; i++) {
    await execute(idle, `INSERT INTO t VALUES (${i}, 'more')`);
    await log.maintain();
    assert.equal(await count(), 1);
  }
  await execute(idle, `INSERT INTO t SELECT range, repeat('x', 100) FROM range(10, 2000)`);
  await log.maintain(); // parked after the snapshot that was due
  await log.maintain();
  assert.equal(await count(), 1);
  await execute(idle, 'DELETE FROM t WHERE i > 100');
  await log.maintain();
  assert.deepEqual(await rows(idle, 'SELECT count(*)::INTEGER, max(i) FROM t'), [[96, 100]]);
  await log.maintain();
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('idle'), 'SELECT count(*)::INTEGER, max(i) FROM t'), [
    [96, 100],
  ]);
});

test('a parked database can be dropped', async (t) => {
  const log = await openLog(new MemoryBucket(), t, { limits: { idleMsMax: 0, idleDatabasesMax: 0 } });
  await execute(await log.create('idle'), 'CREATE TABLE t(i INTEGER)');
  await log.maintain();
  await log.drop('idle');
  assert.deepEqual(await log.databases(), []);
  await execute(await log.create('idle'), 'CREATE TABLE t(i INTEGER)');
});

test('parking among users: nobody is cut off, nothing is lost', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t, { limits: { idleMsMax: 0, idleDatabasesMax: 1, snapshotWalBytes: 20_000 } });
  const databases = await Promise.all([0, 1, 2, 3].map((i) => log.create(`d${i}`)));
  for (const each of databases) await execute(each, 'CREATE TABLE t(i INTEGER PRIMARY KEY)');
  let isWriting = true;
  const maintaining = (async () => {
    while (isWriting) {
      await log.maintain();
      await systemClock.sleep(1);
    }
  })();
  await Promise.all(
    databases.map(async (each, d) => {
      for (let i = 0; i < 40; i++) {
        await execute(each, `INSERT INTO t VALUES (${i})`);
        if ((i + d) % 3 === 0) await systemClock.sleep(4);
      }
    }),
  );
  isWriting = false;
  await maintaining;
  const other = await openLog(bucket, t);
  for (const { name } of databases)
    assert.deepEqual(await rows(await other.open(name), 'SELECT count(*)::INTEGER FROM t'), [[40]]);
});
