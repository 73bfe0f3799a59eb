/**
 * Queries: WITH, set operations, SELECT, VALUES, ORDER BY, LIMIT. Every relation is looked up and written with its
 * full name, so nothing outside this lake's database (nor a file, nor a table function) can stand in FROM.
 * Grammar: PostgreSQL 15 documentation, reference page SELECT.
 */
import { quoteName } from '../../../base/sql-lexer.ts';
import { undefinedTable } from '../catalog-view.ts';
import type { Cursor } from './cursor.ts';
import { projected, readExpression, readExpressions, readOrderItems } from './expression.ts';
import type { Expression } from './expression.ts';
import { tableFunctions } from './functions.ts';
import type { SelectItem, Translation } from './translation.ts';

export interface Query {
  readonly sql: string;
  readonly items: readonly SelectItem[];
}

/** Words that end an item or a relation and so cannot be an alias without AS. */
const reserved: ReadonlySet<string> = new Set([
  'from',
  'where',
  'group',
  'having',
  'window',
  'union',
  'except',
  'intersect',
  'order',
  'limit',
  'offset',
  'fetch',
  'for',
  'on',
  'using',
  'join',
  'inner',
  'left',
  'right',
  'full',
  'cross',
  'natural',
  'set',
  'returning',
  'as',
  'and',
  'or',
  'not',
  'is',
  'in',
  'between',
  'like',
  'ilike',
  'collate',
  'asc',
  'desc',
  'nulls',
  'when',
  'then',
  'else',
  'end',
  'into',
  'values',
  'select',
  'with',
  'lateral',
  'tablesample',
  'isnull',
  'notnull',
]);

/** True if a query starts `ahead` tokens further on (looking through parentheses). */
export function startsQuery(cursor: Cursor, ahead = 0): boolean {
  let at = ahead;
  while (cursor.isSymbol('(', at)) at++;
  const word = cursor.word(at);
  return word === 'select' || word === 'with' || word === 'values' || word === 'table';
}

/** A whole query, with its own common table expressions in scope. */
export function readQuery(t: Translation): Query {
  return t.cursor.nested(() => {
    const depth = t.commonTables.length;
    const sql = readWith(t);
    const query = readBody(t);
    t.commonTables.length = depth;
    return { sql: sql + query.sql, items: query.items };
  });
}

/** `WITH a(x) AS (…), …` or ''. Names stay in scope until the caller drops them. Only queries may stand inside. */
export function readWith(t: Translation): string {
  const { cursor } = t;
  if (!cursor.takeWords('with')) return '';
  // A recursive name is in scope where DuckDB may not see it as one, and would then look for a table or a file.
  if (cursor.word() === 'recursive') throw cursor.refused('WITH RECURSIVE');
  const tables: string[] = [];
  do {
    const name = cursor.takeName();
    if (!plainName.test(name)) throw cursor.refused('a name in WITH that is not made of letters, digits and underscores');
    const columns = readColumnNames(t);
    cursor.expectWords('as');
    cursor.takeWords('not');
    cursor.takeWords('materialized');
    cursor.expectSymbol('(');
    if (!startsQuery(cursor)) throw cursor.refused('a data-changing statement inside WITH');
    const query = readQuery(t);
    cursor.expectSymbol(')');
    tables.push(`${quoteName(name)}${columns} AS (${query.sql})`);
    t.commonTables.push(name.toLowerCase());
  } while (cursor.takeSymbol(','));
  return `WITH ${tables.join(', ')} `;
}

const plainName = /^[\p{L}_][\p{L}\p{N}_]*$/u;

function readColumnNames(t: Translation): string {
  const { cursor } = t;
  if (!cursor.takeSymbol('(')) return '';
  const names: string[] = [];
  do names.push(quoteName(cursor.takeName()));
  while (cursor.takeSymbol(','));
  cursor.expectSymbol(')');
  return `(${names.join(', ')})`;
}

const setOperations: ReadonlySet<string> = new Set(['union', 'except', 'intersect']);

function readBody(t: Translation): Query {
  const { cursor } = t;
  const first = readTerm(t);
  let sql = first.sql;
  for (let word = cursor.takeOneOf(setOperations); word !== ''; word = cursor.takeOneOf(setOperations)) {
    const all = cursor.takeWords('all') ? ' ALL' : '';
    if (all === '') cursor.takeWords('distinct');
    sql += ` ${word.toUpperCase()}${all} ${readTerm(t).sql}`;
  }
  if (cursor.takeWords('order', 'by')) sql += ` ORDER BY ${readOrderItems(t)}`;
  for (;;) {
    if (cursor.takeWords('limit')) {
      if (!cursor.takeWords('all')) sql += ` LIMIT ${readExpression(t).sql}`;
    } else if (cursor.takeWords('offset')) {
      sql += ` OFFSET ${readExpression(t).sql}`;
      if (!cursor.takeWords('rows')) cursor.takeWords('row');
    } else if (cursor.takeWords('fetch')) {
      if (!cursor.takeWords('first')) cursor.expectWords('next');
      sql += ` LIMIT ${cursor.word() === 'row' || cursor.word() === 'rows' ? '1' : readExpression(t).sql}`;
      if (!cursor.takeWords('rows')) cursor.expectWords('row');
      cursor.expectWords('only');
    } else if (cursor.word() === 'for')
      throw cursor.refused(
        'SELECT … FOR UPDATE or SHARE',
        'Transactions here never wait for each other; retry on SQLSTATE 40001.',
      );
    else return { sql, items: first.items };
  }
}

function readTerm(t: Translation): Query {
  const { cursor } = t;
  if (cursor.takeSymbol('(')) {
    const query = readQuery(t);
    cursor.expectSymbol(')');
    return { sql: `(${query.sql})`, items: query.items };
  }
  if (cursor.takeWords('values')) return readValues(t);
  if (cursor.takeWords('table')) {
    const found = t.readTable();
    return { sql: `SELECT * FROM ${found.sql}`, items: [{ t: 'star' }] };
  }
  cursor.expectWords('select');
  return readSelect(t);
}

function readValues(t: Translation): Query {
  const { cursor } = t;
  const rows: (readonly Expression[])[] = [];
  do {
    cursor.expectSymbol('(');
    rows.push(readExpressions(t));
    cursor.expectSymbol(')');
  } while (cursor.takeSymbol(','));
  const width = rows[0]?.length ?? 0;
  const items = Array.from({ length: width }, (_, i): SelectItem => ({ t: 'item', name: `column${i + 1}`, tid: false }));
  return { sql: `VALUES ${rows.map((row) => `(${row.map((e) => e.sql).join(', ')})`).join(', ')}`, items };
}

function readSelect(t: Translation): Query {
  const { cursor } = t;
  let sql = 'SELECT ';
  if (cursor.takeWords('distinct')) {
    sql += 'DISTINCT ';
    if (cursor.takeWords('on')) {
      cursor.expectSymbol('(');
      sql += `ON (${readExpressions(t)
        .map((e) => e.sql)
        .join(', ')}) `;
      cursor.expectSymbol(')');
    }
  } else cursor.takeWords('all');
  // PostgreSQL allows a SELECT of no columns at all (`SELECT FROM t`); DuckDB does not, and nobody needs it here.
  const list = readItems(t);
  sql += list.sql;
  if (cursor.word() === 'into') throw cursor.refused('SELECT INTO');
  if (cursor.takeWords('from')) sql += ` FROM ${readRelations(t)}`;
  if (cursor.takeWords('where')) sql += ` WHERE ${readExpression(t).sql}`;
  if (cursor.takeWords('group', 'by'))
    sql += ` GROUP BY ${readExpressions(t)
      .map((e) => e.sql)
      .join(', ')}`;
  if (cursor.takeWords('having')) sql += ` HAVING ${readExpression(t).sql}`;
  return { sql, items: list.items };
}

/** A select list (also of RETURNING). */
export function readItems(t: Translation): Query {
  const { cursor } = t;
  const parts: string[] = [];
  const items: SelectItem[] = [];
  do {
    if (cursor.takeSymbol('*')) {
      parts.push('*');
      items.push({ t: 'star' });
      continue;
    }
    const expression = readExpression(t);
    if (expression.sql.endsWith('.*')) {
      parts.push(expression.sql);
      items.push({ t: 'star' });
      continue;
    }
    let alias = '';
    if (cursor.takeWords('as')) alias = cursor.takeName();
    else if (cursor.isName() && !reserved.has(cursor.word())) alias = cursor.takeName();
    const name = alias || expression.name || '?column?';
    // Named whenever PostgreSQL's name differs from what DuckDB would make up, so that outer queries can use it.
    const named = alias !== '' || expression.tid === true || (expression.name !== undefined && !expression.sql.startsWith('"'));
    parts.push(projected(t, expression) + (named ? ` AS ${quoteName(name)}` : ''));
    items.push({ t: 'item', name, tid: expression.tid === true });
  } while (cursor.takeSymbol(','));
  return { sql: parts.join(', '), items };
}

const joinStarts: ReadonlySet<string> = new Set(['join', 'inner', 'left', 'right', 'full', 'cross', 'natural']);

/** The list after FROM (or USING in DELETE). */
export function readRelations(t: Translation): string {
  const parts = [readJoined(t)];
  while (t.cursor.takeSymbol(',')) parts.push(readJoined(t));
  return parts.join(', ');
}

function readJoined(t: Translation): string {
  const { cursor } = t;
  let sql = readRelation(t);
  while (joinStarts.has(cursor.word())) {
    const natural = cursor.takeWords('natural') ? 'NATURAL ' : '';
    const kind = cursor.word() === 'join' ? 'INNER' : cursor.takeName().toUpperCase();
    cursor.takeWords('outer');
    cursor.expectWords('join');
    sql += ` ${natural}${kind} JOIN ${readRelation(t)}`;
    if (kind === 'CROSS' || natural !== '') continue;
    if (cursor.takeWords('using')) sql += ` USING ${readColumnNames(t)}`;
    else {
      cursor.expectWords('on');
      sql += ` ON ${readExpression(t).sql}`;
    }
  }
  return sql;
}

function readRelation(t: Translation): string {
  const { cursor } = t;
  cursor.takeWords('only');
  const lateral = cursor.takeWords('lateral') ? 'LATERAL ' : '';
  if (cursor.isSymbol('(')) {
    if (startsQuery(cursor)) {
      cursor.next();
      const query = readQuery(t);
      cursor.expectSymbol(')');
      return `${lateral}(${query.sql})${readAlias(t, '')}`;
    }
    cursor.next();
    const joined = readJoined(t);
    cursor.expectSymbol(')');
    return `(${joined})${readAlias(t, '')}`;
  }
  if (cursor.isName() && cursor.isSymbol('(', 1)) {
    const name = cursor.takeName();
    if (!tableFunctions.has(name)) throw cursor.refused(`${name}() in FROM`);
    cursor.expectSymbol('(');
    const list = readExpressions(t);
    cursor.expectSymbol(')');
    return `${lateral}${name}(${list.map((e) => e.sql).join(', ')})${readAlias(t, '')}`;
  }
  return readNamedRelation(t);
}

function readNamedRelation(t: Translation): string {
  const { schema, name } = t.readQualifiedName();
  if (schema === undefined && t.commonTables.includes(name.toLowerCase())) return quoteName(name) + readAlias(t, '');
  const system = systemRelation(t, schema, name);
  if (system !== undefined) return `(${system})${readAlias(t, name)}`;
  const found = t.findTable(schema, name);
  t.cursor.takeSymbol('*');
  return found.sql + readAlias(t, '');
}

function systemRelation(t: Translation, schema: string | undefined, name: string): string | undefined {
  if (schema !== undefined && schema !== 'pg_catalog' && schema !== 'information_schema') return undefined;
  if (schema === undefined && t.context.temporary.has(name.toLowerCase())) return undefined;
  if (schema === undefined && !name.startsWith('pg_')) return undefined;
  const sql = t.context.systemRelation(schema ?? 'pg_catalog', name);
  if (sql === undefined) throw undefinedTable(schema, name);
  t.usesCatalog = true;
  return sql;
}

/** ` AS alias(columns)`, or of `fallback` if the text gives none. */
export function readAlias(t: Translation, fallback: string): string {
  const { cursor } = t;
  let alias = '';
  if (cursor.takeWords('as')) alias = cursor.takeName();
  else if (cursor.isName() && !reserved.has(cursor.word())) alias = cursor.takeName();
  if (alias === '') return fallback === '' ? '' : ` AS ${quoteName(fallback)}`;
  return ` AS ${quoteName(alias)}${readColumnNames(t)}`;
}
