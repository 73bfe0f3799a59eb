/** Back to any point of the retained log: by position, by time, of databases that are gone, through snapshots and damage. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import type { LogPosition } from '../../../../catalog/replicated/ports.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { execute, openLog, rows } from '../../../support/replicated-log.ts';

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
