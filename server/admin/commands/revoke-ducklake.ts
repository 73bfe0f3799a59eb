/** Takes access away: all of it, or down to a lower one. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import { access, someName } from '../shapes.ts';
import { onDucklakes, privileges, userName } from './grant-ducklake.ts';

export const revokeDucklake = adminCommand({
  name: 'revoke-ducklake',
  summary: 'Take access on a ducklake away; open sessions feel it at once',
  needs: 'owner or admin',
  args: z.strictObject({
    user: someName,
    ducklake: someName,
    keep: access.optional().describe('access that stays; default: none'),
  }),
  result: z.object({ user: z.string(), ducklake: z.string(), access: access.nullable() }),
  http: { method: 'DELETE', path: '/users/{user}/ducklakes/{ducklake}' },
  sql: {
    syntax: 'REVOKE { READ | WRITE | OWNER | … | ALL [PRIVILEGES] } ON DUCKLAKE name FROM user',
    begins: [['revoke']],
    tag: 'REVOKE',
    parse(words) {
      if (words.take('grant', 'option', 'for'))
        throw new LakeError('feature_not_supported', 'there are no grant options', {
          hint: 'REVOKE OWNER ON DUCKLAKE … FROM … leaves write access.',
        });
      const isAll = words.take('all');
      if (isAll) words.take('privileges');
      const taken = isAll ? 'read' : privileges(words);
      const lakes = onDucklakes(words);
      words.expect('from');
      const users = words.list(() => userName(words));
      words.takeAny(['cascade', 'restrict']);
      const keep = taken === 'owner' ? { keep: 'write' as const } : taken === 'write' ? { keep: 'read' as const } : {};
      return lakes.flatMap((ducklake) => users.map((user) => ({ user, ducklake, ...keep })));
    },
  },
  async run({ user, ducklake, keep }, { control, principal, idempotencyKey }) {
    const rank = { read: 0, write: 1, owner: 2 };
    if (keep === undefined) {
      await control.execute(
        { name: 'revoke-access', args: { what: 'lake', user, lake: ducklake } },
        { principal, idempotencyKey },
      );
      return { user, ducklake, access: null };
    }
    const grant = (await control.listGrants(principal, ducklake)).find((each) => each.user === user.toLowerCase());
    if (!grant) throw new LakeError('undefined_object', `user "${user}" has no grant on ducklake "${ducklake}"`);
    const held = grant.access as keyof typeof rank;
    if (rank[held] <= rank[keep]) return { user, ducklake, access: held };
    await control.execute(
      { name: 'grant-access', args: { what: 'lake', user, lake: ducklake, access: keep } },
      { principal, idempotencyKey },
    );
    return { user, ducklake, access: keep };
  },
});
