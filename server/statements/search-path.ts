/** search_path as PostgreSQL writes it, and the statement that gives DuckDB the same. */
import { quoteName, quoteString } from '../../base/sql-lexer.ts';

/** The schemas of a search_path as its text names them, in order, without quotes. */
export function schemasOf(searchPath: string): string[] {
  return searchPath
    .split(',')
    .map((part) =>
      part
        .trim()
        .replace(/^"(.*)"$/s, '$1')
        .replaceAll('""', '"'),
    )
    .filter((part) => part !== '');
}

export interface SearchPathOf {
  readonly lake: string;
  /** `public` means the lake's schema `main`. */
  readonly isPublicAlias: boolean;
  /** PostgreSQL's catalog comes after the lake's schemas. */
  readonly hasCatalog: boolean;
}

/** DuckDB's statement that looks for bare names in these schemas of the lake. */
export function setSearchPath(schemas: readonly string[], { lake, isPublicAlias, hasCatalog }: SearchPathOf): string {
  const entries = schemas.map(
    (schema) => `${quoteName(lake)}.${quoteName(schema === 'public' && isPublicAlias ? 'main' : schema)}`,
  );
  return `SET search_path = ${quoteString([...new Set(entries), ...(hasCatalog ? ['"boilstream"."pg"'] : [])].join(','))}`;
}
