import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { LakeError } from '../../../base/errors.ts';
import { createLogger } from '../../../base/log.ts';
import { systemRandom } from '../../../base/random.ts';
import { openCertificates } from '../../../server/certificates.ts';
import { requestMsMax, retryCountMax } from '../../../storage/limits.ts';
import { openS3Store, type S3StoreOptions } from '../../../storage/s3.ts';
import { type S3Fault, S3Server, type S3ServerOptions } from '../../support/s3-server.ts';
import { hasCode, keysOf, testStorePromises } from '../../support/store-promises.ts';

process.env.AWS_ACCESS_KEY_ID = 'test';
process.env.AWS_SECRET_ACCESS_KEY = 'test';
process.env.AWS_EC2_METADATA_DISABLED = 'true';

/** Real time, but pauses between attempts cost nothing. */
const quick: Clock = { ...systemClock, sleep: async () => {} };
const silent = createLogger('silent');
const body = Buffer.from('a body');
const servers: S3Server[] = [];
after(async () => {
  for (const server of servers) await server.close();
});

async function start(options: S3ServerOptions = {}, store: Partial<S3StoreOptions> = {}) {
  const server = await S3Server.start(['lakes'], options);
  servers.push(server);
  return {
    server,
    store: openS3Store({
      bucket: 'lakes',
      prefix: 'pre/fix',
      endpoint: server.endpoint,
      clock: quick,
      random: systemRandom,
      ...store,
    }),
  };
}

/** The first `count` requests that `when` accepts meet the fault. */
function first(
  count: number,
  fault: S3Fault,
  when: (operation: string) => boolean = () => true,
): S3ServerOptions['fault'] & object {
  let left = count;
  return ({ operation }) => (when(operation) && left-- > 0 ? fault : null);
}

const unknownOutcome = (error: unknown): boolean =>
  error instanceof LakeError && error.code === 'store_unavailable' && !error.retriable;

testStorePromises({ name: 's3', open: async () => (await start({ pageSize: 3 })).store });
testStorePromises({ name: 's3 with versions (L10)', open: async () => (await start({ versioned: true })).store });
testStorePromises({
  name: 's3 without a prefix, unquoted ETags (L9)',
  open: async () => (await start({ etags: 'unquoted' }, { prefix: '' })).store,
});

test('409 means nothing landed: it is sent again until it lands (L1)', async () => {
  const { server, store } = await start();
  server.fault = first(4, { t: 'status', status: 409, code: 'ConditionalRequestConflict' });
  await store.putIfAbsent('a', body);
  assert.equal(server.requests.length, 5);
  assert.ok(server.body('lakes', 'pre/fix/a')?.equals(body));
});

test('409 without end is reported as nothing written, not as lost (L1)', async () => {
  const { server, store } = await start();
  server.fault = () => ({ t: 'status', status: 409, code: 'ConditionalRequestConflict' });
  await assert.rejects(store.putIfAbsent('a', body), (error: LakeError) => error.code === 'store_unavailable' && error.retriable);
  assert.equal(server.requests.length, retryCountMax + 1);
});

for (const fault of [
  { t: 'lost-answer' },
  { t: 'status-after', status: 500, code: 'InternalError' },
  { t: 'status-after', status: 503, code: 'SlowDown' },
  { t: 'cut' },
  { t: 'status', status: 503, code: 'SlowDown' },
  { t: 'status', status: 500, code: 'InternalError' },
] as const) {
  test(`after ${JSON.stringify(fault)} a write is unknown, and is never sent twice (L2, L11)`, async () => {
    const { server, store } = await start();
    await store.put('there', Buffer.from('1'));
    const etag = (await store.get('there'))?.etag ?? '';
    for (const write of [
      () => store.putIfAbsent('new', body),
      () => store.put('plain', body),
      () => store.putIfMatch('there', body, etag),
      () => store.delete('there'),
    ]) {
      const before = server.requests.length;
      server.fault = first(1, fault);
      await assert.rejects(write(), unknownOutcome);
      assert.equal(server.requests.length, before + 1);
    }
    // Reading again tells the truth.
    const landed = fault.t === 'lost-answer' || fault.t === 'status-after';
    assert.equal((await store.get('new'))?.body.equals(body) ?? false, landed);
  });
}

test('reads are repeated through 503, 500, cut connections and cut bodies (L11)', async () => {
  const { server, store } = await start();
  const large = Buffer.alloc(200_000, 5);
  await store.put('a', large);
  for (const fault of [
    { t: 'status', status: 503, code: 'SlowDown' },
    { t: 'status', status: 500, code: 'InternalError' },
    { t: 'cut' },
    { t: 'cut-body' },
    { t: 'status', status: 429, code: 'TooManyRequests' },
  ] as const) {
    server.fault = first(3, fault);
    assert.ok((await store.get('a'))?.body.equals(large), fault.t);
    server.fault = first(fault.t === 'cut-body' ? 0 : 3, fault);
    assert.deepEqual(await keysOf(store, ''), ['a']);
  }
  server.fault = () => ({ t: 'status', status: 503, code: 'SlowDown' });
  const before = server.requests.length;
  await assert.rejects(store.get('a'), (error: LakeError) => error.code === 'store_unavailable' && error.retriable);
  assert.equal(server.requests.length, before + retryCountMax + 1, 'and not for ever');
});

test('a store that does not answer meets the deadline of the call', async () => {
  let expire = (): void => {};
  const clock: Clock = {
    ...quick,
    after: (ms, call) => {
      if (ms === requestMsMax) expire = call;
      return () => {};
    },
  };
  const { server, store } = await start({}, { clock });
  server.fault = () => {
    setTimeout(() => expire(), 20);
    return { t: 'delay', delayMs: 300 };
  };
  await assert.rejects(store.delete('a'), unknownOutcome);
});

test('the signal of the caller ends a call that hangs, outcome unknown', async () => {
  const { server, store } = await start();
  server.fault = () => ({ t: 'delay', delayMs: 200 });
  await assert.rejects(store.putIfAbsent('a', body, { signal: AbortSignal.timeout(30) }), unknownOutcome);
  await new Promise((resolve) => setTimeout(resolve, 250));
  server.fault = () => null;
  assert.ok((await store.get('a'))?.body.equals(body), 'it landed later all the same');
});

test('a body is one PUT: no upload is left dangling whatever breaks (L8)', async () => {
  const { server, store } = await start();
  const large = Buffer.alloc(20_000_000, 1);
  server.fault = first(1, { t: 'lost-answer' });
  await assert.rejects(store.putIfAbsent('large', large), unknownOutcome);
  await assert.rejects(store.putIfAbsent('large', large), hasCode('precondition_failed'));
  assert.ok(server.requests.every((request) => request.operation !== 'POST'));
  assert.equal(server.danglingUploads, 0);
});

test('If-Match is spelled as the store wants it (L9)', async () => {
  const { store } = await start({ ifMatchWithoutQuotesOnly: true });
  await store.put('a', body);
  const etag = (await store.get('a'))?.etag ?? '';
  await assert.rejects(store.putIfMatch('a', body, etag), hasCode('precondition_failed'));
  store.etagSpelling = 'bare';
  await store.putIfMatch('a', Buffer.from('b'), etag);
  await assert.rejects(
    store.putIfMatch('a', body, ''),
    hasCode('store_unsupported'),
    'no ETag never becomes an unconditional put',
  );
});

test('errors say what is wrong and what to do', async () => {
  const cases: Array<[number, string, string, RegExp]> = [
    [403, 'InvalidAccessKeyId', 'permission_denied', /access key/],
    [404, 'XAdminUserNotFound', 'permission_denied', /access key/],
    [403, 'AccessDenied', 'permission_denied', /s3:GetObject/],
    [403, 'RequestTimeTooSkewed', 'permission_denied', /clock/],
    [404, 'NoSuchBucket', 'config_invalid', /BOILSTREAM_STORAGE_URL/],
    [301, 'PermanentRedirect', 'config_invalid', /BOILSTREAM_S3_REGION/],
    [507, 'XMinioStorageFull', 'disk_full', /quota|space/],
    [501, 'NotImplemented', 'store_unsupported', /^/],
    [400, 'EntityTooLarge', 'too_large', /^/],
  ];
  const { server, store } = await start();
  for (const [status, code, expected, hint] of cases) {
    server.fault = () => ({ t: 'status', status, code });
    await assert.rejects(store.putIfAbsent('a', body), (error: LakeError) => {
      assert.equal(error.code, expected, `${status} ${code}`);
      assert.match(error.hint ?? '', hint);
      assert.match(error.message, /putIfAbsent of a \(6 bytes\) in s3:\/\/lakes\/pre\/fix/);
      return true;
    });
  }
});

test('an address where nobody listens: nothing was sent, and it says so', async () => {
  const { server, store } = await start();
  await server.close();
  await assert.rejects(
    store.putIfAbsent('a', body),
    (error: LakeError) => error.code === 'store_unavailable' && error.retriable && /ECONNREFUSED/.test(error.message),
  );
});

test('over TLS: an authority of its own is trusted when named, and only then; http where https was said is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 's3-tls-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const certificates = await openCertificates({ dataDir: folder, hosts: ['127.0.0.1'], clock: systemClock, logger: silent });
  after(() => certificates.close());
  const { server, store } = await start({ tls: certificates.pem() }, { caPath: certificates.caPath as string });
  assert.match(server.endpoint, /^https:/);
  await store.putIfAbsent('a', body);
  assert.deepEqual((await store.get('a'))?.body, body);

  const hintOf = async (options: Partial<S3StoreOptions>): Promise<string> => {
    const other = openS3Store({ bucket: 'lakes', prefix: '', clock: quick, random: systemRandom, ...options });
    const error = await other.putIfAbsent('b', body).catch((thrown: LakeError) => thrown);
    assert.ok(error instanceof LakeError && error.retriable, String(error));
    return error.hint ?? '';
  };
  assert.match(await hintOf({ endpoint: server.endpoint }), /BOILSTREAM_S3_CA_PATH/);
  const plain = await start();
  assert.match(await hintOf({ endpoint: plain.server.endpoint.replace('http:', 'https:') }), /does not speak TLS/);
  await assert.rejects(async () => start({}, { caPath: join(folder, 'none.pem') }), /none\.pem cannot be read \(ENOENT\)/);
});

test('a listing that is not in order is refused instead of believed', async () => {
  const { store } = await start({ listsUnordered: true });
  for (const key of ['a', 'b', 'c']) await store.put(key, body);
  await assert.rejects(keysOf(store, ''), hasCode('store_unsupported'));
});

test('connections are kept and bounded', async () => {
  const { server, store } = await start();
  for (let i = 0; i < 20; i++) await store.put(`k${i}`, body);
  assert.equal(server.connections, 1);
  await Promise.all(Array.from({ length: 300 }, (_, i) => store.get(`k${i % 20}`)));
  assert.ok(server.connections <= 48, String(server.connections));
});

test('key files: rotated keys are used without a restart; missing, empty and half-given ones are refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const [access, secret] = [join(folder, 'access_key'), join(folder, 'secret_key')];
  writeFileSync(access, 'FIRST\n');
  writeFileSync(secret, 'secret-1\n');
  let now = 0;
  const { server, store } = await start(
    {},
    { accessKeyPath: access, secretKeyPath: secret, clock: { ...quick, monotonic: () => now } },
  );
  const keyOfLast = () => /Credential=([^/]+)\//.exec(String(server.requests.at(-1)?.headers.authorization))?.[1];
  await store.put('a', body);
  assert.equal(keyOfLast(), 'FIRST');
  writeFileSync(`${access}.new`, 'SECOND\n');
  renameSync(`${access}.new`, access);
  now += 2000;
  await store.put('a', body);
  assert.equal(keyOfLast(), 'SECOND');
  rmSync(secret);
  now += 2000;
  await store.put('a', body);
  assert.equal(keyOfLast(), 'SECOND', 'keys in hand outlive a moment without files');

  const { store: unable } = await start({}, { accessKeyPath: access, secretKeyPath: secret });
  await assert.rejects(unable.get('a'), (error: LakeError) => error.code === 'config_invalid' && error.message.includes(secret));
  writeFileSync(secret, '  \n');
  const { store: empty } = await start({}, { accessKeyPath: access, secretKeyPath: secret });
  await assert.rejects(empty.get('a'), (error: LakeError) => error.code === 'config_invalid' && /empty/.test(error.message));
  await assert.rejects(start({}, { accessKeyPath: access }), hasCode('config_invalid'));
});
