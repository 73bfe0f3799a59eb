/** Gives or takes the admin role. */
import { z } from 'zod';
import { adminCommand } from '../command.ts';
import { someName } from '../shapes.ts';
import { refusePassword } from './create-user.ts';

export const alterUser = adminCommand({
  name: 'alter-user',
  summary: 'Make a user an administrator, or no longer one',
  needs: 'admin',
  args: z.strictObject({ name: someName, admin: z.boolean() }),
  result: z.object({ name: z.string(), admin: z.boolean() }),
  http: { method: 'PUT', path: '/users/{name}' },
  sql: {
    syntax: 'ALTER USER name { SUPERUSER | NOSUPERUSER }',
    begins: [
      ['alter', 'user'],
      ['alter', 'role'],
    ],
    tag: 'ALTER ROLE',
    parse(words) {
      const name = words.name(true);
      words.take('with');
      refusePassword(words);
      const admin = words.takeAny(['superuser', 'nosuperuser']);
      if (!admin) throw words.wrong();
      return [{ name, admin: admin === 'superuser' }];
    },
  },
  async run({ name, admin }, { control, principal, idempotencyKey }) {
    const done = await control.execute(
      { name: admin ? 'grant-access' : 'revoke-access', args: { what: 'admin', user: name } },
      { principal, idempotencyKey },
    );
    return { name: done.user as string, admin };
  },
});
