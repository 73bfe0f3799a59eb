/** Removes a person; credentials, grants and sessions go with it. */
import { z } from 'zod';
import { toLakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import { someName } from '../shapes.ts';

export const deleteUser = adminCommand({
  name: 'delete-user',
  summary: 'Delete a user with all credentials and grants; open sessions end',
  needs: 'admin',
  args: z.strictObject({ name: someName, if_exists: z.stringbool().or(z.boolean()).optional() }),
  result: z.object({ deleted: z.boolean() }),
  http: { method: 'DELETE', path: '/users/{name}' },
  sql: {
    syntax: 'DROP USER [IF EXISTS] name [, …]',
    begins: [
      ['drop', 'user'],
      ['drop', 'role'],
    ],
    tag: 'DROP ROLE',
    parse(words) {
      const isOptional = words.take('if', 'exists');
      return words.list(() => words.name(true)).map((name) => ({ name, ...(isOptional ? { if_exists: true } : {}) }));
    },
  },
  async run({ name, if_exists }, { control, principal, idempotencyKey }) {
    try {
      await control.execute({ name: 'delete-user', args: { name } }, { principal, idempotencyKey });
      return { deleted: true };
    } catch (thrown) {
      if (if_exists && toLakeError(thrown).code === 'undefined_object') return { deleted: false };
      throw thrown;
    }
  },
});
