/**
 * INSERT, UPDATE, DELETE and TRUNCATE. A bare string for a bytea column is PostgreSQL's text of bytes and becomes a
 * blob here: which column it meets is known from the view.
 */
import { LakeError } from '../../../base/errors.ts';
import { quoteName } from '../../../base/sql-lexer.ts';
import type { ViewColumn } from '../catalog-view.ts';
import { blobExpression, parseBytea } from './bytea.ts';
import { readExpression } from './expression.ts';
import type { Expression } from './expression.ts';
import { readAlias, readItems, readQuery, readRelations, startsQuery } from './query.ts';
import type { FoundTable, SelectItem, Translation } from './translation.ts';

export interface Change {
  readonly sql: string;
  readonly target: FoundTable;
  /** Items of RETURNING, or null. */
  readonly returning: readonly SelectItem[] | null;
  /** The values of a plain INSERT … VALUES into all columns. */
  readonly rows?: readonly (readonly WrittenValue[])[] | undefined;
}

/** A value as it is written: text, a number's text, true or false, NULL; undefined when it is none of them. */
export type WrittenValue = { readonly text: string } | { readonly number: string } | boolean | null | undefined;

/** INSERT INTO …; the word INSERT is taken. */
export function readInsert(t: Translation, before: string): Change {
  const { cursor } = t;
  cursor.expectWords('into');
  const target = t.readTable();
  const alias = cursor.word() === 'as' ? readAlias(t, '') : '';
  let columns: readonly ViewColumn[] = target.table.columns;
  let sql = `${before}INSERT INTO ${target.sql}${alias}`;
  if (cursor.isSymbol('(') && !startsQuery(cursor, 1)) {
    columns = readTargetColumns(t, target);
    sql += ` (${columns.map((c) => quoteName(c.name)).join(', ')})`;
  }
  if (cursor.takeWords('overriding')) throw cursor.refused('INSERT … OVERRIDING');
  if (cursor.takeWords('default', 'values')) sql += ' DEFAULT VALUES';
  else if (cursor.takeWords('values')) {
    const rows = readRows(t, columns, target);
    sql += ` VALUES ${rows.sql}`;
    const isWhole = columns === target.table.columns && rows.values.every((row) => row.length === columns.length);
    if (cursor.ended && isWhole) return { sql, target, returning: null, rows: rows.values };
  } else sql += ` ${readQuery(t).sql}`;
  if (cursor.takeWords('on', 'conflict')) sql += readOnConflict(t, target);
  return readReturning(t, sql, target);
}

function readTargetColumns(t: Translation, target: FoundTable): ViewColumn[] {
  const { cursor } = t;
  const columns: ViewColumn[] = [];
  cursor.expectSymbol('(');
  do columns.push(findColumn(target, cursor.takeName()));
  while (cursor.takeSymbol(','));
  cursor.expectSymbol(')');
  return columns;
}

function findColumn(target: FoundTable, name: string): ViewColumn {
  const column = target.table.columns.find((c) => c.name.toLowerCase() === name.toLowerCase());
  if (!column) throw new LakeError('undefined_column', `column "${name}" of relation "${target.table.name}" does not exist`);
  return column;
}

/** The rows of VALUES. */
function readRows(
  t: Translation,
  columns: readonly ViewColumn[],
  target: FoundTable,
): { sql: string; values: readonly (readonly WrittenValue[])[] } {
  const { cursor } = t;
  const rows: string[] = [];
  const written: WrittenValue[][] = [];
  do {
    cursor.expectSymbol('(');
    const values: string[] = [];
    const row: WrittenValue[] = [];
    do {
      const column = columns[values.length];
      if (!column)
        throw new LakeError('syntax_error', `INSERT has more expressions than target columns (relation "${target.table.name}")`);
      const expression = cursor.takeWords('default') ? null : readExpression(t);
      values.push(expression ? assigned(expression, column) : 'DEFAULT');
      row.push(expression ? toWritten(expression) : undefined);
    } while (cursor.takeSymbol(','));
    cursor.expectSymbol(')');
    rows.push(`(${values.join(', ')})`);
    written.push(row);
  } while (cursor.takeSymbol(','));
  return { sql: rows.join(', '), values: written };
}

function toWritten({ literal, number, sql }: Expression): WrittenValue {
  if (literal !== undefined) return { text: literal };
  if (number !== undefined) return { number };
  if (/^-\d{1,18}$/.test(sql)) return { number: sql };
  return sql === 'NULL' ? null : sql === 'TRUE' ? true : sql === 'FALSE' ? false : undefined;
}

/** An expression as the value of a column. */
function assigned(expression: Expression, column: ViewColumn): string {
  if (expression.literal === undefined) return expression.sql;
  if (column.type.duckdb === 'BLOB') return blobExpression(parseBytea(expression.literal));
  if (column.type.dimensions > 0) return `CAST(${arrayText(expression.literal, column)} AS ${column.type.duckdb})`;
  return expression.sql;
}

/** PostgreSQL writes arrays `{1,2}`, DuckDB `[1, 2]`. Only arrays without quotes are translated; others must be written ARRAY[…]. */
function arrayText(literal: string, column: ViewColumn): string {
  const text = literal.trim();
  if (text.startsWith('[')) return `'${text.replaceAll("'", "''")}'`;
  if (!/^[{}0-9a-zA-Z.,+\-:\s]*$/.test(text)) {
    throw new LakeError('feature_not_supported', `the array literal for column "${column.name}" cannot be read`, {
      hint: 'Write it as ARRAY[…].',
    });
  }
  return `'${text.replaceAll('{', '[').replaceAll('}', ']')}'`;
}

function readOnConflict(t: Translation, target: FoundTable): string {
  const { cursor } = t;
  let sql = ' ON CONFLICT';
  if (cursor.isSymbol('('))
    sql += ` (${readTargetColumns(t, target)
      .map((c) => quoteName(c.name))
      .join(', ')})`;
  cursor.expectWords('do');
  if (cursor.takeWords('nothing')) return `${sql} DO NOTHING`;
  cursor.expectWords('update', 'set');
  sql += ` DO UPDATE SET ${readAssignments(t, target)}`;
  if (cursor.takeWords('where')) sql += ` WHERE ${readExpression(t).sql}`;
  return sql;
}

function readReturning(t: Translation, sql: string, target: FoundTable): Change {
  if (!t.cursor.takeWords('returning')) return { sql, target, returning: null };
  const list = readItems(t);
  return { sql: `${sql} RETURNING ${list.sql}`, target, returning: list.items };
}

/** UPDATE …; the word UPDATE is taken. */
export function readUpdate(t: Translation, before: string): Change {
  const { cursor } = t;
  cursor.takeWords('only');
  const target = t.readTable();
  const alias = cursor.word() === 'set' ? '' : readAlias(t, '');
  cursor.expectWords('set');
  let sql = `${before}UPDATE ${target.sql}${alias} SET ${readAssignments(t, target)}`;
  if (cursor.takeWords('from')) sql += ` FROM ${readRelations(t)}`;
  if (cursor.takeWords('where')) sql += ` WHERE ${readCondition(t)}`;
  return readReturning(t, sql, target);
}

function readAssignments(t: Translation, target: FoundTable): string {
  const { cursor } = t;
  const parts: string[] = [];
  do {
    if (cursor.isSymbol('(')) throw cursor.refused('SET (a, b) = …', 'Write one assignment per column.');
    const column = findColumn(target, cursor.takeName());
    cursor.expectSymbol('=');
    const value = cursor.takeWords('default') ? 'DEFAULT' : assigned(readExpression(t), column);
    parts.push(`${quoteName(column.name)} = ${value}`);
  } while (cursor.takeSymbol(','));
  return parts.join(', ');
}

function readCondition(t: Translation): string {
  if (t.cursor.word() === 'current') throw t.cursor.refused('WHERE CURRENT OF');
  return readExpression(t).sql;
}

/** DELETE FROM …; the word DELETE is taken. */
export function readDelete(t: Translation, before: string): Change {
  const { cursor } = t;
  cursor.expectWords('from');
  cursor.takeWords('only');
  const target = t.readTable();
  const ends = cursor.word();
  const alias = ends === 'where' || ends === 'using' || ends === 'returning' ? '' : readAlias(t, '');
  let sql = `${before}DELETE FROM ${target.sql}${alias}`;
  if (cursor.takeWords('using')) sql += ` USING ${readRelations(t)}`;
  if (cursor.takeWords('where')) sql += ` WHERE ${readCondition(t)}`;
  return readReturning(t, sql, target);
}
