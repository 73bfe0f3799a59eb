/**
 * Value expressions, PostgreSQL to DuckDB, in one pass: operands and operators are recognised one by one and written
 * again, quoted; precedence is the same on both sides and left alone. What is not recognised is refused.
 * Grammar: PostgreSQL 15 documentation, section 4.2 "Value Expressions".
 */
import { LakeError } from '../../../base/errors.ts';
import { quoteName, quoteString } from '../../../base/sql-lexer.ts';
import type { Token } from '../../../base/sql-lexer.ts';
import { blobExpression, parseBytea } from './bytea.ts';
import { limits } from '../limits.ts';
import { fixedFunctions, renamedFunctions, sharedFunctions } from './functions.ts';
import { readQuery, startsQuery } from './query.ts';
import { parseTid, rowidOfText, tidBytes, tidText } from './tid.ts';
import type { Translation } from './translation.ts';
import { readType } from './types.ts';

export interface Expression {
  readonly sql: string;
  /** Set when the whole expression is one string literal without a cast: its type is still open. */
  readonly literal?: string;
  /** Set when the whole expression is one plain number. */
  readonly number?: string;
  /** The whole expression names a column. */
  readonly column?: boolean;
  /** What PostgreSQL would name the column. */
  readonly name?: string;
  /** The whole expression is `ctid`; `sql` is the row id. */
  readonly tid?: boolean;
}

const binaryOperators: ReadonlySet<string> = new Set([
  '+',
  '-',
  '*',
  '/',
  '%',
  '=',
  '<>',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  '||',
  '->',
  '->>',
]);
const comparisons: ReadonlySet<string> = new Set(['=', '<>', '!=', '<', '>', '<=', '>=']);
const typedLiterals: ReadonlySet<string> = new Set(['interval', 'date', 'timestamp', 'timestamptz', 'time', 'uuid']);
const bareValues: Readonly<Record<string, string>> = {
  null: 'NULL',
  true: 'TRUE',
  false: 'FALSE',
  current_timestamp: 'now()',
  current_date: 'current_date',
  localtimestamp: 'localtimestamp',
};
const sessionValues: ReadonlySet<string> = new Set([
  'current_user',
  'session_user',
  'user',
  'current_role',
  'current_catalog',
  'current_schema',
]);

/** Reads one expression; it ends where no operator follows. */
export function readExpression(t: Translation): Expression {
  return t.cursor.nested(() => {
    const first = readOperand(t);
    const rest = readTail(t, first);
    if (rest === '') return first;
    return { sql: first.sql + rest };
  });
}

/** Reads expressions separated by commas. */
export function readExpressions(t: Translation): Expression[] {
  const list = [readExpression(t)];
  while (t.cursor.takeSymbol(',')) list.push(readExpression(t));
  return list;
}

/** The expression as a select item shows it: a lone `ctid` becomes a tid. */
export function projected(t: Translation, expression: Expression): string {
  if (!expression.tid) return expression.sql;
  return t.context.tidForm === 'binary' ? tidBytes(expression.sql) : tidText(expression.sql);
}

/** Operators and operands after the first operand. */
function readTail(t: Translation, first: Expression): string {
  const { cursor } = t;
  let sql = '';
  let left = first;
  for (;;) {
    const operator = cursor.operator();
    if (binaryOperators.has(operator)) {
      cursor.takeOperator(operator);
      const quantifier = comparisons.has(operator) ? cursor.takeOneOf(quantifiers) : '';
      if (quantifier !== '') {
        sql += ` ${operator} ${quantifier === 'all' ? 'ALL' : 'ANY'} ${readParenthesised(t)}`;
        left = { sql: '' };
        continue;
      }
      const right = readOperand(t);
      if (right.tid && left.literal !== undefined && sql === '')
        throw cursor.refused('a comparison with ctid on the right', 'Write ctid on the left.');
      sql += ` ${operator} ${left.tid ? tidOperand(t, right) : comparisons.has(operator) ? compared(t, left, right) : right.sql}`;
      left = right;
      continue;
    }
    const word = cursor.word();
    if (word === 'and' || word === 'or') {
      cursor.next();
      const right = readOperand(t);
      sql += ` ${word.toUpperCase()} ${right.sql}`;
      left = right;
      continue;
    }
    const more = readPredicate(t, left);
    if (more === '') return sql;
    sql += more;
    left = { sql: '' };
  }
}

const quantifiers: ReadonlySet<string> = new Set(['any', 'some', 'all']);

/** IS, IN, BETWEEN, LIKE and their negations; '' if none follows. */
function readPredicate(t: Translation, left: Expression): string {
  const { cursor } = t;
  const operand = (): string => {
    const right = readArithmetic(t);
    return left.tid ? tidOperand(t, right) : right.sql;
  };
  if (cursor.takeWords('is')) {
    const not = cursor.takeWords('not') ? ' NOT' : '';
    for (const word of ['null', 'true', 'false', 'unknown']) {
      if (cursor.takeWords(word)) return ` IS${not} ${word === 'unknown' ? 'NULL' : word.toUpperCase()}`;
    }
    cursor.expectWords('distinct', 'from');
    return ` IS${not} DISTINCT FROM ${operand()}`;
  }
  if (cursor.takeWords('isnull')) return ' IS NULL';
  if (cursor.takeWords('notnull')) return ' IS NOT NULL';
  const ahead = cursor.word() === 'not' ? 1 : 0;
  const word = cursor.word(ahead);
  if (word !== 'in' && word !== 'between' && word !== 'like' && word !== 'ilike') return '';
  const not = ahead === 1 ? ' NOT' : '';
  for (let i = 0; i <= ahead; i++) cursor.next();
  if (word === 'between') {
    const low = operand();
    cursor.expectWords('and');
    return `${not} BETWEEN ${low} AND ${operand()}`;
  }
  if (word === 'in') {
    if (startsQuery(cursor, 1)) return `${not} IN ${readParenthesised(t)}`;
    cursor.expectSymbol('(');
    const list = readExpressions(t);
    cursor.expectSymbol(')');
    const isShort = list.length <= limits.takenListMax;
    return `${not} IN (${list.map((e) => (left.tid ? tidOperand(t, e) : isShort ? compared(t, left, e) : e.sql)).join(', ')})`;
  }
  const pattern = readArithmetic(t).sql;
  // Without ESCAPE, backslash is PostgreSQL's escape character and DuckDB has none.
  const escape = cursor.takeWords('escape') ? ` ESCAPE ${readOperand(t).sql}` : " ESCAPE '\\'";
  return `${not} ${word.toUpperCase()} ${pattern}${escape}`;
}

const arithmetic: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '||']);

/** What may stand beside BETWEEN and LIKE: operands joined by arithmetic, no comparison and no AND. */
function readArithmetic(t: Translation): Expression {
  const first = readOperand(t);
  let sql = first.sql;
  for (let operator = t.cursor.operator(); arithmetic.has(operator); operator = t.cursor.operator()) {
    t.cursor.takeOperator(operator);
    sql += ` ${operator} ${readOperand(t).sql}`;
  }
  return sql === first.sql ? first : { sql };
}

/** The other side of a comparison with ctid, as a row id. */
function tidOperand(t: Translation, right: Expression): string {
  if (right.literal === undefined) return right.sql;
  return t.take(String(parseTid(right.literal)));
}

/** The other side of a comparison: a literal beside a column is taken out of the shape. */
function compared(t: Translation, left: Expression, right: Expression): string {
  return left.column && (right.number !== undefined || right.literal !== undefined) ? t.take(right.sql) : right.sql;
}

/** `( … )`: a subquery or a list. */
function readParenthesised(t: Translation): string {
  const { cursor } = t;
  cursor.expectSymbol('(');
  const sql = startsQuery(cursor)
    ? readQuery(t).sql
    : readExpressions(t)
        .map((e) => e.sql)
        .join(', ');
  cursor.expectSymbol(')');
  return `(${sql})`;
}

/** One operand with its casts, subscripts and collation. */
function readOperand(t: Translation): Expression {
  return t.cursor.nested(() => {
    let operand = readPrimary(t);
    for (;;) {
      if (t.cursor.takeOperator('::')) operand = cast(t, operand);
      else if (t.cursor.takeWords('collate')) readCollation(t);
      else if (t.cursor.isSymbol('[')) operand = { sql: operand.sql + readSubscript(t) };
      else return operand;
    }
  });
}

/** Only byte order is known, and it is what DuckDB does. */
function readCollation(t: Translation): void {
  let name = t.cursor.takeName();
  if (name === 'pg_catalog' && t.cursor.takeSymbol('.')) name = t.cursor.takeName();
  if (name === 'C' || name === 'POSIX' || name === 'default' || name === 'ucs_basic') return;
  throw new LakeError('undefined_object', `collation "${name}" for encoding "UTF8" does not exist`);
}

function readSubscript(t: Translation): string {
  t.cursor.expectSymbol('[');
  const low = t.cursor.isSymbol(':') ? '' : readExpression(t).sql;
  const slice = t.cursor.takeSymbol(':') ? `:${t.cursor.isSymbol(']') ? '' : readExpression(t).sql}` : '';
  t.cursor.expectSymbol(']');
  return `[${low}${slice}]`;
}

/** `operand::type`. bytea and tid read their text as PostgreSQL does, not as DuckDB would. */
function cast(t: Translation, operand: Expression): Expression {
  const word = t.cursor.word();
  if (word === 'tid') {
    t.cursor.next();
    if (operand.literal !== undefined) return { sql: String(parseTid(operand.literal)) };
    return { sql: operand.tid ? operand.sql : rowidOfText(operand.sql) };
  }
  if (word === 'regclass' || word === 'regtype' || word === 'regproc' || word === 'regnamespace') {
    t.cursor.next();
    const known = t.context.sessionFunction(`${word} cast`, [operand.literal ?? null]);
    if (known === undefined || operand.literal === undefined) throw t.cursor.refused(`a cast to ${word}`);
    t.usesCatalog = true;
    return { sql: known };
  }
  const type = readType(t.cursor);
  if (/^(DATE|TIME)/.test(type.duckdb)) t.isVolatile = true;
  if (type.duckdb === 'BLOB' && operand.literal !== undefined)
    return { sql: blobExpression(parseBytea(operand.literal)), name: 'bytea' };
  const shown = operand.tid ? tidText(operand.sql) : operand.sql;
  return { sql: `CAST(${shown} AS ${type.duckdb})`, name: operand.name ?? type.name };
}

function readPrimary(t: Translation): Expression {
  const { cursor } = t;
  const token = cursor.peek();
  if (!token) throw cursor.unexpected();
  switch (token.kind) {
    case 'string': {
      cursor.next();
      const text = stringValue(cursor.unexpected.bind(cursor), token);
      t.bareLiterals++;
      return { sql: quoteString(text), literal: text };
    }
    case 'number': {
      const number = plainNumber(t, cursor.next());
      t.bareLiterals++;
      return { sql: number, number };
    }
    case 'parameter': {
      const index = Number(cursor.next().text.slice(1));
      if (!(index >= 1 && index <= 65_535)) throw new LakeError('undefined_parameter', `there is no parameter $${index}`);
      t.parameterCount = Math.max(t.parameterCount, index);
      return { sql: `$${index}` };
    }
    case 'operator':
      return readPrefixed(t);
    default:
      return readNamed(t);
  }
}

/** Digits as both sides read them; underscores and other bases are left to DuckDB. */
function plainNumber(t: Translation, token: Token): string {
  if (!/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(token.text)) throw t.cursor.refused(`the number ${token.text.slice(0, 20)}`);
  return token.text;
}

function readPrefixed(t: Translation): Expression {
  const { cursor } = t;
  if (cursor.isSymbol('(')) {
    if (startsQuery(cursor, 1)) return { sql: readParenthesised(t) };
    cursor.next();
    const list = readExpressions(t);
    cursor.expectSymbol(')');
    if (list.length === 1 && list[0]?.tid) return list[0];
    const name = list.length === 1 ? list[0]?.name : undefined;
    if (name !== undefined) return { sql: `(${list[0]?.sql})`, name };
    return { sql: `(${list.map((e) => e.sql).join(', ')})` };
  }
  // The space matters: two minus signs that touch would begin a comment.
  if (cursor.takeSymbol('-')) return { sql: `- ${readOperand(t).sql}` };
  if (cursor.takeSymbol('+')) return { sql: readOperand(t).sql };
  throw cursor.unexpected();
}

function readNamed(t: Translation): Expression {
  const { cursor } = t;
  const word = cursor.word();
  if (word !== '' && !cursor.isSymbol('.', 1)) {
    const special = readKeyword(t, word);
    if (special) return special;
  }
  const names = [cursor.takeName()];
  while (cursor.isSymbol('.') && (cursor.isName(1) || cursor.isSymbol('*', 1))) {
    cursor.next();
    if (cursor.takeSymbol('*')) return { sql: `${names.slice(-1).map(quoteName).join('.')}.*` };
    names.push(cursor.takeName());
  }
  if (cursor.isSymbol('(')) return readCall(t, names);
  const name = names.at(-1) as string;
  // A column is named by its relation and itself at most; schema and database in front add nothing (they were checked in FROM).
  const sql = names.slice(-2).map(quoteName);
  if (name === 'ctid') t.isVolatile = true;
  if (name === 'ctid') return { sql: [...sql.slice(0, -1), 'rowid'].join('.'), name, tid: true };
  return { sql: sql.join('.'), name, column: true };
}

function readKeyword(t: Translation, word: string): Expression | undefined {
  const { cursor } = t;
  const bare = bareValues[word];
  if (bare !== undefined) {
    cursor.next();
    if (word !== 'true' && word !== 'false' && word !== 'null') t.isVolatile = true;
    return word === 'true' || word === 'false'
      ? { sql: bare, name: 'bool' }
      : word === 'null'
        ? { sql: bare }
        : { sql: bare, name: word };
  }
  if (sessionValues.has(word) && !cursor.isSymbol('(', 1)) {
    cursor.next();
    t.isVolatile = true;
    return { sql: t.context.sessionFunction(word, []) ?? 'NULL', name: word };
  }
  if (typedLiterals.has(word) && cursor.peek(1)?.kind === 'string') {
    cursor.next();
    t.bareLiterals++;
    t.isVolatile = true;
    const text = stringValue(cursor.unexpected.bind(cursor), cursor.next());
    return {
      sql: `CAST(${quoteString(text)} AS ${word === 'timestamptz' ? 'TIMESTAMP WITH TIME ZONE' : word.toUpperCase()})`,
      name: word,
    };
  }
  if (word === 'not') {
    cursor.next();
    return { sql: `NOT ${readOperand(t).sql}` };
  }
  if (word === 'exists' && cursor.isSymbol('(', 1)) {
    cursor.next();
    return { sql: `EXISTS ${readParenthesised(t)}`, name: 'exists' };
  }
  if (word === 'case') return readCase(t);
  if (word === 'cast' && cursor.isSymbol('(', 1)) {
    cursor.next();
    cursor.next();
    const operand = readExpression(t);
    cursor.expectWords('as');
    const result = cast(t, operand);
    cursor.expectSymbol(')');
    return result;
  }
  if (word === 'array' && cursor.isSymbol('[', 1)) {
    cursor.next();
    cursor.next();
    const list = cursor.isSymbol(']') ? [] : readExpressions(t);
    cursor.expectSymbol(']');
    return { sql: `[${list.map((e) => e.sql).join(', ')}]`, name: 'array' };
  }
  if (word === 'array' && cursor.isSymbol('(', 1)) {
    cursor.next();
    return { sql: `ARRAY${readParenthesised(t)}`, name: 'array' };
  }
  if (word === 'row' && cursor.isSymbol('(', 1)) {
    cursor.next();
    return { sql: `ROW${readParenthesised(t)}`, name: 'row' };
  }
  return undefined;
}

function readCase(t: Translation): Expression {
  const { cursor } = t;
  cursor.expectWords('case');
  let sql = 'CASE';
  if (cursor.word() !== 'when') sql += ` ${readExpression(t).sql}`;
  while (cursor.takeWords('when')) {
    sql += ` WHEN ${readExpression(t).sql}`;
    cursor.expectWords('then');
    sql += ` THEN ${readExpression(t).sql}`;
  }
  if (cursor.takeWords('else')) sql += ` ELSE ${readExpression(t).sql}`;
  cursor.expectWords('end');
  return { sql: `${sql} END`, name: 'case' };
}

/** A function call: only what is on the list in functions.ts, or answered by the session. */
function readCall(t: Translation, names: readonly string[]): Expression {
  const { cursor } = t;
  const name = (names.at(-1) as string).toLowerCase();
  if (names.length > 2 || (names.length === 2 && names[0] !== 'pg_catalog')) throw undefinedFunction(names.join('.'));
  cursor.expectSymbol('(');
  if (name === 'extract') {
    const field = cursor.takeName();
    if (!/^[a-z]+$/.test(field)) throw cursor.unexpected();
    cursor.expectWords('from');
    const from = readExpression(t).sql;
    cursor.expectSymbol(')');
    return { sql: `date_part('${field}', ${from})`, name };
  }
  const distinct = cursor.takeWords('distinct') ? 'DISTINCT ' : '';
  const list: Expression[] = [];
  let args: string;
  if (cursor.takeSymbol('*')) args = '*';
  else {
    if (!cursor.isSymbol(')')) list.push(...readExpressions(t));
    args = list.map((e) => e.sql).join(', ');
    if (cursor.takeWords('order', 'by')) args += ` ORDER BY ${readOrderItems(t)}`;
    else if (cursor.takeWords('from')) {
      args += `, ${readExpression(t).sql}`;
      if (cursor.takeWords('for')) args += `, ${readExpression(t).sql}`;
    }
  }
  cursor.expectSymbol(')');
  const own = t.context.sessionFunction(
    name,
    list.map((e) => e.literal ?? null),
  );
  if (own !== undefined) {
    t.usesCatalog = true;
    return { sql: own, name };
  }
  if (!sharedFunctions.has(name)) throw undefinedFunction(name);
  if (!fixedFunctions.has(name)) t.isVolatile = true;
  let sql = `${renamedFunctions[name] ?? name}(${distinct}${args})`;
  if (cursor.takeWords('filter')) {
    cursor.expectSymbol('(');
    cursor.expectWords('where');
    sql += ` FILTER (WHERE ${readExpression(t).sql})`;
    cursor.expectSymbol(')');
  }
  if (cursor.takeWords('over')) sql += readWindow(t);
  return { sql, name };
}

function undefinedFunction(name: string): LakeError {
  return new LakeError(
    'undefined_function',
    `function ${name}() does not exist, or is not available in a lake's metadata database`,
  );
}

function readWindow(t: Translation): string {
  const { cursor } = t;
  cursor.expectSymbol('(');
  let sql = ' OVER (';
  if (cursor.takeWords('partition', 'by'))
    sql += `PARTITION BY ${readExpressions(t)
      .map((e) => e.sql)
      .join(', ')}`;
  if (cursor.takeWords('order', 'by')) sql += ` ORDER BY ${readOrderItems(t)}`;
  cursor.expectSymbol(')');
  return `${sql})`;
}

/** Sort keys. PostgreSQL puts NULL first when descending, DuckDB last: said explicitly. */
export function readOrderItems(t: Translation): string {
  const { cursor } = t;
  const items: string[] = [];
  do {
    let sql = readExpression(t).sql;
    const descending = cursor.takeWords('desc');
    if (!descending) cursor.takeWords('asc');
    sql += descending ? ' DESC' : ' ASC';
    if (cursor.takeWords('nulls')) {
      if (cursor.takeWords('first')) sql += ' NULLS FIRST';
      else {
        cursor.expectWords('last');
        sql += ' NULLS LAST';
      }
    } else sql += descending ? ' NULLS FIRST' : ' NULLS LAST';
    items.push(sql);
  } while (cursor.takeSymbol(','));
  return items.join(', ');
}

/** The text of a string token: plain, E'' and dollar-quoted. */
export function stringValue(unexpected: () => LakeError, token: Token): string {
  const { text } = token;
  if (text.startsWith("'")) {
    if (text.length < 2 || !text.endsWith("'"))
      throw new LakeError('syntax_error', 'unterminated quoted string', { position: token.start + 1 });
    return text.slice(1, -1).replaceAll("''", "'");
  }
  if (text.startsWith('$')) {
    const tag = text.slice(0, text.indexOf('$', 1) + 1);
    if (text.length < 2 * tag.length || !text.endsWith(tag))
      throw new LakeError('syntax_error', 'unterminated dollar-quoted string', { position: token.start + 1 });
    return text.slice(tag.length, -tag.length);
  }
  if (/^e'/i.test(text) && text.length >= 3 && text.endsWith("'")) return escapedString(text.slice(2, -1));
  throw unexpected();
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** Body of E'…'. Source: PostgreSQL 15 documentation, section 4.1.2.2. Byte escapes above 7F are refused: they need not be UTF-8. */
function escapedString(body: string): string {
  return body.replace(
    /''|\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (whole, hex, u4, u8, octal, other) => {
      if (whole === "''") return "'";
      if (other !== undefined) return escapes[other as string] ?? (other as string);
      const code =
        hex !== undefined
          ? Number.parseInt(hex, 16)
          : octal !== undefined
            ? Number.parseInt(octal, 8)
            : Number.parseInt(u4 ?? u8, 16);
      if (code === 0 || code > 0x10ffff || ((hex !== undefined || octal !== undefined) && code > 0x7f)) {
        throw new LakeError('invalid_byte_sequence', `invalid escape in a string constant: ${whole}`);
      }
      return String.fromCodePoint(code);
    },
  );
}
