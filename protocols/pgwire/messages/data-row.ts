/**
 * DataRow 'D': int16 count, then per column int32 length (-1 = NULL) and bytes. Rows of a chunk are written straight
 * from DuckDB's vectors into the outbox, as many as fit. Source: PostgreSQL documentation, section 54.7.
 */
import type { DuckDBDataChunk } from '@duckdb/node-api';
import { LakeError } from '../../../base/errors.ts';
import type { Column } from '../../../base/statement-session.ts';
import type { Outbox } from '../outbox.ts';
import type { CellWriter, OutputSettings } from '../types/cell.ts';
import { createCellWriter } from '../types/cell-writers.ts';
import { put16, put32 } from '../types/digits.ts';
import { columnVector } from '../types/vector.ts';

/** Writes rows of one result. */
export interface RowWriter {
  /** Takes the next chunk. It must stay alive until another is loaded. */
  load(chunk: DuckDBDataChunk): void;
  /** Writes rows [from, to) until the outbox holds `flushBytes`; returns the row it stopped before. */
  write(out: Outbox, from: number, to: number): number;
}

export interface RowLimits {
  readonly flushBytes: number;
  readonly rowBytesMax: number;
}

export class DataRowWriter implements RowWriter {
  readonly #cells: readonly CellWriter[];
  readonly #limits: RowLimits;

  constructor(columns: readonly Column[], formats: readonly (0 | 1)[], settings: OutputSettings, limits: RowLimits) {
    this.#cells = columns.map((column, index) => createCellWriter(column, formats[index] ?? 0, settings));
    this.#limits = limits;
  }

  load(chunk: DuckDBDataChunk): void {
    const count = chunk.rowCount;
    this.#cells.forEach((cell, index) => {
      cell.load(columnVector(chunk, index), count);
    });
  }

  write(out: Outbox, from: number, to: number): number {
    const cells = this.#cells;
    const columns = cells.length;
    const { flushBytes, rowBytesMax } = this.#limits;
    let row = from;
    for (; row < to && out.at < flushBytes; row++) {
      let bound = 7 + columns * 4;
      for (let i = 0; i < columns; i++)
        bound += (cells[i] as CellWriter).isNull(row) ? 0 : (cells[i] as CellWriter).bytesMax(row);
      if (bound > rowBytesMax) throw rowTooLarge(rowBytesMax);
      out.ensure(bound);
      const { buffer } = out;
      const start = out.at;
      let at = start + 7;
      for (let i = 0; i < columns; i++) {
        const cell = cells[i] as CellWriter;
        if (cell.isNull(row)) {
          put32(buffer, at, -1);
          at += 4;
        } else {
          const end = cell.write(buffer, at + 4, row);
          put32(buffer, at, end - at - 4);
          at = end;
        }
      }
      buffer[start] = 0x44;
      put32(buffer, start + 1, at - start - 1);
      put16(buffer, start + 5, columns);
      out.at = at;
    }
    return row;
  }
}

/** What a client is told when one row does not fit into a message of `max` bytes. */
export function rowTooLarge(max: number): LakeError {
  return new LakeError('too_large', `a row is longer than ${max} bytes`, {
    hint: 'Select fewer columns, or parts of the long value.',
  });
}
