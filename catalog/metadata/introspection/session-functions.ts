/** Functions that describe the session and the server: their values are known here, DuckDB is told a literal. */
import { pgTypes } from '../../../base/pg-types.ts';
import { quoteString } from '../../../base/sql-lexer.ts';
import { defaultSchema } from '../catalog-view.ts';
import type { CatalogView } from '../catalog-view.ts';
import { serverVersion } from '../settings.ts';
import type { Settings } from '../settings.ts';
import { shown } from './relations.ts';

export interface SessionFacts {
  readonly database: string;
  readonly user: string;
  readonly processId: number;
  readonly settings: Settings;
}

/** What `version()` says; clients read the number in it. */
export const versionText = `PostgreSQL ${serverVersion} (BoilStream lake metadata)`;

/** A DuckDB expression for the call, or undefined if the function is not one of these. Arguments that are not literals are null. */
export function sessionFunction(
  name: string,
  args: readonly (string | null)[],
  facts: SessionFacts,
  view: CatalogView,
): string | undefined {
  const text = args[0] ?? null;
  switch (name) {
    case 'version':
      return quoteString(versionText);
    case 'current_database':
    case 'current_catalog':
      return quoteString(facts.database);
    case 'current_schema':
      return quoteString(defaultSchema);
    case 'current_schemas':
      return `[${quoteString(defaultSchema)}]`;
    case 'current_user':
    case 'session_user':
    case 'current_role':
    case 'user':
      return quoteString(facts.user);
    case 'pg_backend_pid':
      return `CAST(${facts.processId} AS INTEGER)`;
    case 'pg_is_in_recovery':
      return 'FALSE';
    case 'pg_my_temp_schema':
      return 'CAST(0 AS INTEGER)';
    case 'pg_database_size':
      return 'CAST(0 AS BIGINT)';
    case 'current_setting':
      return text === null ? undefined : quoteString(facts.settings.get(text).value);
    case 'obj_description':
    case 'col_description':
      return 'CAST(NULL AS VARCHAR)';
    case 'pg_table_is_visible':
    case 'has_schema_privilege':
    case 'has_table_privilege':
      return 'TRUE';
    case 'to_regclass':
    case 'regclass cast':
      return relationName(text, view);
    case 'regtype cast':
      return text === null ? undefined : String([...pgTypes.values()].find((t) => t.name === text)?.oid ?? 'NULL');
    default:
      return undefined;
  }
}

/** The relation's name as regclass shows it, or NULL if there is none. `duckdb_secrets` is no relation: secrets-table.ts answers for it. */
function relationName(text: string | null, view: CatalogView): string {
  if (text === null) return 'CAST(NULL AS VARCHAR)';
  const parts = text.split('.').map((part) => part.replace(/^"(.*)"$/, '$1'));
  const name = parts.at(-1) as string;
  const schema = parts.length > 1 ? (parts.at(-2) as string) : defaultSchema;
  const found = shown(view).tables.find(
    (t) => t.namespace.name === schema.toLowerCase() && t.table.name.toLowerCase() === name.toLowerCase(),
  );
  return found
    ? quoteString(schema === defaultSchema ? found.table.name : `${found.table.schema}.${found.table.name}`)
    : 'CAST(NULL AS VARCHAR)';
}
