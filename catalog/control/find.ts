/** Rows by the names people use for them; every miss is an error that says so. */
import { LakeError } from '../../base/errors.ts';
import type { Tx } from './store.ts';

export interface LakeRow {
  id: string;
  name: string;
  state: 'creating' | 'live' | 'dropped';
  data_path: string;
  created_by: string;
  created_at: number;
  dropped_at: number | null;
}

export interface UserRow {
  id: string;
  name: string;
  is_admin: boolean;
  is_superadmin: boolean;
  created_by: string;
  created_at: number;
}

export interface CredentialRow {
  id: string;
  login: string;
  user_id: string;
  lake_id: string | null;
  read_only: boolean;
  only_lake: boolean;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

/** A lake that is live. Throws `undefined_database`. */
export async function liveLake(tx: Tx, name: string): Promise<LakeRow> {
  const lake = await tx.one<LakeRow>("SELECT * FROM lakes WHERE name = $1 AND state = 'live'", [name]);
  if (!lake)
    throw new LakeError('undefined_database', `ducklake "${name}" does not exist`, {
      hint: 'boilstream-admin ducklakes list shows those that you may use.',
    });
  return lake;
}

/** Throws `undefined_object`. */
export async function userByName(tx: Tx, name: string): Promise<UserRow> {
  const user = await tx.one<UserRow>('SELECT * FROM users WHERE name = $1', [name]);
  if (!user)
    throw new LakeError('undefined_object', `user "${name}" does not exist`, { hint: 'boilstream-admin users list shows all.' });
  return user;
}
