import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import type { LakeError } from '../../../base/errors.ts';
import { DirectoryStore, openDirectoryStore } from '../../../storage/directory.ts';
import { DurableFiles } from '../../../storage/durable-file.ts';
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
  for (const key of ['.store', '.store/lock', '.store/tmp/x'])
    await assert.rejects(store.put(key, Buffer.from('')), hasCode('invalid_argument'));
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
  await assert.rejects(
    store.putIfAbsent('log/1/2', Buffer.from('x')),
    (error: Error) => hasCode('store_unavailable')(error) && error.message.includes(path),
  );
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

/** A disk that fails on request, as the kernel would say it. */
class FailingFiles extends DurableFiles {
  fail: { at: 'create' | 'directory'; code: string } | null = null;
  override async create(path: string, body: Uint8Array): Promise<void> {
    if (this.fail?.at === 'create') {
      writeFileSync(path, body.subarray(0, body.length >> 1)); // half of it got written
      throw Object.assign(new Error(this.fail.code), { code: this.fail.code });
    }
    return super.create(path, body);
  }
  override async syncDirectory(directory: string): Promise<void> {
    if (this.fail?.at === 'directory') throw Object.assign(new Error(this.fail.code), { code: this.fail.code });
    return super.syncDirectory(directory);
  }
}

test('a full disk: nothing changed, nothing left behind, what to do is said, and it goes on when there is space', async () => {
  const path = fresh();
  await (await openAt(path)).close();
  const files = new FailingFiles(systemClock);
  const store = new DirectoryStore(path, files, systemClock);
  await store.put('log/a', Buffer.from('before'));
  const etag = (await store.get('log/a'))?.etag ?? '';
  for (const code of ['ENOSPC', 'EDQUOT']) {
    files.fail = { at: 'create', code };
    for (const write of [
      () => store.putIfAbsent('log/b', Buffer.from('xx')),
      () => store.put('log/a', Buffer.from('xx')),
      () => store.putIfMatch('log/a', Buffer.from('xx'), etag),
    ]) {
      await assert.rejects(write(), (error: LakeError) => {
        assert.equal(error.code, 'disk_full');
        assert.ok(error.retriable);
        assert.ok(
          error.message.includes(path) && error.message.includes('nothing was changed') && error.hint?.includes('space'),
          error.message,
        );
        return true;
      });
    }
    assert.deepEqual(readdirSync(join(path, '.store', 'tmp')), []);
    assert.equal((await store.get('log/a'))?.body.toString(), 'before');
    assert.equal(await store.get('log/b'), null);
  }
  await store.delete('log/a'); // needs no space
  files.fail = null;
  await store.putIfAbsent('log/b', Buffer.from('after'));
  await store.close();
});

test('a name that could not be flushed is an unknown outcome, never a success', async () => {
  const path = fresh();
  await (await openAt(path)).close();
  const files = new FailingFiles(systemClock);
  const store = new DirectoryStore(path, files, systemClock);
  await store.put('a', Buffer.from('1'));
  files.fail = { at: 'directory', code: 'EIO' };
  for (const write of [
    () => store.putIfAbsent('b', Buffer.from('2')),
    () => store.put('a', Buffer.from('2')),
    () => store.delete('a'),
  ]) {
    await assert.rejects(write(), (error: LakeError) => error.code === 'store_unavailable' && !error.retriable);
  }
  await store.close();
});

test('a create that lost flushes the winner before it says so', async () => {
  const path = fresh();
  await (await openAt(path)).close();
  const synced: string[] = [];
  const files = new (class extends DurableFiles {
    override async syncDirectory(directory: string): Promise<void> {
      synced.push(directory);
      return super.syncDirectory(directory);
    }
  })(systemClock);
  writeFileSync(join(path, 'won'), 'by a process that has not flushed yet');
  const store = new DirectoryStore(path, files, systemClock);
  await assert.rejects(store.putIfAbsent('won', Buffer.from('lost')), hasCode('precondition_failed'));
  assert.deepEqual(synced, [path]);
  await store.close();
});

/** Runs `work` as a user that permissions bind: root is not refused anything. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test('no permission: the path is named, and what to do', async () => {
  chmodSync(root, 0o755);
  const parent = join(root, `s${++count}`);
  mkdirSync(parent);
  const path = join(parent, 'store');
  const refused = (error: LakeError): boolean => {
    hasCode('permission_denied')(error);
    assert.ok(error.message.includes(path) && error.hint?.includes('permission'), `${error.message} ${error.hint}`);
    return true;
  };
  const store = await openAt(path);
  await store.put('log/a', Buffer.from('1'));
  for (const directory of [path, join(path, '.store'), join(path, '.store/tmp'), join(path, 'log')]) chmodSync(directory, 0o555);
  chmodSync(parent, 0o555);
  await asOrdinaryUser(async () => {
    const reader = new DirectoryStore(path, new DurableFiles(systemClock), systemClock);
    await assert.rejects(reader.putIfAbsent('log/b', Buffer.from('2')), refused);
    await assert.rejects(reader.put('log/a', Buffer.from('2')), refused);
    await assert.rejects(reader.delete('log/a'), refused);
    await assert.rejects(openAt(join(path, 'new')), (error) => hasCode('permission_denied')(error));
    await reader.close();
  });
  assert.equal((await store.get('log/a'))?.body.toString(), '1');
  for (const directory of [parent, path, join(path, '.store'), join(path, '.store/tmp'), join(path, 'log')])
    chmodSync(directory, 0o755);
  await store.close();
});

test('a slow disk is flushed off the event loop, a fast one in place', async () => {
  const path = fresh();
  await (await openAt(path)).close();
  let now = 0;
  let perCall = 0.1;
  const clock = { ...systemClock, monotonic: () => (now += perCall) };
  const files = new DurableFiles(clock);
  await files.syncDirectory(path);
  assert.ok(files.flushMs < 1);
  let turned = false;
  setImmediate(() => (turned = true));
  await files.syncDirectory(path);
  assert.ok(!turned, 'in place: the event loop did not turn');
  perCall = 50;
  await files.syncDirectory(path); // this one shows that the disk became slow
  setImmediate(() => (turned = true));
  await files.syncDirectory(path);
  assert.ok(turned, 'in the pool: it did');
  perCall = 0.1;
  for (let i = 0; i < 300; i++) await files.syncDirectory(path);
  assert.ok(files.flushMs < 1, 'and is found fast again');
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
    Array.from(
      { length: processes },
      (_, i) =>
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
