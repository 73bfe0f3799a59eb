/** What may be listed, and for whom. Rows are plain data for tables and JSON; times are milliseconds since 1970. */
import type { Right } from '../../base/domain.ts';
import { type Actor, requireAdmin, requireOwner } from './actor.ts';
import { liveLake, type LakeRow, userByName, type UserRow } from './find.ts';
import { rightsOf } from './principals.ts';
import type { Tx } from './store.ts';

/** No listing gives more; none of these grows with data. */
const rowsMax = 10_000;

export interface LakeListing {
  readonly id: string;
  readonly name: string;
  readonly dataPath: string;
  readonly right: Right;
  readonly createdBy: string;
  readonly createdAt: number;
}
export interface UserListing {
  readonly id: string;
  readonly name: string;
  readonly admin: boolean;
  readonly superadmin: boolean;
  readonly createdAt: number;
  readonly lakes: readonly { readonly lake: string; readonly access: Right }[];
}
export interface CredentialListing {
  readonly id: string;
  readonly user: string;
  readonly owner: string;
  readonly lake: string | null;
  readonly readOnly: boolean;
  readonly onlyLake: boolean;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}
export interface AuditListing {
  readonly id: number;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly detail: Record<string, unknown>;
}

/** Lakes the actor may see. A narrowed credential sees its one lake, as its sessions do. */
export async function listLakes(tx: Tx, actor: Actor): Promise<LakeListing[]> {
  const rows =
    actor.id === 'pod'
      ? (await tx.all<LakeRow>("SELECT * FROM lakes WHERE state = 'live' ORDER BY created_at, id")).map((lake) => ({
          lake,
          right: 'owner' as Right,
        }))
      : [...(await rightsOf(tx, (await tx.one<UserRow>('SELECT * FROM users WHERE id = $1', [actor.id])) as UserRow)).values()];
  const narrowed =
    actor.credentialId === null
      ? undefined
      : await tx.one<{ lake_id: string | null; only_lake: boolean; read_only: boolean }>(
          'SELECT lake_id, only_lake, read_only FROM credentials WHERE id = $1',
          [actor.credentialId],
        );
  const names = await userNames(tx);
  return rows
    .filter(({ lake }) => !narrowed?.only_lake || narrowed.lake_id === lake.id)
    .map(({ lake, right }) => ({
      id: lake.id,
      name: lake.name,
      dataPath: lake.data_path,
      right: narrowed?.read_only ? 'read' : right,
      createdBy: names.get(lake.created_by) ?? lake.created_by,
      createdAt: lake.created_at,
    }));
}

/** Who has which right on a lake; for its owners and administrators. */
export async function listGrants(
  tx: Tx,
  actor: Actor,
  lakeName: string,
): Promise<{ user: string; access: Right; grantedAt: number }[]> {
  const lake = await liveLake(tx, lakeName);
  await requireOwner(tx, actor, lake, `list the grants on ducklake "${lake.name}"`);
  return tx.all(
    'SELECT users.name AS "user", grants.access, grants.granted_at AS "grantedAt" FROM grants JOIN users ON users.id = grants.user_id WHERE lake_id = $1 ORDER BY users.name',
    [lake.id],
  );
}

/** For administrators. */
export async function listUsers(tx: Tx, actor: Actor): Promise<UserListing[]> {
  requireAdmin(actor, 'list users');
  const grants = Map.groupBy(
    await tx.all<{ user_id: string; lake: string; access: Right }>(
      "SELECT grants.user_id, lakes.name AS lake, grants.access FROM grants JOIN lakes ON lakes.id = grants.lake_id WHERE lakes.state = 'live' ORDER BY lakes.name",
    ),
    (grant) => grant.user_id,
  );
  const users = await tx.all<UserRow>(`SELECT * FROM users ORDER BY name LIMIT ${rowsMax}`);
  return users.map((user) => ({
    id: user.id,
    name: user.name,
    admin: user.is_admin,
    superadmin: user.is_superadmin,
    createdAt: user.created_at,
    lakes: (grants.get(user.id) ?? []).map(({ lake, access }) => ({ lake, access })),
  }));
}

/** The actor's own live credentials; of another user or of all (`*`) for administrators. */
export async function listCredentials(
  tx: Tx,
  actor: Actor,
  ofUser: string | undefined,
  now: number,
): Promise<CredentialListing[]> {
  let userId: string | null = actor.id;
  if (ofUser === '*' || (ofUser === undefined && actor.id === 'pod')) {
    requireAdmin(actor, "list everyone's credentials");
    userId = null;
  } else if (ofUser !== undefined) {
    const user = await userByName(tx, ofUser.toLowerCase()).catch((error: unknown) => {
      requireAdmin(actor, "list another user's credentials");
      throw error;
    });
    if (user.id !== actor.id) requireAdmin(actor, "list another user's credentials");
    userId = user.id;
  }
  return tx.all(
    `SELECT credentials.id, login AS "user", users.name AS owner, lakes.name AS lake, read_only AS "readOnly", only_lake AS "onlyLake", credentials.created_at AS "createdAt", expires_at AS "expiresAt"
     FROM credentials JOIN users ON users.id = credentials.user_id LEFT JOIN lakes ON lakes.id = credentials.lake_id
     WHERE ($1::VARCHAR IS NULL OR user_id = $1) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
     ORDER BY credentials.created_at, credentials.id LIMIT ${rowsMax}`,
    [userId, now],
  );
}

/** The newest first; for administrators. */
export async function listAudit(tx: Tx, actor: Actor, limit: number): Promise<AuditListing[]> {
  requireAdmin(actor, 'read the audit');
  const rows = await tx.all<{ id: number; at: number; actor: string; action: string; target: string; detail: string }>(
    'SELECT id, happened_at AS "at", actor_name AS actor, action, target, detail FROM audit ORDER BY id DESC LIMIT $1',
    [Math.min(limit, rowsMax)],
  );
  return rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) as Record<string, unknown> }));
}

async function userNames(tx: Tx): Promise<Map<string, string>> {
  return new Map((await tx.all<{ id: string; name: string }>('SELECT id, name FROM users')).map(({ id, name }) => [id, name]));
}
