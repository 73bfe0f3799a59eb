/** The promises of `ObjectStore`, run against every implementation and every server: one list, so that none drifts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LakeError } from '../../base/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

export function hasCode(...codes: string[]): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof LakeError && codes.includes(error.code)) return true;
    throw error;
  };
}

export async function keysOf(
  store: ObjectStore,
  prefix: string,
  options: { startAfter?: string; limit?: number } = {},
): Promise<string[]> {
  const keys: string[] = [];
  for await (const object of store.list(prefix, options)) keys.push(object.key);
  return keys;
}

export interface PromiseOptions {
  readonly name: string;
  /** A store that is empty below the prefix the tests use; each test gets its own prefix. */
  readonly open: () => Promise<ObjectStore>;
  /** How many writers race in one round. */
  readonly racers?: number;
}

/** Registers the tests. */
export function testStorePromises(options: PromiseOptions): void {
  const { name, open } = options;
  const racers = options.racers ?? 20;
  let count = 0;
  const it = (promise: string, run: (store: ObjectStore, at: string) => Promise<void>): void => {
    test(`${name}: ${promise}`, async () => {
      const store = await open();
      try {
        await run(store, `t${++count}-${process.pid}/`);
      } finally {
        await store.close();
      }
    });
  };

  it('gives back the bytes that were put, and null for nothing', async (store, at) => {
    for (const size of [0, 1, 70_000, 3_000_000]) {
      const body = Buffer.alloc(size, size % 251);
      await store.put(`${at}size-${size}`, body);
      assert.ok((await store.get(`${at}size-${size}`))?.body.equals(body));
    }
    assert.equal(await store.get(`${at}nothing`), null);
    assert.equal(await store.get(`${at}deep/er/nothing`), null);
  });

  it('gives ranges [start, end), cut at the end of the object', async (store, at) => {
    await store.put(`${at}r`, Buffer.from('0123456789'));
    const range = async (start: number, end: number) => (await store.get(`${at}r`, { range: { start, end } }))?.body.toString();
    assert.equal(await range(0, 4), '0123');
    assert.equal(await range(3, 4), '3');
    assert.equal(await range(8, 99), '89');
    assert.equal(await range(10, 20), '');
    assert.equal(await range(5, 5), '');
    assert.equal(await store.get(`${at}none`, { range: { start: 0, end: 1 } }), null);
    const large = Buffer.alloc(2_500_000, 1);
    large[2_000_000] = 9;
    await store.put(`${at}large`, large);
    const part = await store.get(`${at}large`, { range: { start: 2_000_000, end: 2_000_002 } });
    assert.deepEqual([...(part?.body ?? [])], [9, 1]);
    assert.equal(part?.etag, (await store.get(`${at}large`))?.etag, 'a part carries the ETag of the whole');
  });

  it('creates only once, and keeps the first', async (store, at) => {
    await store.putIfAbsent(`${at}once`, Buffer.from('first'));
    await assert.rejects(store.putIfAbsent(`${at}once`, Buffer.from('second')), hasCode('precondition_failed'));
    assert.equal((await store.get(`${at}once`))?.body.toString(), 'first');
    await store.delete(`${at}once`);
    await store.putIfAbsent(`${at}once`, Buffer.from('third'));
    assert.equal((await store.get(`${at}once`))?.body.toString(), 'third');
  });

  it('replaces only the version that was named', async (store, at) => {
    const key = `${at}swap`;
    await assert.rejects(store.putIfMatch(key, Buffer.from('x'), 'abc'), hasCode('precondition_failed'));
    assert.equal(await store.get(key), null, 'a refused replace creates nothing');
    await store.put(key, Buffer.from('one'));
    const first = (await store.get(key))?.etag ?? '';
    await store.putIfMatch(key, Buffer.from('two'), first);
    await assert.rejects(store.putIfMatch(key, Buffer.from('three'), first), hasCode('precondition_failed'));
    assert.equal((await store.get(key))?.body.toString(), 'two');
  });

  it('lets exactly one of many racing creators win', async (store, at) => {
    for (let round = 0; round < 5; round++) {
      const key = `${at}race/${round}`;
      const results = await Promise.allSettled(
        Array.from({ length: racers }, (_, i) => store.putIfAbsent(key, Buffer.from(`racer ${i}`))),
      );
      const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []));
      for (const result of results) if (result.status === 'rejected') hasCode('precondition_failed')(result.reason);
      assert.equal(winners.length, 1);
      assert.equal((await store.get(key))?.body.toString(), `racer ${winners[0]}`);
    }
  });

  it('lets exactly one of many racing replacers win', async (store, at) => {
    const key = `${at}swap-race`;
    await store.put(key, Buffer.from('start'));
    for (let round = 0; round < 5; round++) {
      const etag = (await store.get(key))?.etag ?? '';
      const results = await Promise.allSettled(
        Array.from({ length: racers }, (_, i) => store.putIfMatch(key, Buffer.from(`${round}:${i}`), etag)),
      );
      for (const result of results) if (result.status === 'rejected') hasCode('precondition_failed')(result.reason);
      assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
    }
  });

  it('lists in ascending byte order, after a key, up to a limit, below a prefix', async (store, at) => {
    const names = [
      'a-b',
      'a/b',
      'a/c/d',
      'a0',
      'b',
      'é',
      'Z',
      '\u{ffee}',
      '\u{1f600}',
      'log/1/00000000000000000001',
      'log/1/00000000000000000002',
      'log/10/1',
    ];
    for (const name of names) await store.put(at + name, Buffer.from(name));
    const ordered = names.map((name) => at + name).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await keysOf(store, at), ordered);
    assert.deepEqual(
      await keysOf(store, `${at}a`),
      ordered.filter((key) => key.startsWith(`${at}a`)),
    );
    assert.deepEqual(await keysOf(store, `${at}a/`), [`${at}a/b`, `${at}a/c/d`]);
    assert.deepEqual(await keysOf(store, `${at}log/1`), [
      `${at}log/1/00000000000000000001`,
      `${at}log/1/00000000000000000002`,
      `${at}log/10/1`,
    ]);
    for (let i = 0; i < ordered.length; i++) {
      assert.deepEqual(await keysOf(store, at, { startAfter: ordered[i] ?? '', limit: 3 }), ordered.slice(i + 1, i + 4));
    }
    assert.deepEqual(await keysOf(store, at, { startAfter: `${at}a/` }), ordered.slice(ordered.indexOf(`${at}a/b`)));
    assert.deepEqual(await keysOf(store, `${at}nothing/here/`), []);
    for await (const object of store.list(`${at}a-b`)) {
      assert.equal(object.size, 3);
      assert.ok(Math.abs(object.modified - Date.now()) < 24 * 3600 * 1000);
    }
  });

  it('deletes, and deleting nothing is no error', async (store, at) => {
    await store.put(`${at}x/y`, Buffer.from('1'));
    await store.delete(`${at}x/y`);
    await store.delete(`${at}x/y`);
    await store.delete(`${at}never/was`);
    assert.equal(await store.get(`${at}x/y`), null);
    assert.deepEqual(await keysOf(store, at), []);
    await store.put(`${at}x/y`, Buffer.from('2'));
    assert.equal((await store.get(`${at}x/y`))?.body.toString(), '2');
  });

  it('refuses keys that lead elsewhere', async (store) => {
    for (const key of [
      '',
      '/abs',
      'a//b',
      '../up',
      'a/../../b',
      'a/./b',
      'a/',
      'nul\0',
      'back\\slash',
      'x'.repeat(256),
      `${'y/'.repeat(600)}z`,
      '\ud800',
    ]) {
      await assert.rejects(store.put(key, Buffer.from('')), hasCode('invalid_argument'), JSON.stringify(key));
      await assert.rejects(store.get(key), hasCode('invalid_argument'));
      await assert.rejects(store.putIfAbsent(key, Buffer.from('')), hasCode('invalid_argument'));
      await assert.rejects(store.delete(key), hasCode('invalid_argument'));
    }
    await assert.rejects(keysOf(store, '../'), hasCode('invalid_argument'));
  });

  it('does nothing when the call is aborted before it begins', async (store, at) => {
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(store.putIfAbsent(`${at}a`, Buffer.from('1'), { signal }), hasCode('store_unavailable'));
    await assert.rejects(store.put(`${at}a`, Buffer.from('1'), { signal }), hasCode('store_unavailable'));
    await assert.rejects(store.get(`${at}a`, { signal }), hasCode('store_unavailable'));
    assert.equal(await store.get(`${at}a`), null);
  });
}
