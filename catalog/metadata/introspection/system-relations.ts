/**
 * Relations of pg_catalog and information_schema as DuckDB subqueries over literal values, for whatever text is not
 * a stock client's. Only what describes DuckLake's tables; a relation that is not here does not exist.
 */
import { pgTypes } from '../../../base/pg-types.ts';
import { quoteName, quoteString } from '../../../base/sql-lexer.ts';
import type { CatalogView } from '../catalog-view.ts';
import { shown, systemNamespace } from './relations.ts';

type Cell = string | number | boolean | null;

interface Relation {
  /** `name TYPE` pairs. */
  readonly columns: readonly (readonly [string, string])[];
  rows(view: CatalogView, context: SystemContext): Cell[][];
}

export interface SystemContext {
  readonly database: string;
  readonly user: string;
  readonly settings: ReadonlyMap<string, string>;
}

const ownerOid = 10;

const relations: Readonly<Record<string, Relation>> = {
  'pg_catalog.pg_namespace': {
    columns: [
      ['oid', 'INTEGER'],
      ['nspname', 'VARCHAR'],
      ['nspowner', 'INTEGER'],
    ],
    rows: (view) => [[systemNamespace, 'pg_catalog', ownerOid], ...shown(view).namespaces.map((n) => [n.oid, n.name, ownerOid])],
  },
  'pg_catalog.pg_class': {
    columns: [
      ['oid', 'INTEGER'],
      ['relname', 'VARCHAR'],
      ['relnamespace', 'INTEGER'],
      ['relkind', 'VARCHAR'],
      ['relpages', 'INTEGER'],
      ['reltuples', 'FLOAT'],
      ['relnatts', 'SMALLINT'],
      ['relowner', 'INTEGER'],
      ['relhasindex', 'BOOLEAN'],
      ['relpersistence', 'VARCHAR'],
      ['relispartition', 'BOOLEAN'],
      ['xmin', 'INTEGER'],
    ],
    rows: (view) =>
      shown(view).tables.map((t) => [
        t.oid,
        t.table.name,
        t.namespace.oid,
        'r',
        0,
        -1,
        t.table.columns.length,
        ownerOid,
        t.keys.length > 0,
        'p',
        false,
        2,
      ]),
  },
  'pg_catalog.pg_attribute': {
    columns: [
      ['attrelid', 'INTEGER'],
      ['attname', 'VARCHAR'],
      ['atttypid', 'INTEGER'],
      ['attlen', 'SMALLINT'],
      ['attnum', 'SMALLINT'],
      ['attndims', 'INTEGER'],
      ['atttypmod', 'INTEGER'],
      ['attnotnull', 'BOOLEAN'],
      ['atthasdef', 'BOOLEAN'],
      ['attisdropped', 'BOOLEAN'],
      ['attidentity', 'VARCHAR'],
      ['attgenerated', 'VARCHAR'],
    ],
    rows: (view) =>
      shown(view).tables.flatMap((t) =>
        t.table.columns.map((c, i) => [
          t.oid,
          c.name,
          c.type.oid,
          pgTypes.get(c.type.oid)?.size ?? -1,
          i + 1,
          c.type.dimensions,
          c.type.typmod,
          c.notNull,
          false,
          false,
          '',
          '',
        ]),
      ),
  },
  'pg_catalog.pg_type': {
    columns: [
      ['oid', 'INTEGER'],
      ['typname', 'VARCHAR'],
      ['typnamespace', 'INTEGER'],
      ['typlen', 'SMALLINT'],
      ['typtype', 'VARCHAR'],
      ['typrelid', 'INTEGER'],
      ['typelem', 'INTEGER'],
      ['typarray', 'INTEGER'],
      ['typbasetype', 'INTEGER'],
      ['typtypmod', 'INTEGER'],
      ['typcategory', 'VARCHAR'],
    ],
    rows: () =>
      [...pgTypes.values()].flatMap((type): Cell[][] => [
        [type.oid, type.name, systemNamespace, type.size, 'b', 0, 0, type.array, 0, -1, 'U'],
        ...(type.array === 0 ? [] : [[type.array, `_${type.name}`, systemNamespace, -1, 'b', 0, type.oid, 0, 0, -1, 'A']]),
      ]),
  },
  'pg_catalog.pg_constraint': {
    columns: [
      ['oid', 'INTEGER'],
      ['conname', 'VARCHAR'],
      ['connamespace', 'INTEGER'],
      ['contype', 'VARCHAR'],
      ['conrelid', 'INTEGER'],
      ['conkey', 'SMALLINT[]'],
    ],
    rows: (view) =>
      shown(view).tables.flatMap((t) =>
        t.keys.map((k) => [k.oid, k.name, t.namespace.oid, k.primary ? 'p' : 'u', t.oid, `[${k.positions.join(', ')}]`]),
      ),
  },
  'pg_catalog.pg_indexes': {
    columns: [
      ['schemaname', 'VARCHAR'],
      ['tablename', 'VARCHAR'],
      ['indexname', 'VARCHAR'],
      ['indexdef', 'VARCHAR'],
    ],
    rows: (view) => shown(view).tables.flatMap((t) => t.keys.map((k) => [t.namespace.name, t.table.name, k.name, null])),
  },
  'pg_catalog.pg_tables': {
    columns: [
      ['schemaname', 'VARCHAR'],
      ['tablename', 'VARCHAR'],
      ['tableowner', 'VARCHAR'],
    ],
    rows: (view, { user }) => shown(view).tables.map((t) => [t.namespace.name, t.table.name, user]),
  },
  'pg_catalog.pg_description': {
    columns: [
      ['objoid', 'INTEGER'],
      ['classoid', 'INTEGER'],
      ['objsubid', 'INTEGER'],
      ['description', 'VARCHAR'],
    ],
    rows: () => [],
  },
  'pg_catalog.pg_enum': {
    columns: [
      ['oid', 'INTEGER'],
      ['enumtypid', 'INTEGER'],
      ['enumsortorder', 'FLOAT'],
      ['enumlabel', 'VARCHAR'],
    ],
    rows: () => [],
  },
  'pg_catalog.pg_database': {
    columns: [
      ['oid', 'INTEGER'],
      ['datname', 'VARCHAR'],
      ['datdba', 'INTEGER'],
      ['encoding', 'INTEGER'],
      ['datallowconn', 'BOOLEAN'],
      ['datistemplate', 'BOOLEAN'],
    ],
    rows: (_view, { database }) => [[1, database, ownerOid, 6, true, false]],
  },
  'pg_catalog.pg_settings': {
    columns: [
      ['name', 'VARCHAR'],
      ['setting', 'VARCHAR'],
    ],
    rows: (_view, { settings }) => [...settings],
  },
  'information_schema.schemata': {
    columns: [
      ['catalog_name', 'VARCHAR'],
      ['schema_name', 'VARCHAR'],
    ],
    rows: (view, { database }) => shown(view).namespaces.map((n) => [database, n.name]),
  },
  'information_schema.tables': {
    columns: [
      ['table_catalog', 'VARCHAR'],
      ['table_schema', 'VARCHAR'],
      ['table_name', 'VARCHAR'],
      ['table_type', 'VARCHAR'],
    ],
    rows: (view, { database }) => shown(view).tables.map((t) => [database, t.namespace.name, t.table.name, 'BASE TABLE']),
  },
  'information_schema.columns': {
    columns: [
      ['table_catalog', 'VARCHAR'],
      ['table_schema', 'VARCHAR'],
      ['table_name', 'VARCHAR'],
      ['column_name', 'VARCHAR'],
      ['ordinal_position', 'INTEGER'],
      ['is_nullable', 'VARCHAR'],
      ['data_type', 'VARCHAR'],
      ['udt_name', 'VARCHAR'],
    ],
    rows: (view, { database }) =>
      shown(view).tables.flatMap((t) =>
        t.table.columns.map((c, i) => [
          database,
          t.namespace.name,
          t.table.name,
          c.name,
          i + 1,
          c.notNull ? 'NO' : 'YES',
          standardName(c.type.name),
          c.type.name,
        ]),
      ),
  },
};

/** information_schema's words for the types held here. */
const standardNames: Readonly<Record<string, string>> = {
  int8: 'bigint',
  int4: 'integer',
  int2: 'smallint',
  bool: 'boolean',
  float8: 'double precision',
  float4: 'real',
  varchar: 'character varying',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
  time: 'time without time zone',
  timetz: 'time with time zone',
};

function standardName(name: string): string {
  return name.startsWith('_') ? 'ARRAY' : (standardNames[name] ?? name);
}

/** The relation as a subquery, or undefined if there is none of that name. */
export function systemRelation(schema: string, name: string, view: CatalogView, context: SystemContext): string | undefined {
  const relation = relations[`${schema}.${name}`];
  if (!relation) return undefined;
  const names = relation.columns.map(([column]) => quoteName(column));
  const rows = relation.rows(view, context);
  const select = relation.columns
    .map(([column, type]) => `CAST(${quoteName(column)} AS ${type}) AS ${quoteName(column)}`)
    .join(', ');
  const values =
    rows.length === 0 ? `(${names.map(() => 'NULL').join(', ')})` : rows.map((row) => `(${row.map(cell).join(', ')})`).join(', ');
  return `SELECT ${select} FROM (VALUES ${values}) AS v(${names.join(', ')})${rows.length === 0 ? ' WHERE FALSE' : ''}`;
}

function cell(value: Cell): string {
  if (value === null) return 'NULL';
  return typeof value === 'string' ? quoteString(value) : String(value).toUpperCase();
}
