/**
 * PostgreSQL's type oids, and which of them a DuckDB type is announced as. One table for the wire (RowDescription),
 * for whoever resolves parameters (ParameterDescription) and for the catalog views (pg_type, pg_attribute), so that
 * a driver never sees two opinions. Numbers are those of pg_type in PostgreSQL 15 and are fixed by its wire contract.
 *
 * Decisions: VARCHAR is `text` (what PostgreSQL itself gives for strings, and no client assumes a length limit);
 * unsigned types go to the next wider signed one and to `numeric` past int8; STRUCT, MAP, UNION and VARIANT are
 * `json`, because a `record` loses the field names on every driver (a STRUCT without names is one); ENUM and GEOMETRY are `text`; LIST and ARRAY are
 * the array of their innermost element (PostgreSQL has no array of arrays, only dimensions).
 */
import type { DuckDBType } from '@duckdb/node-api';
import { DuckDBTypeId } from '@duckdb/node-api';

export const oid = {
  bool: 16,
  bytea: 17,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int2vector: 22,
  int4: 23,
  regproc: 24,
  text: 25,
  oid: 26,
  tid: 27,
  xid: 28,
  cid: 29,
  oidvector: 30,
  json: 114,
  xml: 142,
  float4: 700,
  float8: 701,
  unknown: 705,
  money: 790,
  inet: 869,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  timetz: 1266,
  bit: 1560,
  varbit: 1562,
  numeric: 1700,
  regprocedure: 2202,
  regoper: 2203,
  regoperator: 2204,
  regclass: 2205,
  regtype: 2206,
  record: 2249,
  void: 2278,
  uuid: 2950,
  jsonb: 3802,
  regconfig: 3734,
  regdictionary: 3769,
  regnamespace: 4089,
  regrole: 4096,
} as const;

/** One row of the table: pg_type's typname, typlen (-1 = variable), and the oid of its array type (0 = none). */
export interface PgTypeRow {
  readonly oid: number;
  readonly name: string;
  readonly size: number;
  readonly array: number;
}

const rows: readonly (readonly [number, string, number, number])[] = [
  [16, 'bool', 1, 1000],
  [17, 'bytea', -1, 1001],
  [18, 'char', 1, 1002],
  [19, 'name', 64, 1003],
  [20, 'int8', 8, 1016],
  [21, 'int2', 2, 1005],
  [22, 'int2vector', -1, 1006],
  [23, 'int4', 4, 1007],
  [24, 'regproc', 4, 1008],
  [25, 'text', -1, 1009],
  [26, 'oid', 4, 1028],
  [27, 'tid', 6, 1010],
  [28, 'xid', 4, 1011],
  [29, 'cid', 4, 1012],
  [30, 'oidvector', -1, 1013],
  [114, 'json', -1, 199],
  [142, 'xml', -1, 143],
  [700, 'float4', 4, 1021],
  [701, 'float8', 8, 1022],
  [705, 'unknown', -2, 0],
  [790, 'money', 8, 791],
  [869, 'inet', -1, 1041],
  [1042, 'bpchar', -1, 1014],
  [1043, 'varchar', -1, 1015],
  [1082, 'date', 4, 1182],
  [1083, 'time', 8, 1183],
  [1114, 'timestamp', 8, 1115],
  [1184, 'timestamptz', 8, 1185],
  [1186, 'interval', 16, 1187],
  [1266, 'timetz', 12, 1270],
  [1560, 'bit', -1, 1561],
  [1562, 'varbit', -1, 1563],
  [1700, 'numeric', -1, 1231],
  [2202, 'regprocedure', 4, 2207],
  [2203, 'regoper', 4, 2208],
  [2204, 'regoperator', 4, 2209],
  [2205, 'regclass', 4, 2210],
  [2206, 'regtype', 4, 2211],
  [2249, 'record', -1, 2287],
  [2278, 'void', 4, 0],
  [2950, 'uuid', 16, 2951],
  [3734, 'regconfig', 4, 3735],
  [3769, 'regdictionary', 4, 3770],
  [3802, 'jsonb', -1, 3807],
  [4089, 'regnamespace', 4, 4090],
  [4096, 'regrole', 4, 4097],
];

/** Every base type we know, by oid. */
export const pgTypes: ReadonlyMap<number, PgTypeRow> = new Map(
  rows.map(([id, name, size, array]) => [id, { oid: id, name, size, array }]),
);

const elements: ReadonlyMap<number, number> = new Map(
  rows.filter(([, , , array]) => array !== 0).map(([id, , , array]) => [array, id]),
);
const byName: ReadonlyMap<string, number> = new Map(rows.map(([id, name]) => [name, id]));

/** The element's oid if `id` is an array type we know, else undefined. int2vector and oidvector are not arrays here. */
export function elementOid(id: number): number | undefined {
  return elements.get(id);
}

/** Names format_type gives where they differ from typname. Source: format_type.c. */
export const displayNames: Readonly<Record<string, string>> = {
  bool: 'boolean',
  char: '"char"',
  int8: 'bigint',
  int2: 'smallint',
  int4: 'integer',
  float4: 'real',
  float8: 'double precision',
  bpchar: 'character',
  varchar: 'character varying',
  time: 'time without time zone',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  timetz: 'time with time zone',
  bit: 'bit',
  varbit: 'bit varying',
};

/** A type as format_type and regtype show it. */
export function displayName(id: number): string {
  const element = elements.get(id);
  if (element !== undefined) return `${displayName(element)}[]`;
  const name = pgTypes.get(id)?.name;
  return name === undefined ? String(id) : (displayNames[name] ?? name);
}

/** The array type of an element type; text[] when there is none. */
export function arrayOid(element: number): number {
  return pgTypes.get(element)?.array || 1009;
}

/** The oid of a pg_type name (`int4`, `text`, `_int4` for its array), or undefined. */
export function oidOfTypeName(name: string): number | undefined {
  const element = name.startsWith('_') ? byName.get(name.slice(1)) : undefined;
  if (element !== undefined) return pgTypes.get(element)?.array || undefined;
  return byName.get(name);
}

/** pg_type.typlen of any oid: arrays and unknown oids are variable (-1). */
export function typeSize(id: number): number {
  return pgTypes.get(id)?.size ?? -1;
}

/** What a column is announced as. `typmod` is -1 where the type carries none. */
export interface PgType {
  readonly oid: number;
  readonly size: number;
  readonly typmod: number;
}

const simple: ReadonlyMap<DuckDBTypeId, number> = new Map([
  [DuckDBTypeId.BOOLEAN, oid.bool],
  [DuckDBTypeId.TINYINT, oid.int2],
  [DuckDBTypeId.SMALLINT, oid.int2],
  [DuckDBTypeId.INTEGER, oid.int4],
  [DuckDBTypeId.BIGINT, oid.int8],
  [DuckDBTypeId.UTINYINT, oid.int2],
  [DuckDBTypeId.USMALLINT, oid.int4],
  [DuckDBTypeId.UINTEGER, oid.int8],
  [DuckDBTypeId.UBIGINT, oid.numeric],
  [DuckDBTypeId.HUGEINT, oid.numeric],
  [DuckDBTypeId.UHUGEINT, oid.numeric],
  [DuckDBTypeId.BIGNUM, oid.numeric],
  [DuckDBTypeId.FLOAT, oid.float4],
  [DuckDBTypeId.DOUBLE, oid.float8],
  [DuckDBTypeId.DECIMAL, oid.numeric],
  [DuckDBTypeId.DATE, oid.date],
  [DuckDBTypeId.TIME, oid.time],
  [DuckDBTypeId.TIME_NS, oid.time],
  [DuckDBTypeId.TIME_TZ, oid.timetz],
  [DuckDBTypeId.TIMESTAMP, oid.timestamp],
  [DuckDBTypeId.TIMESTAMP_S, oid.timestamp],
  [DuckDBTypeId.TIMESTAMP_MS, oid.timestamp],
  [DuckDBTypeId.TIMESTAMP_NS, oid.timestamp],
  [DuckDBTypeId.TIMESTAMP_TZ, oid.timestamptz],
  [DuckDBTypeId.INTERVAL, oid.interval],
  [DuckDBTypeId.BLOB, oid.bytea],
  [DuckDBTypeId.UUID, oid.uuid],
  [DuckDBTypeId.BIT, oid.varbit],
  [DuckDBTypeId.STRUCT, oid.json],
  [DuckDBTypeId.MAP, oid.json],
  [DuckDBTypeId.UNION, oid.json],
  [DuckDBTypeId.VARIANT, oid.json],
]);

/** PostgreSQL's typmod for numeric(width, scale): ((width << 16) | scale) + 4. Source: numeric.c, make_numeric_typmod. */
export function numericTypmod(width: number, scale: number): number {
  return ((width << 16) | scale) + 4;
}

/** The PostgreSQL type of a DuckDB type. Total: what has no counterpart is `text`. */
export function toPgType(type: DuckDBType): PgType {
  const id = scalarOid(type);
  if (id === undefined) {
    let inner: DuckDBType = type;
    while (inner.typeId === DuckDBTypeId.LIST || inner.typeId === DuckDBTypeId.ARRAY) inner = inner.valueType;
    return { oid: arrayOid(scalarOid(inner) ?? oid.text), size: -1, typmod: toTypmod(inner) };
  }
  return { oid: id, size: typeSize(id), typmod: toTypmod(type) };
}

function toTypmod(type: DuckDBType): number {
  return type.typeId === DuckDBTypeId.DECIMAL ? numericTypmod(type.width, type.scale) : -1;
}

/** Undefined for LIST and ARRAY. JSON is VARCHAR with the alias JSON in DuckDB. */
function scalarOid(type: DuckDBType): number | undefined {
  if (type.typeId === DuckDBTypeId.LIST || type.typeId === DuckDBTypeId.ARRAY) return undefined;
  // A row without names has none to lose, and as an object its fields would be one.
  if (type.typeId === DuckDBTypeId.STRUCT && type.entryNames.every((name) => name === '')) return oid.record;
  if (type.typeId === DuckDBTypeId.VARCHAR && type.alias === 'JSON') return oid.json;
  return simple.get(type.typeId) ?? oid.text;
}
