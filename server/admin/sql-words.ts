/** Reads the tokens of an administrative statement one after the other. Every miss is PostgreSQL's `syntax error at or near`. */
import { LakeError } from '../../base/errors.ts';
import { nameOf, significantTokens, type Token } from '../../base/sql-lexer.ts';

export class SqlWords {
  readonly #sql: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(sql: string) {
    this.#sql = sql;
    const tokens = significantTokens(sql);
    this.#tokens = tokens.at(-1)?.text === ';' ? tokens.slice(0, -1) : tokens;
  }

  /** Takes these unquoted words if they come next. */
  take(...words: readonly string[]): boolean {
    const isNext = words.every((word, index) => {
      const token = this.#tokens[this.#at + index];
      return token?.kind === 'name' && token.text.toLowerCase() === word;
    });
    if (isNext) this.#at += words.length;
    return isNext;
  }

  /** Takes the first of these words that comes next. */
  takeAny<W extends string>(words: readonly W[]): W | undefined {
    return words.find((word) => this.take(word));
  }

  expect(...words: readonly string[]): void {
    if (!this.take(...words)) throw this.wrong();
  }

  /** An identifier, or with `orString` a quoted text (e-mail addresses are written either way). */
  name(orString = false): string {
    const token = this.#tokens[this.#at];
    if (token?.kind === 'name' || token?.kind === 'quoted-name') {
      this.#at++;
      return nameOf(token);
    }
    if (orString && token?.kind === 'string') return this.string();
    throw this.wrong();
  }

  /** A `'…'` literal. */
  string(): string {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'string' || !/^'[\s\S]*'$/.test(token.text) || token.text.length < 2) throw this.wrong();
    this.#at++;
    return token.text.slice(1, -1).replaceAll("''", "'");
  }

  /** One or more of something between commas. */
  list<T>(read: () => T): T[] {
    const found = [read()];
    while (this.symbol(',')) found.push(read());
    return found;
  }

  /** Takes an operator character if it comes next. */
  symbol(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'operator' || token.text !== text) return false;
    this.#at++;
    return true;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** Throws when something is left. */
  end(): void {
    if (!this.isAtEnd) throw this.wrong();
  }

  /** The error for what comes next. */
  wrong(): LakeError {
    const token = this.#tokens[this.#at];
    if (!token) return new LakeError('syntax_error', 'syntax error at end of input', { position: this.#sql.length + 1 });
    return new LakeError('syntax_error', `syntax error at or near "${token.text.slice(0, 100)}"`, { position: token.start + 1 });
  }
}
