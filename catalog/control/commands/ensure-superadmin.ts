/** At start: the superadmin of the configuration exists and is the only one. For pods only. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { command } from '../command.ts';
import type { UserRow } from '../find.ts';
import { userName } from '../names.ts';

export const ensureSuperadmin = command({
  name: 'ensure-superadmin',
  args: z.strictObject({ email: userName }),
  async run(tx, { email }, { actor, now, random }) {
    if (actor.id !== 'pod') throw new LakeError('permission_denied', 'permission denied to name the superadmin');
    const before = await tx.one<UserRow>('SELECT * FROM users WHERE is_superadmin');
    const user = await tx.one<UserRow>('SELECT * FROM users WHERE name = $1', [email]);
    if (before && user?.id === before.id) return { result: { userId: before.id } };
    if (before && !user) {
      // The same person under a new address: what they own stays theirs.
      await tx.run('UPDATE users SET name = $2 WHERE id = $1', [before.id, email]);
      return {
        result: { userId: before.id },
        audit: { target: email, detail: { userId: before.id, formerly: before.name } },
        changes: [{ t: 'grants-changed', userId: before.id }],
      };
    }
    if (before) await tx.run('UPDATE users SET is_superadmin = false, is_admin = false WHERE id = $1', [before.id]);
    const id = user?.id ?? random.uuid();
    if (user) await tx.run('UPDATE users SET is_superadmin = true, is_admin = true WHERE id = $1', [id]);
    else await tx.run('INSERT INTO users VALUES ($1, $2, true, true, $3, $4)', [id, email, actor.id, now]);
    return {
      result: { userId: id },
      audit: { target: email, detail: { userId: id } },
      changes: [{ t: 'grants-changed', userId: id }],
    };
  },
});
