/** Rows of text we made ourselves (SHOW and the like), through the engine so that the wire sees ordinary chunks. */
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import type { RowStream } from '../../base/statement-session.ts';
import type { EngineConnection } from '../engine/connection.ts';
import type { Plans } from './plans.ts';

/** One row stream of VARCHAR columns. Rejects with DuckDB's error. */
export async function textRows(
  { plans, connection }: { readonly plans: Plans; readonly connection: EngineConnection },
  columns: readonly string[],
  rows: readonly (readonly (string | null)[])[],
): Promise<RowStream> {
  const cell = (value: string | null): string => (value === null ? 'NULL' : quoteString(value));
  const names = columns
    .map((name, i) => `CAST(${rows.length === 0 ? 'NULL' : `c${i}`} AS VARCHAR) AS ${quoteName(name)}`)
    .join(', ');
  const values = rows.map((row) => `(${row.map(cell).join(', ')})`).join(', ');
  const source = rows.length === 0 ? 'WHERE false' : `FROM (VALUES ${values}) AS v(${columns.map((_, i) => `c${i}`).join(', ')})`;
  const { prepared, columns: described } = await plans.get(connection, `SELECT ${names} ${source}`, [], false);
  try {
    const result = await connection.execute(prepared);
    let at = 0;
    return {
      columns: described,
      next: async () => (at < result.chunkCount ? result.getChunk(at++) : null),
      close: async () => {
        at = result.chunkCount;
      },
    };
  } finally {
    prepared.destroySync();
  }
}
