/** A log with a damaged object and no copy of it: ended before the damage, it is led again, and nothing is thrown away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { defaultLimits } from '../../../../catalog/replicated/limits.ts';
import { setAside } from '../../../../catalog/replicated/set-aside.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { execute, openLog, rows, testNames } from '../../../support/replicated-log.ts';

test('a log is ended before a damaged object; what follows is set aside, and the next leader goes on from there', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  let log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  await execute(sales, 'INSERT INTO t VALUES (1)');
  const good = log.position();
  await execute(sales, 'INSERT INTO t VALUES (2)');
  const damaged = testNames.segment(log.position());
  for (let i = 3; i < 6; i++) {
    await execute(await log.open('sales'), `INSERT INTO t VALUES (${i})`);
    await log.maintain();
    await log.close();
    log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
  }
  const store = bucket.connect();
  await store.put(damaged, Buffer.from('damaged'));
  const before = new Set(bucket.contents().map(([, body]) => body.toString('hex')));

  const options = { store, names: testNames, limits: defaultLimits, prefix: 'catalog/', now: systemClock.now() };
  await assert.rejects(setAside({ epoch: good.epoch, seq: good.seq + 2 }, options), (error: Error) =>
    error.message.includes(damaged),
  );
  const done = await setAside(good, options);
  assert.ok(done.objects > 4, `${done.objects} objects`);
  const after = new Set(bucket.contents().map(([, body]) => body.toString('hex')));
  assert.deepEqual(
    [...before].filter((body) => !after.has(body)),
    [],
    'everything is still somewhere',
  );

  const next = await openLog(bucket, t);
  assert.deepEqual(await rows(await next.open('sales'), 'SELECT i FROM t'), [[1]]);
  await execute(await next.open('sales'), 'INSERT INTO t VALUES (10)');
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT i FROM t ORDER BY i'), [[1], [10]]);
  assert.equal((await setAside(good, { ...options, now: options.now + 1 })).objects > 0, true, 'and again');
  await assert.rejects(setAside({ epoch: 99, seq: 1 }, options), /the log ends at/);
});
