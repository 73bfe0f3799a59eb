/** Removes a person with all grants and credentials; sessions end with them. The superadmin stays. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { requireAdmin } from '../actor.ts';
import { command } from '../command.ts';
import { userByName } from '../find.ts';

export const deleteUser = command({
  name: 'delete-user',
  args: z.strictObject({ name: z.string().max(200) }),
  async run(tx, { name }, { actor, now }) {
    requireAdmin(actor, 'delete a user');
    const user = await userByName(tx, name.toLowerCase());
    if (user.is_superadmin)
      throw new LakeError('permission_denied', 'the superadmin cannot be deleted', {
        hint: 'BOILSTREAM_SUPERADMIN_EMAIL names somebody else at the next start.',
      });
    if (user.id === actor.id) throw new LakeError('permission_denied', 'you cannot delete yourself');
    await tx.run('UPDATE credentials SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL', [user.id, now]);
    await tx.run('DELETE FROM verifiers WHERE credential_id IN (SELECT id FROM credentials WHERE user_id = $1)', [user.id]);
    await tx.run('DELETE FROM grants WHERE user_id = $1', [user.id]);
    await tx.run('DELETE FROM sessions WHERE user_id = $1', [user.id]);
    await tx.run('DELETE FROM users WHERE id = $1', [user.id]);
    return {
      result: { userId: user.id },
      audit: { target: user.name, detail: { userId: user.id } },
      changes: [{ t: 'user-deleted', userId: user.id }],
    };
  },
});
