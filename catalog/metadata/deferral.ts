/**
 * The statements of a DuckLake commit that can wait for COMMIT: an INSERT of literals, and the two UPDATEs by which a
 * commit brings the statistics of a table up to date. Their effect is known from their text, so the answers that are kept
 * can be carried over the commit, and DuckDB is told of them all in one go (shared-catalog.ts). The grammar is exact:
 * what differs from it in a word goes the general road.
 */
import { quoteString } from '../../base/sql-lexer.ts';
import type { RowChange } from '../replicated/row-changes.ts';
import { type CatalogView, storedName, toStoredSchema, type ViewColumn, type ViewTable } from './catalog-view.ts';
import type { WrittenValue } from './dialect/change.ts';
import { limits } from './limits.ts';

/** What a statement does to the rows of a table. `undefined` is a value that only DuckDB knows. */
export type Effect =
  | { readonly t: 'insert'; readonly table: ViewTable; readonly rows: readonly (readonly WrittenValue[])[] }
  | {
      readonly t: 'update';
      readonly table: ViewTable;
      /** Columns and the whole numbers they must be equal to. */
      readonly keys: ReadonlyMap<string, string>;
      readonly set: ReadonlyMap<string, WrittenValue>;
    };

export interface Deferred {
  /** For DuckDB, without an end. */
  readonly sql: string;
  readonly table: ViewTable;
  readonly effects: readonly Effect[];
  /**
   * The same as changes of rows, for a transaction of the time `now` (microseconds since 1970); null when only DuckDB knows
   * whether every value fits its column.
   */
  readonly changes: ((now: bigint) => readonly RowChange[]) | null;
}

/** A commit begins with this; whoever is second with a snapshot's number is refused by its primary key. */
export const beginsCommit = (sql: string): boolean =>
  /^\s*INSERT INTO "public"\.ducklake_snapshot VALUES \(\d+, NOW\(\), /.test(sql);

const insertable =
  /^ducklake_(?:snapshot|snapshot_changes|data_file|delete_file|file_column_stats|table_stats|table_column_stats|inlined_data_\d+_\d+|inlined_delete_\d+)$/;

/** True if an INSERT of literals into the table can wait. */
export const mayInsertLater = (table: ViewTable): boolean => table.schema === 'public' && insertable.test(table.name);

/** An INSERT … VALUES as it can wait. `into` is how DuckDB is told about the table, `sql` the whole statement. */
export function deferInsert(sql: string, into: string, table: ViewTable, rows: readonly (readonly WrittenValue[])[]): Deferred {
  const before = `INSERT INTO ${into} VALUES `;
  const values = sql.startsWith(before) ? sql.slice(before.length) : null;
  const told = (text: string): RowChange[] => [
    { t: 'insert', schema: toStoredSchema(table.schema), table: table.name, rows: text },
  ];
  const now = values !== null && table.name === 'ducklake_snapshot' ? snapshotRow.exec(values) : null;
  const isPlain = rows.every((row) => row.every((value, i) => fits(value, table, i, now !== null)));
  let changes: Deferred['changes'] = null;
  if (isPlain && now) changes = (at) => told(`(${now[1]}, make_timestamptz(${at}::BIGINT), ${now[2]})`);
  else if (isPlain && values !== null) changes = () => told(values);
  return { sql, table, effects: [{ t: 'insert', table, rows }], changes };
}

/** A snapshot as DuckLake writes it: only its time is not a literal. */
const snapshotRow = /^\((\d{1,18}), now\(\), (\d{1,18}, \d{1,18}, \d{1,18})\)$/;

/** True if DuckDB would take the value for the column for certain. `hasTime`: what is missing at the second place is the time. */
function fits(value: WrittenValue, table: ViewTable, at: number, hasTime: boolean): boolean {
  const column = table.columns[at] as ViewColumn;
  const type = column.type.duckdb;
  if (value === undefined) return hasTime && at === 1 && type === 'TIMESTAMP WITH TIME ZONE';
  if (value === null) return !column.notNull && !table.keys.some(({ columns }) => columns.includes(column.name));
  if (typeof value === 'boolean') return type === 'BOOLEAN';
  if ('text' in value) return type === 'VARCHAR' || type === 'BLOB';
  if (type === 'BIGINT') return /^-?\d{1,18}$/.test(value.number);
  if (type === 'INTEGER') return /^-?\d{1,9}$/.test(value.number);
  return type === 'DOUBLE' && /^\d{1,15}(?:\.\d{1,15})?$/.test(value.number);
}

const tableStats =
  /^\s*UPDATE "public"\.ducklake_table_stats SET record_count=(\d+), file_size_bytes=(\d+), next_row_id=(\d+) WHERE table_id=(\d+)\s*$/;
const columnStats = new RegExp(
  String.raw`^\s*WITH new_values\(tid, cid, new_contains_null, new_contains_nan, new_min, new_max, new_extra_stats\) AS \(
VALUES (.*)
\)
UPDATE "public"\.ducklake_table_column_stats
SET contains_null=CAST\(new_contains_null AS BOOLEAN\), contains_nan=CAST\(new_contains_nan AS BOOLEAN\), min_value=new_min, max_value=new_max, extra_stats=new_extra_stats
FROM new_values
WHERE table_id=tid AND column_id=cid\s*$`.replaceAll('\n', '\\s+'),
  's',
);
const columnStatsRow =
  /\((\d+), (\d+), (true|false|NULL), (true|false|NULL), (NULL|'(?:[^'\\]|'')*'), (NULL|'(?:[^'\\]|'')*'), (NULL|'(?:[^'\\]|'')*')\)(,|$)/y;
const updatedColumns = ['contains_null', 'contains_nan', 'min_value', 'max_value', 'extra_stats'] as const;

/** An UPDATE of statistics as it can wait, or undefined. `alias` is the database in DuckDB. */
export function deferUpdate(sql: string, view: CatalogView, alias: string): Deferred | undefined {
  return deferTableStats(sql, view, alias) ?? deferColumnStats(sql, view, alias);
}

function deferTableStats(sql: string, view: CatalogView, alias: string): Deferred | undefined {
  const found = tableStats.exec(sql);
  const table =
    found && updatable(view, 'ducklake_table_stats', ['table_id', 'record_count', 'file_size_bytes', 'next_row_id'], []);
  if (!table) return undefined;
  const [, records, bytes, next, id] = found as unknown as [string, string, string, string, string];
  const set = new Map<string, WrittenValue>([
    ['record_count', { number: records }],
    ['file_size_bytes', { number: bytes }],
    ['next_row_id', { number: next }],
  ]);
  const change: Update = {
    table,
    columns: [...set.keys()],
    set: `record_count = ${records}, file_size_bytes = ${bytes}, next_row_id = ${next}`,
    where: `table_id = ${id}`,
  };
  const isPlain = [records, bytes, next, id].every((number) => number.length <= 18);
  return {
    sql: toUpdate(change, alias),
    table,
    effects: [{ t: 'update', table, keys: new Map([['table_id', id]]), set }],
    changes: isPlain ? () => [toChange(change)] : null,
  };
}

function deferColumnStats(sql: string, view: CatalogView, alias: string): Deferred | undefined {
  const found = columnStats.exec(sql);
  const table = found && updatable(view, 'ducklake_table_column_stats', ['table_id', 'column_id'], updatedColumns);
  const rows = table && readStatsRows((found[1] as string).trim());
  if (!rows) return undefined;
  const effects = rows.map((row): Effect => {
    const keys = new Map([
      ['table_id', row.table],
      ['column_id', row.column],
    ]);
    return { t: 'update', table, keys, set: new Map(updatedColumns.map((name, i) => [name, row.values[i]])) };
  });
  const tables = new Set(rows.map((row) => row.table));
  // A join with the values would be planned, and run as a product where the planner is told not to think.
  const updates = [...tables].map((id): Update => {
    const own = rows.filter((row) => row.table === id);
    const assignments = updatedColumns.map((name, i) => {
      const type = i < 2 ? 'BOOLEAN' : 'VARCHAR';
      const cases = own.map(({ column, values }) => `WHEN ${column} THEN CAST(${literal(values[i] ?? null)} AS ${type})`);
      return `${name} = CASE column_id ${cases.join(' ')} END`;
    });
    const where = `table_id = ${id} AND column_id IN (${own.map((row) => row.column).join(', ')})`;
    return { table, columns: updatedColumns, set: assignments.join(', '), where };
  });
  const isPlain = rows.every((row) => row.table.length <= 18 && row.column.length <= 18);
  return {
    sql: updates.map((update) => toUpdate(update, alias)).join(';'),
    table,
    effects,
    changes: isPlain ? () => updates.map(toChange) : null,
  };
}

interface Update {
  readonly table: ViewTable;
  readonly columns: readonly string[];
  readonly set: string;
  readonly where: string;
}

const toUpdate = ({ table, set, where }: Update, alias: string): string =>
  `UPDATE ${storedName(table, alias)} SET ${set} WHERE ${where}`;

const toChange = ({ table, columns, set, where }: Update): RowChange => ({
  t: 'update',
  schema: toStoredSchema(table.schema),
  table: table.name,
  columns,
  set,
  where,
});

interface StatsRow {
  readonly table: string;
  readonly column: string;
  readonly values: readonly (boolean | null | { readonly text: string })[];
}

function readStatsRows(text: string): StatsRow[] | undefined {
  const rows: StatsRow[] = [];
  const seen = new Set<string>();
  columnStatsRow.lastIndex = 0;
  for (;;) {
    const found = columnStatsRow.exec(text);
    if (!found) return undefined;
    const [, table, column] = found as unknown as [string, string, string];
    const values = found.slice(3, 8).map((value) => readValue(value as string));
    rows.push({ table, column, values });
    seen.add(`${table} ${column}`);
    if (found[8] === '') break;
  }
  return rows.length === seen.size && rows.length <= limits.deferredRowsMax ? rows : undefined;
}

function readValue(text: string): boolean | null | { readonly text: string } {
  if (text === 'NULL') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  return { text: text.slice(1, -1).replaceAll("''", "'") };
}

function literal(value: boolean | null | { readonly text: string }): string {
  return value === null ? 'NULL' : typeof value === 'boolean' ? String(value) : quoteString(value.text);
}

/** The table, if it is one whose rows DuckDB changes in place: without keys, and of the types that its statements assume. */
function updatable(
  view: CatalogView,
  name: string,
  numbers: readonly string[],
  others: readonly string[],
): ViewTable | undefined {
  const table = view.find('public', name);
  if (!table || table.keys.length > 0) return undefined;
  const typeOf = (column: string): string | undefined => table.columns.find((c) => c.name === column)?.type.duckdb;
  if (!numbers.every((column) => typeOf(column) === 'BIGINT')) return undefined;
  return others.every((column, i) => typeOf(column) === (i < 2 ? 'BOOLEAN' : 'VARCHAR')) ? table : undefined;
}
