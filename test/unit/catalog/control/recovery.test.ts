import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lakeDatabaseName } from '../../../../base/domain.ts';
import { silentLogger } from '../../../../base/log.ts';
import { migrate, migrations } from '../../../../catalog/control/schema.ts';
import { ControlStore } from '../../../../catalog/control/store.ts';
import { refusedWith, startControl, temporaryDirectory } from '../../../support/control.ts';
import { openFakeLog } from '../../../support/fake-replicated-log.ts';

describe('a crash between the steps', () => {
  it('of making a lake: the next start has its database, nobody sees it, and it can be finished', async () => {
    for (const crash of ['before its database', 'after its database'] as const) {
      const directory = temporaryDirectory();
      const first = await startControl(directory);
      if (crash === 'before its database') {
        // The pod dies when the row is durable and the database is not there: even giving up is not reached.
        first.log.create = () => new Promise(() => {});
        void first.execute('create-lake', { name: 'sales' });
        while ((await first.control.creatingLakes()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      } else await first.execute('create-lake', { name: 'sales' });
      assert.deepEqual(await first.control.lakes(), []);
      await assert.rejects(first.execute('create-lake', { name: 'sales' }), refusedWith('duplicate_database'));
      await first.stop();

      const second = await startControl(directory);
      const [lake] = await second.control.creatingLakes();
      assert.equal(lake?.name, 'sales');
      assert.ok((await second.log.databases()).includes(lakeDatabaseName(lake)), crash);
      assert.deepEqual(await second.control.lakes(), []);
      await second.execute('activate-lake', { lakeId: lake.id });
      await second.execute('activate-lake', { lakeId: lake.id });
      assert.deepEqual(
        (await second.control.lakes()).map(({ name }) => name),
        ['sales'],
      );
      assert.deepEqual(await second.control.creatingLakes(), []);
      await second.stop();
    }
  });

  it('of dropping a lake: gone for everyone from the first step, the database at the next start; the name is free', async () => {
    const directory = temporaryDirectory();
    const first = await startControl(directory);
    const lake = await first.makeLake('sales');
    first.log.failAt = 'drop';
    await first.execute('drop-lake', { name: 'sales' });
    assert.deepEqual(await first.control.lakes(), []);
    assert.ok((await first.log.databases()).includes(lakeDatabaseName(lake)));
    await first.makeLake('sales');
    await first.stop();
    const second = await startControl(directory);
    assert.ok(!(await second.log.databases()).includes(lakeDatabaseName(lake)));
    assert.equal((await second.control.lakes()).length, 1, 'the new one of the same name is untouched');
    await second.stop();
  });

  it('does not leave a name behind when the database cannot be made', async () => {
    const { control, log, execute, makeLake, stop } = await startControl(temporaryDirectory());
    log.failAt = 'create';
    await assert.rejects(execute('create-lake', { name: 'sales' }), refusedWith('store_unavailable'));
    log.failAt = undefined;
    assert.deepEqual(await control.creatingLakes(), []);
    await makeLake('sales');
    await assert.rejects(
      execute('abandon-lake', { lakeId: (await control.lakes())[0]?.id, reason: 'x' }),
      refusedWith('not_found'),
      'a live lake is never abandoned',
    );
    await stop();
  });
});

describe('schema', () => {
  it('brings a catalog of every earlier version to the present one with its rows', async () => {
    for (let from = 1; from < migrations.length; from++) {
      const directory = temporaryDirectory();
      const log = await openFakeLog(directory);
      const store = new ControlStore(await log.create('control'));
      await migrate(store, 1, silentLogger, from);
      // Version 1 could hold these; later versions may not lose them.
      await store.write(async (tx) => {
        await tx.run("INSERT INTO users VALUES ('u1', 'old@x', false, false, 'pod', 1)");
        await tx.run(
          "INSERT INTO lakes VALUES ('11111111-1111-4111-8111-111111111111', 'old_lake', 'live', '/store/old/', 'pod', 1, NULL)",
        );
        await tx.run("INSERT INTO grants VALUES ('g1', 'u1', '11111111-1111-4111-8111-111111111111', 'write', 'pod', 1)");
      });
      store.close();
      await log.close();
      const { control, execute, stop } = await startControl(directory);
      assert.deepEqual([...((await control.principalOf({ userId: 'u1' }))?.rights ?? [])], [['old_lake', 'write']]);
      await execute('open-session', { userId: 'u1', tokenHash: 'c'.repeat(64), ttlMs: 1000, address: '' });
      await stop();
    }
    assert.ok(migrations.length > 1 && migrations.every(({ version }, at) => version === at + 1));
  });

  it('refuses a catalog that a newer release has written, and says so', async () => {
    const directory = temporaryDirectory();
    const { stop } = await startControl(directory);
    await stop();
    const log = await openFakeLog(directory);
    const store = new ControlStore(await log.open('control'));
    await store.write((tx) => tx.run('INSERT INTO schema_version VALUES (999, 1)'));
    store.close();
    await log.close();
    await assert.rejects(startControl(directory), refusedWith('store_unsupported', /version 999, this release knows/));
  });
});

describe('sealed secrets', () => {
  const [oldKey, newKey, stranger] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)];

  it('survive the rotation of the cluster key, after which the old key is not needed', async () => {
    const directory = temporaryDirectory();
    const first = await startControl(directory, { keys: [oldKey] });
    const secret = Buffer.from(await first.control.secret('scram-mock'));
    await first.stop();
    const rotated = await startControl(directory, { keys: [newKey, oldKey] });
    await rotated.stop();
    const after = await startControl(directory, { keys: [newKey] });
    assert.deepEqual(Buffer.from(await after.control.secret('scram-mock')), secret);
    await after.stop();
  });

  it('stop the start with a clear word when their key is missing', async () => {
    const directory = temporaryDirectory();
    const first = await startControl(directory, { keys: [oldKey] });
    await first.control.secret('scram-mock');
    await first.stop();
    await assert.rejects(
      startControl(directory, { keys: [stranger] }),
      refusedWith('config_invalid', /key [0-9a-f]{16}, which this pod does not have/),
    );
  });
});

describe('names', () => {
  it('of lakes fit every wire: lower case, not too long, not reserved, never like a metadata database', async () => {
    const { execute, makeLake, stop } = await startControl(temporaryDirectory());
    for (const name of [
      'postgres',
      'template1',
      'control',
      'memory',
      'system',
      'temp',
      'main',
      'public',
      'sales__catalog',
      '__catalog',
      'Sales',
      '1st',
      'a b',
      "a'b",
      'a"b',
      'ü',
      '',
      'pg_x',
      'x'.repeat(55),
      '../x',
    ]) {
      await assert.rejects(execute('create-lake', { name }), refusedWith('invalid_argument'), name);
    }
    for (const name of ['a', 'sales_2026', 'x'.repeat(54)]) await makeLake(name);
    await stop();
  });

  it('of users are addresses or plain names, the same in any case', async () => {
    const { execute, makeUser, stop } = await startControl(temporaryDirectory());
    for (const name of ['pod', 'public', 'a b', "a'b", 'a@', '@b', '', '.x', 'pg_x', 'a@b@c', 'x'.repeat(101), 'a\u0000b'])
      await assert.rejects(execute('create-user', { name }), refusedWith('invalid_argument'), JSON.stringify(name));
    await makeUser('Alice@Example.com');
    await assert.rejects(execute('create-user', { name: 'alice@EXAMPLE.com' }), refusedWith('duplicate_object'));
    await stop();
  });

  it("of data paths stay away from other lakes and from the pods' own state", async () => {
    const { control, execute, stop } = await startControl(temporaryDirectory());
    const make = (name: string, dataPath: string): Promise<unknown> => execute('create-lake', { name, dataPath });
    await make('outside', '/mnt/data/outside');
    assert.equal((await control.creatingLakes())[0]?.dataPath, '/mnt/data/outside/');
    for (const path of [
      '/store',
      '/store/lakes/x',
      '/',
      'relative',
      '/mnt/data',
      '/mnt/data/outside/inner',
      '/mnt/../store/x',
      "/mnt/a'b",
      's3://',
      'https://x/y',
      '/mnt/a\nb',
    ]) {
      await assert.rejects(make('inside', path), refusedWith('invalid_argument'), path);
    }
    await make('beside', '/mnt/data/outside2');
    await make('bucket', 's3://other-bucket/prefix');
    assert.equal((await control.creatingLakes()).find(({ name }) => name === 'bucket')?.dataPath, 's3://other-bucket/prefix/');
    await stop();
  });
});
