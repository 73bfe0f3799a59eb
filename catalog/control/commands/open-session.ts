/** Begins a session of the REST API after a login. For pods only: they have checked who it is. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { command } from '../command.ts';
import type { UserRow } from '../find.ts';

/** Of one user at a time; the oldest ends when one more begins. */
const sessionsMax = 100;

export const openSession = command({
  name: 'open-session',
  args: z.strictObject({
    userId: z.string(),
    tokenHash: z.string().regex(/^[0-9a-f]{64}$/),
    ttlMs: z
      .int()
      .min(1000)
      .max(24 * 3_600_000),
    address: z.string().max(100),
  }),
  async run(tx, { userId, tokenHash, ttlMs, address }, { actor, now }) {
    if (actor.id !== 'pod') throw new LakeError('permission_denied', 'permission denied to open a session');
    const user = await tx.one<UserRow>('SELECT * FROM users WHERE id = $1', [userId]);
    if (!user) throw new LakeError('invalid_authorization', 'this user does not exist any more');
    await tx.run('DELETE FROM sessions WHERE expires_at <= $1', [now]);
    await tx.run(
      'DELETE FROM sessions WHERE token_hash IN (SELECT token_hash FROM sessions WHERE user_id = $1 ORDER BY created_at DESC OFFSET $2)',
      [userId, sessionsMax - 1],
    );
    await tx.run('INSERT INTO sessions VALUES ($1, $2, $3, $4, $5)', [tokenHash, userId, address, now, now + ttlMs]);
    return { result: { expiresAt: now + ttlMs }, audit: { target: user.name, detail: { userId, address } } };
  },
});
