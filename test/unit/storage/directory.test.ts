import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import { openDirectoryStore } from '../../../storage/directory.ts';
import { hasCode, keysOf, testStorePromises } from '../../support/store-promises.ts';

const root = mkdtempSync(join(tmpdir(), 'store-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(root, `s${++count}`, 'deep', 'er');
const openAt = (path: string) => openDirectoryStore({ path, clock: systemClock });

testStorePromises({ name: 'directory', open: () => openAt(fresh()) });

test('leaves no temporary file behind, after success and after refusal', async () => {
  const path = fresh();
  const store = await openAt(path);
  await store.putIfAbsent('a', Buffer.from('1'));
  await store.putIfAbsent('a', Buffer.from('2')).catch(() => {});
  await store.putIfMatch('a', Buffer.from('3'), 'wrong').catch(() => {});
  await store.put('b', Buffer.from('4'));
  assert.deepEqual(readdirSync(join(path, '.store', 'tmp')), []);
  await store.close();
});

test('removes old temporary files of killed writers at the next start, and no young ones', async () => {
  const path = fresh();
  await (await openAt(path)).close();
  const old = join(path, '.store/tmp/old');
  const young = join(path, '.store/tmp/young');
  writeFileSync(old, 'torn');
  writeFileSync(young, 'being written');
  utimesSync(old, 1, 1);
  const store = await openAt(path);
  assert.ok(!existsSync(old));
  assert.ok(existsSync(young));
  assert.deepEqual(await keysOf(store, ''), [], 'and never lists them');
  await store.close();
});

test('keeps its own files out of reach', async () => {
  const store = await openAt(fresh());
  for (const key of ['.store', '.store/lock', '.store/tmp/x']) await assert.rejects(store.put(key, Buffer.from('')), hasCode('invalid_argument'));
  await store.close();
});

test('says which keys cannot live together', async () => {
  const store = await openAt(fresh());
  await store.put('a', Buffer.from('1'));
  await assert.rejects(store.put('a/b', Buffer.from('2')), hasCode('invalid_argument'));
  await store.put('c/d', Buffer.from('3'));
  await assert.rejects(store.putIfAbsent('c', Buffer.from('4')), hasCode('invalid_argument'));
  await assert.rejects(store.put('c', Buffer.from('4')), hasCode('invalid_argument'));
  assert.equal(await store.get('c'), null);
  await store.delete('c');
  assert.equal((await store.get('c/d'))?.body.toString(), '3');
  await store.close();
});

test('a store that vanishes while running is an error, never an empty store and never a new one', async () => {
  const path = fresh();
  const store = await openAt(path);
  await store.putIfAbsent('log/1/1', Buffer.from('kept'));
  renameSync(path, `${path}-away`);
  await assert.rejects(store.get('log/1/1'), hasCode('store_unavailable'));
  await assert.rejects(store.putIfAbsent('log/1/2', Buffer.from('x')), (error: Error) => hasCode('store_unavailable')(error) && error.message.includes(path));
  await assert.rejects(keysOf(store, ''), hasCode('store_unavailable'));
  await assert.rejects(store.delete('log/1/1'), hasCode('store_unavailable'));
  assert.ok(!existsSync(path));
  mkdirSync(path); // an unmounted volume leaves its empty mount point
  await assert.rejects(store.get('log/1/1'), hasCode('store_unavailable'));
  await assert.rejects(store.put('log/1/2', Buffer.from('x')), hasCode('store_unavailable'));
  assert.deepEqual(readdirSync(path), []);
  rmSync(path, { recursive: true });
  renameSync(`${path}-away`, path);
  assert.equal((await store.get('log/1/1'))?.body.toString(), 'kept');
  await store.putIfAbsent('log/1/2', Buffer.from('goes on'));
  await store.close();
});

test('makes a directory again that someone emptied and removed', async () => {
  const path = fresh();
  const store = await openAt(path);
  await store.putIfAbsent('a/b/1', Buffer.from('1'));
  await store.delete('a/b/1');
  rmSync(join(path, 'a'), { recursive: true });
  await store.putIfAbsent('a/b/1', Buffer.from('2'));
  assert.equal((await store.get('a/b/1'))?.body.toString(), '2');
  await store.close();
});

test('refuses a path that is relative or a file', async () => {
  await assert.rejects(openAt('relative/path'), hasCode('config_invalid'));
  writeFileSync(join(root, 'file'), '');
  await assert.rejects(openAt(join(root, 'file')), hasCode('config_invalid'));
  await assert.rejects(openAt(join(root, 'file', 'below')), hasCode('config_invalid'));
});

test('several processes: one creator wins each key, and no replacement is lost', { timeout: 60_000 }, async () => {
  const path = fresh();
  const store = await openAt(path);
  await store.put('counter', Buffer.from('0'));
  const processes = 3;
  const rounds = 40;
  const results = await Promise.all(
    Array.from({ length: processes }, (_, i) =>
      new Promise<{ won: string[]; added: number }>((resolve, reject) => {
        const child = fork(new URL('../../support/store-racer.ts', import.meta.url), [path, String(i), String(rounds)]);
        child.on('message', (message) => resolve(message as { won: string[]; added: number }));
        child.on('error', reject);
        child.on('exit', (code) => code !== 0 && reject(new Error(`racer ended with ${code}`)));
      }),
    ),
  );
  const won = results.flatMap((result) => result.won);
  assert.equal(won.length, rounds, 'every key has one winner');
  assert.equal(new Set(won).size, rounds);
  assert.equal(Number((await store.get('counter'))?.body), processes * rounds, 'every swap that was told "done" counts once');
  await store.close();
});
