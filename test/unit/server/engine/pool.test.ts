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
