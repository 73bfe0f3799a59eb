import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import type { Principal } from '../../../base/domain.ts';
import { silentLogger } from '../../../base/log.ts';
import { LiveSessions } from '../../../server/live-sessions.ts';

const who = (id: string, credentialId?: string): Principal => ({
  id,
  name: id,
  kind: 'user',
  superuser: false,
  rights: new Map(),
  ...(credentialId ? { credentialId } : {}),
});

function open(): { live: LiveSessions; ended: string[] } {
  const live = new LiveSessions();
  const ended: string[] = [];
  for (const [name, principal, kind] of [
    ['a1 sql', who('a', 'a1'), 'sql'],
    ['a1 meta', who('a', 'a1'), 'metadata'],
    ['a2 sql', who('a', 'a2'), 'sql'],
    ['b sql', who('b'), 'sql'],
    ['b meta', who('b'), 'metadata'],
  ] as const) {
    live.enter(principal, kind, () => ended.push(name));
  }
  return { live, ended };
}

describe('live sessions', () => {
  it('ends all sessions of a revoked credential and no other', () => {
    const { live, ended } = open();
    live.follow([{ t: 'credential-revoked', credentialId: 'a1', userId: 'a' }]);
    assert.deepEqual(ended, ['a1 sql', 'a1 meta']);
    live.follow([{ t: 'credential-revoked', credentialId: 'a1', userId: 'a' }]);
    assert.equal(ended.length, 2, 'once each');
  });

  it('ends everything of a deleted user, sessions without a credential too', () => {
    const { live, ended } = open();
    live.follow([{ t: 'user-deleted', userId: 'b' }]);
    assert.deepEqual(ended, ['b sql', 'b meta']);
  });

  it('ends metadata sessions, whose rights are fixed, when grants change', () => {
    const { live, ended } = open();
    live.follow([
      { t: 'grants-changed', userId: 'a' },
      { t: 'credential-created', userId: 'b', credentialId: 'x' },
    ]);
    assert.deepEqual(ended, ['a1 meta']);
  });

  it('ends sessions that a changed password had opened, and leaves credentials alone', () => {
    const { live, ended } = open();
    live.endOfPassword('a');
    assert.deepEqual(ended, []);
    live.endOfPassword('b');
    assert.deepEqual(ended, ['b sql', 'b meta']);
  });

  it('tells a session that is still beginning that it is over', () => {
    const live = new LiveSessions();
    const session = live.enter(who('a', 'a1'), 'metadata', () => {});
    live.follow([{ t: 'credential-revoked', credentialId: 'a1' }]);
    assert.match(session.ended?.message ?? '', /revoked/);
    assert.equal(live.size, 0);
  });

  it('ends sessions of credentials that have expired', async () => {
    const { live, ended } = open();
    const due: (() => void)[] = [];
    const clock = {
      ...systemClock,
      after: (_ms: number, call: () => void) => {
        due.push(call);
        return () => {};
      },
    };
    const stop = live.watchExpiry({
      clock,
      logger: silentLogger,
      principalOf: async ({ credentialId }) => (credentialId === 'a2' ? undefined : who('a', credentialId)),
    });
    due.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(ended, ['a2 sql']);
    assert.equal(due.length, 1, 'looks again later');
    stop();
  });
});
