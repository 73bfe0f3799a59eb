/**
 * Savepoints of one transaction block, as far as they can be had: DuckDB has none. A savepoint remembers how much was
 * written before it; the block can go back to it as long as that has not grown, because then there is nothing to undo
 * but settings and cursors. Pure. Source: PostgreSQL 15 documentation, "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT".
 */
import { LakeError } from '../../base/errors.ts';
import { nameOf, type Token } from '../../base/sql-lexer.ts';
import { wordAt } from './classify.ts';
import type { VarsMark } from './session-vars.ts';

/** Savepoints of one block; a driver that never releases them must not fill memory. */
export const savepointsMax = 1000;

export interface Savepoint {
  readonly name: string;
  /** Statements of the block that had written when it was set. */
  readonly writes: number;
  readonly vars: VarsMark;
  /** Cursors that were open; later ones end with a rollback to it. */
  readonly cursors: ReadonlySet<string>;
}

export interface SavepointStatement {
  readonly kind: 'set' | 'release' | 'rollback';
  readonly name: string;
}

/** `SAVEPOINT s`, `RELEASE [SAVEPOINT] s`, `ROLLBACK [WORK|TRANSACTION] TO [SAVEPOINT] s`; null for other statements. Throws syntax_error. */
export function parseSavepoint(tokens: readonly Token[]): SavepointStatement | null {
  const word = wordAt(tokens, 0);
  let at = 1;
  if (word === 'rollback' || word === 'abort') {
    if (['work', 'transaction'].includes(wordAt(tokens, at))) at++;
    if (wordAt(tokens, at) !== 'to') return null;
    at++;
  } else if (word !== 'savepoint' && word !== 'release') return null;
  if (word !== 'savepoint' && wordAt(tokens, at) === 'savepoint' && tokens.length > at + 1) at++;
  const name = tokens[at];
  if (name === undefined) throw new LakeError('syntax_error', 'syntax error at end of input');
  if ((name.kind !== 'name' && name.kind !== 'quoted-name') || tokens.length > at + 1) {
    const wrong = tokens.length > at + 1 ? (tokens[at + 1] as Token) : name;
    throw new LakeError('syntax_error', `syntax error at or near "${wrong.text}"`, { position: wrong.start + 1 });
  }
  return { kind: word === 'savepoint' ? 'set' : word === 'release' ? 'release' : 'rollback', name: nameOf(name) };
}

export class Savepoints {
  #list: Savepoint[] = [];

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** Sets one; an older one of the same name comes back when this one is released. Throws limit_exceeded. */
  set(savepoint: Savepoint): void {
    if (this.#list.length >= savepointsMax)
      throw new LakeError('limit_exceeded', `a transaction may have ${savepointsMax} savepoints`, {
        hint: 'RELEASE those that are done with.',
      });
    this.#list.push(savepoint);
  }

  /** The newest of this name. Throws undefined_savepoint. */
  find(name: string): Savepoint {
    return this.#list[this.#indexOf(name)] as Savepoint;
  }

  /** Forgets it and all that were set after it. Throws undefined_savepoint. */
  release(name: string): void {
    this.#list.length = this.#indexOf(name);
  }

  /** Forgets all that were set after it. Throws undefined_savepoint. */
  keepUpTo(name: string): void {
    this.#list.length = this.#indexOf(name) + 1;
  }

  clear(): void {
    this.#list = [];
  }

  #indexOf(name: string): number {
    const index = this.#list.findLastIndex((one) => one.name === name);
    if (index < 0) throw new LakeError('undefined_savepoint', `savepoint "${name}" does not exist`);
    return index;
  }
}
