/**
 * Types and names of a catalog query's result columns. DuckDB keeps oids as numbers and names as text; drivers want `oid`,
 * `name` and "char" where PostgreSQL has them, so a column that is called like one of the catalogs' columns, and holds
 * what it holds, is announced like it.
 */
import { type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { arrayOid, oidOfTypeName } from '../../base/pg-types.ts';
import type { Column } from '../../base/statement-session.ts';
import { columnTypes } from './view.ts';
import { views } from './views/index.ts';
import { informationSchemaViews } from './views/information/index.ts';

/** Types that DuckDB holds as something else. */
const announced: ReadonlySet<string> = new Set([
  'oid',
  'name',
  'char',
  'regproc',
  'xid',
  'int2vector',
  'oidvector',
  'oid[]',
  'char[]',
  'name[]',
]);

/** Names drivers give such columns in queries of their own (asyncpg, psycopg, npgsql, pgjdbc). */
const driverNames: readonly (readonly [name: string, type: string])[] = [
  ['kind', 'char'],
  ['elemdelim', 'char'],
  ['delimiter', 'char'],
  ['elemtype', 'oid'],
  ['basetype', 'oid'],
  ['range_subtype', 'oid'],
  ['array_oid', 'oid'],
  ['attrtypoids', 'oid[]'],
  ['elemtypoid', 'oid'],
  ['typelem', 'oid'],
  ['regclass', 'regclass'],
  ['regtype', 'regtype'],
  ['to_regclass', 'regclass'],
  ['to_regtype', 'regtype'],
];

const typeOfColumn: ReadonlyMap<string, string> = (() => {
  const types = new Map<string, string | null>();
  for (const [name, type] of [...views, ...informationSchemaViews].flatMap(columnTypes)) {
    const known = types.get(name);
    types.set(name, known === undefined || known === type ? type : null);
  }
  const found = new Map<string, string>();
  for (const [name, type] of types) if (type !== null && announced.has(type)) found.set(name, type);
  for (const [name, type] of driverNames) found.set(name, type);
  return found;
})();

/** The columns as PostgreSQL would describe them. */
export function announceColumns(columns: readonly Column[]): readonly Column[] {
  return columns.map((column) => {
    const name = shownName(column.name);
    const type = column.pgType ? undefined : typeOfColumn.get(name);
    const oid = type === undefined || !holds(column.type, type) ? undefined : oidOf(type);
    if (oid === undefined) return name === column.name ? column : { ...column, name };
    return { ...column, name, pgType: { oid } };
  });
}

/** DuckDB calls a column without alias after its text; PostgreSQL after its function or type. */
function shownName(name: string): string {
  return /^boilstream\.pg\._?([a-z][a-z0-9_]*?)(?:_in|_out)?\(/.exec(name)?.[1] ?? name;
}

function oidOf(type: string): number | undefined {
  const element = type.endsWith('[]') ? oidOfTypeName(type.slice(0, -2)) : undefined;
  return element === undefined ? oidOfTypeName(type) : arrayOid(element);
}

/** Only what is held the way the views hold it: an alias of the same name over something else keeps its own type. */
function holds(type: DuckDBType, wanted: string): boolean {
  if (wanted.endsWith('[]') || wanted.endsWith('vector')) {
    if (type.typeId !== DuckDBTypeId.LIST) return false;
    if (wanted === 'int2vector') return type.valueType.typeId === DuckDBTypeId.SMALLINT;
    return type.valueType.typeId === (wanted.startsWith('oid') ? DuckDBTypeId.BIGINT : DuckDBTypeId.VARCHAR);
  }
  if (wanted === 'name' || wanted === 'char') return type.typeId === DuckDBTypeId.VARCHAR;
  return type.typeId === DuckDBTypeId.BIGINT;
}
