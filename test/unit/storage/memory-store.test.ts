import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LakeError } from '../../../base/errors.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { testStorePromises } from '../../support/store-promises.ts';
import { type Fault, MemoryBucket } from '../../support/memory-store.ts';

const body = Buffer.from('x');
const code = (expected: string) => (error: unknown) => error instanceof LakeError && error.code === expected;

testStorePromises({ name: 'memory', open: async () => new MemoryBucket({ clock: systemClock }).connect() });

test('two connections see one bucket, and a cut one sees nothing', async () => {
  const bucket = new MemoryBucket();
  const a = bucket.connect('a');
  const b = bucket.connect('b');
  await a.putIfAbsent('log/1', body);
  await assert.rejects(b.putIfAbsent('log/1', body), code('precondition_failed'));
  b.disconnect();
  await assert.rejects(b.get('log/1'), code('store_unavailable'));
  assert.equal((await a.get('log/1'))?.body.toString(), 'x');
});

test('a lost answer has landed, an unavailable one has not', async () => {
  const bucket = new MemoryBucket();
  const store = bucket.connect();
  let next: Fault | null = { t: 'lost-answer' };
  bucket.fault = () => {
    const fault = next;
    next = null;
    return fault;
  };
  await assert.rejects(store.putIfAbsent('a', body), code('store_unavailable'));
  await assert.rejects(store.putIfAbsent('a', body), code('precondition_failed'));
  next = { t: 'unavailable' };
  await assert.rejects(store.putIfAbsent('b', body), code('store_unavailable'));
  assert.equal(await store.get('b'), null);
});

test('a write that lands later is judged when it lands', async () => {
  const due: Array<() => void> = [];
  const clock: Clock = {
    ...systemClock,
    after: (_ms, call) => {
      due.push(call);
      return () => {};
    },
  };
  const bucket = new MemoryBucket({ clock });
  const store = bucket.connect();
  bucket.fault = (call) => (call.count === 1 ? { t: 'lands-later', landsAfterMs: 5 } : null);
  await assert.rejects(store.putIfAbsent('a', Buffer.from('late')), code('store_unavailable'));
  await store.putIfAbsent('a', Buffer.from('early'));
  due[0]?.();
  assert.equal((await store.get('a'))?.body.toString(), 'early');
});

test('lists in byte order, not in UTF-16 order', async () => {
  const store = new MemoryBucket().connect();
  for (const key of ['z', '\u{ffee}', '\u{1f600}', 'a/b', 'a-b']) await store.put(key, body);
  const keys: string[] = [];
  for await (const object of store.list('')) keys.push(object.key);
  assert.deepEqual(keys, ['a-b', 'a/b', 'z', '\u{ffee}', '\u{1f600}']);
});
