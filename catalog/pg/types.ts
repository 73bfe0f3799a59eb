/** pg_type's rows and the DuckDB type names they stand for, both made from base/pg-types.ts. */
import {
  BIGINT,
  BIGNUM,
  BIT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  type DuckDBType,
  FLOAT,
  HUGEINT,
  INTEGER,
  INTERVAL,
  MAP,
  SMALLINT,
  STRUCT,
  TIME,
  TIMESTAMP,
  TIMESTAMP_MS,
  TIMESTAMP_NS,
  TIMESTAMP_S,
  TIMESTAMPTZ,
  TIMETZ,
  TINYINT,
  UBIGINT,
  UHUGEINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  UUID,
  VARCHAR,
} from '@duckdb/node-api';
import { arrayOid, oid, pgTypes, toPgType } from '../../base/pg-types.ts';
import type { PgView } from './view.ts';
import { pg } from './view.ts';

/** Type names as duckdb_columns() writes them, without parameters and array suffix. */
const duckdbTypes: readonly (readonly [name: string, type: DuckDBType])[] = [
  ['BOOLEAN', BOOLEAN],
  ['TINYINT', TINYINT],
  ['SMALLINT', SMALLINT],
  ['INTEGER', INTEGER],
  ['BIGINT', BIGINT],
  ['HUGEINT', HUGEINT],
  ['UTINYINT', UTINYINT],
  ['USMALLINT', USMALLINT],
  ['UINTEGER', UINTEGER],
  ['UBIGINT', UBIGINT],
  ['UHUGEINT', UHUGEINT],
  ['BIGNUM', BIGNUM],
  ['FLOAT', FLOAT],
  ['DOUBLE', DOUBLE],
  ['DECIMAL', DECIMAL(18, 3)],
  ['VARCHAR', VARCHAR],
  ['BLOB', BLOB],
  ['BIT', BIT],
  ['UUID', UUID],
  ['DATE', DATE],
  ['TIME', TIME],
  ['TIME WITH TIME ZONE', TIMETZ],
  ['TIMESTAMP', TIMESTAMP],
  ['TIMESTAMP_S', TIMESTAMP_S],
  ['TIMESTAMP_MS', TIMESTAMP_MS],
  ['TIMESTAMP_NS', TIMESTAMP_NS],
  ['TIMESTAMP WITH TIME ZONE', TIMESTAMPTZ],
  ['INTERVAL', INTERVAL],
  ['STRUCT', STRUCT({ a: INTEGER })],
  ['MAP', MAP(VARCHAR, INTEGER)],
];

/** The internal relation `_duckdb_type(name, oid, array_oid, size)`; the name '' is what any other type is shown as. */
export function duckdbTypeSql(): string {
  const rows = duckdbTypes.map(([name, type]) => {
    const { oid: id, size } = toPgType(type);
    return `('${name}', ${id}, ${arrayOid(id)}, ${size})`;
  });
  rows.push(
    `('JSON', ${oid.json}, ${arrayOid(oid.json)}, -1)`,
    `('VARIANT', ${oid.json}, ${arrayOid(oid.json)}, -1)`,
    `('UNION', ${oid.json}, ${arrayOid(oid.json)}, -1)`,
    `('', ${oid.text}, ${arrayOid(oid.text)}, -1)`,
  );
  return `SELECT * FROM (VALUES ${rows.join(', ')}) t(name, oid, array_oid, size)`;
}

const categories: Readonly<Record<string, string>> = {
  bool: 'B',
  bytea: 'U',
  char: 'Z',
  name: 'S',
  int8: 'N',
  int2: 'N',
  int4: 'N',
  regproc: 'N',
  text: 'S',
  oid: 'N',
  float4: 'N',
  float8: 'N',
  numeric: 'N',
  money: 'N',
  bpchar: 'S',
  varchar: 'S',
  date: 'D',
  time: 'D',
  timetz: 'D',
  timestamp: 'D',
  timestamptz: 'D',
  interval: 'T',
  bit: 'V',
  varbit: 'V',
  inet: 'I',
  int2vector: 'A',
  oidvector: 'A',
  unknown: 'X',
  record: 'P',
  void: 'P',
};
const preferred: ReadonlySet<string> = new Set(['bool', 'text', 'oid', 'float8', 'timestamptz', 'interval', 'varbit', 'inet']);
const byValue: ReadonlySet<number> = new Set([1, 2, 4, 8]);
/** Types whose functions are not `<name>in`: input is `<name>_in`. Source: pg_type.dat. */
const underscored: ReadonlySet<string> = new Set([
  'numeric',
  'date',
  'time',
  'timetz',
  'timestamp',
  'timestamptz',
  'interval',
  'json',
  'jsonb',
  'uuid',
  'inet',
  'xml',
  'bit',
  'varbit',
  'record',
  'void',
  'array',
]);

function functionNames(name: string): readonly [input: string, output: string, receive: string, send: string] {
  if (name === 'numeric' || underscored.has(name)) return [`${name}_in`, `${name}_out`, `${name}_recv`, `${name}_send`];
  return [`${name}in`, `${name}out`, `${name}recv`, `${name}send`];
}

interface TypeRow {
  readonly oid: number;
  readonly name: string;
  readonly size: number;
  readonly type: string;
  readonly category: string;
  readonly element: number;
  readonly array: number;
  readonly functions: readonly string[];
}

function typeRows(): TypeRow[] {
  const rows: TypeRow[] = [];
  for (const { oid: id, name, size, array } of pgTypes.values()) {
    const pseudo = name === 'record' || name === 'void' || name === 'unknown';
    const element = name === 'int2vector' ? 21 : name === 'oidvector' ? 26 : name === 'name' ? 18 : 0;
    rows.push({
      oid: id,
      name,
      size,
      type: pseudo ? 'p' : 'b',
      category: categories[name] ?? (name.startsWith('reg') ? 'N' : 'U'),
      element,
      array,
      functions: functionNames(name),
    });
    if (array !== 0)
      rows.push({
        oid: array,
        name: `_${name}`,
        size: -1,
        type: 'b',
        category: 'A',
        element: id,
        array: 0,
        functions: functionNames('array'),
      });
  }
  return rows;
}

/** Names of the type functions, which pg_proc lists because drivers look there to tell arrays. */
export function typeFunctionNames(): readonly string[] {
  return [...new Set(typeRows().flatMap((row) => row.functions))];
}

const proc = (column: string): string => `${pg('_oid')}('proc', '', ${column})`;

export const pgType: PgView = {
  name: 'pg_type',
  oid: 1247,
  columns:
    'oid oid!, typname name!, typnamespace oid!, typowner oid!, typlen int2!, typbyval bool!, typtype char!, typcategory char!, typispreferred bool!, typisdefined bool!, typdelim char!, ' +
    'typrelid oid!, typsubscript regproc!, typelem oid!, typarray oid!, typinput regproc!, typoutput regproc!, typreceive regproc!, typsend regproc!, typmodin regproc!, typmodout regproc!, ' +
    'typanalyze regproc!, typalign char!, typstorage char!, typnotnull bool!, typbasetype oid!, typtypmod int4!, typndims int4!, typcollation oid!, typdefaultbin pg_node_tree, typdefault text, typacl aclitem[]',
  values: {
    oid: 'oid',
    typname: 'name',
    typnamespace: '11',
    typowner: '10',
    typlen: 'size',
    typbyval: 'by_value',
    typtype: 'type',
    typcategory: 'category',
    typispreferred: 'preferred',
    typisdefined: 'true',
    typdelim: "','",
    typelem: 'element',
    typarray: 'array_oid',
    typsubscript: `CASE WHEN category = 'A' THEN ${proc("'array_subscript_handler'")} ELSE 0 END`,
    typinput: proc('input'),
    typoutput: proc('output'),
    typreceive: proc('receive'),
    typsend: proc('send'),
    typalign: "CASE size WHEN 1 THEN 'c' WHEN 2 THEN 's' WHEN 8 THEN 'd' ELSE 'i' END",
    typstorage: "CASE WHEN size = -1 THEN 'x' ELSE 'p' END",
    typtypmod: '-1',
    typcollation: "CASE WHEN category = 'S' OR element IN (25, 1042, 1043) THEN 100 ELSE 0 END",
  },
  from: `(VALUES ${typeRows()
    .map(
      (row) =>
        `(${row.oid}, '${row.name}', ${row.size}, '${row.type}', '${row.category}', ${row.element}, ${row.array}, ${byValue.has(row.size)}, ${preferred.has(row.name)}, ${row.functions.map((name) => `'${name}'`).join(', ')})`,
    )
    .join(', ')}) t(oid, name, size, type, category, element, array_oid, by_value, preferred, input, output, receive, send)`,
};
