/** Ends a credential; its sessions are closed. The row stays for the audit, the verifiers go. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { requireAdmin } from '../actor.ts';
import { command } from '../command.ts';
import type { CredentialRow } from '../find.ts';

export const revokeCredential = command({
  name: 'revoke-credential',
  /** Login name or id. */
  args: z.strictObject({ credential: z.string().max(200) }),
  async run(tx, { credential: wanted }, { actor, now }) {
    const credential = await tx.one<CredentialRow>('SELECT * FROM credentials WHERE login = $1 OR id = $1', [wanted]);
    const isOwn = credential?.user_id === actor.id && !actor.isNarrowed;
    if (!credential || !(isOwn || actor.isAdmin)) {
      if (!actor.isAdmin && actor.isNarrowed) requireAdmin(actor, 'revoke a credential');
      throw new LakeError('undefined_object', `credential "${wanted}" does not exist`, {
        hint: 'boilstream-admin credentials list shows yours.',
      });
    }
    const result = { id: credential.id, user: credential.login };
    if (credential.revoked_at !== null) return { result };
    await tx.run('UPDATE credentials SET revoked_at = $2 WHERE id = $1', [credential.id, now]);
    await tx.run('DELETE FROM verifiers WHERE credential_id = $1', [credential.id]);
    return {
      result,
      audit: { target: credential.login, detail: { credentialId: credential.id } },
      changes: [{ t: 'credential-revoked', credentialId: credential.id, userId: credential.user_id }],
    };
  },
});
