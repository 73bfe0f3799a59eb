/**
 * Definitions as PostgreSQL's tools write them and the engine does not take them, said in its words: `DROP TABLE … CASCADE`,
 * ALTER TABLE on what is a view, SERIAL in a temporary table. Looks at tokens only; the engine decides everything else.
 */
import { nameOf, quoteName, quoteString } from '../../base/sql-lexer.ts';
import { wordAt, type Shape } from './classify.ts';

export interface Definition {
  readonly sql: string;
  /** What the client should be told. */
  readonly notice: string;
}

/** `DROP TABLE t CASCADE` and `DROP VIEW v CASCADE` without the word; null for every other statement. */
export function withoutCascade(sql: string, { word, tag, tokens }: Shape): Definition | null {
  if (word !== 'drop' || (tag !== 'DROP TABLE' && tag !== 'DROP VIEW')) return null;
  const last = tokens.at(-1);
  if (last === undefined || wordAt(tokens, tokens.length - 1) !== 'cascade') return null;
  return {
    sql: sql.slice(0, last.start),
    notice: 'CASCADE drops nothing else here: views over it stay, and fail until it is there again',
  };
}

/** `ALTER TABLE v …` as ALTER VIEW, when the engine's refusal says that v is no table; null for everything else. */
export function asAlterView(sql: string, { tag, tokens }: Shape, refusal: unknown): string | null {
  if (tag !== 'ALTER TABLE' || !(refusal instanceof Error)) return null;
  if (!/Cannot use ALTER TABLE on entry .* it is not a table/.test(refusal.message)) return null;
  const table = tokens[1];
  return table === undefined ? null : `${sql.slice(0, table.start)}VIEW${sql.slice(table.start + table.text.length)}`;
}

const serials: Readonly<Record<string, string>> = {
  serial: 'INTEGER',
  serial4: 'INTEGER',
  bigserial: 'BIGINT',
  serial8: 'BIGINT',
  smallserial: 'SMALLINT',
  serial2: 'SMALLINT',
};

/**
 * `CREATE TEMP TABLE t (id SERIAL)` with a temporary sequence behind each such column, as PostgreSQL does it; null for what
 * has none. `before` makes the sequences. A lake has no sequences: there SERIAL stays, and is refused.
 */
export function withSequences(
  sql: string,
  { tag, temporary, tokens }: Shape,
): { readonly sql: string; readonly before: readonly string[] } | null {
  if (!temporary || tag !== 'CREATE TABLE') return null;
  const open = tokens.findIndex(({ text }) => text === '(');
  const table = tokens[open - 1];
  if (table === undefined) return null;
  const before: string[] = [];
  let text = '';
  let from = 0;
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const token = tokens[at];
    if (token?.text === '(') depth++;
    else if (token?.text === ')') depth--;
    const column = tokens[at + 1];
    const type = tokens[at + 2];
    const integer = serials[wordAt(tokens, at + 2)];
    if (depth !== 1 || (token?.text !== '(' && token?.text !== ',') || !column || !type || integer === undefined) continue;
    const sequence = `${nameOf(table)}_${nameOf(column)}_seq`;
    before.push(`CREATE OR REPLACE TEMP SEQUENCE ${quoteName(sequence)}`);
    text += `${sql.slice(from, type.start)}${integer} NOT NULL DEFAULT nextval(${quoteString(quoteName(sequence))})`;
    from = type.end;
  }
  return before.length === 0 ? null : { sql: text + sql.slice(from), before };
}
