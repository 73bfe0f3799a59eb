/** L2, L9, L11 of the traps of conditional writes: own objects known again, ETags that do not round-trip, stores without If-Match. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { LeaderObject } from '../../../../cluster/election/leader-object.ts';
import { leaderKey } from '../../../../cluster/names.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

function openObject(bucket: MemoryBucket, strategy: 'swap' | 'create', hasStableEtag = true): LeaderObject {
  const clock = new SimulatedClock();
  return new LeaderObject({ store: bucket.connect(), strategy, hasStableEtag, clock, callMsMax: 1_000 });
}

for (const strategy of ['swap', 'create'] as const) {
  for (const etagDiffersOnGet of [false, true]) {
    test(`replaces only what is expected (${strategy}, ETag of GET ${etagDiffersOnGet ? 'differs' : 'is that of PUT'})`, async () => {
      const bucket = new MemoryBucket({ etagDiffersOnGet });
      const mine = openObject(bucket, strategy, !etagDiffersOnGet);
      const other = openObject(bucket, strategy, !etagDiffersOnGet);
      assert.equal(await mine.read(), null);
      assert.equal(await mine.replace(null, 'one'), 'done');
      assert.equal(await other.replace(null, 'uno'), 'refused');
      assert.equal(await mine.replace('one', 'two'), 'done');
      assert.equal(await mine.replace('two', 'three'), 'done');
      assert.equal(await other.replace('one', 'due'), 'refused');
      assert.equal(await other.replace('three', 'tre'), 'done');
      assert.equal(await mine.replace('three', 'four'), 'refused');
      assert.equal((await mine.read())?.text, 'tre');
    });
  }
}

test('a lost answer is told as unknown, and the read after it shows the own text', async () => {
  const bucket = new MemoryBucket();
  const object = openObject(bucket, 'swap');
  await object.replace(null, 'one');
  bucket.fault = ({ operation }) => (operation === 'putIfMatch' ? { t: 'lost-answer' } : null);
  await assert.rejects(object.replace('one', 'two'), (error) => error instanceof LakeError && error.code === 'store_unavailable');
  assert.equal((await object.read())?.text, 'two');
  // Sent again, as after a timeout: the condition does not hold any more, which is not "somebody else".
  assert.equal(await object.replace('one', 'two'), 'refused');
});

test('a conditional replacement costs one request, and reads first only where ETags differ', async () => {
  for (const [hasStableEtag, expected] of [
    [true, ['putIfMatch']],
    [false, ['get', 'putIfMatch']],
  ] as const) {
    const calls: string[] = [];
    const bucket = new MemoryBucket();
    const object = openObject(bucket, 'swap', hasStableEtag);
    await object.replace(null, 'one');
    await object.replace('one', 'two');
    bucket.fault = ({ operation }) => {
      calls.push(operation);
      return null;
    };
    await object.replace('two', 'three');
    assert.deepEqual(calls, expected);
  }
});

test('foreign bytes are read as what cannot be a record, and can be replaced', async () => {
  const bucket = new MemoryBucket();
  await bucket.connect().put(leaderKey, Buffer.from('{"format":2}'));
  const object = openObject(bucket, 'swap');
  const found = await object.read();
  assert.deepEqual(found, { text: '{"format":2}', record: null });
  assert.equal(await object.replace('{"format":2}', 'mine'), 'done');
});
