/**
 * COPY as PostgreSQL spells it: which relation or query, which way, which options, with PostgreSQL's refusals for
 * options that do not go together. It moves no data: engine/copy-in.ts and engine/copy-out.ts do.
 * Source: PostgreSQL 17 documentation, "COPY", both syntaxes; checks in the order of its ProcessCopyOptions.
 */
import { LakeError } from '../../base/errors.ts';
import { nameOf, quoteName, significantTokens, stringOf, type Token } from '../../base/sql-lexer.ts';
import { type ColumnChoice, type CopyOptions, type CopyStatement, relationSql } from '../engine/copy-statement.ts';

/**
 * Parses `sql` if it is a COPY of PostgreSQL's kind; null when it is another statement (DuckDB's `COPY FROM DATABASE`
 * included). Throws syntax_error, invalid_argument or feature_not_supported for wrong options, permission_denied for
 * a file or PROGRAM.
 */
export function parseCopy(sql: string): CopyStatement | null {
  if (!/^(?:\s|--|\/\*)*copy\b/i.test(sql) && !/copy/i.test(sql.slice(0, 200))) return null;
  const tokens = significantTokens(sql);
  if (word(tokens[0]) !== 'copy') return null;
  if (word(tokens[1]) === 'from' && word(tokens[2]) === 'database') return null;
  return new Parser(sql, tokens).statement();
}

/** The statement whose rows COPY … TO sends. */
export function copyOutSql(statement: CopyStatement): string {
  if (statement.query !== null) return statement.query;
  const columns = statement.columns?.map(quoteName).join(', ') ?? '*';
  return `SELECT ${columns} FROM ${relationSql(statement)}`;
}

function word(token: Token | undefined): string | undefined {
  return token?.kind === 'name' ? token.text.toLowerCase() : undefined;
}

type Setting = { readonly name: string; readonly value: string | true | ColumnChoice; readonly token: Token };

class Parser {
  readonly sql: string;
  readonly tokens: readonly Token[];
  at = 1;

  constructor(sql: string, tokens: readonly Token[]) {
    this.sql = sql;
    this.tokens = tokens.at(-1)?.text === ';' ? tokens.slice(0, -1) : tokens;
  }

  statement(): CopyStatement {
    const settings: Setting[] = [];
    const oldBinary = this.peek();
    if (word(oldBinary) === 'binary' && word(this.tokens[this.at + 1]) !== 'from' && word(this.tokens[this.at + 1]) !== 'to') {
      this.at++;
      settings.push({ name: 'format', value: 'binary', token: oldBinary as Token });
    }
    let table: string[] | null = null;
    let query: string | null = null;
    let columns: string[] | null = null;
    if (this.peek()?.text === '(') query = this.parenthesised();
    else {
      table = this.relation();
      if (this.peek()?.text === '(') columns = this.names();
    }
    const direction = this.direction(query !== null);
    this.target(direction);
    if (this.is('using')) {
      this.at++;
      this.expectWord('delimiters');
      settings.push({ name: 'delimiter', value: this.text(), token: this.last() });
    } else if (this.is('delimiters')) {
      this.at++;
      settings.push({ name: 'delimiter', value: this.text(), token: this.last() });
    }
    if (this.is('with')) this.at++;
    if (this.peek()?.text === '(') this.newOptions(settings);
    else this.oldOptions(settings);
    let where: string | null = null;
    if (this.is('where')) {
      if (direction === 'out')
        throw new LakeError('syntax_error', 'WHERE clause not allowed with COPY TO', { position: this.position() });
      this.at++;
      const from = this.peek();
      if (!from) throw this.unexpected();
      this.condition();
      where = this.sql.slice(from.start, this.tokens.at(-1)?.end);
    }
    if (this.peek()) throw this.unexpected();
    const seen = new Set<string>();
    for (const column of columns ?? []) {
      if (seen.has(column)) throw new LakeError('duplicate_column', `column "${column}" specified more than once`);
      seen.add(column);
    }
    return { direction, table, query, columns, where, options: checkOptions(settings, direction, columns) };
  }

  /** Runs to the end; it is put between parentheses later and must not leave them. */
  condition(): void {
    let depth = 0;
    for (; this.at < this.tokens.length; this.at++) {
      const token = this.peek() as Token;
      if (token.kind !== 'operator') continue;
      if (token.text === '(') depth++;
      else if (token.text === ';' || (token.text === ')' && --depth < 0)) throw this.unexpected();
    }
    if (depth > 0) throw this.unexpected();
  }

  direction(isQuery: boolean): 'in' | 'out' {
    const direction = word(this.peek());
    if (direction === 'to') this.at++;
    else if (direction === 'from' && !isQuery) this.at++;
    else throw this.unexpected();
    return direction === 'to' ? 'out' : 'in';
  }

  /** STDIN and STDOUT mean the same, as in PostgreSQL; anything else is a file or a program of the server's machine. */
  target(direction: 'in' | 'out'): void {
    const token = this.peek();
    const name = word(token);
    if (name === 'stdin' || name === 'stdout') {
      this.at++;
      return;
    }
    if (token?.kind !== 'string' && name !== 'program') throw this.unexpected();
    const what = name === 'program' ? 'an external program' : 'a file';
    throw new LakeError(
      'permission_denied',
      `COPY ${direction === 'in' ? 'from' : 'to'} ${what} is not available: there are no server-side files here`,
      {
        hint: `Use COPY ${direction === 'in' ? '… FROM STDIN' : '… TO STDOUT'}, or psql's \\copy, which reads and writes files on your machine.`,
      },
    );
  }

  newOptions(settings: Setting[]): void {
    this.at++;
    for (;;) {
      const token = this.peek();
      if (!token || (token.kind !== 'name' && token.kind !== 'quoted-name')) throw this.unexpected();
      this.at++;
      const name = nameOf(token);
      let value: string | true | ColumnChoice = true;
      const next = this.peek();
      if (next?.text === '(') value = this.names();
      else if (next?.text === '*') {
        this.at++;
        value = 'all';
      } else if (next && next.text !== ',' && next.text !== ')') value = this.value();
      settings.push({ name, value, token });
      const after = this.peek();
      this.at++;
      if (after?.text === ')') return;
      if (after?.text !== ',') {
        this.at--;
        throw this.unexpected();
      }
    }
  }

  oldOptions(settings: Setting[]): void {
    for (;;) {
      const token = this.peek();
      const name = word(token);
      if (!token || name === undefined || name === 'where') return;
      this.at++;
      if (name === 'binary' || name === 'csv') settings.push({ name: 'format', value: name, token });
      else if (name === 'header' || name === 'freeze') settings.push({ name, value: true, token });
      else if (name === 'delimiter' || name === 'null' || name === 'quote' || name === 'escape') {
        if (this.is('as')) this.at++;
        settings.push({ name, value: this.text(), token });
      } else if (name === 'encoding') settings.push({ name, value: this.text(), token });
      else if (name === 'force') {
        const kind = this.is('quote') ? 'force_quote' : this.is('null') ? 'force_null' : 'force_not_null';
        if (kind === 'force_not_null') {
          this.expectWord('not');
          this.expectWord('null');
        } else this.at++;
        if (this.peek()?.text === '*' && kind === 'force_quote') {
          this.at++;
          settings.push({ name: kind, value: 'all', token });
        } else settings.push({ name: kind, value: this.nameList(), token });
      } else {
        this.at--;
        throw this.unexpected();
      }
    }
  }

  relation(): string[] {
    const parts = [this.name()];
    while (this.peek()?.text === '.') {
      this.at++;
      parts.push(this.name());
    }
    if (parts.length > 3)
      throw new LakeError('syntax_error', `improper relation name (too many dotted names): ${parts.join('.')}`);
    return parts;
  }

  /** `( name, … )`. */
  names(): string[] {
    this.at++;
    const names = this.nameList();
    if (this.peek()?.text !== ')') throw this.unexpected();
    this.at++;
    return names;
  }

  nameList(): string[] {
    const names = [this.name()];
    while (this.peek()?.text === ',') {
      this.at++;
      names.push(this.name());
    }
    return names;
  }

  parenthesised(): string {
    const open = this.peek() as Token;
    let depth = 0;
    for (; this.at < this.tokens.length; this.at++) {
      const { text, start } = this.tokens[this.at] as Token;
      if (text === '(') depth++;
      else if (text === ')' && --depth === 0) {
        this.at++;
        return this.sql.slice(open.end, start);
      }
    }
    throw new LakeError('syntax_error', 'syntax error at end of input');
  }

  name(): string {
    const token = this.peek();
    if (token?.kind !== 'name' && token?.kind !== 'quoted-name') throw this.unexpected();
    this.at++;
    return nameOf(token);
  }

  /** A string literal. */
  text(): string {
    const token = this.peek();
    if (token?.kind !== 'string') throw this.unexpected();
    this.at++;
    return stringOf(token);
  }

  /** A string, name or signed number as an option's value. */
  value(): string {
    const token = this.peek() as Token;
    if (token.kind === 'string') return this.text();
    if (token.kind === 'name') {
      this.at++;
      return token.text.toLowerCase();
    }
    if (token.kind === 'quoted-name') return this.name();
    if (token.kind !== 'number') throw this.unexpected();
    this.at++;
    return token.text;
  }

  is(name: string): boolean {
    return word(this.peek()) === name;
  }

  expectWord(name: string): void {
    if (!this.is(name)) throw this.unexpected();
    this.at++;
  }

  peek(): Token | undefined {
    return this.tokens[this.at];
  }

  last(): Token {
    return this.tokens[this.at - 1] as Token;
  }

  position(): number {
    return (this.peek()?.start ?? this.sql.length) + 1;
  }

  unexpected(): LakeError {
    const token = this.peek();
    const where = token ? `at or near "${token.kind === 'string' ? stringOf(token) : token.text}"` : 'at end of input';
    return new LakeError('syntax_error', `syntax error ${where}`, { position: this.position() });
  }
}

const known = new Set([
  'format',
  'freeze',
  'delimiter',
  'null',
  'header',
  'quote',
  'escape',
  'force_quote',
  'force_not_null',
  'force_null',
  'encoding',
]);

function checkOptions(settings: readonly Setting[], direction: 'in' | 'out', columns: readonly string[] | null): CopyOptions {
  const given = new Map<string, Setting>();
  for (const setting of settings) {
    const position = setting.token.start + 1;
    if (!known.has(setting.name)) throw new LakeError('syntax_error', `option "${setting.name}" not recognized`, { position });
    if (given.has(setting.name)) throw new LakeError('syntax_error', 'conflicting or redundant options', { position });
    given.set(setting.name, setting);
  }
  const format = (textOption(given, 'format') ?? 'text').toLowerCase();
  if (format !== 'text' && format !== 'csv' && format !== 'binary') {
    throw new LakeError('invalid_argument', `COPY format "${format}" not recognized`, {
      hint: 'Formats are text, csv and binary.',
    });
  }
  const csv = format === 'csv';
  const delimiter = textOption(given, 'delimiter');
  const nullText = textOption(given, 'null');
  const quote = textOption(given, 'quote');
  const escape = textOption(given, 'escape');
  booleanOption(given, 'freeze');
  const [header, headerMatch] = headerOption(given, direction);
  const forceQuote = columnsOption(given, 'force_quote');
  const forceNotNull = columnsOption(given, 'force_not_null');
  const forceNull = columnsOption(given, 'force_null');

  if (format === 'binary') {
    if (delimiter !== undefined) throw new LakeError('syntax_error', 'cannot specify DELIMITER in BINARY mode');
    if (nullText !== undefined) throw new LakeError('syntax_error', 'cannot specify NULL in BINARY mode');
    if (header) throw new LakeError('feature_not_supported', 'cannot specify HEADER in BINARY mode');
  }
  const d = delimiter ?? (csv ? ',' : '\t');
  const n = nullText ?? (csv ? '' : '\\N');
  const q = quote ?? '"';
  const e = escape ?? q;
  if (Buffer.byteLength(d) !== 1)
    throw new LakeError('feature_not_supported', 'COPY delimiter must be a single one-byte character');
  if (/[\r\n]/.test(d)) throw new LakeError('invalid_argument', 'COPY delimiter cannot be newline or carriage return');
  if (/[\r\n]/.test(n)) throw new LakeError('invalid_argument', 'COPY null representation cannot use newline or carriage return');
  if (!csv && /[\\.a-z0-9]/.test(d)) throw new LakeError('invalid_argument', `COPY delimiter cannot be "${d}"`);
  if (!csv && quote !== undefined) throw new LakeError('feature_not_supported', 'COPY quote available only in CSV mode');
  if (csv && Buffer.byteLength(q) !== 1)
    throw new LakeError('feature_not_supported', 'COPY quote must be a single one-byte character');
  if (csv && d === q) throw new LakeError('invalid_argument', 'COPY delimiter and quote must be different');
  if (!csv && escape !== undefined) throw new LakeError('feature_not_supported', 'COPY escape available only in CSV mode');
  if (csv && Buffer.byteLength(e) !== 1)
    throw new LakeError('feature_not_supported', 'COPY escape must be a single one-byte character');
  forcedColumns('force quote', 'FORCE_QUOTE', forceQuote, csv, direction === 'out', 'COPY TO', columns);
  forcedColumns('force not null', 'FORCE_NOT_NULL', forceNotNull, csv, direction === 'in', 'COPY FROM', columns);
  forcedColumns('force null', 'FORCE_NULL', forceNull, csv, direction === 'in', 'COPY FROM', columns);
  if (n.includes(d)) throw new LakeError('feature_not_supported', 'COPY delimiter must not appear in the NULL specification');
  if (csv && n.includes(q))
    throw new LakeError('feature_not_supported', 'CSV quote character must not appear in the NULL specification');
  const encoding = textOption(given, 'encoding')?.toUpperCase() ?? null;
  if (encoding !== null && !/^(UTF-?8|UNICODE|SQL_ASCII)$/.test(encoding)) {
    throw new LakeError('feature_not_supported', `COPY encoding "${encoding}" is not available`, {
      hint: 'Send and receive UTF8; convert on your side (iconv).',
    });
  }
  return {
    format,
    delimiter: d,
    nullText: n,
    header,
    headerMatch,
    quote: q,
    escape: e,
    forceQuote: forceQuote ?? [],
    forceNotNull: forceNotNull ?? [],
    forceNull: forceNull ?? [],
    encoding,
  };
}

function textOption(given: ReadonlyMap<string, Setting>, name: string): string | undefined {
  const value = given.get(name)?.value;
  if (value === undefined || typeof value === 'string') return value;
  throw new LakeError('syntax_error', `${name} requires a parameter`);
}

function booleanOption(given: ReadonlyMap<string, Setting>, name: string): boolean {
  const value = given.get(name)?.value;
  if (value === undefined) return false;
  if (value === true) return true;
  if (typeof value === 'string' && /^(true|on|1)$/i.test(value)) return true;
  if (typeof value === 'string' && /^(false|off|0)$/i.test(value)) return false;
  throw new LakeError('syntax_error', `${name} requires a Boolean value`);
}

function headerOption(given: ReadonlyMap<string, Setting>, direction: 'in' | 'out'): [header: boolean, match: boolean] {
  const value = given.get('header')?.value;
  if (typeof value === 'string' && value.toLowerCase() === 'match') {
    if (direction === 'out') throw new LakeError('feature_not_supported', 'cannot use "match" with HEADER in COPY TO');
    return [true, true];
  }
  try {
    return [booleanOption(given, 'header'), false];
  } catch {
    throw new LakeError('syntax_error', 'header requires a Boolean value or "match"');
  }
}

function columnsOption(given: ReadonlyMap<string, Setting>, name: string): ColumnChoice | undefined {
  const value = given.get(name)?.value;
  if (value === undefined) return undefined;
  if (value === 'all' || Array.isArray(value)) return value as ColumnChoice;
  throw new LakeError('invalid_argument', `argument to option "${name}" must be a list of column names`);
}

function forcedColumns(
  words: string,
  option: string,
  choice: ColumnChoice | undefined,
  csv: boolean,
  rightWay: boolean,
  way: string,
  columns: readonly string[] | null,
): void {
  if (choice === undefined) return;
  if (!csv) throw new LakeError('feature_not_supported', `COPY ${words} available only in CSV mode`);
  if (!rightWay) throw new LakeError('feature_not_supported', `COPY ${words} only available using ${way}`);
  if (choice === 'all' || columns === null) return;
  for (const name of choice) {
    if (!columns.includes(name)) throw new LakeError('undefined_column', `${option} column "${name}" not referenced by COPY`);
  }
}
