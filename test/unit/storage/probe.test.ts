import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import type { LakeError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { openDirectoryStore } from '../../../storage/directory.ts';
import { type ProbeReport, probeStore, type StoreStrategy } from '../../../storage/probe.ts';
import { openS3Store } from '../../../storage/s3.ts';
import { S3Server, type S3ServerOptions } from '../../support/s3-server.ts';
import { hasCode, keysOf } from '../../support/store-promises.ts';

process.env.AWS_ACCESS_KEY_ID = 'test';
process.env.AWS_SECRET_ACCESS_KEY = 'test';

const servers: S3Server[] = [];
after(async () => {
  for (const server of servers) await server.close();
});

async function start(options: S3ServerOptions) {
  const server = await S3Server.start(['lakes'], options);
  servers.push(server);
  return {
    server,
    store: openS3Store({ bucket: 'lakes', prefix: 'p', endpoint: server.endpoint, clock: systemClock, random: systemRandom }),
  };
}

const probing = { clock: systemClock, random: systemRandom, cluster: false };

const stores: Array<[string, S3ServerOptions, Partial<ProbeReport>, StoreStrategy]> = [
  [
    'AWS, versitygw, MinIO',
    {},
    { createOnly: 'yes', replaceIfMatch: 'yes', etag: 'same', etagSpelling: 'quoted', listAfterWrite: true },
    'swap',
  ],
  ['unquoted ETags', { etags: 'unquoted' }, { createOnly: 'yes', replaceIfMatch: 'yes', etag: 'same' }, 'swap'],
  ['If-Match only without quotes', { ifMatchWithoutQuotesOnly: true }, { replaceIfMatch: 'yes', etagSpelling: 'bare' }, 'swap'],
  [
    'ETag differs between PUT and GET',
    { etags: 'differ-on-get' },
    { createOnly: 'yes', replaceIfMatch: 'yes', etag: 'differs' },
    'swap',
  ],
  ['no ETag on GET', { etags: 'none-on-get' }, { createOnly: 'yes', replaceIfMatch: 'no', etag: 'none' }, 'create'],
  [
    'rclone, versitygw --nometa: both ignored',
    { ignoresIfNoneMatch: true, ignoresIfMatch: true },
    { createOnly: 'no', replaceIfMatch: 'no' },
    'single-writer',
  ],
  ['only If-Match ignored', { ignoresIfMatch: true }, { createOnly: 'yes', replaceIfMatch: 'no' }, 'create'],
  [
    'moto, s3proxy, s3mock: right in sequence, wrong in a race',
    { raceWindowMs: 15 },
    { createOnly: 'racy', replaceIfMatch: 'racy' },
    'single-writer',
  ],
];

for (const [name, options, expected, strategy] of stores) {
  test(`finds out what the store does: ${name}`, async () => {
    const { server, store } = await start(options);
    const probed = await probeStore(store, probing);
    for (const [field, value] of Object.entries(expected)) assert.equal(probed.report[field as keyof ProbeReport], value, field);
    assert.equal(probed.strategy, strategy);
    assert.deepEqual(server.keys('lakes'), [], 'nothing of the probe stays');
    if (strategy === 'single-writer') {
      await assert.rejects(probeStore(store, { ...probing, cluster: true }), (error: LakeError) => {
        assert.equal(error.code, 'store_unsupported');
        assert.match(error.message, /s3:\/\/lakes\/p cannot carry a cluster/);
        assert.match(error.hint ?? '', /BOILSTREAM_CLUSTER_MODE=false/);
        return true;
      });
      assert.deepEqual(server.keys('lakes'), []);
    } else await probeStore(store, { ...probing, cluster: true });
  });
}

test('a swap after the probe works with the spelling it found', async () => {
  const { store } = await start({ ifMatchWithoutQuotesOnly: true });
  await probeStore(store, probing);
  await store.put('x', Buffer.from('1'));
  await store.putIfMatch('x', Buffer.from('2'), (await store.get('x'))?.etag ?? '');
});

test('lost answers and refusals by the way are tried again, and do not change what is found', async () => {
  const { server, store } = await start({});
  let count = 0;
  server.fault = () =>
    ++count % 97 === 0 ? { t: 'lost-answer' } : count % 131 === 0 ? { t: 'status', status: 503, code: 'SlowDown' } : null;
  for (let i = 0; i < 5; i++) {
    const probed = await probeStore(store, { ...probing, cluster: true });
    assert.equal(probed.strategy, 'swap');
  }
  const racy = await start({ raceWindowMs: 15 });
  racy.server.fault = () => (++count % 97 === 0 ? { t: 'lost-answer' } : null);
  await assert.rejects(probeStore(racy.store, { ...probing, cluster: true }), hasCode('store_unsupported'));
});

test('late lists are noticed', async () => {
  const { server, store } = await start({});
  server.freezeListing('lakes');
  server.fault = ({ operation }) => (operation === 'LIST' ? { t: 'stale-list' } : null);
  const probed = await probeStore(store, probing);
  assert.equal(probed.report.listAfterWrite, false);
  assert.match(probed.line, /LATE/);
});

test('a store that refuses or is not there is an error, never a report', async () => {
  const { server, store } = await start({});
  server.fault = () => ({ t: 'status', status: 403, code: 'AccessDenied' });
  await assert.rejects(probeStore(store, probing), hasCode('permission_denied'));
  await server.close();
  await assert.rejects(probeStore(store, probing), hasCode('store_unavailable'));
});

test('a local directory is probed in no time that anybody would notice', async () => {
  const root = mkdtempSync(join(tmpdir(), 'probe-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const store = await openDirectoryStore({ path: root, clock: systemClock });
  const probed = await probeStore(store, { ...probing, cluster: true });
  assert.equal(probed.strategy, 'swap');
  // 60 ms alone on a machine; the bound leaves room for one that runs other tests beside.
  assert.ok(probed.report.tookMs < 3_000, probed.line);
  assert.match(probed.line, /^store file:\/\/\/.*create-only atomic, replace-if-unchanged atomic/);
  assert.deepEqual(await keysOf(store, ''), []);
  await store.close();
});
