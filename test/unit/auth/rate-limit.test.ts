import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LoginLimiter, rateLimits } from '../../../auth/rate-limit.ts';
import { systemClock } from '../../../base/clock.ts';
import { refusedWith } from '../../support/control.ts';

function limiter(limits = rateLimits): { limiter: LoginLimiter; clock: { at: number } } {
  const clock = { at: 0 };
  return { limiter: new LoginLimiter({ ...systemClock, monotonic: () => clock.at }, limits), clock };
}
const tooMany = refusedWith('limit_exceeded');

describe('login limits', () => {
  it('counts per account and address, per address, and per account; the window ends', () => {
    const { limiter: limits, clock } = limiter({ pairMax: 2, addressMax: 4, accountMax: 3, windowMs: 1000, countersMax: 100 });
    limits.failed('a', '1');
    limits.check('a', '1');
    limits.failed('a', '1');
    assert.throws(() => limits.check('a', '1'), tooMany);
    limits.check('b', '1');
    limits.check('a', '2');
    limits.failed('a', '2');
    assert.throws(() => limits.check('a', '3'), tooMany, 'the account, from anywhere');
    limits.failed('b', '1');
    limits.failed('c', '1');
    assert.throws(() => limits.check('d', '1'), tooMany, 'the address, for anybody');
    clock.at = 1000;
    limits.check('a', '1');
  });

  it('forgives by success what the same account did wrong from the same address, no more', () => {
    const { limiter: limits } = limiter({ pairMax: 3, addressMax: 4, accountMax: 100, windowMs: 1000, countersMax: 100 });
    for (let n = 0; n < 2; n++) limits.failed('a', '1');
    limits.failed('a', '1');
    limits.succeeded('a', '1', true);
    limits.check('a', '1');
    limits.failed('b', '1');
    limits.check('b', '1');
    limits.failed('b', '1');
    assert.throws(() => limits.check('b', '1'), tooMany, '2 + 2 from this address');
  });

  it('takes no more memory however many names and addresses are tried', () => {
    const { limiter: limits } = limiter({ ...rateLimits, countersMax: 1000 });
    for (let n = 0; n < 5000; n++) limits.failed('x'.repeat(100_000) + n, `10.0.${n >> 8}.${n & 255}`);
    assert.equal(limits.size, 1000);
  });
});
