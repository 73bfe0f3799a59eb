/** Words that every room shares: lakes, principals and what a principal may do. */

export type Right = 'owner' | 'write' | 'read';

/** Suffix of the database name under which a lake's DuckLake metadata is served. */
export const catalogSuffix = '__catalog';

/** A lake as everyone but the control catalog needs to know it. */
export interface Lake {
  /** Unique for ever; a restored lake gets a new one. */
  readonly id: string;
  /** Unique among live lakes; never ends in `__catalog`. */
  readonly name: string;
  /** Absolute prefix of the lake's data files: `file` path ending in `/`, or `s3://bucket/prefix/`. */
  readonly dataPath: string;
  /** Role name of whoever created it, where that is known: what psql shows as owner. */
  readonly owner?: string;
}

/** Id of the principal that a pod's own maintenance of lakes has on their metadata; users' ids are uuids. */
export const maintenanceId = 'maintenance';

/** Who is acting, after authentication. `rights` holds every lake the principal may see, by lake name. */
export interface Principal {
  /** Stable id of the user (person), or `pod`. */
  readonly id: string;
  /** The role name shown as current_user. */
  readonly name: string;
  readonly kind: 'pod' | 'user';
  readonly superuser: boolean;
  readonly rights: ReadonlyMap<string, Right>;
  /** Id of the credential that was used, if one was. */
  readonly credentialId?: string;
  /** Lake that tools reach first (`dbname=postgres`), if the principal has any. */
  readonly defaultLake?: string;
}

/**
 * Name of the replicated database (catalog/replicated) that holds a lake's DuckLake tables. It carries the id, not the
 * name: a dropped lake that is not yet cleaned up never stands in the way of a new one with the same name.
 */
export function lakeDatabaseName(lake: Pick<Lake, 'id'>): string {
  return `lake_${lake.id.replaceAll('-', '')}`;
}
