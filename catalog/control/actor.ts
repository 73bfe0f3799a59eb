/** Who gives a command: judged here from what is stored now, never from what a session remembers. */
import { LakeError } from '../../base/errors.ts';
import type { Right } from '../../base/domain.ts';
import type { Tx } from './store.ts';

export interface Actor {
  /** User id, or `pod` for the pods themselves. */
  readonly id: string;
  readonly name: string;
  readonly credentialId: string | null;
  /** May administer: a user with the admin role, unnarrowed. */
  readonly isAdmin: boolean;
  /** A credential narrowed to reading or to one lake administers nothing. */
  readonly isNarrowed: boolean;
  /** When the used credential ends; what it makes ends with it. */
  readonly expiresAt: number | null;
}

/** What a caller says about itself; only ids are believed. */
export interface ActorReference {
  readonly id: string;
  readonly kind: 'pod' | 'user';
  readonly credentialId?: string | undefined;
}

const pod: Actor = { id: 'pod', name: 'pod', credentialId: null, isAdmin: true, isNarrowed: false, expiresAt: null };

/** Throws `invalid_authorization` when user or credential are no more. */
export async function loadActor(tx: Tx, reference: ActorReference, now: number): Promise<Actor> {
  if (reference.kind === 'pod') return pod;
  const user = await tx.one<{ name: string; is_admin: boolean }>('SELECT name, is_admin FROM users WHERE id = $1', [
    reference.id,
  ]);
  if (!user) throw new LakeError('invalid_authorization', 'this user does not exist any more');
  if (reference.credentialId === undefined) {
    return { id: reference.id, name: user.name, credentialId: null, isAdmin: user.is_admin, isNarrowed: false, expiresAt: null };
  }
  const credential = await tx.one<{ read_only: boolean; only_lake: boolean; expires_at: number | null }>(
    'SELECT read_only, only_lake, expires_at FROM credentials WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)',
    [reference.credentialId, reference.id, now],
  );
  if (!credential) throw new LakeError('invalid_authorization', 'this credential has expired or was revoked');
  const isNarrowed = credential.read_only || credential.only_lake;
  return {
    id: reference.id,
    name: user.name,
    credentialId: reference.credentialId,
    isAdmin: user.is_admin && !isNarrowed,
    isNarrowed,
    expiresAt: credential.expires_at,
  };
}

/** Throws `permission_denied` unless the actor administers the cluster. */
export function requireAdmin(actor: Actor, what: string): void {
  if (!actor.isAdmin)
    throw new LakeError('permission_denied', `permission denied to ${what}`, {
      hint: 'An administrator can do this, or make you one: boilstream-admin users grant NAME --admin.',
    });
}

/** Throws `permission_denied` unless the actor administers the cluster or owns the lake. */
export async function requireOwner(
  tx: Tx,
  actor: Actor,
  lake: { readonly id: string; readonly name: string },
  what: string,
): Promise<void> {
  if (actor.isAdmin) return;
  const grant = actor.isNarrowed
    ? undefined
    : await tx.one<{ access: Right }>('SELECT access FROM grants WHERE user_id = $1 AND lake_id = $2', [actor.id, lake.id]);
  if (grant?.access !== 'owner')
    throw new LakeError(
      'permission_denied',
      `permission denied to ${what}: only the owners of ducklake "${lake.name}" and administrators may`,
    );
}
