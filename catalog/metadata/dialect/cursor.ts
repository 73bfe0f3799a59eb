/**
 * A place in the tokens of one statement, with what recursive descent needs: look, take, expect, and refusals that
 * carry the position. Text is only ever looked at as tokens, so a string or a comment can never be mistaken for code.
 */
import { LakeError } from '../../../base/errors.ts';
import { nameOf, significantTokens } from '../../../base/sql-lexer.ts';
import type { Token } from '../../../base/sql-lexer.ts';
import { limits } from '../limits.ts';

/** Operators longer than one character, longest first; the lexer gives single characters. */
const longOperators = [
  '->>',
  '!~~*',
  '!~~',
  '~~*',
  '!~*',
  '::',
  '<=',
  '>=',
  '<>',
  '!=',
  '||',
  '->',
  '=>',
  ':=',
  '!~',
  '~~',
  '~*',
] as const;

export class Cursor {
  readonly sql: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(sql: string) {
    if (sql.length > limits.statementCharactersMax) {
      throw new LakeError('too_large', `a statement may have at most ${limits.statementCharactersMax} characters`, {
        hint: 'Send the rows in several statements, or with COPY … FROM STDIN.',
      });
    }
    this.sql = sql;
    this.#tokens = significantTokens(sql);
  }

  /** The token `ahead` places further on, or undefined past the end. */
  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  get ended(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** The next token if it is an unquoted word, in lower case; otherwise ''. */
  word(ahead = 0): string {
    const token = this.#tokens[this.#at + ahead];
    return token?.kind === 'name' ? token.text.toLowerCase() : '';
  }

  /** Takes the words if they come next, all of them or none. */
  takeWords(...words: readonly string[]): boolean {
    for (let i = 0; i < words.length; i++) if (this.word(i) !== words[i]) return false;
    this.#at += words.length;
    return true;
  }

  /** Takes one of the words and returns it, or ''. */
  takeOneOf(words: ReadonlySet<string>): string {
    const word = this.word();
    if (word === '' || !words.has(word)) return '';
    this.#at++;
    return word;
  }

  expectWords(...words: readonly string[]): void {
    for (const word of words) if (!this.takeWords(word)) throw this.unexpected();
  }

  /** True if the next token is this single-character symbol. */
  isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    return token?.kind === 'operator' && token.text === symbol;
  }

  takeSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false;
    this.#at++;
    return true;
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected();
  }

  /** The operator that starts here (its characters must touch), without taking it; '' if none. */
  operator(): string {
    const first = this.#tokens[this.#at];
    if (first?.kind !== 'operator') return '';
    const text = this.sql.slice(first.start, first.start + 4);
    for (const operator of longOperators) {
      if (!text.startsWith(operator)) continue;
      let whole = true;
      for (let i = 1; i < operator.length; i++) if (this.#tokens[this.#at + i]?.kind !== 'operator') whole = false;
      if (whole) return operator;
    }
    return first.text;
  }

  takeOperator(operator: string): boolean {
    if (this.operator() !== operator) return false;
    this.#at += operator.length;
    return true;
  }

  /** Takes whatever token comes next. */
  next(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw this.unexpected();
    this.#at++;
    return token;
  }

  isName(ahead = 0): boolean {
    const kind = this.#tokens[this.#at + ahead]?.kind;
    return kind === 'name' || kind === 'quoted-name';
  }

  /** Takes an identifier: unquoted ones fold to lower case. */
  takeName(): string {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'name' && token?.kind !== 'quoted-name') throw this.unexpected();
    this.#at++;
    const name = nameOf(token);
    if (name === '') throw new LakeError('syntax_error', 'zero-length delimited identifier', { position: token.start + 1 });
    return name;
  }

  /** Runs `work` one nesting level deeper; too deep is refused before the stack is. */
  nested<T>(work: () => T): T {
    if (++this.#depth > limits.nestingDepthMax) {
      throw new LakeError('too_large', `expressions and subqueries may be nested at most ${limits.nestingDepthMax} deep`);
    }
    try {
      return work();
    } finally {
      this.#depth--;
    }
  }

  /** Leaves out the rest of a statement that has nothing left to do (`IF NOT EXISTS` of what exists). */
  skipRest(): void {
    this.#at = this.#tokens.length;
  }

  /** Only semicolons may follow. */
  expectEnd(): void {
    while (this.takeSymbol(';'));
    if (!this.ended) throw this.unexpected();
  }

  /** `syntax error at or near …`, as PostgreSQL words it. */
  unexpected(): LakeError {
    const token = this.#tokens[this.#at];
    if (!token) return new LakeError('syntax_error', 'syntax error at end of input', { position: this.sql.length + 1 });
    const shown = token.text.length > 40 ? `${token.text.slice(0, 40)}…` : token.text;
    return new LakeError('syntax_error', `syntax error at or near "${shown}"`, { position: token.start + 1 });
  }

  /** A refusal of something that is well-formed SQL but not served here. */
  refused(what: string, hint = notServedHint): LakeError {
    const token = this.#tokens[Math.max(0, this.#at - 1)];
    return new LakeError('feature_not_supported', `${what} is not available in a lake's metadata database`, {
      hint,
      ...(token ? { position: token.start + 1 } : {}),
    });
  }
}

export const notServedHint =
  'This database holds DuckLake metadata only. For SQL on the lake connect to the database named like the lake, without __catalog.';
