/** Live credentials, without their secrets, which nobody has. */
import { z } from 'zod';
import { adminCommand } from '../command.ts';
import { credentialShape, toCredential } from '../shapes.ts';

export const listCredentials = adminCommand({
  name: 'list-credentials',
  summary: 'Your credentials; of others for administrators',
  needs: 'yourself; admin for others',
  args: z.strictObject({ user: z.string().max(200).optional().describe('of this user, or * for all') }),
  result: z.object({ credentials: z.array(credentialShape) }),
  http: { method: 'GET', path: '/credentials' },
  sql: {
    syntax: 'SHOW CREDENTIALS',
    begins: [['show', 'credentials']],
    tag: 'SHOW',
    parse: (): { user?: string }[] => [{}],
  },
  table: {
    columns: ['user', 'owner', 'ducklake', 'read_only', 'only_ducklake', 'created_at', 'expires_at'],
    rows: ({ credentials }) =>
      credentials.map((each) => [
        each.user,
        each.owner,
        each.ducklake,
        each.read_only ? 'yes' : 'no',
        each.only_ducklake ? 'yes' : 'no',
        each.created_at,
        each.expires_at,
      ]),
  },
  run: async ({ user }, { control, principal }) => ({
    credentials: (await control.listCredentials(principal, user)).map(toCredential),
  }),
});
