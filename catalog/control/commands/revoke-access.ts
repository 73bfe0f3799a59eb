/** Takes a user's grant on a lake, or the admin role, away. Open sessions feel it at once. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { requireAdmin, requireOwner } from '../actor.ts';
import { type Applied, command } from '../command.ts';
import { liveLake, userByName } from '../find.ts';

export const revokeAccess = command({
  name: 'revoke-access',
  args: z.discriminatedUnion('what', [
    z.strictObject({ what: z.literal('lake'), user: z.string().max(200), lake: z.string().max(200) }),
    z.strictObject({ what: z.literal('admin'), user: z.string().max(200) }),
  ]),
  async run(tx, args, { actor }): Promise<Applied<object>> {
    if (args.what === 'admin') {
      requireAdmin(actor, 'take the admin role away');
      const user = await userByName(tx, args.user.toLowerCase());
      if (user.is_superadmin) throw new LakeError('permission_denied', 'the superadmin is always an administrator');
      if (!user.is_admin) throw new LakeError('undefined_object', `user "${user.name}" is no administrator`);
      await tx.run('UPDATE users SET is_admin = false WHERE id = $1', [user.id]);
      return {
        result: { user: user.name, admin: false },
        audit: { target: user.name, detail: { admin: false } },
        changes: [{ t: 'grants-changed', userId: user.id }],
      };
    }
    const lake = await liveLake(tx, args.lake);
    await requireOwner(tx, actor, lake, `revoke on ducklake "${lake.name}"`);
    const user = await userByName(tx, args.user.toLowerCase());
    const grant = await tx.one('SELECT id FROM grants WHERE user_id = $1 AND lake_id = $2', [user.id, lake.id]);
    if (!grant) throw new LakeError('undefined_object', `user "${user.name}" has no grant on ducklake "${lake.name}"`);
    await tx.run('DELETE FROM grants WHERE user_id = $1 AND lake_id = $2', [user.id, lake.id]);
    return {
      result: { user: user.name, lake: lake.name },
      audit: { target: user.name, detail: { lake: lake.name, lakeId: lake.id } },
      changes: [{ t: 'grants-changed', userId: user.id }],
    };
  },
});
