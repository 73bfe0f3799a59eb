/**
 * Answers to binary COPY texts, kept as the bytes that were sent, per lake: a stock client asks the same few dozen
 * texts before and inside of every statement, and most of what they read has not changed since. An answer is given
 * again only if none of its tables was changed after it was made, nor after the asking transaction began; so the bytes
 * are those that DuckDB would lead to. What is not kept here costs a look into a map.
 */
import { carry, countOf, leavesAlone, type Plain, plainShape } from './carried.ts';
import type { CatalogView, ViewTable } from './catalog-view.ts';
import type { Effect } from './deferral.ts';
import { decodeCopy, encodeCopy, type KeptCopy } from './kept-copy.ts';
import { limits } from './limits.ts';

/** The number of commits that a lake had seen at some moment. */
export type Moment = number;

export interface Answer {
  /** The tables it was read from, as the view of then had them. */
  readonly tables: readonly ViewTable[];
  /** The moment whose state it shows. */
  readonly moment: Moment;
  /** CopyOutResponse to CopyDone, as sent. */
  readonly encoded: Buffer;
  readonly rows: number;
}

export class Answers {
  /** By the client's text, least recently used first. */
  readonly #kept = new Map<string, Answer>();
  /** When a table was last changed, by schema and name; and when anything but rows was. */
  readonly #changedAt = new Map<string, Moment>();
  #definedAt: Moment = 0;
  /** Texts whose answers can be carried over a commit, by the table they are read from. */
  readonly #plain = new Map<string, Map<string, Plain>>();
  #bytes = 0;

  /** The answer that a transaction which sees `moment` through `view` would get from DuckDB, if it is known. */
  recall(sql: string, view: CatalogView, moment: Moment): Answer | undefined {
    const answer = this.#kept.get(sql);
    if (!answer) return undefined;
    const changedAt = this.#lastChange(answer.tables);
    if (changedAt > answer.moment) {
      this.#drop(sql, answer);
      return undefined;
    }
    if (changedAt > moment) return undefined;
    // A view of another moment may know another table by the same name.
    if (!answer.tables.every((table) => view.find(table.schema, table.name) === table)) return undefined;
    this.#kept.delete(sql);
    this.#kept.set(sql, answer);
    return answer;
  }

  /** Keeps an answer, unless it is large or its tables have been changed meanwhile. */
  keep(sql: string, answer: Answer): void {
    const bytes = sizeOf(sql, answer);
    if (bytes > limits.answerBytesMax || this.#lastChange(answer.tables) > answer.moment) return;
    const known = this.#kept.get(sql);
    if (known) this.#drop(sql, known);
    this.#kept.set(sql, answer);
    this.#bytes += bytes;
    const plain = answer.tables.length === 1 ? plainShape(sql) : undefined;
    if (plain) this.#plainOf(answer.tables[0] as ViewTable).set(sql, plain);
    for (const [text, oldest] of this.#kept) {
      if (this.#bytes <= limits.answersBytesMax) break;
      this.#drop(text, oldest);
    }
  }

  /** A commit that changed rows of `tables` (and, if `defines`, tables themselves) is seen from `moment` on. */
  changed(moment: Moment, tables: Iterable<ViewTable>, defines: boolean): void {
    for (const table of tables) this.#changedAt.set(keyOf(table), moment);
    if (!defines) return;
    this.#definedAt = moment;
    this.#changedAt.clear();
    this.#kept.clear();
    this.#plain.clear();
    this.#bytes = 0;
  }

  /** When the last commit that changed the table was made. */
  changedAt(table: ViewTable): Moment {
    return this.#lastChange([table]);
  }

  /** How many rows an update will find at `moment`, if an answer shows it. */
  countOf(effect: Effect & { readonly t: 'update' }, moment: Moment): number | undefined {
    if (this.changedAt(effect.table) > moment) return undefined;
    for (const [sql, plain] of this.#plainOf(effect.table)) {
      if (leavesAlone(plain, effect)) continue;
      const answer = this.#valid(sql);
      const copy = answer && decodeCopy(answer.encoded);
      const count = copy && countOf(plain, copy.rows, effect);
      if (count !== undefined) return count;
    }
    return undefined;
  }

  /** A commit with exactly these effects is seen from `moment` on. */
  carry(moment: Moment, effects: readonly Effect[]): void {
    const byTable = Map.groupBy(effects, (effect) => keyOf(effect.table));
    const carried: [string, Answer][] = [];
    for (const own of byTable.values()) {
      const { table } = own[0] as Effect;
      for (const [sql, plain] of this.#plainOf(table)) {
        const answer = this.#valid(sql);
        if (!answer || answer.tables[0] !== table) continue;
        const next = own.every((effect) => leavesAlone(plain, effect)) ? answer : carriedAnswer(answer, plain, own);
        if (next) carried.push([sql, { ...next, moment }]);
      }
    }
    this.changed(
      moment,
      effects.map((effect) => effect.table),
      false,
    );
    for (const [sql, answer] of carried) this.keep(sql, answer);
  }

  /** The answer to a text, if it shows what is now. */
  #valid(sql: string): Answer | undefined {
    const answer = this.#kept.get(sql);
    return answer && this.#lastChange(answer.tables) <= answer.moment ? answer : undefined;
  }

  #plainOf(table: ViewTable): Map<string, Plain> {
    const key = keyOf(table);
    const known = this.#plain.get(key) ?? new Map<string, Plain>();
    this.#plain.set(key, known);
    return known;
  }

  #lastChange(tables: readonly ViewTable[]): Moment {
    let last = this.#definedAt;
    for (const table of tables) last = Math.max(last, this.#changedAt.get(keyOf(table)) ?? 0);
    return last;
  }

  #drop(sql: string, answer: Answer): void {
    this.#kept.delete(sql);
    for (const table of answer.tables) this.#plain.get(keyOf(table))?.delete(sql);
    this.#bytes -= sizeOf(sql, answer);
  }
}

function carriedAnswer(answer: Answer, plain: Plain, effects: readonly Effect[]): Answer | undefined {
  const copy = decodeCopy(answer.encoded);
  let rows: KeptCopy['rows'] | undefined = copy?.rows;
  for (const effect of effects) rows &&= carry(plain, rows, effect);
  return copy && rows && { ...answer, encoded: encodeCopy({ head: copy.head, rows }), rows: rows.length };
}

/** A table as these maps know it. */
export function keyOf(table: ViewTable): string {
  return `${table.schema}\u0000${table.name}`.toLowerCase();
}

function sizeOf(sql: string, answer: Answer): number {
  return answer.encoded.length + sql.length + 256;
}
