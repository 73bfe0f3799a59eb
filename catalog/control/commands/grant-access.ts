/** Lets a user read, write or own a lake, or administer the cluster. A grant replaces the one before; it may also lower it. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { requireAdmin, requireOwner } from '../actor.ts';
import { type Applied, command } from '../command.ts';
import { liveLake, userByName } from '../find.ts';

export const grantAccess = command({
  name: 'grant-access',
  args: z.discriminatedUnion('what', [
    z.strictObject({
      what: z.literal('lake'),
      user: z.string().max(200),
      lake: z.string().max(200),
      access: z.enum(['owner', 'write', 'read']),
    }),
    z.strictObject({ what: z.literal('admin'), user: z.string().max(200) }),
  ]),
  async run(tx, args, { actor, now, random }): Promise<Applied<object>> {
    if (args.what === 'admin') {
      requireAdmin(actor, 'make a user an administrator');
      const user = await userByName(tx, args.user.toLowerCase());
      await tx.run('UPDATE users SET is_admin = true WHERE id = $1', [user.id]);
      return {
        result: { user: user.name, admin: true },
        audit: { target: user.name, detail: { admin: true } },
        changes: [{ t: 'grants-changed', userId: user.id }],
      };
    }
    const lake = await liveLake(tx, args.lake);
    await requireOwner(tx, actor, lake, `grant on ducklake "${lake.name}"`);
    const user = await userByName(tx, args.user.toLowerCase());
    if (user.id === actor.id && !actor.isAdmin)
      throw new LakeError('permission_denied', 'you cannot change your own grant', {
        hint: 'Ask another owner or an administrator.',
      });
    await tx.run('DELETE FROM grants WHERE user_id = $1 AND lake_id = $2', [user.id, lake.id]);
    await tx.run('INSERT INTO grants VALUES ($1, $2, $3, $4, $5, $6)', [
      random.uuid(),
      user.id,
      lake.id,
      args.access,
      actor.id,
      now,
    ]);
    return {
      result: { user: user.name, lake: lake.name, access: args.access },
      audit: { target: user.name, detail: { lake: lake.name, lakeId: lake.id, access: args.access } },
      changes: [{ t: 'grants-changed', userId: user.id }],
    };
  },
});
