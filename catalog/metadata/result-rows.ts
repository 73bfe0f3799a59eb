/** Rows of a running DuckDB query as a wire pulls them, with the names and types a PostgreSQL client expects. */
import type { DuckDBDataChunk, DuckDBResult, DuckDBType } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { oid } from '../../base/pg-types.ts';
import type { Column, RowStream } from '../../base/statement-session.ts';
import type { SelectItem } from './dialect/translation.ts';

export interface ResultRowsOptions {
  readonly result: DuckDBResult;
  readonly columns: readonly Column[];
  /** Turns DuckDB's errors into ours and ends the transaction they broke. */
  readonly guard: <T>(work: () => Promise<T>) => Promise<T>;
  /** Told the number of rows when they were read to the end. */
  readonly ended?: ((count: number) => void) | undefined;
}

export class ResultRows implements RowStream {
  readonly columns: readonly Column[];
  readonly #options: ResultRowsOptions;
  #count = 0;
  #state: 'reading' | 'ended' | 'superseded' = 'reading';

  constructor(options: ResultRowsOptions) {
    this.#options = options;
    this.columns = options.columns;
  }

  next(): Promise<DuckDBDataChunk | null> {
    return this.#options.guard(async () => {
      if (this.#state === 'superseded') {
        throw new LakeError('feature_not_supported', 'the rest of this result is gone: another statement ran on the connection', {
          hint: 'Read a result to its end, or use a second connection.',
        });
      }
      if (this.#state === 'ended') return null;
      const chunk = await this.#options.result.fetchChunk();
      if (chunk && chunk.rowCount > 0) {
        this.#count += chunk.rowCount;
        return chunk;
      }
      this.#state = 'ended';
      this.#options.ended?.(this.#count);
      return null;
    });
  }

  async close(): Promise<void> {
    // DuckDB frees a result that is not read to its end when the connection runs the next statement.
    this.#state = 'ended';
  }

  /** Another statement runs on the connection: DuckDB forgets what was not read, which must never look like the end. */
  supersede(): void {
    if (this.#state === 'reading' && this.#options.result.isStreaming) this.#state = 'superseded';
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
