/**
 * Column types in three spellings: what PostgreSQL clients write, what DuckDB stores, what pg_type and pg_attribute
 * say. Only types that both sides hold exactly are here; others are refused when a table is created.
 */
import { LakeError } from '../../../base/errors.ts';
import { numericTypmod, oidOfTypeName } from '../../../base/pg-types.ts';
import type { Cursor } from './cursor.ts';

export interface ColumnType {
  /** DuckDB's spelling, as duckdb_columns() gives it. */
  readonly duckdb: string;
  /** pg_type.typname; arrays start with `_`. */
  readonly name: string;
  readonly oid: number;
  readonly typmod: number;
  /** pg_attribute.attndims. */
  readonly dimensions: number;
}

/** PostgreSQL spelling (words joined by one space) to [DuckDB type, typname]. `float` without precision is double. */
const spellings: Readonly<Record<string, readonly [string, string]>> = {
  bigint: ['BIGINT', 'int8'],
  int8: ['BIGINT', 'int8'],
  integer: ['INTEGER', 'int4'],
  int: ['INTEGER', 'int4'],
  int4: ['INTEGER', 'int4'],
  smallint: ['SMALLINT', 'int2'],
  int2: ['SMALLINT', 'int2'],
  boolean: ['BOOLEAN', 'bool'],
  bool: ['BOOLEAN', 'bool'],
  'double precision': ['DOUBLE', 'float8'],
  float8: ['DOUBLE', 'float8'],
  float: ['DOUBLE', 'float8'],
  real: ['FLOAT', 'float4'],
  float4: ['FLOAT', 'float4'],
  varchar: ['VARCHAR', 'varchar'],
  'character varying': ['VARCHAR', 'varchar'],
  text: ['VARCHAR', 'varchar'],
  bytea: ['BLOB', 'bytea'],
  uuid: ['UUID', 'uuid'],
  date: ['DATE', 'date'],
  time: ['TIME', 'time'],
  'time without time zone': ['TIME', 'time'],
  timetz: ['TIME WITH TIME ZONE', 'timetz'],
  'time with time zone': ['TIME WITH TIME ZONE', 'timetz'],
  timestamp: ['TIMESTAMP', 'timestamp'],
  'timestamp without time zone': ['TIMESTAMP', 'timestamp'],
  timestamptz: ['TIMESTAMP WITH TIME ZONE', 'timestamptz'],
  'timestamp with time zone': ['TIMESTAMP WITH TIME ZONE', 'timestamptz'],
  interval: ['INTERVAL', 'interval'],
  json: ['JSON', 'json'],
  jsonb: ['JSON', 'json'],
  name: ['VARCHAR', 'varchar'],
};

/** DuckDB spelling to typname, for tables that are already there. */
const storedNames: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.values(spellings).map(([duckdb, name]) => [duckdb, name])),
  UINTEGER: 'int8',
  TINYINT: 'int2',
  UTINYINT: 'int2',
  USMALLINT: 'int4',
  UBIGINT: 'numeric',
  HUGEINT: 'numeric',
  VARCHAR: 'varchar',
};

/** Reads a type where PostgreSQL's grammar expects one; throws `undefined_object` for types not held here. */
export function readType(cursor: Cursor): ColumnType {
  let written = cursor.takeName();
  if (written === 'pg_catalog' && cursor.takeSymbol('.')) written = cursor.takeName();
  if (written === 'double' && cursor.takeWords('precision')) written = 'double precision';
  if (written === 'character' && cursor.takeWords('varying')) written = 'character varying';
  const modifiers: number[] = [];
  if (cursor.takeSymbol('(')) {
    do modifiers.push(Number(cursor.next().text));
    while (cursor.takeSymbol(','));
    cursor.expectSymbol(')');
  }
  if (written === 'time' || written === 'timestamp') {
    if (cursor.takeWords('with', 'time', 'zone')) written += ' with time zone';
    else cursor.takeWords('without', 'time', 'zone');
  }
  let dimensions = 0;
  while (cursor.isSymbol('[')) {
    cursor.next();
    if (!cursor.isSymbol(']')) cursor.next();
    cursor.expectSymbol(']');
    dimensions++;
  }
  return toColumnType(written, modifiers, dimensions);
}

function toColumnType(written: string, modifiers: readonly number[], dimensions: number): ColumnType {
  if (written === 'numeric' || written === 'decimal') {
    const [width, scale = 0] = modifiers;
    if (width === undefined) return storedType('DOUBLE', dimensions, 'float8');
    if (!Number.isInteger(width) || width < 1 || width > 38 || !Number.isInteger(scale) || scale < 0 || scale > width) {
      throw new LakeError(
        'invalid_argument',
        `numeric(${modifiers.join(',')}) cannot be stored: width 1 to 38, scale 0 to width`,
      );
    }
    return storedType(`DECIMAL(${width},${scale})`, dimensions, 'numeric', numericTypmod(width, scale));
  }
  const known = spellings[written];
  if (!known) throw new LakeError('undefined_object', `type "${written}" does not exist`);
  return storedType(known[0], dimensions, known[1]);
}

function storedType(element: string, dimensions: number, name: string, typmod = -1): ColumnType {
  const shown = dimensions > 0 ? `_${name}` : name;
  return { duckdb: element + '[]'.repeat(dimensions), name: shown, oid: oidOfTypeName(shown) ?? 25, typmod, dimensions };
}

/** The type of a column that DuckDB already has, from duckdb_columns().data_type. What has no counterpart is varchar. */
export function typeOfStored(duckdb: string): ColumnType {
  const arrays = /((?:\[\d*\])*)$/.exec(duckdb)?.[1] ?? '';
  const element = duckdb.slice(0, duckdb.length - arrays.length);
  const dimensions = arrays === '' ? 0 : arrays.split('[').length - 1;
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(element);
  if (decimal) return storedType(element, dimensions, 'numeric', numericTypmod(Number(decimal[1]), Number(decimal[2])));
  const name = storedNames[element];
  return { ...storedType(element, dimensions, name ?? 'varchar'), duckdb };
}
