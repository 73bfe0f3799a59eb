/** Who may restore what, what goes over to the restored lake, and what restores still need of a lake's files. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { type By, pod, refusedWith, startControl, temporaryDirectory } from '../../../support/control.ts';

const restoring = (name: string, sourceId: string, replaces: string | null, more: object = {}) => ({
  name,
  sourceId,
  newId: randomUUID(),
  replaces,
  position: '1/1',
  time: null,
  before: null,
  asked: '',
  ...more,
});

describe('restoring lakes in the control catalog', () => {
  it('gives owners the past of their own lake, administrators all, others nothing', async () => {
    const { control, execute, makeLake, makeUser, stop } = await startControl(temporaryDirectory());
    const admin = await makeUser('admin@x', { admin: true });
    const owner = await makeUser('owner@x');
    const writer = await makeUser('writer@x');
    const past = (by: By) => control.restorableLakes(by.principal, 'sales').then((lakes) => lakes.map(({ id }) => id));
    const stranger = await makeLake('sales', admin);
    await execute('drop-lake', { name: 'sales' });
    const own = await makeLake('sales', admin);
    await execute('grant-access', { what: 'lake', user: 'owner@x', lake: 'sales', access: 'owner' });
    await execute('grant-access', { what: 'lake', user: 'writer@x', lake: 'sales', access: 'write' });

    assert.deepEqual(await past(admin), [own.id, stranger.id]);
    assert.deepEqual(await past(owner), [own.id]);
    await assert.rejects(past(writer), refusedWith('permission_denied'));
    const theirs = restoring('sales', stranger.id, own.id);
    await assert.rejects(execute('restore-lake', theirs, owner), refusedWith('undefined_database'));
    await assert.rejects(execute('restore-lake', { ...theirs, sourceId: own.id }, writer), refusedWith('permission_denied'));
    await assert.rejects(
      execute('restore-lake', restoring('sales', own.id, null, { as: 'copy' }), owner),
      refusedWith('permission_denied'),
      'a new lake needs an administrator',
    );
    await execute('drop-lake', { name: 'sales' });
    assert.deepEqual(await past(owner), [own.id], 'also when it is dropped');
    await assert.rejects(past(writer), refusedWith('undefined_database'), 'of a dropped lake others learn nothing');
    await stop();
  });

  it('hands grants and credentials over, each time, and refuses when the lake is another one meanwhile', async () => {
    const { control, execute, makeLake, makeUser, makeCredential, stop } = await startControl(temporaryDirectory());
    const alice = await makeUser('alice@x');
    const first = await makeLake('sales');
    await execute('grant-access', { what: 'lake', user: 'alice@x', lake: 'sales', access: 'write' });
    const credential = await makeCredential(alice, { lake: 'sales', onlyLake: true });
    const rightOf = async (by: By) => (await control.lakesOf(by.principal)).map(({ name, id, right }) => [name, id, right]);

    const once = restoring('sales', first.id, first.id);
    await execute('restore-lake', once);
    assert.deepEqual(await rightOf(alice), [['sales', once.newId, 'write']]);
    assert.deepEqual(await rightOf(credential), [['sales', once.newId, 'write']]);
    await assert.rejects(execute('restore-lake', restoring('sales', first.id, first.id)), refusedWith('precondition_failed'));
    await execute('drop-lake', { name: 'sales' });
    assert.deepEqual(await rightOf(alice), []);
    const twice = restoring('sales', first.id, null);
    await execute('restore-lake', twice);
    assert.deepEqual(await rightOf(alice), [['sales', twice.newId, 'write']], 'from the newest, though an older one is restored');
    assert.deepEqual(await rightOf(credential), [['sales', twice.newId, 'write']]);

    const copy = restoring('sales', first.id, null, { as: 'copy' });
    await execute('restore-lake', copy);
    assert.deepEqual(await rightOf(alice), [['sales', twice.newId, 'write']], "a copy is its maker's");
    await assert.rejects(execute('restore-lake', { ...copy, newId: randomUUID() }), refusedWith('duplicate_database'));
    await stop();
  });

  it('keeps the files of relatives: what a lake was before, and copies, until their retention is over', async () => {
    let now = 1_800_000_000_000;
    const { control, execute, makeLake, stop } = await startControl(temporaryDirectory(), { now: () => now });
    const first = await makeLake('sales');
    await makeLake('other');
    const floor = async (lakeId: string) => {
      const { keepSince, relatives } = await control.restoreFloor(lakeId, 1000);
      assert.equal(keepSince, now - 1000);
      return relatives.map(({ id, live }) => [id, live]);
    };
    assert.deepEqual(await floor(first.id), []);
    const second = restoring('sales', first.id, first.id);
    await execute('restore-lake', second, pod);
    assert.deepEqual(await floor(second.newId), [[first.id, false]]);
    now += 1001;
    assert.deepEqual(await floor(second.newId), []);
    const copy = restoring('sales', second.newId, null, { as: 'copy' });
    await execute('restore-lake', copy, pod);
    now += 1_000_000;
    assert.deepEqual(await floor(second.newId), [[copy.newId, true]], 'a live copy for as long as it lives');
    await stop();
  });

  it('drops at the next start what a restore that was cut off had made, and nothing else', async () => {
    const directory = temporaryDirectory();
    const first = await startControl(directory);
    const lake = await first.makeLake('sales');
    await first.log.create(`lake_${'a'.repeat(32)}`);
    await first.log.create('topics');
    await first.stop();
    const second = await startControl(directory);
    assert.deepEqual(
      (await second.log.databases()).toSorted(),
      ['control', `lake_${lake.id.replaceAll('-', '')}`, 'topics'].toSorted(),
    );
    await second.stop();
  });
});
