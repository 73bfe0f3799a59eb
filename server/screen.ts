/** The first screen of a pod on a terminal: what runs where, commands to paste (no secret in them), how to stop. */
import { relative } from 'node:path';

export interface Listeners {
  readonly pgwire: { readonly host: string; readonly port: number };
  readonly auth: { readonly host: string; readonly port: number };
  readonly metrics: { readonly host: string; readonly port: number };
}

/** A path as a person in `cwd` would type it: relative when it lies below, quoted when it must be. */
export function shownPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near !== '' && !near.startsWith('..') ? near : path;
}

/** The text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A libpq connection string without a password; values are quoted where libpq needs it. */
export function conninfo(fields: Record<string, string | number | undefined>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${/^[^\s'\\]+$/.test(String(value)) ? value : `'${String(value).replace(/[\\']/g, '\\$&')}'`}`)
    .join(' ');
}

/** The text of the first screen, several lines. Every command in it works when pasted in the folder `cwd`. */
export function firstScreen(input: {
  readonly version: string;
  readonly listeners: Listeners;
  readonly dataDir: string;
  readonly storageUrl: string;
  readonly lake: string;
  readonly user: string;
  readonly caPath: string | undefined;
  readonly pgpassPath: string;
  readonly cwd: string;
}): string {
  const { listeners, cwd } = input;
  const host = listeners.pgwire.host === '127.0.0.1' || listeners.pgwire.host === '0.0.0.0' ? 'localhost' : listeners.pgwire.host;
  const address = (dbname: string): string =>
    conninfo({
      host,
      port: listeners.pgwire.port,
      dbname,
      user: input.user,
      sslmode: input.caPath ? 'verify-full' : 'require',
      sslrootcert: input.caPath && shownPath(input.caPath, cwd),
      passfile: shownPath(input.pgpassPath, cwd),
    });
  const attach = `ATTACH 'ducklake:postgres:${address(`${input.lake}__catalog`).replaceAll("'", "''")}' AS ${input.lake};`;
  return [
    `BoilStream ${input.version}: one pod, its own leader`,
    '',
    `  PostgreSQL  ${listeners.pgwire.host}:${listeners.pgwire.port}   lake "${input.lake}"`,
    `  REST        https://${host}:${listeners.auth.port}/openapi.json`,
    `  metrics     http://${listeners.metrics.host}:${listeners.metrics.port}/metrics`,
    `  storage     ${input.storageUrl}`,
    '',
    'Query and fill the lake:',
    `  psql "${address(input.lake)}"`,
    '',
    'The same lake in a stock DuckDB (paste into duckdb):',
    `  ${attach}`,
    '',
    'Administer it:',
    `  BOILSTREAM_DATA_DIR=${shellWord(shownPath(input.dataDir, cwd))} npx boilstream-admin ducklakes list`,
    '',
    `The superadmin ${input.user} has its password in ${shownPath(`${input.dataDir}/superadmin-password`, cwd)}.  Ctrl+C drains and stops.`,
    '',
  ].join('\n');
}
