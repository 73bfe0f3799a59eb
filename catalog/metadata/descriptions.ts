/**
 * What texts without parameters return, remembered with the view they were described in: a stock client has its
 * question for the latest snapshot described before every transaction.
 */
import type { Column } from '../../base/statement-session.ts';
import type { CatalogView } from './catalog-view.ts';

/** Texts remembered per view; one lake has a handful of them. */
const textsMax = 64;
const described = new WeakMap<CatalogView, Map<string, readonly Column[] | null>>();

/** Columns of a text (null: it returns no rows), or undefined if it is not known in this view. */
export function describedColumns(view: CatalogView, sql: string): readonly Column[] | null | undefined {
  return described.get(view)?.get(sql);
}

/** Remembers the columns of a text that has no parameters and does not ask for anything of the session. */
export function rememberColumns(view: CatalogView, sql: string, columns: readonly Column[] | null): void {
  const texts = described.get(view) ?? new Map<string, readonly Column[] | null>();
  if (texts.size < textsMax) texts.set(sql, columns);
  described.set(view, texts);
}
