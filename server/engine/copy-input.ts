/**
 * The `read_csv` call that reads spooled COPY data, and how each field's text becomes the column's value. What DuckDB's
 * reader converts exactly as PostgreSQL does is read typed (fast); the rest is read as text and converted here.
 */
import { type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import type { Column } from '../../base/statement-session.ts';
import type { CopyOptions } from './copy-statement.ts';

/** How the spooled bytes are laid out; RowFilter makes them so. */
export interface Dialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  readonly nullText: string;
  readonly newline: '\n' | '\r';
  /** Longest row seen, in bytes (rounded up). */
  readonly rowBytesMax: number;
  /** ` BC` occurs somewhere: dates before our era need converting. */
  readonly hasBc: boolean;
}

const readTyped: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.DECIMAL,
  DuckDBTypeId.VARCHAR,
  DuckDBTypeId.UUID,
  DuckDBTypeId.DATE,
  DuckDBTypeId.TIME,
  DuckDBTypeId.TIMESTAMP,
  DuckDBTypeId.TIMESTAMP_S,
  DuckDBTypeId.TIMESTAMP_MS,
  DuckDBTypeId.TIMESTAMP_NS,
  DuckDBTypeId.TIMESTAMP_TZ,
]);

const datetimes: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.DATE,
  DuckDBTypeId.TIMESTAMP,
  DuckDBTypeId.TIMESTAMP_S,
  DuckDBTypeId.TIMESTAMP_MS,
  DuckDBTypeId.TIMESTAMP_NS,
  DuckDBTypeId.TIMESTAMP_TZ,
]);

/**
 * The reader takes the file in buffers of this size. DuckDB's own 32 MiB leaves threads without work at the end of a
 * segment; with these the same load takes a tenth less CPU. A row must fit (2,000,000 bytes unless told otherwise).
 */
const bufferBytes = 4 * 1024 * 1024;

/** Whether values can lie before our era. */
export function isDatetime(type: DuckDBType): boolean {
  return datetimes.has(type.typeId);
}

/** A parenthesised query over the file: its columns have the table's names and types. `path` is an SQL literal. */
export function copyInput(path: string, options: CopyOptions, columns: readonly Column[], dialect: Dialect): string {
  const read: string[] = [];
  const values: string[] = [];
  for (const column of columns) {
    const forced = isChosen(options.forceNull, column.name) || isChosen(options.forceNotNull, column.name);
    const typed = !forced && isReadTyped(column.type) && !(dialect.hasBc && isDatetime(column.type));
    read.push(`${quoteString(column.name)}: ${quoteString(typed ? column.type.toString() : 'VARCHAR')}`);
    const name = quoteName(column.name);
    values.push(typed ? name : `${convert(forced ? force(name, column.name, options) : name, column.type)} AS ${name}`);
  }
  const room = dialect.rowBytesMax > 1_900_000 ? `max_line_size=${dialect.rowBytesMax + 1024}` : `buffer_size=${bufferBytes}`;
  return (
    `(SELECT ${values.join(', ')} FROM read_csv(${path}, columns={${read.join(', ')}}, header=false, auto_detect=false, ` +
    `delim=${quoteString(dialect.delimiter)}, quote=${quoteString(dialect.quote)}, escape=${quoteString(dialect.escape)}, ` +
    `nullstr=${quoteString(dialect.nullText)}, allow_quoted_nulls=false, strict_mode=true, comment='', new_line='${dialect.newline === '\n' ? '\\n' : '\\r'}', ${room}))`
  );
}

function isReadTyped(type: DuckDBType): boolean {
  return readTyped.has(type.typeId) && type.alias === undefined;
}

function isChosen(choice: 'all' | readonly string[], name: string): boolean {
  return choice === 'all' || choice.includes(name);
}

/** FORCE_NULL and FORCE_NOT_NULL look at the text: a quoted NULL string becomes NULL, an unquoted one becomes text. Source: NextCopyFrom. */
function force(value: string, name: string, options: CopyOptions): string {
  const nullText = quoteString(options.nullText);
  const notNull = isChosen(options.forceNotNull, name);
  if (!isChosen(options.forceNull, name)) return `coalesce(${value}, ${nullText})`;
  return notNull
    ? `(CASE WHEN ${value} IS NULL THEN ${nullText} WHEN ${value} = ${nullText} THEN NULL ELSE ${value} END)`
    : `nullif(${value}, ${nullText})`;
}

/** SQL that makes a value of `type` from the text in `value`. */
export function convert(value: string, type: DuckDBType): string {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return `(CASE lower(trim(${value})) WHEN 'on' THEN true WHEN 'off' THEN false ELSE ${value}::BOOLEAN END)`;
    case DuckDBTypeId.BLOB:
      return `(CASE WHEN starts_with(${value}, '\\x') THEN unhex(substr(${value}, 3)) ELSE encode(${value}) END)`;
    case DuckDBTypeId.LIST: {
      // PostgreSQL's {a,"b c",NULL} is DuckDB's [a, "b c", NULL]; inner braces too when there is more than one dimension.
      const nested = type.valueType.typeId === DuckDBTypeId.LIST;
      const list = nested ? `translate(${value}, '{}', '[]')` : `'[' || ${value}[2:-2] || ']'`;
      return `CAST((CASE WHEN starts_with(${value}, '{') AND ends_with(${value}, '}') THEN ${list} ELSE ${value} END) AS ${type.toString()})`;
    }
    case DuckDBTypeId.STRUCT:
    case DuckDBTypeId.MAP:
      return `(CASE WHEN json_valid(${value}) THEN CAST(CAST(${value} AS JSON) AS ${type.toString()}) ELSE CAST(${value} AS ${type.toString()}) END)`;
    case DuckDBTypeId.INTERVAL:
      return `CAST(replace(${value}, '+', '') AS INTERVAL)`;
    case DuckDBTypeId.DATE:
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
    case DuckDBTypeId.TIMESTAMP_TZ:
      return `CAST(regexp_replace(${value}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2') AS ${type.toString()})`;
    default:
      return `CAST(${value} AS ${type.toString()})`;
  }
}
