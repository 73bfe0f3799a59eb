/** Instances by set of grants: who shares one, how many there are, when they go. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Principal } from '../../../../base/domain.ts';
import { EnginePod } from '../../../support/engine-pod.ts';

let pod: EnginePod;
const principal = (name: string): Principal => ({ id: name, name, kind: 'user', superuser: false, rights: new Map() });

before(async () => {
  pod = await EnginePod.start({ instancesMax: 2, instanceIdleMsMax: 200, memoryBytes: 512 << 20 });
  await pod.createLake('a');
  await pod.createLake('b');
  pod.grant('owner1', 'a', 'owner');
  pod.grant('owner2', 'a', 'owner');
  pod.grant('reader', 'a', 'read');
  pod.grant('both', 'a', 'read');
  pod.grant('both', 'b', 'read');
});
after(() => pod.stop());

test('the same grants share an instance, others do not, and all together keep to the memory', async () => {
  const leases = await Promise.all([
    pod.engine.pool.lease(principal('owner1')),
    pod.engine.pool.lease(principal('owner2')),
    pod.engine.pool.lease(principal('reader')),
  ]);
  const [first, second, third] = leases;
  assert.equal(first?.instance, second?.instance);
  assert.notEqual(first?.instance, third?.instance);
  assert.ok((first?.instance.memoryBytes ?? 0) + (third?.instance.memoryBytes ?? 0) <= 512 << 20);
  await assert.rejects(pod.engine.pool.lease(principal('both')), { code: 'too_many_connections', retriable: true });
  for (const lease of leases) lease.release();
});

test('an instance that nobody uses makes room for another, and its files go with it', async () => {
  const lease = await pod.engine.pool.lease(principal('both'));
  assert.deepEqual([...lease.instance.access.keys()].sort(), ['a', 'b']);
  const directory = join(lease.instance.spoolDirectory, '..');
  assert.ok(existsSync(directory));
  lease.release();
  lease.release();
  const deadline = performance.now() + 5000;
  while (pod.engine.pool.size > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(pod.engine.pool.size, 0);
  while (existsSync(directory) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(readdirSync(join(pod.directory, 'engine', 'instances')), []);
});

test('a changed grant is another instance', async () => {
  const before = await pod.engine.pool.lease(principal('reader'));
  pod.grant('reader', 'a', 'write');
  const now = await pod.engine.pool.lease(principal('reader'));
  assert.notEqual(before.instance, now.instance);
  assert.notEqual(before.key, now.key);
  before.release();
  now.release();
});

// Making lakes one after the other gave each session another set of grants, and after seven of them there was no memory left.
test('instances that nobody uses give their memory back before a session is refused', async () => {
  for (let index = 0; index < 8; index++) {
    pod.grant(`user${index}`, 'a', index % 2 === 0 ? 'read' : 'write');
    pod.grant(`user${index}`, 'b', 'read');
    const lease = await pod.engine.pool.lease(principal(`user${index}`));
    assert.ok(lease.instance.memoryBytes >= 64 << 20);
    lease.release();
    pod.grant(`user${index}`, 'b', null);
  }
});

// One lake's tables were dropped through its catalog, and nobody who had a grant on it could log in to any lake any more.
test('a lake that cannot be attached takes no other with it, says so, and is there once it is made', async () => {
  const broken = await pod.createLake('broken', { initialised: false });
  pod.grant('three', 'a', 'owner');
  pod.grant('three', 'broken', 'owner');
  const session = await pod.session('three');
  assert.deepEqual(await session.rows('SELECT current_database()'), [['a']]);
  await assert.rejects(pod.session('three', 'broken'), { code: 'cannot_connect_now', message: /"broken" cannot be opened/ });

  await pod.engine.initialiseLake(broken);
  const deadline = performance.now() + 10_000;
  let made: Awaited<ReturnType<typeof pod.session>> | undefined;
  while (!made && performance.now() < deadline) {
    made = await pod.session('three', 'broken').catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(made, 'the lake can be used after it was made');
  await made.send('CREATE TABLE t (a INT); INSERT INTO t VALUES (1)');
  assert.deepEqual(await session.rows('SELECT 1'), [[1]]);
  await session.close();
  await made.close();
});
