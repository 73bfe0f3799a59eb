/**
 * SQL that is stored in a lake runs later with the rights of those who read it: a view that a writer left there could make
 * an owner's session expire snapshots. A stock DuckDB writes it here without any statement gate, so before a commit that
 * stored views or macros their text is asked for what no query may call (base/sql-refusal.ts).
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { storedSqlRefusal } from '../../base/sql-refusal.ts';

/** DuckLake's tables that hold SQL, and how to read what is not superseded. */
const stored: ReadonlyMap<string, string> = new Map([
  ['ducklake_view', 'SELECT sql FROM ducklake_view WHERE end_snapshot IS NULL'],
  ['ducklake_macro_impl', 'SELECT sql FROM ducklake_macro_impl'],
]);

/** Throws `permission_denied` when the open transaction has written one of these tables and a text in it may not be stored. */
export async function refuseStoredSql(connection: DuckDBConnection, written: Iterable<{ readonly name: string }>): Promise<void> {
  for (const { name } of written) {
    const query = stored.get(name.toLowerCase());
    if (query === undefined) continue;
    const reader = await connection.runAndReadAll(query);
    for (const [sql] of reader.getRows()) {
      const refusal = typeof sql === 'string' ? storedSqlRefusal(sql) : null;
      if (refusal)
        throw new LakeError('permission_denied', `a view or macro may not be stored: ${refusal.message}`, {
          hint: 'It would run with the rights of whoever reads it.',
        });
    }
  }
}
