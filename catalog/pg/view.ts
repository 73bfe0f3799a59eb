/** A relation of pg_catalog or information_schema and the SQL that makes it from what DuckDB says about the current lake. */
import { quoteName } from '../../base/sql-lexer.ts';

/** Schema (inside the base database) of pg_catalog's relations and functions, and of information_schema's relations. */
export const catalogSchema = 'pg';
export const informationSchema = 'info';
/** Relations under their own names that also count rows: what only statements that ask for it should pay. */
export const countedSchema = 'counted';

/** A reference that means ours whatever the search path is. */
export const pg = (name: string): string => `boilstream.${catalogSchema}.${name}`;

/** An expression over values that have names: a struct `q`, to which each step adds fields. Without a subquery, so that aggregates may be among them. */
export function letIn(first: string, steps: readonly string[], result: string): string {
  const bound = steps.reduce((inner, step) => `list_transform(${inner}, lambda q: struct_insert(q, ${step}))`, `[${first}]`);
  return `list_transform(${bound}, lambda q: ${result})[1]`;
}

export interface PgView {
  readonly name: string;
  /** PostgreSQL's own oid of the relation; 0 or absent: derived from the name. */
  readonly oid?: number;
  /** `name type, …` as PostgreSQL 15 declares them; `!` after the type is NOT NULL. */
  readonly columns: string;
  /** SQL of the columns we know; the others hold 0, '' or false when NOT NULL, and NULL when not. */
  readonly values?: Readonly<Record<string, string>>;
  /** Values and FROM of the relation that counts rows as well, in `countedSchema`. */
  readonly counted?: { readonly values: Readonly<Record<string, string>>; readonly from: string };
  /** What stands behind FROM, with WHERE if needed; without it the relation is empty. */
  readonly from?: string;
}

interface ColumnSpec {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
}

/** DuckDB types in which PostgreSQL's catalog types are held. An oid stays a signed number that compares with anything. */
const heldAs: Readonly<Record<string, string>> = {
  oid: 'BIGINT',
  regproc: 'BIGINT',
  xid: 'BIGINT',
  int8: 'BIGINT',
  int4: 'INTEGER',
  int2: 'SMALLINT',
  bool: 'BOOLEAN',
  float4: 'FLOAT',
  float8: 'DOUBLE',
  timestamptz: 'TIMESTAMPTZ',
  interval: 'INTERVAL',
  bytea: 'BLOB',
  int2vector: 'SMALLINT[]',
  oidvector: 'BIGINT[]',
};

function parseColumns(text: string): ColumnSpec[] {
  return text.split(', ').map((part) => {
    const space = part.indexOf(' ');
    const type = part.slice(space + 1);
    return { name: part.slice(0, space), type: type.replace('!', ''), notNull: type.endsWith('!') };
  });
}

function duckdbType(type: string): string {
  const element = type.endsWith('[]') ? type.slice(0, -2) : undefined;
  return element === undefined ? (heldAs[type] ?? 'VARCHAR') : `${heldAs[element] ?? 'VARCHAR'}[]`;
}

function missingValue({ type, notNull }: ColumnSpec): string {
  if (!notNull) return 'NULL';
  const held = duckdbType(type);
  return held.endsWith('[]') ? '[]' : held === 'VARCHAR' ? "''" : held === 'BOOLEAN' ? 'false' : '0';
}

/** The CREATE VIEW statement of a relation, in `schema` of the current database. */
export function createViewSql(view: PgView, schema: string): string {
  // Catalogs have the system column tableoid, their own oid; psql asks for it.
  const columns = parseColumns(
    view.columns + (view.oid !== undefined && view.oid > 0 && view.oid < 12000 ? ', tableoid oid' : ''),
  );
  const values = columns.map((column) => {
    if (column.name === 'tableoid') return `CAST(${view.oid} AS BIGINT) AS tableoid`;
    const value = view.from === undefined ? 'NULL' : (view.values?.[column.name] ?? missingValue(column));
    return `CAST(${value} AS ${duckdbType(column.type)}) AS ${quoteName(column.name)}`;
  });
  return `CREATE VIEW ${schema}.${quoteName(view.name)} AS SELECT ${values.join(', ')}${view.from === undefined ? ' WHERE false' : ` FROM ${view.from}`}`;
}

/** The names and PostgreSQL types of a relation's columns, in order. */
export function columnTypes(view: PgView): readonly (readonly [name: string, type: string])[] {
  return parseColumns(view.columns).map(({ name, type }) => [name, type]);
}
