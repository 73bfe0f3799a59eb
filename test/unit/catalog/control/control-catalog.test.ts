import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createSealer } from '../../../../auth/seal.ts';
import { createVerifierMaker } from '../../../../auth/verifier-maker.ts';
import { systemClock } from '../../../../base/clock.ts';
import { silentLogger } from '../../../../base/log.ts';
import { systemRandom } from '../../../../base/random.ts';
import { type ControlCatalog, createControlCatalog } from '../../../../catalog/control/control-catalog.ts';
import { type FakeLog, openFakeLog } from '../../../support/fake-replicated-log.ts';

const pod = { principal: { id: 'pod', kind: 'pod' as const } };
const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'control-'));
  directories.push(directory);
  return directory;
}

async function start(
  directory: string,
  now = systemClock.now,
): Promise<{ control: ControlCatalog; log: FakeLog; stop(): Promise<void> }> {
  const log = await openFakeLog(directory);
  const control = await createControlCatalog({
    log,
    clock: { ...systemClock, now },
    random: systemRandom,
    sealer: createSealer([Buffer.alloc(32, 7)], systemRandom),
    verifiers: createVerifierMaker(systemRandom),
    logger: silentLogger,
    storageRoot: '/store',
  });
  return {
    control,
    log,
    async stop() {
      control.close();
      await log.close();
    },
  };
}

async function makeLake(
  control: ControlCatalog,
  name: string,
  by = pod,
): Promise<{ id: string; name: string; dataPath: string }> {
  const { lake } = (await control.execute({ name: 'create-lake', args: { name } }, by)) as {
    lake: { id: string; name: string; dataPath: string };
  };
  await control.execute({ name: 'activate-lake', args: { lakeId: lake.id } }, pod);
  return lake;
}

async function makeUser(
  control: ControlCatalog,
  name: string,
  admin = false,
): Promise<{ principal: { id: string; kind: 'user' } }> {
  const { user } = (await control.execute({ name: 'create-user', args: { name, admin } }, pod)) as { user: { id: string } };
  return { principal: { id: user.id, kind: 'user' } };
}

describe('control catalog', () => {
  it('keeps lakes, users, grants and credentials over a restart', async () => {
    const directory = newDirectory();
    let pod1 = await start(directory);
    const lake = await makeLake(pod1.control, 'sales');
    assert.equal(lake.dataPath, `/store/lakes/${lake.id}/data/`);
    const alice = await makeUser(pod1.control, 'Alice@Example.com');
    await pod1.control.execute(
      { name: 'grant-access', args: { what: 'lake', user: 'alice@example.com', lake: 'sales', access: 'write' } },
      pod,
    );
    const credential = await pod1.control.execute({ name: 'create-credential', args: { lake: 'sales' } }, alice);
    await pod1.stop();

    pod1 = await start(directory);
    assert.deepEqual(
      (await pod1.control.lakes()).map(({ name }) => name),
      ['sales'],
    );
    const found = await pod1.control.findCredential(credential.user as string);
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
    await pod1.stop();
  });

  it('never writes a secret to the store in clear', async () => {
    const directory = newDirectory();
    const { control, stop } = await start(directory);
    const alice = await makeUser(control, 'alice');
    const made = await control.execute({ name: 'create-credential', args: {} }, { ...alice, idempotencyKey: 'request-1234' });
    const shared = Buffer.from(await control.secret('scram-mock'));
    await stop();
    const bytes = Buffer.concat(readdirSync(directory).map((file) => readFileSync(join(directory, file))));
    assert.ok(bytes.includes(made.user as string), 'the login name is in the store, so the search looks at the right bytes');
    for (const secret of [Buffer.from(made.secret as string), shared]) {
      assert.ok(!bytes.includes(secret));
      assert.ok(!bytes.includes(secret.toString('base64')));
      assert.ok(!bytes.includes(secret.toString('hex')));
    }
    assert.ok((made.secret as string).length * Math.log2(62) >= 128);
  });
});
