/** Everyone, with what they may use. */
import { z } from 'zod';
import { adminCommand } from '../command.ts';
import { toUser, userShape } from '../shapes.ts';

export const listUsers = adminCommand({
  name: 'list-users',
  summary: 'All users with their grants',
  needs: 'admin',
  args: z.strictObject({}),
  result: z.object({ users: z.array(userShape) }),
  http: { method: 'GET', path: '/users' },
  sql: { syntax: 'SHOW USERS', begins: [['show', 'users']], tag: 'SHOW', parse: () => [{}] },
  table: {
    columns: ['name', 'admin', 'ducklakes', 'created_at'],
    rows: ({ users }) =>
      users.map((user) => [
        user.name,
        user.admin ? 'yes' : 'no',
        user.ducklakes.map(({ ducklake, access }) => `${ducklake}:${access}`).join(' '),
        user.created_at,
      ]),
  },
  run: async (_args, { control, principal }) => ({ users: (await control.listUsers(principal)).map(toUser) }),
});
