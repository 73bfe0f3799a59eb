import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLogger } from '../../../../base/log.ts';
import type { Change } from '../../../../catalog/control/command.ts';
import { pod, refusedWith, startControl, temporaryDirectory } from '../../../support/control.ts';

describe('control catalog', () => {
  it('keeps lakes, users, grants and credentials over a restart', async () => {
    const directory = temporaryDirectory();
    const first = await startControl(directory);
    const lake = await first.makeLake('sales');
    assert.equal(lake.dataPath, `/store/lakes/${lake.id}/data/`);
    const alice = await first.makeUser('Alice@Example.com');
    await first.execute('grant-access', { what: 'lake', user: 'alice@example.com', lake: 'sales', access: 'write' });
    const credential = await first.makeCredential(alice, { lake: 'sales' });
    await first.stop();

    const second = await startControl(directory);
    assert.deepEqual(
      (await second.control.lakes()).map(({ name }) => name),
      ['sales'],
    );
    const found = await second.control.findCredential(credential.login);
    assert.ok(found);
    assert.equal(found.principal.name, 'alice@example.com');
    assert.deepEqual([...found.principal.rights], [['sales', 'write']]);
    assert.equal(found.principal.defaultLake, 'sales');
    assert.deepEqual(
      found.verifiers.map(({ hash, iterations }) => [hash, iterations]),
      [
        ['sha256', 4096],
        ['sha512', 4096],
      ],
    );
    assert.deepEqual(structuredClone(found.principal), found.principal, 'crosses threads as it is');
    await second.stop();
  });

  it('never writes a secret to the store or the log in clear', async () => {
    const directory = temporaryDirectory();
    const lines: string[] = [];
    const { control, execute, makeUser, stop } = await startControl(directory, {
      logger: createLogger('trace', { write: (line) => void lines.push(line) }),
    });
    const alice = await makeUser('alice');
    const made = await execute('create-credential', {}, { ...alice, idempotencyKey: 'request-1234' });
    await assert.rejects(execute('create-credential', { lake: made['secret'] }, alice), refusedWith('undefined_database'));
    const shared = Buffer.from(await control.secret('scram-mock'));
    assert.deepEqual(Buffer.from(await control.secret('scram-mock')), shared, 'the same every time');
    await stop();
    const bytes = Buffer.concat([
      ...readdirSync(directory).map((file) => readFileSync(join(directory, file))),
      Buffer.from(lines.join('')),
    ]);
    assert.ok(bytes.includes(made['user'] as string), 'the login name is in the store, so the search looks at the right bytes');
    for (const secret of [Buffer.from(made['secret'] as string), shared]) {
      for (const form of [secret, secret.toString('base64'), secret.toString('hex')]) assert.ok(!bytes.includes(form));
    }
    assert.ok((made['secret'] as string).length * Math.log2(62) >= 128);
  });

  it('answers nothing, and tells nobody, before a change is durable', async () => {
    const { control, log, makeLake, execute, stop } = await startControl(temporaryDirectory());
    await makeLake('before');
    const told: Change[] = [];
    control.onChange((changes) => void told.push(...changes));
    let release!: () => void;
    log.hold = new Promise((resolve) => {
      release = resolve;
    });
    const order: string[] = [];
    const dropped = execute('drop-lake', { name: 'before' }).then(() => order.push('answered'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    // Committed in memory by now: a reader would see it, so the reader waits as well.
    const read = control.lakes().then((lakes) => order.push(`read ${lakes.length}`));
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual([order, told], [[], []]);
    log.hold = undefined;
    order.push('durable');
    release();
    await Promise.all([dropped, read]);
    assert.equal(order[0], 'durable');
    assert.deepEqual(order.slice(1).sort(), ['answered', 'read 0']);
    assert.deepEqual(
      told.map(({ t }) => t),
      ['lake-dropped'],
    );
    await stop();
  });

  it('waits for those who must let go before a change is answered', async () => {
    const { control, log, makeLake, execute, stop } = await startControl(temporaryDirectory());
    const lake = await makeLake('held');
    const order: string[] = [];
    const drop = log.drop.bind(log);
    log.drop = async (name) => {
      order.push(`database ${name === `lake_${lake.id.replaceAll('-', '')}` ? 'dropped' : name}`);
      await drop(name);
    };
    control.onChange(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push('sessions closed');
    });
    await execute('drop-lake', { name: 'held' });
    order.push('answered');
    assert.deepEqual(order, ['sessions closed', 'database dropped', 'answered']);
    await stop();
  });

  it('does a command once per idempotency key, whoever retries, and refuses the key for anything else', async () => {
    const { control, execute, makeUser, stop } = await startControl(temporaryDirectory());
    const admin = { ...(await makeUser('root@x', { admin: true })), idempotencyKey: 'key-number-1' };
    const one = await execute('create-user', { name: 'carl' }, admin);
    assert.deepEqual(await execute('create-user', { name: 'carl' }, admin), one);
    await assert.rejects(
      execute('create-user', { name: 'dora' }, admin),
      refusedWith('invalid_argument', /used for another request/),
    );
    await assert.rejects(
      execute('create-user', { name: 'carl' }, { ...pod, idempotencyKey: 'key-number-1' }),
      refusedWith('invalid_argument', /used for another/),
    );
    const both = await Promise.all(
      [1, 2].map(() => execute('create-user', { name: 'emil' }, { ...admin, idempotencyKey: 'key-number-2' })),
    );
    assert.deepEqual(both[0], both[1]);
    assert.equal((await control.listUsers(admin.principal)).length, 3);
    await execute('create-credential', {}, { ...admin, idempotencyKey: 'key-number-3' });
    await assert.rejects(
      execute('create-credential', {}, { ...admin, idempotencyKey: 'key-number-3' }),
      refusedWith('precondition_failed', /shown only once/),
    );
    assert.equal((await control.listCredentials(admin.principal)).length, 1, 'and no second credential was made');
    await stop();
  });

  it('changes nothing when a command is refused half-way', async () => {
    const { control, log, execute, makeUser, stop } = await startControl(temporaryDirectory());
    const alice = await makeUser('alice');
    const before = await control.listAudit(pod.principal, 100);
    log.failAt = 'commit';
    await assert.rejects(execute('create-credential', {}, alice), refusedWith('store_unavailable'));
    log.failAt = undefined;
    assert.deepEqual(await control.listCredentials(alice.principal), []);
    assert.deepEqual(await control.listAudit(pod.principal, 100), before);
    assert.ok((await execute('create-credential', {}, alice))['secret'], 'and the next one works');
    await stop();
  });

  it('writes who did what into the audit, in order, without secrets', async () => {
    const { control, execute, makeLake, makeUser, makeCredential, stop } = await startControl(temporaryDirectory());
    const admin = await makeUser('root@x', { admin: true });
    await makeLake('sales', admin);
    const credential = await makeCredential(admin, { lake: 'sales' });
    await execute('revoke-credential', { credential: credential.login }, credential);
    await execute('record-event', { action: 'drain', target: 'boilstream-0' });
    const audit = await control.listAudit(admin.principal, 100);
    assert.deepEqual(
      audit.map(({ actor, action, target }) => `${actor} ${action} ${target}`),
      [
        'pod drain boilstream-0',
        `root@x revoke-credential ${credential.login}`,
        `root@x create-credential ${credential.login}`,
        'pod activate-lake sales',
        'root@x create-lake sales',
        'pod create-user root@x',
      ],
    );
    assert.ok(!JSON.stringify(audit).includes(credential.secret));
    assert.deepEqual(
      audit.map(({ id }) => id),
      [6, 5, 4, 3, 2, 1],
    );
    await stop();
  });
});
