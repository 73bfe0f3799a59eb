/** Shapes that several commands show, with their JSON names. Times are ISO 8601 in UTC. */
import { z } from 'zod';
import type { CredentialListing, LakeListing, UserListing } from './ports.ts';

export const time = z.iso.datetime();
export const access = z.enum(['read', 'write', 'owner']);
/** Existing things by name: only the length is judged here, the rest by whether they exist. */
export const someName = z.string().min(1).max(200);

export const lakeShape = z.object({
  name: z.string(),
  id: z.string(),
  access,
  data_path: z.string(),
  created_by: z.string(),
  created_at: time,
});
export const userShape = z.object({
  name: z.string(),
  id: z.string(),
  admin: z.boolean(),
  superadmin: z.boolean(),
  created_at: time,
  ducklakes: z.array(z.object({ ducklake: z.string(), access })),
});
export const credentialShape = z.object({
  user: z.string(),
  id: z.string(),
  owner: z.string(),
  ducklake: z.string().nullable(),
  read_only: z.boolean(),
  only_ducklake: z.boolean(),
  created_at: time,
  expires_at: time.nullable(),
});

/** Milliseconds since 1970 as ISO 8601. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A lake as it is shown. */
export function toLake(row: LakeListing): z.infer<typeof lakeShape> {
  return {
    name: row.name,
    id: row.id,
    access: row.right,
    data_path: row.dataPath,
    created_by: row.createdBy,
    created_at: isoTime(row.createdAt),
  };
}

/** A user as it is shown. */
export function toUser(row: UserListing): z.infer<typeof userShape> {
  return {
    name: row.name,
    id: row.id,
    admin: row.admin,
    superadmin: row.superadmin,
    created_at: isoTime(row.createdAt),
    ducklakes: row.lakes.map(({ lake, access: right }) => ({ ducklake: lake, access: right })),
  };
}

/** A credential as it is shown: never its secret. */
export function toCredential(row: CredentialListing): z.infer<typeof credentialShape> {
  return {
    user: row.user,
    id: row.id,
    owner: row.owner,
    ducklake: row.lake,
    read_only: row.readOnly,
    only_ducklake: row.onlyLake,
    created_at: isoTime(row.createdAt),
    expires_at: row.expiresAt === null ? null : isoTime(row.expiresAt),
  };
}
