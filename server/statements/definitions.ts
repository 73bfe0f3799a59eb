/**
 * Definitions as PostgreSQL's tools write them and DuckLake does not take them, said in its words: `DROP TABLE … CASCADE`,
 * and ALTER TABLE on what is a view. Looks at tokens only; the engine decides everything else.
 */
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
