/** Ends a credential; its sessions are closed. */
import { z } from 'zod';
import { adminCommand } from '../command.ts';
import { someName } from '../shapes.ts';

export const revokeCredential = adminCommand({
  name: 'revoke-credential',
  summary: 'Revoke a credential; its sessions end',
  needs: 'yourself; admin for others',
  args: z.strictObject({ user: someName.describe("the credential's user name or id") }),
  result: z.object({ user: z.string(), id: z.string() }),
  http: { method: 'DELETE', path: '/credentials/{user}' },
  sql: {
    syntax: 'DROP CREDENTIAL name',
    begins: [['drop', 'credential']],
    tag: 'DROP CREDENTIAL',
    parse: (words) => words.list(() => ({ user: words.name(true) })),
  },
  async run({ user }, { control, principal, idempotencyKey }) {
    const done = await control.execute({ name: 'revoke-credential', args: { credential: user } }, { principal, idempotencyKey });
    return { user: done.user as string, id: done.id as string };
  },
});
