/** Ends one session (logout), or all of a user (the password was changed). For pods only. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { command } from '../command.ts';

export const closeSessions = command({
  name: 'close-sessions',
  args: z.strictObject({ userId: z.string(), tokenHash: z.string().optional() }),
  async run(tx, { userId, tokenHash }, { actor }) {
    if (actor.id !== 'pod') throw new LakeError('permission_denied', 'permission denied to close sessions');
    const open = await tx.all<{ token_hash: string }>(
      'SELECT token_hash FROM sessions WHERE user_id = $1 AND ($2::VARCHAR IS NULL OR token_hash = $2)',
      [userId, tokenHash ?? null],
    );
    if (open.length === 0) return { result: { count: 0 } };
    await tx.run('DELETE FROM sessions WHERE user_id = $1 AND ($2::VARCHAR IS NULL OR token_hash = $2)', [
      userId,
      tokenHash ?? null,
    ]);
    return {
      result: { count: open.length },
      audit: { target: userId, detail: { count: open.length } },
      changes: [{ t: 'session-ended', userId }],
    };
  },
});
