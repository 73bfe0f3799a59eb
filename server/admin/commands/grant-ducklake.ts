/** Lets a user read, write or own a lake. The words are PostgreSQL's privileges; what counts is the highest of them. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import { access, someName } from '../shapes.ts';
import type { SqlWords } from '../sql-words.ts';

export type Access = z.infer<typeof access>;

export const grantDucklake = adminCommand({
  name: 'grant-ducklake',
  summary: 'Grant read, write or owner access on a ducklake',
  needs: 'owner or admin',
  args: z.strictObject({ user: someName, ducklake: someName, access }),
  result: z.object({ user: z.string(), ducklake: z.string(), access }),
  http: { method: 'PUT', path: '/users/{user}/ducklakes/{ducklake}' },
  sql: {
    syntax:
      'GRANT { READ | WRITE | OWNER | SELECT | INSERT | UPDATE | DELETE | ALL [PRIVILEGES] } [, …] ON DUCKLAKE name [, …] TO user [, …]',
    begins: [['grant']],
    tag: 'GRANT',
    parse(words) {
      const granted = privileges(words);
      const lakes = onDucklakes(words);
      words.expect('to');
      const users = words.list(() => userName(words));
      if (words.take('with', 'grant', 'option'))
        throw new LakeError('feature_not_supported', 'WITH GRANT OPTION is not supported', {
          hint: 'Owners of a ducklake may grant on it: GRANT OWNER ON DUCKLAKE … TO ….',
        });
      return lakes.flatMap((ducklake) => users.map((user) => ({ user, ducklake, access: granted })));
    },
  },
  async run({ user, ducklake, access: granted }, { control, principal, idempotencyKey }) {
    const done = await control.execute(
      { name: 'grant-access', args: { what: 'lake', user, lake: ducklake, access: granted } },
      { principal, idempotencyKey },
    );
    return { user: done.user as string, ducklake, access: granted };
  },
});

const words: Readonly<Record<string, Access>> = {
  read: 'read',
  select: 'read',
  usage: 'read',
  connect: 'read',
  write: 'write',
  insert: 'write',
  update: 'write',
  delete: 'write',
  truncate: 'write',
  create: 'write',
  owner: 'owner',
  ownership: 'owner',
};
const rank: Readonly<Record<Access, number>> = { read: 0, write: 1, owner: 2 };

/** The highest of the privileges named; ALL is everything but ownership. */
export function privileges(input: SqlWords): Access {
  if (input.take('all')) {
    input.take('privileges');
    return 'write';
  }
  const named = input.list(() => {
    const word = input.takeAny(Object.keys(words));
    if (!word) throw input.wrong();
    return words[word] as Access;
  });
  return named.reduce((highest, each) => (rank[each] > rank[highest] ? each : highest));
}

/** `ON DUCKLAKE a, b`; DATABASE is PostgreSQL's word for it. Tables and schemas have no grants of their own. */
export function onDucklakes(input: SqlWords): string[] {
  if (!input.take('on')) {
    throw new LakeError('feature_not_supported', 'roles cannot be granted to roles', {
      hint: 'Grant on a ducklake (GRANT READ ON DUCKLAKE name TO user), or make an administrator: ALTER USER name SUPERUSER.',
    });
  }
  if (!input.takeAny(['ducklake', 'database'])) {
    throw new LakeError('feature_not_supported', 'grants are on ducklakes as a whole, not on tables or schemas', {
      hint: 'GRANT READ ON DUCKLAKE name TO user.',
    });
  }
  return input.list(() => input.name());
}

/** A user after TO or FROM; PostgreSQL allows GROUP before it. */
export function userName(input: SqlWords): string {
  input.take('group');
  return input.name(true);
}
