/**
 * SQL text that attaches a lake to an instance. The password of the metadata session travels in a DuckDB secret, never in
 * the connection string, which DuckDB shows to anyone who asks. Source: DuckLake documentation, "Connecting".
 */
import { catalogSuffix, type Lake } from '../../base/domain.ts';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import type { MetadataEndpoint, ObjectStoreKeys } from './ports.ts';

/** CREATE SECRET for a metadata session, so that the token stands in no connection string that SQL could see. */
export function metadataSecretSql(name: string, endpoint: MetadataEndpoint): string {
  return (
    `CREATE SECRET ${quoteName(name)} (TYPE postgres, HOST ${quoteString(endpoint.host)}, PORT ${quoteString(String(endpoint.port))}, ` +
    `USER ${quoteString(endpoint.user)}, PASSWORD ${quoteString(endpoint.token)})`
  );
}

export interface AttachOptions {
  readonly lake: Lake;
  readonly readOnly: boolean;
  /** Name of the metadata secret. */
  readonly secret: string;
  /** Name of the catalog that holds the lake's metadata inside the instance. */
  readonly metadataCatalog: string;
  /** First attach of a new lake: DuckLake makes its tables. */
  readonly create?: boolean;
}

/**
 * The data path is what the control catalog says, whatever is written in the lake's own metadata: a data directory may have
 * been moved, and a writer may have changed the row. READ_WRITE must be said: the base database is read-only, and DuckDB would attach
 * everything else like it.
 */
export function attachLakeSql({ lake, readOnly, secret, metadataCatalog, create = false }: AttachOptions): string {
  const connection = `dbname=${conninfoValue(lake.name + catalogSuffix)}`;
  return (
    `ATTACH ${quoteString(`ducklake:postgres:${connection}`)} AS ${quoteName(lake.name)} (${readOnly ? 'READ_ONLY' : 'READ_WRITE'}, ` +
    `DATA_PATH ${quoteString(lake.dataPath)}, METADATA_CATALOG ${quoteString(metadataCatalog)}, ` +
    `${create ? '' : 'OVERRIDE_DATA_PATH true, '}CREATE_IF_NOT_EXISTS ${create}, METADATA_PARAMETERS MAP {'secret': ${quoteString(secret)}})`
  );
}

/** One secret per lake, bound to its prefix, so that keys of one never open another's files. */
export function dataSecretSql(
  name: string,
  lake: Lake,
  keys: ObjectStoreKeys,
  verb: 'CREATE' | 'CREATE OR REPLACE' = 'CREATE',
): string {
  const options = [
    'TYPE s3',
    `KEY_ID ${quoteString(keys.keyId)}`,
    `SECRET ${quoteString(keys.secret)}`,
    ...(keys.sessionToken === undefined ? [] : [`SESSION_TOKEN ${quoteString(keys.sessionToken)}`]),
    `REGION ${quoteString(keys.region)}`,
    ...(keys.endpoint === undefined ? [] : [`ENDPOINT ${quoteString(keys.endpoint)}`]),
    `USE_SSL ${keys.useTls}`,
    `URL_STYLE '${keys.pathStyle ? 'path' : 'vhost'}'`,
    `SCOPE ${quoteString(lake.dataPath)}`,
  ];
  return `${verb} SECRET ${quoteName(name)} (${options.join(', ')})`;
}

/** A value of a libpq connection string. Source: PostgreSQL 15 documentation, 34.1.1 "Connection Strings". */
function conninfoValue(value: string): string {
  return /^[A-Za-z0-9_]+$/.test(value) ? value : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
