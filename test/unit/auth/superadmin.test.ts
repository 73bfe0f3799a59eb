import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLogin } from '../../../auth/login.ts';
import { createLoginRecord } from '../../../auth/login-record.ts';
import { LoginLimiter } from '../../../auth/rate-limit.ts';
import { createAuthenticator } from '../../../auth/scram/authenticator.ts';
import { VerifierCache } from '../../../auth/scram/verifier-cache.ts';
import { followSecretFile } from '../../../auth/secret-file.ts';
import { createSuperadmin, passwordOfFile, type Superadmin } from '../../../auth/superadmin.ts';
import { bearerToken, hashToken, mintToken } from '../../../auth/tokens.ts';
import { createVerifierMaker } from '../../../auth/verifier-maker.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Principal } from '../../../base/domain.ts';
import { createLogger, silentLogger } from '../../../base/log.ts';
import { systemRandom } from '../../../base/random.ts';
import { refusedWith } from '../../support/control.ts';
import { scramClient } from '../../support/scram-client.ts';

const principal: Principal = { id: 's', name: 'admin@localhost', kind: 'user', superuser: true, rights: new Map() };

function make(isWireLoginAllowed = true): Superadmin {
  return createSuperadmin({
    email: 'Admin@Localhost',
    verifiers: createVerifierMaker(systemRandom),
    principal: async () => principal,
    credentials: { findCredential: async () => undefined },
    isWireLoginAllowed,
  });
}

async function scramLogin(superadmin: Superadmin, cache: VerifierCache, password: string): Promise<Principal> {
  const authenticator = createAuthenticator({
    credentials: cache,
    limiter: new LoginLimiter(systemClock),
    clock: systemClock,
    random: systemRandom,
    mockKey: Buffer.alloc(32),
  });
  const exchange = authenticator.begin(superadmin.email, 'SCRAM-SHA-256', { remoteAddress: '::1' });
  const client = scramClient('sha256', password);
  return (await exchange.final(client.final(await exchange.first(client.first())))).principal;
}

describe('superadmin', () => {
  it('gets in by its file on the wires and on REST, in any case of the address, before and after a rotation', async () => {
    const superadmin = make();
    const cache = new VerifierCache(superadmin, systemClock);
    assert.equal(
      await superadmin.checkPassword('admin@localhost', 'first-password'),
      undefined,
      'nobody gets in without a password',
    );
    await superadmin.setPassword('first-password\n');
    assert.equal((await scramLogin(superadmin, cache, 'first-password')).id, 's');
    assert.equal((await superadmin.checkPassword('ADMIN@localhost', 'first-password'))?.id, 's');
    await superadmin.setPassword('second-pässwörd');
    cache.invalidate();
    await assert.rejects(scramLogin(superadmin, cache, 'first-password'), refusedWith('invalid_password'));
    assert.equal((await scramLogin(superadmin, cache, 'second-pässwörd')).id, 's');
    assert.equal(await superadmin.checkPassword('admin@localhost', 'first-password'), undefined);
  });

  it('takes one line end away and refuses what cannot be meant', () => {
    assert.equal(passwordOfFile('pass word \r\n'), 'pass word ');
    for (const text of ['', '\n', 'short', 'two\nlines of it', 'x'.repeat(1025)])
      assert.throws(() => passwordOfFile(text), refusedWith('config_invalid'));
  });

  it('follows its file: a change is in force, a broken file is not', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'secret-'));
    const path = join(directory, 'password');
    const due: (() => void)[] = [];
    const clock = {
      ...systemClock,
      after: (_ms: number, call: () => void) => {
        due.push(call);
        return () => {};
      },
    };
    const look = async (): Promise<void> => {
      due.shift()?.();
      while (due.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    const superadmin = make();
    const follow = { path, clock, logger: silentLogger, apply: (text: string) => superadmin.setPassword(text) };
    await assert.rejects(followSecretFile(follow), refusedWith('config_invalid', /cannot be read/));
    writeFileSync(path, 'first-password');
    const stop = await followSecretFile(follow);
    writeFileSync(path, 'second-password');
    await look();
    assert.ok(await superadmin.checkPassword('admin@localhost', 'second-password'));
    writeFileSync(path, '');
    await look();
    assert.ok(
      await superadmin.checkPassword('admin@localhost', 'second-password'),
      'an empty file in the middle of a write locks nobody out',
    );
    stop();
    rmSync(directory, { recursive: true });
  });

  it('gains nothing by guessing many times at once', async () => {
    const superadmin = make();
    await superadmin.setPassword('right-password');
    const login = createLogin({ superadmin, limiter: new LoginLimiter(systemClock) });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => login.attempt({ password: `guess-${n}`, address: '::1' })),
    );
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'in'));
    assert.equal(codes.filter((code) => code === 'invalid_password').length, 10);
    assert.equal(codes.filter((code) => code === 'limit_exceeded').length, 40);
  });
});

describe('record of logins', () => {
  it('bounds what guessing writes, keeps names short, and holds no secret', async () => {
    const lines: string[] = [];
    const audited: string[] = [];
    const record = createLoginRecord({
      clock: { ...systemClock, monotonic: () => 0 },
      logger: createLogger('info', { write: (line) => void lines.push(line) }),
      superadminEmail: 'admin@localhost',
      audit: async (action, target) => audited.push(`${action} ${target}`),
    });
    for (let n = 0; n < 1000; n++)
      record.note({ way: 'pgwire', user: n === 0 ? 'admin@localhost' : 'x'.repeat(10_000), remoteAddress: '::1', ok: false });
    record.note({ way: 'pgwire', user: 'alice_1', remoteAddress: '::1', ok: true });
    assert.equal(lines.length, 60);
    assert.ok(lines.every((line) => line.length < 500));
    assert.deepEqual(audited, ['login-refused admin@localhost']);
  });
});

describe('session tokens', () => {
  it('are random, stored as a hash, and only ours are looked at', () => {
    const { token, hash } = mintToken(systemRandom);
    assert.equal(hashToken(token), hash);
    assert.ok(!hash.includes(token) && token.length * 6 > 256);
    assert.equal(bearerToken(`Bearer ${token}`), token);
    for (const header of [
      undefined,
      '',
      token,
      `Basic ${token}`,
      `Bearer ${token}x`,
      'Bearer bs_session_short',
      `Bearer ${'x'.repeat(10_000)}`,
    ])
      assert.equal(bearerToken(header), undefined);
  });
});
