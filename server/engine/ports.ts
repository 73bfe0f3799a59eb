/** What the engine needs from the rest of the pod. Types only: main.ts hands in what fulfils them. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Lake, Principal, Right } from '../../base/domain.ts';

/** A lake and what the one asking may do in it. */
export interface LakeAccess {
  readonly lake: Lake;
  readonly right: Right;
}

/** The lakes of this pod and who may use them (the control catalog). */
export interface Lakes {
  /** The lakes a principal may use now, at its present rights (not those it had when it logged in). */
  of(principal: Principal): Promise<readonly LakeAccess[]>;
  /** Calls back after a lake was created or dropped or a grant changed; returns how to stop that. */
  onChange(call: () => void): () => void;
}

/** Where an engine reaches the metadata of its lakes, and the secret that opens exactly these lakes with these rights. */
export interface MetadataEndpoint {
  /** Host name, or the directory of a Unix socket `.s.PGSQL.<port>`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly token: string;
}

export interface MetadataTokens {
  /** Issues a token for sessions on `<lake>__catalog` of these lakes with these rights; an instance holds one for its whole life. */
  issue(access: readonly LakeAccess[]): Promise<MetadataEndpoint>;
  /** The instance is gone: the token opens nothing any more. Sessions that it opened end. */
  revoke(endpoint: MetadataEndpoint): Promise<void>;
}

/** Keys with which an engine reads and writes the data files below a prefix. Absent for lakes in a local directory. */
export interface ObjectStoreKeys {
  readonly keyId: string;
  readonly secret: string;
  readonly sessionToken?: string;
  /** Wall clock, ms; absent: they do not expire by themselves. */
  readonly expiresAt?: number;
  readonly region: string;
  /** `host[:port]` without scheme; absent for AWS. */
  readonly endpoint?: string;
  readonly useTls: boolean;
  readonly pathStyle: boolean;
  /** PEM file with the authorities of the endpoint's certificate; absent: those the system trusts. */
  readonly caPath?: string;
}

export interface DataKeys {
  /** Keys for one lake's prefix with this right; null when the lake lies in a local directory. */
  forLake(lake: Lake, right: Right): Promise<ObjectStoreKeys | null>;
}

/** What SQL clients see of pg_catalog, kept in a read-only database every instance starts from. */
export interface BaseCatalog {
  /** Changes whenever what `create` makes would be another. */
  readonly version: string;
  /** Makes schemas, views and macros in the database the connection uses. Runs once per pod start, before any tenant. */
  create(connection: DuckDBConnection): Promise<void>;
}
