import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pod, refusedWith, startControl, temporaryDirectory } from '../../../support/control.ts';

describe('rights in the control catalog', () => {
  it('lets administrators do everything, owners what concerns their lake, others nothing', async () => {
    const { execute, makeLake, makeUser, stop } = await startControl(temporaryDirectory());
    const admin = await makeUser('admin@x', { admin: true });
    const owner = await makeUser('owner@x');
    const writer = await makeUser('writer@x');
    await makeLake('sales', admin);
    await makeLake('other', admin);
    await execute('grant-access', { what: 'lake', user: 'owner@x', lake: 'sales', access: 'owner' }, admin);
    await execute('grant-access', { what: 'lake', user: 'writer@x', lake: 'sales', access: 'write' }, owner);

    const denied = refusedWith('permission_denied');
    for (const by of [owner, writer]) {
      await assert.rejects(execute('create-lake', { name: 'mine' }, by), denied);
      await assert.rejects(execute('create-user', { name: 'x' }, by), denied);
      await assert.rejects(execute('delete-user', { name: 'admin@x' }, by), denied);
      await assert.rejects(execute('grant-access', { what: 'admin', user: 'writer@x' }, by), denied);
      await assert.rejects(
        execute('grant-access', { what: 'lake', user: 'writer@x', lake: 'other', access: 'read' }, by),
        denied,
      );
      await assert.rejects(execute('create-credential', { user: 'admin@x' }, by), denied);
      for (const [name, args] of [
        ['activate-lake', { lakeId: 'x' }],
        ['abandon-lake', { lakeId: 'x', reason: '' }],
        ['ensure-superadmin', { email: 'writer@x' }],
        ['open-session', { userId: writer.principal.id, tokenHash: 'a'.repeat(64), ttlMs: 1000, address: '' }],
        ['record-event', { action: 'a', target: 't' }],
      ] as const) {
        await assert.rejects(execute(name, args, by), denied, name);
      }
    }
    await assert.rejects(
      execute('grant-access', { what: 'lake', user: 'writer@x', lake: 'sales', access: 'owner' }, writer),
      denied,
      'no raising of oneself',
    );
    await assert.rejects(
      execute('grant-access', { what: 'lake', user: 'owner@x', lake: 'sales', access: 'read' }, owner),
      denied,
      'nor lowering by mistake',
    );
    await assert.rejects(execute('drop-lake', { name: 'sales' }, writer), denied);
    await execute('drop-lake', { name: 'sales' }, owner);
    await stop();
  });

  it("gives a credential its owner's rights of the moment, narrowed", async () => {
    const { control, execute, makeLake, makeUser, makeCredential, stop } = await startControl(temporaryDirectory());
    const alice = await makeUser('alice');
    await makeLake('lake');
    await makeLake('sales');
    const rights = async (login: string): Promise<object> =>
      Object.fromEntries((await control.findCredential(login))?.principal.rights ?? []);
    const plain = await makeCredential(alice);
    assert.deepEqual(await rights(plain.login), {});
    for (const lake of ['lake', 'sales']) await execute('grant-access', { what: 'lake', user: 'alice', lake, access: 'owner' });
    const reader = await makeCredential(alice, { readOnly: true });
    const only = await makeCredential(alice, { lake: 'sales', onlyLake: true });
    assert.deepEqual(await rights(plain.login), { lake: 'owner', sales: 'owner' });
    assert.deepEqual(await rights(reader.login), { lake: 'read', sales: 'read' });
    assert.deepEqual(await rights(only.login), { sales: 'owner' });
    assert.equal((await control.findCredential(plain.login))?.principal.defaultLake, 'lake');
    assert.equal((await control.findCredential(only.login))?.principal.defaultLake, 'sales');
    await execute('grant-access', { what: 'admin', user: 'alice' });
    assert.equal((await control.findCredential(plain.login))?.principal.superuser, true);
    for (const { login } of [reader, only])
      assert.equal(
        (await control.findCredential(login))?.principal.superuser,
        false,
        'a narrowed credential administers nothing',
      );
    await execute('drop-lake', { name: 'sales' });
    assert.deepEqual(await rights(only.login), {}, 'never another lake instead');
    await stop();
  });

  it('lets a narrowed or ending credential make nothing that is wider or lives longer', async () => {
    let now = 1_000_000;
    const { control, execute, makeUser, makeCredential, makeLake, stop } = await startControl(temporaryDirectory(), {
      now: () => now,
    });
    const admin = await makeUser('admin@x', { admin: true });
    await makeLake('sales');
    for (const args of [{ readOnly: true }, { lake: 'sales', onlyLake: true }]) {
      const narrowed = await makeCredential(admin, args);
      await assert.rejects(execute('create-credential', {}, narrowed), refusedWith('permission_denied'));
      await assert.rejects(execute('create-lake', { name: 'x' }, narrowed), refusedWith('permission_denied'));
      await assert.rejects(execute('drop-lake', { name: 'sales' }, narrowed), refusedWith('permission_denied'));
      await assert.rejects(control.listUsers(narrowed.principal), refusedWith('permission_denied'));
    }
    const short = await makeCredential(admin, { ttlMs: 60_000 });
    const child = await makeCredential({ principal: short.principal });
    now += 59_999;
    assert.ok(await control.findCredential(child.login));
    now += 1;
    assert.equal(await control.findCredential(short.login), undefined);
    assert.equal(await control.findCredential(child.login), undefined, 'ends with the one that made it');
    await assert.rejects(
      execute('create-user', { name: 'late' }, short),
      refusedWith('invalid_authorization', /expired or was revoked/),
    );
    await stop();
  });

  it('takes everything from a deleted user at once, and leaves the superadmin alone', async () => {
    const { control, execute, makeUser, makeCredential, makeLake, stop } = await startControl(temporaryDirectory());
    await execute('ensure-superadmin', { email: 'admin@localhost' });
    await makeLake('sales');
    const alice = await makeUser('alice', { admin: true });
    const credential = await makeCredential(alice);
    await execute('open-session', { userId: alice.principal.id, tokenHash: 'b'.repeat(64), ttlMs: 60_000, address: '::1' });
    assert.ok(await control.findSession('b'.repeat(64)));
    await assert.rejects(
      execute('delete-user', { name: 'admin@localhost' }, alice),
      refusedWith('permission_denied', /superadmin/),
    );
    await assert.rejects(
      execute('revoke-access', { what: 'admin', user: 'admin@localhost' }, alice),
      refusedWith('permission_denied'),
    );
    await assert.rejects(execute('delete-user', { name: 'alice' }, alice), refusedWith('permission_denied', /yourself/));
    await execute('delete-user', { name: 'alice' });
    assert.equal(await control.findCredential(credential.login), undefined);
    assert.equal(await control.findSession('b'.repeat(64)), undefined);
    assert.equal(await control.principalOf({ userId: alice.principal.id }), undefined);
    await assert.rejects(execute('create-user', { name: 'x' }, alice), refusedWith('invalid_authorization'));
    await makeUser('alice');
    assert.equal(await control.findCredential(credential.login), undefined, 'a new user of the same name inherits nothing');
    await stop();
  });

  it('has one superadmin, who keeps what is theirs under a new address', async () => {
    const { control, execute, makeUser, stop } = await startControl(temporaryDirectory());
    const one = await execute('ensure-superadmin', { email: 'admin@localhost' });
    assert.deepEqual(await execute('ensure-superadmin', { email: 'Admin@Localhost' }), one, 'nothing new at each start');
    assert.deepEqual(await execute('ensure-superadmin', { email: 'root@company.com' }), one);
    await makeUser('next@company.com');
    await execute('ensure-superadmin', { email: 'next@company.com' });
    const users = await control.listUsers(pod.principal);
    assert.deepEqual(
      users.map(({ name, admin, superadmin }) => [name, admin, superadmin]),
      [
        ['next@company.com', true, true],
        ['root@company.com', false, false],
      ],
    );
    await stop();
  });

  it('does not tell a user of lakes that are not theirs', async () => {
    const { control, execute, makeLake, makeUser, stop } = await startControl(temporaryDirectory());
    await makeLake('secret_plans');
    const alice = await makeUser('alice');
    assert.deepEqual(await control.lakesOf(alice.principal), []);
    const message = async (lake: string): Promise<string> =>
      execute('create-credential', { lake }, alice).then(
        () => 'done',
        (error: Error) => error.message.replace(lake, 'NAME'),
      );
    assert.equal(await message('secret_plans'), await message('no_such_lake'));
    await assert.rejects(control.listUsers(alice.principal), refusedWith('permission_denied'));
    await assert.rejects(control.listAudit(alice.principal, 1), refusedWith('permission_denied'));
    await assert.rejects(control.listCredentials(alice.principal, '*'), refusedWith('permission_denied'));
    await assert.rejects(
      control.listCredentials(alice.principal, 'nobody'),
      refusedWith('permission_denied'),
      'nor whether somebody exists',
    );
    await stop();
  });
});
