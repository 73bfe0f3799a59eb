/**
 * The introspection texts of a stock DuckDB (its postgres extension), answered from memory: they are sent at every
 * attach and for every table that is looked up. A text that is not exactly one of them is answered by the general
 * road (system-relations.ts), which a test compares with this one. `relpages` is always 0: with more, the client
 * reads one table over several connections with an exported snapshot, which DuckDB cannot share (rule 26).
 */
import { BOOLEAN, INTEGER, LIST, SMALLINT, VARCHAR, listValue } from '@duckdb/node-api';
import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import { oid } from '../../../base/pg-types.ts';
import type { Column } from '../../../base/statement-session.ts';
import type { CatalogView } from '../catalog-view.ts';
import { StaticRows, toChunks } from '../static-rows.ts';
import { shown } from './relations.ts';
import type { ShownTable } from './relations.ts';

const oidColumn = (name: string): Column => ({ name, type: INTEGER, pgType: { oid: oid.oid } });
const nameColumn = (name: string): Column => ({ name, type: VARCHAR, pgType: { oid: oid.name } });
const textColumn = (name: string): Column => ({ name, type: VARCHAR });
const intColumn = (name: string): Column => ({ name, type: INTEGER });

interface Filter {
  readonly schemas: readonly string[] | null;
  readonly table: string | null;
}

interface Shape {
  /** The text with white space folded; `<S>` and `<T>` stand for the conditions on schema and table. */
  readonly pattern: RegExp;
  readonly columns: readonly Column[];
  rows(view: CatalogView, filter: Filter): DuckDBValue[][];
}

const literals = "'[^'\\s]*'(?:\\s?,\\s?'[^'\\s]*')*";

/** A template of the client as a pattern. `<S>`: ` AND …nspname IN (…)`; `<W>`: the same after WHERE; `<T>`: `AND relname='…'`. */
function shape(template: string, columns: readonly Column[], rows: Shape['rows']): Shape {
  const escaped = template
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  let first = true;
  const pattern = escaped
    .replaceAll(' <S>', () => {
      const group = first
        ? `(?: ?AND (?:pg_namespace|n)\\.nspname IN \\((?<schemas>${literals})\\))?`
        : `(?: ?AND (?:pg_namespace|n)\\.nspname IN \\(${literals}\\))?`;
      const table = first ? "(?: ?AND relname='(?<table>[^'\\s]*)')?" : "(?: ?AND relname='[^'\\s]*')?";
      first = false;
      return ` ?${group}${table}`;
    })
    .replaceAll(' <W>', ` ?(?:WHERE (?:pg_namespace|n)\\.nspname IN \\((?<schemas>${literals})\\))?`)
    .replaceAll("'<N>'", "'(?<schemas>[^'\\s]*)'")
    .replace(/;?$/, ' ?;?$');
  return { pattern: new RegExp(`^${pattern}`), columns, rows };
}

const shapes: readonly Shape[] = [
  shape(
    'SELECT oid, nspname FROM pg_namespace <W> ORDER BY oid',
    [oidColumn('oid'), nameColumn('nspname')],
    (view, { schemas }) =>
      shown(view)
        .namespaces.filter((n) => !schemas || schemas.includes(n.name))
        .map((n) => [n.oid, n.name]),
  ),
  shape(
    `SELECT pg_namespace.oid AS namespace_id, relname, relpages, attname, pg_type.typname type_name, atttypmod type_modifier,
      pg_attribute.attndims ndim, attnum, pg_attribute.attnotnull AS notnull, NULL constraint_id, NULL constraint_type,
      NULL constraint_key, type_ns.nspname AS type_schema, col_desc.description AS column_comment, tbl_desc.description AS table_comment
      FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid JOIN pg_attribute ON pg_class.oid=pg_attribute.attrelid
      JOIN pg_type ON atttypid=pg_type.oid JOIN pg_namespace type_ns ON pg_type.typnamespace = type_ns.oid
      LEFT JOIN pg_description col_desc ON col_desc.objoid=pg_class.oid AND col_desc.objsubid=pg_attribute.attnum
      LEFT JOIN pg_description tbl_desc ON tbl_desc.objoid=pg_class.oid AND tbl_desc.objsubid=0
      WHERE attnum > 0 AND relkind IN ('r', 'v', 'm', 'f', 'p') <S>
      UNION ALL SELECT pg_namespace.oid AS namespace_id, relname, NULL relpages, NULL attname, NULL type_name, NULL type_modifier,
      NULL ndim, NULL attnum, NULL AS notnull, pg_constraint.oid AS constraint_id, contype AS constraint_type, conkey AS constraint_key,
      NULL AS type_schema, NULL AS column_comment, NULL AS table_comment
      FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid JOIN pg_constraint ON (pg_class.oid=pg_constraint.conrelid)
      WHERE relkind IN ('r', 'v', 'm', 'f', 'p') AND contype IN ('p', 'u') <S>
      ORDER BY namespace_id, relname, attnum, constraint_id`,
    [
      oidColumn('namespace_id'),
      nameColumn('relname'),
      intColumn('relpages'),
      nameColumn('attname'),
      nameColumn('type_name'),
      intColumn('type_modifier'),
      intColumn('ndim'),
      { name: 'attnum', type: SMALLINT },
      { name: 'notnull', type: BOOLEAN },
      oidColumn('constraint_id'),
      { name: 'constraint_type', type: VARCHAR, pgType: { oid: oid.char } },
      { name: 'constraint_key', type: LIST(SMALLINT) },
      nameColumn('type_schema'),
      textColumn('column_comment'),
      textColumn('table_comment'),
    ],
    (view, filter) =>
      shown(view)
        .tables.filter((t) => matches(t, filter))
        .flatMap(tableRows),
  ),
  shape(
    'SELECT n.oid, enumtypid, typname, enumlabel FROM pg_enum e JOIN pg_type t ON e.enumtypid = t.oid JOIN pg_namespace AS n ON (typnamespace=n.oid) <W> ORDER BY n.oid, enumtypid, enumsortorder',
    [oidColumn('oid'), oidColumn('enumtypid'), nameColumn('typname'), nameColumn('enumlabel')],
    () => [],
  ),
  shape(
    `SELECT n.oid, t.typrelid AS id, t.typname as type, pg_attribute.attname, sub_type.typname, sub_type_ns.nspname AS sub_type_schema
      FROM pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace JOIN pg_class ON pg_class.oid = t.typrelid
      JOIN pg_attribute ON attrelid=t.typrelid JOIN pg_type sub_type ON (pg_attribute.atttypid=sub_type.oid)
      JOIN pg_catalog.pg_namespace sub_type_ns ON sub_type_ns.oid = sub_type.typnamespace
      WHERE pg_class.relkind IN ('c', 'r', 'v', 'm', 'f', 'p') AND t.typtype='c' AND pg_attribute.attnum > 0 AND NOT pg_attribute.attisdropped <S>
      ORDER BY n.oid, t.oid, attrelid, attnum`,
    [
      oidColumn('oid'),
      oidColumn('id'),
      nameColumn('type'),
      nameColumn('attname'),
      nameColumn('typname'),
      nameColumn('sub_type_schema'),
    ],
    // Tables have row types in PostgreSQL; the client would only use them for columns of such a type, which are not stored here.
    () => [],
  ),
  shape(
    `SELECT n.oid, t.typrelid AS id, t.typname as type, pg_attribute.attname, sub_type.typname
      FROM pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace JOIN pg_class ON pg_class.oid = t.typrelid
      JOIN pg_attribute ON attrelid=t.typrelid JOIN pg_type sub_type ON (pg_attribute.atttypid=sub_type.oid)
      WHERE pg_class.relkind = 'c' AND t.typtype='c' <S> ORDER BY n.oid, t.oid, attrelid, attnum`,
    [oidColumn('oid'), oidColumn('id'), nameColumn('type'), nameColumn('attname'), nameColumn('typname')],
    () => [],
  ),
  shape(
    'SELECT pg_namespace.oid, tablename, indexname FROM pg_indexes JOIN pg_namespace ON (schemaname=nspname) <W> ORDER BY pg_namespace.oid',
    [oidColumn('oid'), nameColumn('tablename'), nameColumn('indexname')],
    (view, filter) =>
      shown(view)
        .tables.filter((t) => matches(t, filter))
        .flatMap((t) => t.keys.map((key) => [t.namespace.oid, t.table.name, key.name])),
  ),
  shape(
    "SELECT pg_class.oid, relname, pg_class.xmin FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid WHERE relkind IN ('r', 'v', 'm', 'f', 'p') AND pg_namespace.nspname = '<N>' ORDER BY pg_class.oid",
    [oidColumn('oid'), nameColumn('relname'), { name: 'xmin', type: INTEGER, pgType: { oid: oid.xid } }],
    (view, filter) =>
      shown(view)
        .tables.filter((t) => matches(t, filter))
        .sort((a, b) => a.oid - b.oid)
        .map((t) => [t.oid, t.table.name, 2]),
  ),
];

function matches(t: ShownTable, filter: Filter): boolean {
  if (filter.schemas && !filter.schemas.includes(t.namespace.name)) return false;
  return filter.table === null || filter.table === t.table.name;
}

/** Columns first, then keys: the order that the client's ORDER BY asks for. */
function tableRows(t: ShownTable): DuckDBValue[][] {
  const { oid: namespace } = t.namespace;
  const columns = t.table.columns.map((c, i): DuckDBValue[] => [
    namespace,
    t.table.name,
    0,
    c.name,
    c.type.name,
    c.type.typmod,
    c.type.dimensions,
    i + 1,
    c.notNull,
    null,
    null,
    null,
    'pg_catalog',
    null,
    null,
  ]);
  const keys = [...t.keys]
    .sort((a, b) => a.oid - b.oid)
    .map((key): DuckDBValue[] => [
      namespace,
      t.table.name,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      key.oid,
      key.primary ? 'p' : 'u',
      listValue([...key.positions]),
      null,
      null,
      null,
    ]);
  return [...columns, ...keys];
}

const answers = new WeakMap<CatalogView, Map<string, { columns: readonly Column[]; chunks: readonly DuckDBDataChunk[] }>>();
/** Texts differ only in schema and table names; a lake that has more of them than this is answered without memory. */
const answersMax = 256;

/** The answer to a stock introspection text, or undefined if it is not one. */
export function answerStock(sql: string, view: CatalogView): StaticRows | undefined {
  const text = sql.trim().replace(/\s+/g, ' ');
  const perView = answers.get(view) ?? new Map<string, { columns: readonly Column[]; chunks: readonly DuckDBDataChunk[] }>();
  answers.set(view, perView);
  const known = perView.get(text);
  if (known) return new StaticRows(known.columns, known.chunks);
  for (const { pattern, columns, rows } of shapes) {
    const found = pattern.exec(text);
    if (!found) continue;
    const { schemas, table } = found.groups ?? {};
    const filter = {
      schemas: schemas === undefined ? null : schemas.split(/\s?,\s?/).map((s) => s.replaceAll("'", '')),
      table: table ?? null,
    };
    const chunks = toChunks({ columns, rows: rows(view, filter) });
    if (perView.size < answersMax) perView.set(text, { columns, chunks });
    return new StaticRows(columns, chunks);
  }
  return undefined;
}

/** True if a text may be one of them: a cheap test before the transaction's view is asked for. */
export function mayBeStock(sql: string): boolean {
  return sql.includes('pg_namespace');
}
