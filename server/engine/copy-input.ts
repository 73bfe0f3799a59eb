/**
 * The `read_csv` call that reads spooled COPY data, and how each field's text becomes the column's value. What DuckDB's
 * reader converts exactly as PostgreSQL does is read typed (fast); the rest is read as text and converted here.
 */
import { type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import type { Column } from '../../base/statement-session.ts';
import type { CopyOptions } from '../statements/copy.ts';

/** How the spooled bytes are laid out; RowFilter makes them so. */
export interface Dialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  readonly nullText: string;
  readonly newline: '\n' | '\r\n' | '\r';
  /** Longest row seen, in bytes (rounded up). */
  readonly rowBytesMax: number;
}

const readTyped: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT, DuckDBTypeId.SMALLINT, DuckDBTypeId.INTEGER, DuckDBTypeId.BIGINT, DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT, DuckDBTypeId.USMALLINT, DuckDBTypeId.UINTEGER, DuckDBTypeId.UBIGINT, DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.FLOAT, DuckDBTypeId.DOUBLE, DuckDBTypeId.DECIMAL, DuckDBTypeId.VARCHAR, DuckDBTypeId.UUID,
  DuckDBTypeId.DATE, DuckDBTypeId.TIME, DuckDBTypeId.TIMESTAMP, DuckDBTypeId.TIMESTAMP_S, DuckDBTypeId.TIMESTAMP_MS,
  DuckDBTypeId.TIMESTAMP_NS, DuckDBTypeId.TIMESTAMP_TZ,
]);

/** A parenthesised query over the file: its columns have the table's names and types. `path` is an SQL literal. */
export function copyInput(path: string, options: CopyOptions, columns: readonly Column[], dialect: Dialect): string {
  const read: string[] = [];
  const values: string[] = [];
  for (const column of columns) {
    const forced = isChosen(options.forceNull, column.name) || isChosen(options.forceNotNull, column.name);
    const typed = !forced && isReadTyped(column.type);
    read.push(`${quoteString(column.name)}: ${quoteString(typed ? column.type.toString() : 'VARCHAR')}`);
    const name = quoteName(column.name);
    values.push(typed ? name : `${convert(forced ? force(name, column.name, options) : name, column.type)} AS ${name}`);
  }
  const lineMax = dialect.rowBytesMax > 1_900_000 ? `, max_line_size=${dialect.rowBytesMax + 1024}` : '';
  return `(SELECT ${values.join(', ')} FROM read_csv(${path}, columns={${read.join(', ')}}, header=false, auto_detect=false, ` +
    `delim=${quoteString(dialect.delimiter)}, quote=${quoteString(dialect.quote)}, escape=${quoteString(dialect.escape)}, ` +
    `nullstr=${quoteString(dialect.nullText)}, allow_quoted_nulls=false, strict_mode=true, comment='', new_line=${quoteString(escaped(dialect.newline))}${lineMax}))`;
}

function escaped(newline: string): string {
  return newline.replace('\r', '\\r').replace('\n', '\\n');
}

function isReadTyped(type: DuckDBType): boolean {
  return readTyped.has(type.typeId) && type.alias === undefined;
}

function isChosen(choice: 'all' | readonly string[], name: string): boolean {
  return choice === 'all' || choice.includes(name);
}

/** FORCE_NULL and FORCE_NOT_NULL look at the text: a quoted NULL string becomes NULL, an unquoted one becomes text. */
function force(value: string, name: string, options: CopyOptions): string {
  let forced = value;
  if (isChosen(options.forceNull, name)) forced = `nullif(${forced}, ${quoteString(options.nullText)})`;
  // PostgreSQL applies FORCE_NOT_NULL while splitting, before FORCE_NULL looks at quoted values.
  if (isChosen(options.forceNotNull, name)) forced = `coalesce(${value}, ${quoteString(options.nullText)})`;
  return forced;
}

/** SQL that makes a value of `type` from the text in `value`. */
export function convert(value: string, type: DuckDBType): string {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return `(CASE lower(trim(${value})) WHEN 'on' THEN true WHEN 'off' THEN false ELSE ${value}::BOOLEAN END)`;
    case DuckDBTypeId.BLOB:
      return `(CASE WHEN starts_with(${value}, '\\x') THEN unhex(substr(${value}, 3)) ELSE encode(${value}) END)`;
    case DuckDBTypeId.LIST:
      return `CAST((CASE WHEN ${value} LIKE '{%}' THEN '[' || ${value}[2:-2] || ']' ELSE ${value} END) AS ${type.toString()})`;
    default:
      return `CAST(${value} AS ${type.toString()})`;
  }
}
