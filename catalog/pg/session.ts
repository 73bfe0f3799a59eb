/**
 * What catalog views and functions know of the session: DuckDB variables of its connection. A client may set them too;
 * it only fools itself, since nothing but these views reads them.
 */
import type { Principal, Right } from '../../base/domain.ts';
import { quoteString } from '../../base/sql-lexer.ts';

/** A lake as `\l` shows it. */
export interface ShownLake {
  readonly name: string;
  /** Role name; unknown is shown as the system's. */
  readonly owner?: string | null | undefined;
  /** What the principal may do in it now; absent: as when it logged in. */
  readonly right?: Right;
  readonly comment?: string | null;
}

export interface SessionFacts {
  readonly principal: Principal;
  readonly database: string;
  readonly processId: number;
  readonly lakes: readonly (string | ShownLake)[];
  /** Schemas in order, as the client set them (`public` for `main`). */
  readonly searchPath: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
}

/** SET VARIABLE statements that make the catalog show these facts. */
export function sessionStatements(facts: SessionFacts): readonly string[] {
  const { principal, settings } = facts;
  const lakes = facts.lakes.map((entry) => {
    const lake: ShownLake = typeof entry === 'string' ? { name: entry } : entry;
    const right =
      principal.superuser || principal.kind === 'pod' ? 'owner' : (lake.right ?? principal.rights.get(lake.name) ?? 'read');
    const owner = lake.owner ?? (principal.rights.get(lake.name) === 'owner' ? principal.name : null);
    return `{name: ${quoteString(lake.name)}, owner: ${text(owner)}, "right": ${quoteString(right)}, comment: ${text(lake.comment)}}`;
  });
  const path = facts.searchPath
    .filter((schema) => schema !== '$user' && schema !== 'pg_catalog')
    .map((schema) => (schema === 'main' ? 'public' : schema));
  const version = settings.get('server_version');
  // Names are looked up in lower case; the last of two spellings wins, which are the same setting.
  const entries = [...settings].map(([name, value]) => `${quoteString(name.toLowerCase())}: ${quoteString(value)}`);
  return [
    `SET VARIABLE pg_user = ${quoteString(principal.name)}`,
    `SET VARIABLE pg_superuser = ${principal.superuser}`,
    `SET VARIABLE pg_backend_pid = ${Math.trunc(facts.processId)}::INTEGER`,
    `SET VARIABLE pg_lakes = [${lakes.join(', ')}]::STRUCT(name VARCHAR, owner VARCHAR, "right" VARCHAR, comment VARCHAR)[]`,
    `SET VARIABLE pg_search_path = [${path.map(quoteString).join(', ')}]::VARCHAR[]`,
    `SET VARIABLE pg_settings = MAP {${entries.join(', ')}}::MAP(VARCHAR, VARCHAR)`,
    ...(version === undefined ? [] : [`SET VARIABLE pg_version = ${quoteString(`PostgreSQL ${version}`)}`]),
  ];
}

function text(value: string | null | undefined): string {
  return value === null || value === undefined ? 'NULL::VARCHAR' : quoteString(value);
}
