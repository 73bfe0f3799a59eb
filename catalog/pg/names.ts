/** pg_catalog as a SQL session uses it; fulfils `PgNames` of server/statements/ports.ts. */
import type { Column } from '../../base/statement-session.ts';
import { announceColumns } from './announce.ts';
import { catalogNames } from './install.ts';
import { isCatalogQuery, type Rewritten, rewriteNames } from './rewrite.ts';
import { sessionStatements } from './session.ts';

export const pgNames = {
  rewrite: (sql: string, options: { readonly lake: string; isPublicAlias(lake: string | undefined): boolean }): Rewritten =>
    rewriteNames(sql, { ...options, names: catalogNames }),
  announce: (sql: string, columns: readonly Column[]): readonly Column[] =>
    isCatalogQuery(sql) ? announceColumns(columns) : columns,
  sessionStatements,
};
