/** Adds a person. The server never sees a password: people come in with credentials. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import type { SqlWords } from '../sql-words.ts';

export const createUser = adminCommand({
  name: 'create-user',
  summary: 'Create a user',
  needs: 'admin',
  args: z.strictObject({
    name: z.string().min(1).max(200).describe('e-mail address or plain name'),
    admin: z.boolean().optional(),
  }),
  result: z.object({ name: z.string(), id: z.string(), admin: z.boolean() }),
  http: { method: 'POST', path: '/users', status: 201 },
  sql: {
    syntax: 'CREATE USER name [SUPERUSER]',
    begins: [
      ['create', 'user'],
      ['create', 'role'],
    ],
    tag: 'CREATE ROLE',
    parse(words) {
      const name = words.name(true);
      words.take('with');
      let isAdmin = false;
      while (!words.isAtEnd) {
        refusePassword(words);
        if (words.takeAny(['login', 'nosuperuser', 'inherit', 'nocreatedb', 'nocreaterole', 'noreplication'])) continue;
        if (!words.take('superuser')) throw words.wrong();
        isAdmin = true;
      }
      return [{ name, ...(isAdmin ? { admin: true } : {}) }];
    },
  },
  async run({ name, admin }, { control, principal, idempotencyKey }) {
    const { user } = (await control.execute(
      { name: 'create-user', args: { name, admin: admin ?? false } },
      { principal, idempotencyKey },
    )) as { user: { name: string; id: string; admin: boolean } };
    return user;
  },
});

/** `PASSWORD '…'`, which psql's `\password` sends too. */
export function refusePassword(words: SqlWords): void {
  words.takeAny(['encrypted', 'unencrypted']);
  if (words.take('password')) {
    throw new LakeError('feature_not_supported', 'passwords cannot be set in SQL: the server never sees one', {
      hint: 'Make a credential with a random secret: boilstream-admin credentials create --user NAME, or CREATE CREDENTIAL FOR name.',
    });
  }
}
