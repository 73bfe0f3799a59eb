/** The control catalog on the real replicated log: what was answered survives the loss of the pod and its disk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSealer } from '../../../../auth/seal.ts';
import { createVerifierMaker } from '../../../../auth/verifier-maker.ts';
import { systemClock } from '../../../../base/clock.ts';
import { lakeDatabaseName } from '../../../../base/domain.ts';
import { silentLogger } from '../../../../base/log.ts';
import { systemRandom } from '../../../../base/random.ts';
import { type ControlCatalog, createControlCatalog } from '../../../../catalog/control/control-catalog.ts';
import type { ReplicatedLog } from '../../../../catalog/replicated/ports.ts';
import { pod } from '../../../support/control.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { openLog } from '../../../support/replicated-log.ts';

const open = (log: ReplicatedLog): Promise<ControlCatalog> =>
  createControlCatalog({
    log,
    clock: systemClock,
    random: systemRandom,
    sealer: createSealer([Buffer.alloc(32, 7)], systemRandom),
    verifiers: createVerifierMaker(systemRandom),
    logger: silentLogger,
    storageRoot: '/store',
  });

test('all that was answered is there after a kill, on another machine; nothing of the secrets is in any object', async (t) => {
  const bucket = new MemoryBucket();
  const first = await open(await openLog(bucket, t));
  const { lake } = (await first.execute({ name: 'create-lake', args: { name: 'sales' } }, pod)) as { lake: { id: string } };
  await first.execute({ name: 'activate-lake', args: { lakeId: lake.id } }, pod);
  // Many at once: they meet in one group commit and must not step on each other.
  await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      await first.execute({ name: 'create-user', args: { name: `user${n}` } }, pod);
      await first.execute({ name: 'grant-access', args: { what: 'lake', user: `user${n}`, lake: 'sales', access: 'read' } }, pod);
    }),
  );
  const made = await first.execute({ name: 'create-credential', args: { user: 'user3', lake: 'sales' } }, pod);
  const gone = await first.execute({ name: 'create-credential', args: { user: 'user4' } }, pod);
  await first.execute({ name: 'revoke-credential', args: { credential: gone['user'] } }, pod);
  const dropped = (await first.execute({ name: 'create-lake', args: { name: 'scratch' } }, pod)) as { lake: { id: string } };
  await first.execute({ name: 'activate-lake', args: { lakeId: dropped.lake.id } }, pod);
  await first.execute({ name: 'drop-lake', args: { name: 'scratch' } }, pod);
  const secret = Buffer.from(await first.secret('scram-mock'));

  // No close: the process is gone, its disk too.
  const log = await openLog(bucket, t);
  const second = await open(log);
  assert.deepEqual(
    (await second.lakes()).map(({ name }) => name),
    ['sales'],
  );
  assert.deepEqual(await log.databases(), ['control', lakeDatabaseName(lake)].sort());
  assert.equal((await second.listUsers(pod.principal)).filter(({ lakes }) => lakes.length === 1).length, 10);
  assert.deepEqual([...((await second.findCredential(made['user'] as string))?.principal.rights ?? [])], [['sales', 'read']]);
  assert.equal(await second.findCredential(gone['user'] as string), undefined);
  assert.deepEqual(Buffer.from(await second.secret('scram-mock')), secret);
  await second.execute({ name: 'create-user', args: { name: 'after' } }, pod);

  const bytes = Buffer.concat([...bucket.objects.values()].map((object) => Buffer.from(object.body)));
  assert.ok(bytes.includes(made['user'] as string), 'the login name is in the log, so the search looks at the right bytes');
  for (const hidden of [made['secret'] as string, secret]) assert.ok(!bytes.includes(hidden));
});

test('of two retries of one request on two pods only one is done', async (t) => {
  const bucket = new MemoryBucket();
  const first = await open(await openLog(bucket, t));
  const once = { ...pod, idempotencyKey: 'one-request-1' };
  const answer = await first.execute({ name: 'create-user', args: { name: 'alice' } }, once);
  const second = await open(await openLog(bucket, t));
  assert.deepEqual(await second.execute({ name: 'create-user', args: { name: 'alice' } }, once), answer);
  await assert.rejects(
    first.execute({ name: 'create-user', args: { name: 'bob' } }, pod),
    'the deposed pod answers nothing any more',
  );
  assert.deepEqual(
    (await second.listUsers(pod.principal)).map(({ name }) => name),
    ['alice'],
  );
});
