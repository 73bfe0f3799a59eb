/** Rows that are made here and not by DuckDB, as the chunks that a wire pulls. */
import { DuckDBDataChunk } from '@duckdb/node-api';
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { Column, RowStream } from '../../base/statement-session.ts';

const chunkRowsMax = 2048;

export interface StaticTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly DuckDBValue[])[];
}

/** A stream over rows; the chunks are made once and may be handed out again. */
export class StaticRows implements RowStream {
  readonly columns: readonly Column[];
  readonly #chunks: readonly DuckDBDataChunk[];
  #at = 0;

  constructor(columns: readonly Column[], chunks: readonly DuckDBDataChunk[]) {
    this.columns = columns;
    this.#chunks = chunks;
  }

  async next(): Promise<DuckDBDataChunk | null> {
    return this.#chunks[this.#at++] ?? null;
  }

  async close(): Promise<void> {
    this.#at = this.#chunks.length;
  }
}

/** The chunks of a table of values. */
export function toChunks(table: StaticTable): DuckDBDataChunk[] {
  const types: DuckDBType[] = table.columns.map((c) => c.type);
  const chunks: DuckDBDataChunk[] = [];
  for (let from = 0; from < table.rows.length; from += chunkRowsMax) {
    const rows = table.rows.slice(from, from + chunkRowsMax);
    const chunk = DuckDBDataChunk.create(types, rows.length);
    chunk.setRows(rows);
    chunks.push(chunk);
  }
  return chunks;
}

/** One row of texts (SHOW). */
export function oneRow(names: readonly string[], type: DuckDBType, values: readonly DuckDBValue[]): StaticRows {
  const columns = names.map((name) => ({ name, type }));
  return new StaticRows(columns, toChunks({ columns, rows: [values] }));
}
