/** Who somebody is and what they may do, computed from what is stored at this moment. */
import type { Lake, Principal, Right } from '../../base/domain.ts';
import type { CredentialRow, LakeRow, UserRow } from './find.ts';
import type { StoredVerifier } from './ports.ts';
import type { Tx } from './store.ts';

export interface LoginRecord {
  readonly verifiers: readonly StoredVerifier[];
  readonly expiresAt?: number;
  readonly principal: Principal;
}

/** The live credential with this login name, ready for a SCRAM exchange; undefined when there is none. */
export async function findLogin(tx: Tx, login: string, now: number): Promise<LoginRecord | undefined> {
  const credential = await tx.one<CredentialRow>(
    'SELECT * FROM credentials WHERE login = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)',
    [login, now],
  );
  if (!credential) return undefined;
  const principal = await principalOf(tx, { userId: credential.user_id, credential });
  if (!principal) return undefined;
  const rows = await tx.all<{
    hash: 'sha256' | 'sha512';
    salt: Buffer;
    iterations: number;
    stored_key: Buffer;
    server_key: Buffer;
  }>('SELECT hash, salt, iterations, stored_key, server_key FROM verifiers WHERE credential_id = $1', [credential.id]);
  const verifiers = rows.map((row) => ({
    hash: row.hash,
    salt: row.salt,
    iterations: row.iterations,
    storedKey: row.stored_key,
    serverKey: row.server_key,
  }));
  return { verifiers, principal, ...(credential.expires_at === null ? {} : { expiresAt: credential.expires_at }) };
}

/** The principal of a user, or of one of the user's credentials. Undefined when the user is no more. */
export async function principalOf(
  tx: Tx,
  who: { readonly userId: string; readonly credential?: CredentialRow | undefined },
): Promise<Principal | undefined> {
  const user = await tx.one<UserRow>('SELECT * FROM users WHERE id = $1', [who.userId]);
  if (!user) return undefined;
  const { credential } = who;
  const rights = narrow(await rightsOf(tx, user), credential);
  const byName = new Map([...rights.values()].map(({ lake, right }) => [lake.name, right]));
  const defaultLake = (credential?.lake_id == null ? undefined : rights.get(credential.lake_id)?.lake.name) ?? firstOf(byName);
  return {
    id: user.id,
    name: user.name,
    kind: 'user',
    superuser: user.is_admin && !credential?.read_only && !credential?.only_lake,
    rights: byName,
    ...(credential ? { credentialId: credential.id } : {}),
    ...(defaultLake === undefined ? {} : { defaultLake }),
  };
}

/** Every live lake a user may see, by lake id: administrators own all, others what was granted. In order of creation. */
export async function rightsOf(tx: Tx, user: UserRow): Promise<Map<string, { lake: LakeRow; right: Right }>> {
  const rows = user.is_admin
    ? await tx.all<LakeRow & { access: Right }>(
        "SELECT *, 'owner' AS access FROM lakes WHERE state = 'live' ORDER BY created_at, id",
      )
    : await tx.all<LakeRow & { access: Right }>(
        "SELECT lakes.*, grants.access FROM lakes JOIN grants ON grants.lake_id = lakes.id WHERE state = 'live' AND grants.user_id = $1 ORDER BY created_at, lakes.id",
        [user.id],
      );
  return new Map(rows.map(({ access, ...lake }) => [lake.id, { lake, right: access }]));
}

/** The lake as other rooms know it. */
export function lakeOf(row: LakeRow): Lake {
  return { id: row.id, name: row.name, dataPath: row.data_path };
}

function narrow(
  rights: Map<string, { lake: LakeRow; right: Right }>,
  credential: CredentialRow | undefined,
): Map<string, { lake: LakeRow; right: Right }> {
  if (!credential) return rights;
  const kept = [...rights].filter(([id]) => !credential.only_lake || id === credential.lake_id);
  return new Map(kept.map(([id, entry]) => [id, credential.read_only ? { ...entry, right: 'read' } : entry]));
}

/** The lake every pod begins with, else the oldest. */
function firstOf(rights: ReadonlyMap<string, Right>): string | undefined {
  return rights.has('lake') ? 'lake' : rights.keys().next().value;
}
