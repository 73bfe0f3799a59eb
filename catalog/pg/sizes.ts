/**
 * Sizes of tables, from what DuckLake knows of their files. A macro cannot ask DuckLake (the base database is made without
 * the extension), so the statement does: calls of these functions get the lake's file sizes as one more argument, a
 * subquery that is computed once.
 */
import { quoteString } from '../../base/sql-lexer.ts';

/** Functions whose call the rewriter completes. */
export const sizeFunctions: ReadonlySet<string> = new Set([
  'pg_relation_size',
  'pg_table_size',
  'pg_total_relation_size',
  'pg_database_size',
]);

/** The argument: every table of the lake with the bytes of its data and delete files. */
export function fileSizes(lake: string): string {
  return `(SELECT list({'name': i.table_name, 'schema': i.schema_id, 'bytes': i.file_size_bytes + i.delete_file_size_bytes}) FROM ducklake_table_info(${quoteString(lake)}) i)`;
}
