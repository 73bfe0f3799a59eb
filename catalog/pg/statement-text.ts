/**
 * A statement as tokens, with what each becomes: the ground that rewriting stands on. It knows where operands begin and
 * end, what a select list is and what a list of relations; it never looks into comments, and keeps every other character.
 */
import { nameOf, type Token, tokenize } from '../../base/sql-lexer.ts';

export class StatementText {
  /** What each token becomes. */
  readonly out: string[];
  readonly tokens: readonly Token[];
  /** Indexes into `tokens` of those that are neither space nor comment: all places `i` below count these. */
  readonly at: readonly number[];

  constructor(sql: string) {
    this.tokens = tokenize(sql);
    this.out = this.tokens.map((token) => token.text);
    const at: number[] = [];
    this.tokens.forEach((token, index) => {
      if (token.kind !== 'space' && token.kind !== 'comment') at.push(index);
    });
    this.at = at;
  }

  toString(): string {
    return this.out.join('');
  }

  /** Whether no parenthesis is open before token `i`. */
  isOutermost(i: number): boolean {
    let depth = 0;
    for (let k = 0; k < i; k++) depth += this.text(k) === '(' ? 1 : this.text(k) === ')' ? -1 : 0;
    return depth === 0;
  }

  /** Whether the comma at `i` separates relations, as told from select items and arguments. */
  isInFrom(i: number): boolean {
    let depth = 0;
    for (let k = i - 1; k >= 0; k--) {
      const text = this.text(k);
      if (text === ')' || text === ']') depth++;
      else if (text === '(' || text === '[') {
        // `FROM (a, b)` is a list of relations, a call's arguments are not.
        if (--depth < 0) return this.word(k - 1) === 'from';
      } else if (depth === 0) {
        const word = this.word(k);
        if (word === 'from' || word === 'join' || word === 'on' || word === 'using') return true;
        if (word !== undefined && notFrom.has(word)) return false;
      }
    }
    return false;
  }

  /** Whether tokens start..end-1 are a whole item of a select list, so that people read the value. */
  isSelectItem(start: number, end: number): boolean {
    const before = this.word(start - 1);
    if (
      before !== 'select' &&
      before !== 'distinct' &&
      !(this.text(start - 1) === ',' && !this.isInFrom(start - 1) && this.isInSelectList(start - 1))
    )
      return false;
    const after = this.token(end);
    return (
      after === undefined ||
      this.text(end) === ',' ||
      this.text(end) === ';' ||
      this.word(end) === 'from' ||
      this.word(end) === 'as'
    );
  }

  isInSelectList(i: number): boolean {
    let depth = 0;
    for (let k = i - 1; k >= 0; k--) {
      const text = this.text(k);
      if (text === ')' || text === ']') depth++;
      else if ((text === '(' || text === '[') && --depth < 0) return false;
      else if (depth === 0 && this.word(k) === 'select') return true;
      else if (depth === 0 && notFrom.has(this.word(k) ?? '')) return false;
    }
    return false;
  }

  /** Whether an operand can end with significant token `i`. */
  isOperandEnd(i: number): boolean {
    const token = this.token(i);
    if (!token) return false;
    return token.kind !== 'operator' ? !notAlias.has(token.text.toLowerCase()) : token.text === ')' || token.text === ']';
  }

  /** First significant token of the primary expression that ends at `i`: literal, name chain, call, parenthesis, subscript. */
  operandStart(i: number): number {
    let k = i;
    for (;;) {
      if (this.text(k) === ')' || this.text(k) === ']') {
        k = this.opening(k);
        const before = this.token(k - 1);
        const called =
          before?.kind === 'name' || before?.kind === 'quoted-name' || this.text(k - 1) === ')' || this.text(k - 1) === ']';
        if (!called || notAlias.has(before?.text.toLowerCase() ?? '')) return k;
        k--;
        continue;
      }
      if (this.text(k - 1) === '.') {
        k -= 2;
        continue;
      }
      // A chain of casts: x::a::b.
      if (this.text(k - 1) === ':' && this.text(k - 2) === ':') {
        k -= 3;
        continue;
      }
      return k;
    }
  }

  /** One past the last significant token of the primary expression that begins at `i`, with its casts. */
  operandEnd(i: number): number {
    let k = i + 1;
    if (this.text(i) === '(') k = this.closing(i) + 1;
    for (;;) {
      if (this.text(k) === '.') k += 2;
      else if (this.text(k) === ':' && this.text(k + 1) === ':') k += 3;
      else if ((this.text(k) === '(' && this.token(k - 1)?.kind === 'name') || this.text(k) === '[') k = this.closing(k) + 1;
      else return Math.min(k, this.at.length);
    }
  }

  closing(i: number): number {
    let depth = 0;
    for (let k = i; k < this.at.length; k++) {
      const text = this.text(k);
      if (text === '(' || text === '[') depth++;
      else if ((text === ')' || text === ']') && --depth === 0) return k;
    }
    return this.at.length - 1;
  }

  opening(i: number): number {
    let depth = 0;
    for (let k = i; k >= 0; k--) {
      const text = this.text(k);
      if (text === ')' || text === ']') depth++;
      else if ((text === '(' || text === '[') && --depth === 0) return k;
    }
    return 0;
  }

  typeName(i: number): string | undefined {
    const token = this.token(i);
    if (token?.kind === 'quoted-name') return nameOf(token) === 'char' ? '"char"' : nameOf(token);
    return token?.kind === 'name' ? token.text.toLowerCase() : undefined;
  }

  token(i: number): Token | undefined {
    return this.tokens[this.at[i] ?? -1];
  }

  /** The text of an operator token; undefined for names and literals, so that nothing is taken for punctuation. */
  text(i: number): string | undefined {
    const token = this.token(i);
    return token?.kind === 'operator' ? token.text : undefined;
  }

  word(i: number): string | undefined {
    const token = this.token(i);
    return token?.kind === 'name' ? token.text.toLowerCase() : undefined;
  }

  adjacent(i: number, k: number): boolean {
    return this.token(i)?.end === this.token(k)?.start;
  }

  set(i: number, text: string): void {
    this.out[this.at[i] as number] = text;
  }

  clear(from: number, to: number): void {
    for (let i = Math.max(0, from); i < to; i++) if (this.at[i] !== undefined) this.set(i, '');
  }

  prefix(i: number, text: string): void {
    const index = this.at[i];
    if (index !== undefined) this.out[index] = text + this.out[index];
  }

  suffix(i: number, text: string): void {
    const index = this.at[i];
    if (index !== undefined) this.out[index] += text;
  }
}

const notFrom: ReadonlySet<string> = new Set([
  'select',
  'where',
  'group',
  'order',
  'having',
  'by',
  'set',
  'values',
  'returning',
  'limit',
]);

/** Words that follow an expression or relation and are never its alias, nor an operand. */
export const notAlias: ReadonlySet<string> = new Set([
  'where',
  'on',
  'join',
  'left',
  'right',
  'inner',
  'full',
  'cross',
  'group',
  'order',
  'having',
  'limit',
  'offset',
  'union',
  'except',
  'intersect',
  'using',
  'with',
  'as',
  'in',
  'any',
  'all',
  'some',
  'and',
  'or',
  'not',
  'select',
  'from',
  'case',
  'when',
  'then',
  'else',
  'end',
  'is',
  'like',
  'ilike',
  'between',
  'natural',
  'for',
  'exists',
]);
