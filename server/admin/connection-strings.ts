/**
 * Strings for the tools people use, made so that pasting them works: psql, JDBC, a URI, and DuckDB's ATTACH. They hold
 * the secret, so they are shown once with it. The psql line hands the password over in the environment: an argument would
 * be seen by everyone in the process list.
 */

export interface ConnectionFields {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** File with the CA that signed the pod's certificate, on the client's machine; null = encrypt without checking. */
  readonly caPath: string | null;
}

export interface ConnectionStrings {
  readonly uri: string;
  readonly psql: string;
  readonly jdbc: string;
  readonly duckdb_attach: string;
}

/** `database` is the lake's name; DuckDB's ATTACH goes to its metadata. */
export function connectionStrings(fields: ConnectionFields): ConnectionStrings {
  const { host, port, user, password, database, caPath } = fields;
  const tls = caPath === null ? { sslmode: 'require' } : { sslmode: 'verify-full', sslrootcert: caPath };
  const query = (parameters: Record<string, string>): string =>
    Object.entries(parameters)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join('&');
  const hostInUri = host.includes(':') ? `[${host}]` : host;
  const conninfo = (dbname: string, withPassword: boolean): string =>
    Object.entries({ host, port: String(port), dbname, user, ...(withPassword ? { password } : {}), ...tls })
      .map(([name, value]) => `${name}=${conninfoValue(value)}`)
      .join(' ');
  return {
    uri: `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${hostInUri}:${port}/${encodeURIComponent(database)}?${query(tls)}`,
    psql: `env PGPASSWORD=${shellWord(password)} psql ${shellQuoted(conninfo(database, false))}`,
    jdbc: `jdbc:postgresql://${hostInUri}:${port}/${encodeURIComponent(database)}?${query({ user, password, ...tls })}`,
    duckdb_attach: `ATTACH '${`ducklake:postgres:${conninfo(`${database}__catalog`, true)}`.replaceAll("'", "''")}' AS cat`,
  };
}

/** libpq: single quotes around values with spaces; backslash and quote are escaped (PostgreSQL 17, section 32.1.1.1). */
function conninfoValue(value: string): string {
  return /^[^\s'\\]+$/.test(value) ? value : `'${value.replace(/[\\']/g, '\\$&')}'`;
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : shellQuoted(text);
}

/** Double quotes read better around a connection string that holds single ones. */
function shellQuoted(text: string): string {
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : `"${text}"`;
}
