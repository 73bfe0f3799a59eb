import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Principal } from '../../../base/domain.ts';
import type { LakeAccess } from '../../../server/engine/ports.ts';
import { AccessCache } from '../../../server/access-cache.ts';

const ann: Principal = { id: 'ann', name: 'ann', kind: 'user', superuser: false, rights: new Map() };
const lake = (name: string): LakeAccess => ({ lake: { id: name, name, dataPath: '/' }, right: 'read' });

test('a second session asks nothing, one after a change sees the change', async () => {
  const answers = [[lake('a')], [lake('a'), lake('b')]];
  const cache = new AccessCache(async () => answers.shift() ?? assert.fail('asked too often'));
  assert.equal((await cache.of(ann)).length, 1);
  assert.equal((await cache.of(ann)).length, 1);
  cache.clear();
  assert.equal((await cache.of(ann)).length, 2);
});

test('an answer that was under way when something changed is not kept', async () => {
  const { promise, resolve } = Promise.withResolvers<readonly LakeAccess[]>();
  const answers = [promise, Promise.resolve([lake('new')])];
  const cache = new AccessCache(() => answers.shift() ?? assert.fail('asked too often'));
  const early = cache.of(ann);
  cache.clear();
  resolve([lake('old')]);
  assert.equal((await early)[0]?.lake.name, 'old');
  assert.equal((await cache.of(ann))[0]?.lake.name, 'new');
});

test('credentials of one user are told apart, and a failure is not remembered', async () => {
  let calls = 0;
  const cache = new AccessCache(async () => {
    if (++calls === 1) throw new Error('worker busy');
    return [];
  });
  await assert.rejects(cache.of(ann));
  await cache.of(ann);
  await cache.of({ ...ann, credentialId: 'c1' });
  assert.equal(calls, 3);
});
