/** Rows of a running DuckDB query as a wire pulls them, with the names and types a PostgreSQL client expects. */
import { type DuckDBDataChunk, type DuckDBResult, type DuckDBType, ResultReturnType } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { oid } from '../../base/pg-types.ts';
import type { Column, RowStream } from '../../base/statement-session.ts';
import type { SelectItem } from './dialect/translation.ts';

export class ResultRows implements RowStream {
  readonly columns: readonly Column[];
  readonly #result: DuckDBResult;
  readonly #guard: <T>(work: () => Promise<T>) => Promise<T>;
  #ended = false;

  /** `guard` turns DuckDB's errors into ours and ends the transaction they broke. */
  constructor(result: DuckDBResult, columns: readonly Column[], guard: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#result = result;
    this.columns = columns;
    this.#guard = guard;
  }

  async next(): Promise<DuckDBDataChunk | null> {
    if (this.#ended) return null;
    const chunk = await this.#guard(async () => {
      const fetched = await this.#result.fetchChunk();
      // DuckDB ends a stream that failed or was interrupted as if it were complete; only its return type tells.
      if (!fetched?.rowCount && this.#result.returnType === ResultReturnType.INVALID) throw new LakeError('query_canceled', 'the query was stopped while its rows were being read');
      return fetched;
    });
    if (chunk && chunk.rowCount > 0) return chunk;
    this.#ended = true;
    return null;
  }

  async close(): Promise<void> {
    // DuckDB frees a result that is not read to its end when the connection runs the next statement.
    this.#ended = true;
  }
}

/** Columns as announced: names from the select list (DuckDB would make up others), tid where a ctid stands. */
export function toColumns(names: readonly string[], types: readonly DuckDBType[], items: readonly SelectItem[]): Column[] {
  const firstStar = items.findIndex((item) => item.t === 'star');
  return types.map((type, i) => {
    // Behind a star, items are counted from the end: how many columns the stars stand for is known to DuckDB only.
    const item = firstStar < 0 || i < firstStar ? items[i] : items[items.length - (types.length - i)];
    if (item?.t !== 'item') return { name: names[i] as string, type };
    return item.tid ? { name: item.name, type, pgType: { oid: oid.tid } } : { name: item.name, type };
  });
}
