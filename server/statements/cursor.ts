/**
 * SQL cursors (DECLARE, FETCH, MOVE, CLOSE), forward only: a running query from which each FETCH takes the next rows.
 * Source: PostgreSQL 15 documentation, "DECLARE", "FETCH".
 */
import type { DuckDBDataChunk } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { nameOf, type Token } from '../../base/sql-lexer.ts';
import type { Column, RowStream } from '../../base/statement-session.ts';
import { wordAt } from './classify.ts';

/** Cursors a session may have open; each may hold rows in memory. */
export const cursorsMax = 64;

export interface DeclareStatement {
  readonly name: string;
  readonly hold: boolean;
  /** Offset of the query in the text. */
  readonly queryAt: number;
}

/** Parses DECLARE … FOR; throws syntax_error, feature_not_supported for SCROLL. */
export function parseDeclare(tokens: readonly Token[]): DeclareStatement {
  const name = tokens[1];
  if (name === undefined || (name.kind !== 'name' && name.kind !== 'quoted-name'))
    throw new LakeError('syntax_error', 'DECLARE needs the name of the cursor');
  let hold = false;
  for (let at = 2; at < tokens.length; at++) {
    const word = wordAt(tokens, at);
    if (word === 'for') {
      const query = tokens[at + 1];
      if (query === undefined) break;
      return { name: nameOf(name), hold, queryAt: query.start };
    }
    if (word === 'scroll' && wordAt(tokens, at - 1) !== 'no')
      throw new LakeError('feature_not_supported', 'cursors move forward only', { hint: 'Declare it NO SCROLL.' });
    if (word === 'hold') hold = wordAt(tokens, at - 1) === 'with';
    else if (!['binary', 'insensitive', 'asensitive', 'no', 'scroll', 'cursor', 'with', 'without'].includes(word)) {
      throw new LakeError('syntax_error', `syntax error at or near "${tokens[at]?.text}"`, {
        position: (tokens[at]?.start ?? 0) + 1,
      });
    }
  }
  throw new LakeError('syntax_error', 'syntax error at end of input');
}

/** FETCH or MOVE: the cursor and how many rows. */
export function parseFetch(tokens: readonly Token[]): { readonly name: string; readonly count: number } {
  let at = 1;
  let count = 1;
  const word = wordAt(tokens, at);
  if (['backward', 'prior', 'first', 'last', 'absolute', 'relative'].includes(word) || tokens[at]?.text === '-') {
    throw new LakeError('feature_not_supported', 'cursors move forward only', { hint: 'FETCH [FORWARD] count FROM cursor' });
  }
  if (word === 'next' || word === 'forward') at++;
  if (tokens[at]?.kind === 'number') {
    count = Number(tokens[at]?.text);
    at++;
  } else if (wordAt(tokens, at) === 'all') {
    count = Number.POSITIVE_INFINITY;
    at++;
  }
  if (['from', 'in'].includes(wordAt(tokens, at))) at++;
  const name = tokens[at];
  if (name === undefined || (name.kind !== 'name' && name.kind !== 'quoted-name') || at !== tokens.length - 1) {
    throw new LakeError('syntax_error', 'FETCH and MOVE need a count and the name of a cursor', {
      hint: 'FETCH 100 FROM cursor',
    });
  }
  if (Number.isNaN(count)) throw new LakeError('syntax_error', 'the count of FETCH must be a number');
  return { name: nameOf(name), count };
}

export class Cursor {
  readonly columns: readonly Column[];
  readonly hold: boolean;
  readonly #rows: RowStream;
  #chunk: DuckDBDataChunk | null = null;
  #at = 0;
  #ended = false;

  constructor(rows: RowStream, hold: boolean) {
    this.#rows = rows;
    this.columns = rows.columns;
    this.hold = hold;
  }

  /** The next `count` rows as a stream of their own. It must be read to its end before the next call. */
  take(count: number): RowStream {
    let left = count;
    let first = true;
    // A chunk that is used up is not sent again: the next one begins at its first row.
    const skip = this.#chunk === null || this.#at >= this.#chunk.rowCount ? 0 : this.#at;
    return {
      columns: this.columns,
      window: { skip, count },
      next: async () => {
        if (left <= 0 || this.#ended) return null;
        if (!first || this.#chunk === null || this.#at >= this.#chunk.rowCount) await this.#load();
        first = false;
        const chunk = this.#chunk;
        if (chunk === null) return null;
        const taken = Math.min(left, chunk.rowCount - this.#at);
        this.#at += taken;
        left -= taken;
        return chunk;
      },
      close: async () => undefined,
    };
  }

  /** Moves over `count` rows; resolves to how many there were. */
  async skip(count: number): Promise<number> {
    let moved = 0;
    while (moved < count && !this.#ended) {
      if (this.#chunk === null || this.#at >= this.#chunk.rowCount) await this.#load();
      const chunk = this.#chunk;
      if (chunk === null) break;
      const step = Math.min(count - moved, chunk.rowCount - this.#at);
      this.#at += step;
      moved += step;
    }
    return moved;
  }

  async close(): Promise<void> {
    this.#ended = true;
    this.#chunk = null;
    await this.#rows.close();
  }

  async #load(): Promise<void> {
    this.#chunk = await this.#rows.next();
    this.#at = 0;
    if (this.#chunk === null) this.#ended = true;
  }
}
