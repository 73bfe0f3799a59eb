/**
 * Tokens of SQL text as PostgreSQL and DuckDB agree on them. It finds where strings, comments and names begin and
 * end, so that text can be split at `;` and names be looked at without mistaking a string for code. It does not
 * parse: grammar is DuckDB's. Source: PostgreSQL 17 documentation, section 4.1 "Lexical Structure".
 */

export type TokenKind = 'name' | 'quoted-name' | 'string' | 'number' | 'parameter' | 'operator' | 'comment' | 'space';

export interface Token {
  readonly kind: TokenKind;
  /** Offset of the first UTF-16 unit, and one past the last. */
  readonly start: number;
  readonly end: number;
  /** The text as written. */
  readonly text: string;
}

/**
 * Characters outside ASCII that DuckDB turns into a space before it reads the text. All others outside ASCII are letters
 * to it, emoji and control characters included; the statement gate depends on seeing the same names as DuckDB does.
 */
const unicodeSpace = /[\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/;
const isSpace = (c: string): boolean =>
  c === ' ' || c === '\n' || c === '\t' || c === '\r' || c === '\f' || c === '\v' || (c > '\x7f' && unicodeSpace.test(c));
const isNameStart = (c: string): boolean =>
  (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c === '_' || (c > '\x7f' && !unicodeSpace.test(c));
const isNameRest = (c: string): boolean => isNameStart(c) || (c >= '0' && c <= '9') || c === '$';
const isDigit = (c: string | undefined): boolean => c !== undefined && c >= '0' && c <= '9';

/** Splits `sql` into tokens that together cover it exactly. An unterminated string or comment runs to the end. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const [kind, end] = nextToken(sql, at);
    tokens.push({ kind, start: at, end, text: sql.slice(at, end) });
    at = end;
  }
  return tokens;
}

function nextToken(sql: string, at: number): [TokenKind, number] {
  const c = sql[at] as string;
  const next = sql[at + 1];
  if (isSpace(c)) {
    let end = at + 1;
    while (end < sql.length && isSpace(sql[end] as string)) end++;
    return ['space', end];
  }
  if (c === '-' && next === '-') {
    // A carriage return ends it as well: what follows is code to the parser, so it must be code here.
    let end = at + 2;
    while (end < sql.length && sql[end] !== '\n' && sql[end] !== '\r') end++;
    return ['comment', end];
  }
  if (c === '/' && next === '*') return ['comment', blockCommentEnd(sql, at)];
  if (c === "'") return ['string', quotedEnd(sql, at + 1, "'", false)];
  if ((c === 'e' || c === 'E') && next === "'") return ['string', quotedEnd(sql, at + 2, "'", true)];
  if ((c === 'b' || c === 'B' || c === 'x' || c === 'X') && next === "'") return ['string', quotedEnd(sql, at + 2, "'", false)];
  if (c === '"') return ['quoted-name', quotedEnd(sql, at + 1, '"', false)];
  if (c === '$') {
    if (isDigit(next)) {
      let end = at + 2;
      while (isDigit(sql[end])) end++;
      return ['parameter', end];
    }
    let tagEnd = at + 1;
    while (tagEnd < sql.length && sql[tagEnd] !== '$' && isNameRest(sql[tagEnd] as string)) tagEnd++;
    if (sql[tagEnd] !== '$') return ['operator', at + 1];
    const tag = sql.slice(at, tagEnd + 1);
    const close = sql.indexOf(tag, tagEnd + 1);
    return ['string', close < 0 ? sql.length : close + tag.length];
  }
  if (isDigit(c) || (c === '.' && isDigit(next))) {
    const number = /^(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*)?\.?\d*[\d_]*(?:[eE][+-]?\d+)?)/.exec(
      sql.slice(at, at + 400),
    );
    return ['number', at + Math.max(1, number?.[0].length ?? 1)];
  }
  if (isNameStart(c)) {
    let end = at + 1;
    while (end < sql.length && isNameRest(sql[end] as string)) end++;
    return ['name', end];
  }
  return ['operator', at + 1];
}

function quotedEnd(sql: string, from: number, quote: string, backslash: boolean): number {
  let at = from;
  while (at < sql.length) {
    const c = sql[at];
    if (backslash && c === '\\') at += 2;
    else if (c !== quote) at++;
    else if (sql[at + 1] === quote) at += 2;
    else return at + 1;
  }
  return sql.length;
}

function blockCommentEnd(sql: string, from: number): number {
  let depth = 1;
  let at = from + 2;
  while (at < sql.length && depth > 0) {
    if (sql[at] === '/' && sql[at + 1] === '*') {
      depth++;
      at += 2;
    } else if (sql[at] === '*' && sql[at + 1] === '/') {
      depth--;
      at += 2;
    } else at++;
  }
  return at;
}

/** Splits a simple-query text at top-level semicolons. Empty statements (only space and comments) are left out. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let meaning = false;
  // Most messages hold one statement without a semicolon in it; then there is nothing to look for.
  if (!sql.includes(';')) return /\S/.test(sql) && significantTokens(sql).length > 0 ? [sql] : [];
  for (const token of tokenize(sql)) {
    if (token.kind === 'operator' && token.text === ';') {
      if (meaning) statements.push(sql.slice(start, token.start));
      start = token.end;
      meaning = false;
    } else if (token.kind !== 'space' && token.kind !== 'comment') meaning = true;
  }
  if (meaning) statements.push(sql.slice(start));
  return statements;
}

/** Tokens without space and comments. */
export function significantTokens(sql: string): Token[] {
  return tokenize(sql).filter((token) => token.kind !== 'space' && token.kind !== 'comment');
}

/** The value of a name token: unquoted names fold to lower case, quoted ones are taken as written. */
export function nameOf(token: Token): string {
  if (token.kind === 'quoted-name') return token.text.slice(1, -1).replaceAll('""', '"');
  return token.text.toLowerCase();
}

/** Quotes an identifier for SQL text. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a string literal for SQL text. */
export function quoteString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The value of a string token: `'…'`, `E'…'` with its escapes (\b \f \n \r \t \ooo \xhh \uXXXX \UXXXXXXXX) or `$tag$…$tag$`. */
export function stringOf(token: Token): string {
  const { text } = token;
  const first = text[0];
  if (first === '$') {
    const tag = text.slice(0, text.indexOf('$', 1) + 1);
    return text.slice(tag.length, text.length - tag.length);
  }
  if (first === "'") return text.slice(1, -1).replaceAll("''", "'");
  if (first !== 'e' && first !== 'E') return text.slice(2, -1);
  return text
    .slice(2, -1)
    .replace(
      /''|\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g,
      (all, octal, hex, u4, u8, other) => {
        if (all === "''") return "'";
        if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
        const code = hex ?? u4 ?? u8;
        if (code !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff));
        return ({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' } as Record<string, string>)[other as string] ?? (other as string);
      },
    );
}

/** The text with every space outside strings, names and comments written as an ASCII one; the length stays. */
export function withPlainSpaces(sql: string): string {
  return tokenize(sql)
    .map((token) => (token.kind === 'space' ? token.text.replace(/[^\x20\n]/g, ' ') : token.text))
    .join('');
}
