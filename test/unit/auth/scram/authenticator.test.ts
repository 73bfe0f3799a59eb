import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FoundCredential } from '../../../../auth/ports.ts';
import { LoginLimiter } from '../../../../auth/rate-limit.ts';
import { createAuthenticator, type ScramAuthenticator } from '../../../../auth/scram/authenticator.ts';
import { VerifierCache } from '../../../../auth/scram/verifier-cache.ts';
import { createVerifierMaker } from '../../../../auth/verifier-maker.ts';
import { systemClock } from '../../../../base/clock.ts';
import type { Principal } from '../../../../base/domain.ts';
import { LakeError } from '../../../../base/errors.ts';
import { systemRandom } from '../../../../base/random.ts';
import { scramClient } from '../../../support/scram-client.ts';

const principal: Principal = { id: 'u1', name: 'alice', kind: 'user', superuser: false, rights: new Map([['sales', 'read']]) };
const context = { remoteAddress: '10.0.0.1' };

async function fixture(): Promise<{
  authenticator: ScramAuthenticator;
  cache: VerifierCache;
  store: Map<string, FoundCredential>;
  asked: string[];
  clock: { at: number };
  begin(user: string, secret: string, mechanism?: string): Promise<Principal>;
}> {
  const verifiers = await createVerifierMaker(systemRandom).verifiersOf('right');
  const store = new Map<string, FoundCredential>([['alice_1', { verifiers, principal }]]);
  const asked: string[] = [];
  const clock = { at: 1_000_000 };
  const fakeClock = { ...systemClock, now: () => clock.at, monotonic: () => clock.at };
  const cache = new VerifierCache(
    {
      async findCredential(user) {
        asked.push(user);
        await null;
        return store.get(user);
      },
    },
    fakeClock,
  );
  const authenticator = createAuthenticator({
    credentials: cache,
    limiter: new LoginLimiter(fakeClock),
    clock: fakeClock,
    random: systemRandom,
    mockKey: Buffer.alloc(32, 1),
    mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-512'],
  });
  return {
    authenticator,
    cache,
    store,
    asked,
    clock,
    async begin(user, secret, mechanism = 'SCRAM-SHA-256') {
      const exchange = authenticator.begin(user, mechanism, context);
      const client = scramClient(mechanism.includes('512') ? 'sha512' : 'sha256', secret);
      const challenge = await exchange.first(client.first());
      const { reply, principal: who } = await exchange.final(client.final(challenge));
      client.verify(reply);
      return who;
    },
  };
}

const refused = (error: unknown): boolean => error instanceof LakeError && error.code === 'invalid_password';

describe('SCRAM authenticator', () => {
  it('lets the right secret in by both hashes and asks the catalog once', async () => {
    const { begin, asked } = await fixture();
    assert.equal((await begin('alice_1', 'right')).id, 'u1');
    assert.equal((await begin('alice_1', 'right', 'SCRAM-SHA-512')).id, 'u1');
    assert.deepEqual(asked, ['alice_1']);
  });

  it('gives unknown users a salt that is the same each time and looks like any other', async () => {
    const { authenticator, begin } = await fixture();
    const saltOf = async (user: string): Promise<string> => {
      const message = (
        await authenticator.begin(user, 'SCRAM-SHA-256', context).first(Buffer.from('n,,n=,r=abcdefgh'))
      ).toString();
      const parts = /^r=abcdefgh([^,]+),s=([^,]+),i=(\d+)$/.exec(message);
      assert.equal(parts?.[3], '4096');
      return parts?.[2] as string;
    };
    assert.equal(await saltOf('nobody'), await saltOf('nobody'));
    assert.notEqual(await saltOf('nobody'), await saltOf('somebody'));
    assert.equal((await saltOf('nobody')).length, (await saltOf('alice_1')).length);
    await assert.rejects(begin('nobody', 'right'), refused);
  });

  it('sees a revocation at once, even between the two messages', async () => {
    const { authenticator, cache, store, begin } = await fixture();
    await begin('alice_1', 'right');
    const exchange = authenticator.begin('alice_1', 'SCRAM-SHA-256', context);
    const client = scramClient('sha256', 'right');
    const challenge = await exchange.first(client.first());
    store.delete('alice_1');
    cache.invalidate();
    await assert.rejects(exchange.final(client.final(challenge)), refused);
    await assert.rejects(begin('alice_1', 'right'), refused);
  });

  it('does not keep what was read before a change and arrives after it', async () => {
    let answer!: (found: FoundCredential | undefined) => void;
    const cache = new VerifierCache(
      {
        findCredential: () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      },
      systemClock,
    );
    const stale = cache.findCredential('alice_1');
    cache.invalidate();
    answer({ verifiers: [], principal });
    assert.ok(await stale);
    const fresh = cache.findCredential('alice_1');
    answer(undefined);
    assert.equal(await fresh, undefined);
  });

  it('refuses an expired credential although it is in the cache', async () => {
    const { store, begin, clock } = await fixture();
    store.set('alice_1', { ...(store.get('alice_1') as FoundCredential), expiresAt: 2_000_000 });
    await begin('alice_1', 'right');
    clock.at = 2_000_000;
    await assert.rejects(begin('alice_1', 'right'), refused);
  });

  it('slows guessing down per account and address, and lets others in', async () => {
    const { authenticator, begin, clock } = await fixture();
    for (let n = 0; n < 10; n++) await assert.rejects(begin('alice_1', 'wrong'), refused);
    await assert.rejects(
      begin('alice_1', 'right'),
      (error) => error instanceof LakeError && error.code === 'limit_exceeded' && /60 s/.test(error.message),
    );
    const elsewhere = authenticator.begin('alice_1', 'SCRAM-SHA-256', { remoteAddress: '10.0.0.2' });
    await elsewhere.first(Buffer.from('n,,n=,r=abcdefgh'));
    clock.at += 60_001;
    await begin('alice_1', 'right');
  });

  it('offers -PLUS on TLS only and refuses what it did not offer', async () => {
    const { authenticator } = await fixture();
    assert.deepEqual(authenticator.mechanisms(false), ['SCRAM-SHA-256', 'SCRAM-SHA-512']);
    assert.deepEqual(authenticator.mechanisms(true), [
      'SCRAM-SHA-256-PLUS',
      'SCRAM-SHA-512-PLUS',
      'SCRAM-SHA-256',
      'SCRAM-SHA-512',
    ]);
    assert.throws(
      () => authenticator.begin('alice_1', 'SCRAM-SHA-1', context),
      (error) => error instanceof LakeError && error.code === 'protocol_violation',
    );
  });
});

describe('channel binding', () => {
  it('betrays somebody in between who took -PLUS out of the offer', async () => {
    const { authenticator } = await fixture();
    const begin = (plusOffered: boolean): Promise<Buffer> =>
      authenticator
        .begin('alice_1', 'SCRAM-SHA-256', { remoteAddress: '10.0.0.1', plusOffered })
        .first(Buffer.from('y,,n=,r=abcdefgh'));
    await assert.rejects(
      begin(true),
      (error) => error instanceof LakeError && error.code === 'invalid_authorization' && /negotiation failed/.test(error.message),
    );
    assert.ok(await begin(false));
  });
});
