/**
 * Kept answers over a commit whose effects are known: which rows an answer of a plain shape has afterwards. Two shapes:
 * columns of one table, of all rows or of those with one number in one column; and the latest snapshot. Anything that
 * is not certain makes the answer unknown, never a guess.
 */
import type { ViewTable } from './catalog-view.ts';
import type { WrittenValue } from './dialect/change.ts';
import type { Effect } from './deferral.ts';
import type { Field } from './kept-copy.ts';

export interface Plain {
  readonly t: 'rows' | 'latest';
  readonly columns: readonly string[];
  /** The column that has to have this whole number. */
  readonly filter: { readonly column: string; readonly value: string } | null;
}

const rowsShape =
  /^COPY \(SELECT ((?:"\w+"(?:, )?)+) FROM "public"\."ducklake_\w+" (?:WHERE "(\w+)" = '(\d+)')?\) TO STDOUT \(FORMAT "binary"\);?$/;
const latestShape =
  /^COPY \(SELECT ((?:"\w+"(?:, )?)+) FROM \(SELECT [\w, ]+? FROM "public"\.ducklake_snapshot WHERE snapshot_id = \( SELECT MAX\(snapshot_id\) FROM "public"\.ducklake_snapshot \)\) AS __unnamed_subquery \) TO STDOUT \(FORMAT "binary"\);?$/;

/** The shape of a text, if it is one that can be carried. */
export function plainShape(sql: string): Plain | undefined {
  const found = rowsShape.exec(sql);
  if (found) {
    const filter = found[2] === undefined ? null : { column: found[2], value: found[3] as string };
    return { t: 'rows', columns: namesOf(found[1] as string), filter };
  }
  const latest = sql.length < 1000 ? latestShape.exec(sql.replace(/\s+/g, ' ')) : null;
  return latest ? { t: 'latest', columns: namesOf(latest[1] as string), filter: null } : undefined;
}

function namesOf(list: string): string[] {
  return list.split(', ').map((name) => name.slice(1, -1));
}

/** True if an effect leaves the answer as it is, which is known from its filter alone. */
export function leavesAlone({ t, filter }: Plain, effect: Effect): boolean {
  if (t !== 'rows' || !filter) return false;
  if (effect.t === 'update') {
    const key = effect.keys.get(filter.column);
    return key !== undefined && BigInt(key) !== BigInt(filter.value);
  }
  const at = effect.table.columns.findIndex((column) => column.name === filter.column);
  return at >= 0 && effect.rows.every((row) => isOther(row[at], filter.value));
}

/** The rows after an effect, or undefined if they are not certain. */
export function carry(
  plain: Plain,
  rows: readonly (readonly Field[])[],
  effect: Effect,
): readonly (readonly Field[])[] | undefined {
  if (leavesAlone(plain, effect)) return rows;
  if (effect.t === 'update') return plain.t === 'rows' ? update(plain, rows, effect) : undefined;
  return plain.t === 'rows' ? insert(plain, rows, effect) : insertLatest(plain, rows, effect);
}

/** How many of the rows an update is about, or undefined if they do not show it. */
export function countOf(plain: Plain, rows: readonly (readonly Field[])[], effect: Effect & { t: 'update' }): number | undefined {
  if (plain.t !== 'rows') return undefined;
  // An answer that was filtered by something else than the update's own keys does not show all rows it is about.
  if (plain.filter && effect.keys.get(plain.filter.column) !== plain.filter.value) return undefined;
  const matches = matcher(plain, effect);
  return matches && rows.filter(matches).length;
}

function matcher(plain: Plain, effect: Effect & { t: 'update' }): ((row: readonly Field[]) => boolean) | undefined {
  const wanted: [number, Buffer][] = [];
  for (const [column, value] of effect.keys) {
    const at = plain.columns.indexOf(column);
    const bytes = encode({ number: value }, effect.table, column);
    if (at < 0 || !bytes) return undefined;
    wanted.push([at, bytes]);
  }
  return (row) => wanted.every(([at, bytes]) => row[at]?.equals(bytes));
}

function update(
  plain: Plain,
  rows: readonly (readonly Field[])[],
  effect: Effect & { t: 'update' },
): readonly (readonly Field[])[] | undefined {
  const matches = matcher(plain, effect);
  if (!matches) return undefined;
  const changes: [number, Field][] = [];
  for (const [column, value] of effect.set) {
    const at = plain.columns.indexOf(column);
    if (at < 0) continue;
    const field = encode(value, effect.table, column);
    if (field === undefined) return undefined;
    changes.push([at, field]);
  }
  return rows.map((row) => {
    if (!matches(row)) return row;
    const next = [...row];
    for (const [at, field] of changes) next[at] = field;
    return next;
  });
}

function insert(
  plain: Plain,
  rows: readonly (readonly Field[])[],
  effect: Effect & { t: 'insert' },
): readonly (readonly Field[])[] | undefined {
  const result = [...rows];
  const filterAt = plain.filter ? effect.table.columns.findIndex(({ name }) => name === plain.filter?.column) : -1;
  for (const row of effect.rows) {
    if (plain.filter && isOther(row[filterAt], plain.filter.value)) continue;
    if (plain.filter && !isSame(row[filterAt], plain.filter.value)) return undefined;
    const fields = select(plain, effect.table, row);
    if (!fields) return undefined;
    result.push(fields);
  }
  return result;
}

/** The latest snapshot is the one inserted, if its number is higher. */
function insertLatest(
  plain: Plain,
  rows: readonly (readonly Field[])[],
  effect: Effect & { t: 'insert' },
): readonly (readonly Field[])[] | undefined {
  const idAt = plain.columns.indexOf('snapshot_id');
  let latest = rows[0];
  for (const row of effect.rows) {
    const fields = select(plain, effect.table, row);
    const [now, next] = [latest?.[idAt], fields?.[idAt]];
    if (rows.length !== 1 || !fields || now?.length !== 8 || next?.length !== 8) return undefined;
    if (next.readBigInt64BE() > now.readBigInt64BE()) latest = fields;
  }
  return latest && [latest];
}

function select(plain: Plain, table: ViewTable, row: readonly WrittenValue[]): Field[] | undefined {
  const fields: Field[] = [];
  for (const name of plain.columns) {
    const field = encode(row[table.columns.findIndex((column) => column.name === name)], table, name);
    if (field === undefined) return undefined;
    fields.push(field);
  }
  return fields;
}

const whole = /^\d{1,18}$/;

function isSame(value: WrittenValue, number: string): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'number' in value &&
    whole.test(value.number) &&
    BigInt(value.number) === BigInt(number)
  );
}

/** True if the value is certainly not that number. */
function isOther(value: WrittenValue, number: string): boolean {
  if (value === null) return true;
  return typeof value === 'object' && 'number' in value && whole.test(value.number) && BigInt(value.number) !== BigInt(number);
}

/** A value as the wire sends it for the column's type; undefined where only DuckDB knows. */
function encode(value: WrittenValue, table: ViewTable, name: string): Field | undefined {
  const type = table.columns.find((column) => column.name === name)?.type.duckdb;
  if (type === undefined || value === undefined) return undefined;
  if (value === null) return null;
  if (typeof value === 'boolean') return type === 'BOOLEAN' ? Buffer.from([value ? 1 : 0]) : undefined;
  if ('text' in value) return type === 'VARCHAR' ? Buffer.from(value.text) : undefined;
  if (type !== 'BIGINT' || !whole.test(value.number)) return undefined;
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value.number));
  return bytes;
}
