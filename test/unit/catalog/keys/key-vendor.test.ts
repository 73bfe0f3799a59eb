/** Which keys a session gets, for how long, and what is written down about it; time passes when the test says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lake, Principal, Right } from '../../../../base/domain.ts';
import { LakeError } from '../../../../base/errors.ts';
import { silentLogger } from '../../../../base/log.ts';
import { KeyVendor, type KeyVendorOptions } from '../../../../catalog/keys/key-vendor.ts';
import type { SessionKeys } from '../../../../catalog/metadata/secrets-table.ts';
import type { Sts } from '../../../../storage/sts.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

const lake: Lake = { id: 'l1', name: 'sales', dataPath: 's3://lakes/l1/data/' };
const ann: Principal = { id: 'u1', name: 'ann', kind: 'user', superuser: false, rights: new Map(), credentialId: 'c1' };
const hourMs = 3_600_000;

function setUp(options: Partial<KeyVendorOptions> = {}) {
  const clock = new SimulatedClock();
  const audit: Record<string, unknown>[] = [];
  const state = { right: 'write' as Right | undefined, refuse: undefined as LakeError | undefined, configured: 'CONFIGURED-1' };
  const asked: { policy: string; name: string; seconds: number }[] = [];
  const sts: Sts = {
    async assume(request) {
      if (state.refuse) throw state.refuse;
      asked.push(request);
      const n = asked.length;
      return { keyId: `K${n}`, secret: `s${n}`, sessionToken: `t${n}`, expiresAt: clock.now() + request.seconds * 1000 };
    },
    close() {},
  };
  const vendor = new KeyVendor({
    mode: 'auto',
    place: { region: 'eu-1', endpoint: 'store:9000', useTls: true, pathStyle: true },
    sts,
    ttlMs: hourMs,
    keysFor: async (right) => ({ keyId: `${state.configured}-${right}`, secret: 'c' }),
    rightOf: async () => state.right,
    audit: async (target, detail) => void audit.push({ target, ...detail }),
    clock,
    logger: silentLogger,
    ...options,
  });
  const open = (principal = ann): SessionKeys => vendor.forSession(principal, lake) ?? assert.fail('nothing is offered');
  return { vendor, clock, audit, state, asked, open };
}

const idOf = async (keys: SessionKeys): Promise<string> => (await keys())[0]?.keyId ?? assert.fail('no keys');
const none = (): LakeError => new LakeError('store_unsupported', 'there is no token service');

test('a session gets temporary keys for its lake and right, and the audit says so first', async () => {
  const { open, asked, audit, state } = setUp();
  const [secret] = await open()();
  assert.deepEqual(secret, {
    name: 'boilstream_sales',
    scope: 's3://lakes/l1/data/',
    region: 'eu-1',
    endpoint: 'store:9000',
    useTls: true,
    pathStyle: true,
    keyId: 'K1',
    secret: 's1',
    sessionToken: 't1',
  });
  assert.deepEqual([asked[0]?.name, asked[0]?.seconds], ['ann', 3600]);
  assert.match(asked[0]?.policy ?? '', /PutObject/);
  const { expires_at: expiresAt, ...line } = audit[0] ?? {};
  assert.deepEqual(line, {
    target: 'sales',
    user: 'ann',
    user_id: 'u1',
    credential_id: 'c1',
    access: 'write',
    key_id: 'K1',
    kind: 'temporary',
  });
  assert.ok(typeof expiresAt === 'string');
  assert.ok(!JSON.stringify(audit).includes('s1') && !JSON.stringify(audit).includes('t1'));
  state.right = 'read';
  await open()();
  assert.doesNotMatch(asked[1]?.policy ?? '', /PutObject/);
});

test('no keys leave when the audit cannot be written', async () => {
  const { open } = setUp({ audit: () => Promise.reject(new LakeError('store_unavailable', 'away')) });
  await assert.rejects(open()(), { code: 'store_unavailable' });
});

test('keys are asked for once for each login and lake, and anew when half their life is over, at which time they still work', async () => {
  const { open, asked, audit, clock } = setUp();
  const session = open();
  assert.deepEqual([await idOf(session), await idOf(session), await idOf(open())], ['K1', 'K1', 'K1']);
  assert.equal(asked.length, 1);
  assert.equal(audit.length, 2, 'a line for each session');
  await clock.run(clock.monotonic() + hourMs / 2 - 1);
  assert.equal(await idOf(session), 'K1');
  await clock.run(clock.monotonic() + 1);
  assert.deepEqual(await Promise.all([idOf(session), idOf(session)]), ['K2', 'K2']);
  assert.equal(audit.length, 3);
  assert.equal(await idOf(open({ ...ann, id: 'u2' })), 'K3', 'another user never gets them');
});

test('a token service that gives shorter lives is asked sooner', async () => {
  const clock = new SimulatedClock();
  let count = 0;
  const sts: Sts = {
    assume: async () => ({ keyId: `K${++count}`, secret: 's', sessionToken: 't', expiresAt: clock.now() + 900_000 }),
    close() {},
  };
  const { vendor } = setUp({ sts, clock });
  const session = vendor.forSession(ann, lake) as SessionKeys;
  assert.equal(await idOf(session), 'K1');
  await clock.run(450_000);
  assert.equal(await idOf(session), 'K2');
});

test('after a revoked grant there are no more keys; a narrowed one gets narrower keys', async () => {
  const { open, state, asked, clock } = setUp();
  const session = open();
  await session();
  state.right = 'read';
  await clock.run(hourMs / 2);
  await session();
  assert.doesNotMatch(asked[1]?.policy ?? '', /PutObject/);
  state.right = undefined;
  await clock.run(hourMs);
  await assert.rejects(session(), { code: 'permission_denied' });
  await assert.rejects(open()(), { code: 'permission_denied' });
  assert.equal(asked.length, 2);
});

test('without a token service the configured keys are given, those of the right, and rotated ones within a minute', async () => {
  const { open, state, audit, clock } = setUp();
  state.refuse = none();
  const session = open();
  assert.equal(await idOf(session), 'CONFIGURED-1-write');
  assert.deepEqual([audit[0]?.['kind'], audit[0]?.['expires_at']], ['configured', null]);
  state.configured = 'CONFIGURED-2';
  await clock.run(60_000);
  assert.equal(await idOf(session), 'CONFIGURED-2-write');
  await clock.run(120_000);
  assert.equal(await idOf(session), 'CONFIGURED-2-write');
  assert.equal(audit.length, 2, 'the same keys again are no news');
  state.right = 'read';
  assert.equal(await idOf(open()), 'CONFIGURED-2-read');
});

test('an outage or a refusal of the token service never turns into wider keys', async () => {
  const { open, state, clock } = setUp();
  for (const code of ['store_unavailable', 'permission_denied', 'config_invalid'] as const) {
    state.refuse = new LakeError(code, 'no');
    await assert.rejects(open()(), { code });
  }
  state.refuse = undefined;
  const session = open();
  await session();
  // It was there; one that is gone now is an outage.
  state.refuse = none();
  await clock.run(hourMs);
  await assert.rejects(session(), { code: 'store_unsupported' });
  const strict = setUp({ mode: 'sts' });
  strict.state.refuse = none();
  await assert.rejects(strict.open()(), { code: 'store_unsupported' });
});

test('nothing is offered for local lakes, to pods, when it is off, and on AWS without a role', () => {
  const { vendor } = setUp();
  assert.equal(vendor.forSession(ann, { ...lake, dataPath: '/var/lib/lake/' }), undefined);
  assert.equal(vendor.forSession({ ...ann, kind: 'pod' }, lake), undefined);
  assert.equal(setUp({ mode: 'off' }).vendor.forSession(ann, lake), undefined);
  assert.equal(setUp({ sts: undefined }).vendor.forSession(ann, lake), undefined);
  assert.ok(setUp({ sts: undefined, mode: 'keys' }).vendor.forSession(ann, lake));
});
