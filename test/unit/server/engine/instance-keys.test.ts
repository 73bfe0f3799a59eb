/** Keys inside a locked instance: replaced in place when they are rotated, under statements that run; the old ones stay when there are no new ones. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Lake } from '../../../../base/domain.ts';
import { loadExtensions } from '../../../../server/engine/extensions.ts';
import { InstanceKeys } from '../../../../server/engine/instance-keys.ts';
import { keysCheckMs } from '../../../../server/engine/limits.ts';
import { lockdownStatements } from '../../../../server/engine/lockdown.ts';
import type { ObjectStoreKeys } from '../../../../server/engine/ports.ts';
import { S3Access } from '../../../support/s3-access.ts';
import { S3Server } from '../../../support/s3-server.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

const lake: Lake = { id: 'l', name: 'l', dataPath: 's3://lakes/l/data/' };
const access = new S3Access({ keys: { FIRST: 'one' }, hasTokenService: false });
const clock = new SimulatedClock();
const failures: unknown[] = [];
let server: S3Server;
let instance: DuckDBInstance;
let connection: DuckDBConnection;
let keys: InstanceKeys;
let now: () => Promise<Pick<ObjectStoreKeys, 'keyId' | 'secret'>>;

before(async () => {
  server = await S3Server.start(['lakes'], { access });
  instance = await DuckDBInstance.create(':memory:', { allow_persistent_secrets: 'false', threads: '1' });
  connection = await instance.connect();
  await loadExtensions(connection, ['httpfs']);
  now = async () => ({ keyId: 'FIRST', secret: 'one' });
  const place = { endpoint: new URL(server.endpoint).host, region: 'us-east-1', useTls: false, pathStyle: true };
  keys = new InstanceKeys({
    source: { forLake: async () => ({ ...place, ...(await now()) }) },
    clock,
    failed: (_lake, error) => failures.push(error),
  });
  await keys.add(connection, { lake, right: 'owner' }, 'data_secret');
  for (const statement of lockdownStatements({
    allowedDirectories: [lake.dataPath],
    spillDirectory: '/nonexistent/',
    spillBytesMax: 1 << 20,
  }))
    await connection.run(statement);
  keys.follow(() => instance.connect());
  for (const name of ['a', 'b']) await connection.run(`COPY (SELECT 1 AS i) TO '${lake.dataPath}${name}.parquet'`);
});
after(async () => {
  keys.close();
  connection.closeSync();
  instance.closeSync();
  await server.close();
});

const count = async (): Promise<unknown> =>
  (await connection.runAndReadAll(`SELECT count(*) FROM read_parquet('${lake.dataPath}*.parquet')`)).getRows()[0]?.[0];
/** A refresh runs in DuckDB, beside the simulated time: it is over when the secret shows the key, or has been seen to fail. */
async function shown(keyId: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const rows = await connection.runAndReadAll("SELECT secret_string FROM duckdb_secrets() WHERE name = 'data_secret'");
    if (String(rows.getRows()[0]?.[0]).includes(`key_id=${keyId};`)) return;
    assert.ok(performance.now() < deadline, `the secret has ${keyId} in time`);
    await clock.run(clock.monotonic());
  }
}

test('rotated keys are in use after the next look, also for a statement that has begun', async () => {
  access.set('SECOND', 'two');
  now = async () => ({ keyId: 'SECOND', secret: 'two' });
  // The first file is being opened when the keys change; the store then knows the old ones no more.
  let isChanged = false;
  server.fault = (request) => {
    if (isChanged || !request.key.endsWith('a.parquet')) return null;
    isChanged = true;
    void clock.run(clock.monotonic() + keysCheckMs);
    return { t: 'delay', delayMs: 700 };
  };
  assert.equal(await count(), 2n);
  assert.ok(isChanged);
  server.fault = () => null;
  await shown('SECOND');
  access.set('FIRST', null);
  assert.equal(await count(), 2n);
  assert.deepEqual(failures, []);
});

test('when there are no new keys the old ones stay, and it is tried again', async () => {
  now = () => Promise.reject(new Error('the key file is gone'));
  await clock.run(clock.monotonic() + keysCheckMs);
  assert.equal(failures.length, 1);
  assert.equal(await count(), 2n);
  access.set('THIRD', 'three');
  now = async () => ({ keyId: 'THIRD', secret: 'three' });
  await clock.run(clock.monotonic() + keysCheckMs);
  await shown('THIRD');
  access.set('SECOND', null);
  assert.equal(await count(), 2n);
});

test('a closed one looks no more', async () => {
  keys.close();
  now = () => assert.fail('asked after the end');
  await clock.run(clock.monotonic() + 3 * keysCheckMs);
  assert.equal(failures.length, 1);
});
