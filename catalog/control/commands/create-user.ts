/** Adds a person. There is no password to set: people come in with credentials, and later by a login of their own. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { requireAdmin } from '../actor.ts';
import { command } from '../command.ts';
import { userName } from '../names.ts';

export const createUser = command({
  name: 'create-user',
  args: z.strictObject({ name: userName, admin: z.boolean().default(false) }),
  async run(tx, { name, admin }, { actor, now, random }) {
    requireAdmin(actor, 'create a user');
    if (await tx.one('SELECT id FROM users WHERE name = $1', [name]))
      throw new LakeError('duplicate_object', `user "${name}" already exists`);
    const id = random.uuid();
    await tx.run('INSERT INTO users VALUES ($1, $2, $3, false, $4, $5)', [id, name, admin, actor.id, now]);
    return { result: { user: { id, name, admin } }, audit: { target: name, detail: { userId: id, admin } } };
  },
});
