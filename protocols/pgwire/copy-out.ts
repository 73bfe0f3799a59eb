/**
 * COPY … TO STDOUT: rows as CopyData messages, one row each, in PostgreSQL's text, CSV or binary layout.
 * Source: PostgreSQL documentation, COPY, "File Formats"; copyto.c, CopyAttributeOutText and CopyAttributeOutCSV.
 */
import type { DuckDBDataChunk } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import type { Column, CopyFormat, Outcome } from '../../base/statement-session.ts';
import type { Limits } from './limits.ts';
import { type RowLimits, type RowWriter, rowTooLarge } from './messages/data-row.ts';
import type { Outbox } from './outbox.ts';
import type { CellWriter, OutputSettings } from './types/cell.ts';
import { createCellWriter } from './types/cell-writers.ts';
import { put16, put32 } from './types/digits.ts';
import { columnVector } from './types/vector.ts';

const copyData = 0x64;

export interface CopyWriter extends RowWriter {
  /** Header line or signature, before the first row. */
  begin(out: Outbox): void;
  /** Trailer, after the last row. */
  end(out: Outbox): void;
}

/** A writer of CopyData bodies for these columns in the format of the COPY. */
export function createCopyWriter(
  format: CopyFormat,
  columns: readonly Column[],
  settings: OutputSettings,
  limits: RowLimits,
): CopyWriter {
  const cells = columns.map((column) => createCellWriter(column, format.format === 'binary' ? 1 : 0, settings));
  if (format.format === 'binary') return new BinaryWriter(cells, limits);
  return format.format === 'csv' ? new CsvWriter(cells, limits, format, columns) : new TextWriter(cells, limits, format, columns);
}

abstract class CopyRows implements CopyWriter {
  protected readonly cells: readonly CellWriter[];
  readonly #limits: RowLimits;

  constructor(cells: readonly CellWriter[], limits: RowLimits) {
    this.cells = cells;
    this.#limits = limits;
  }

  /** Bytes a row may take besides its cells, and how many times a cell may grow by escapes. */
  protected abstract readonly frameBytes: number;
  protected abstract readonly growth: number;
  /** Writes one row at `at`; returns the end. */
  protected abstract row(out: Buffer, at: number, row: number): number;
  abstract begin(out: Outbox): void;
  abstract end(out: Outbox): void;

  load(chunk: DuckDBDataChunk): void {
    const count = chunk.rowCount;
    this.cells.forEach((cell, index) => {
      cell.load(columnVector(chunk, index), count);
    });
  }

  write(out: Outbox, from: number, to: number): number {
    const { cells } = this;
    const { flushBytes, rowBytesMax } = this.#limits;
    let row = from;
    for (; row < to && out.at < flushBytes; row++) {
      let bound = 5 + this.frameBytes;
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i] as CellWriter;
        if (!cell.isNull(row)) bound += cell.bytesMax(row) * this.growth;
      }
      if (bound > rowBytesMax * this.growth) throw rowTooLarge(rowBytesMax);
      out.ensure(bound);
      const { buffer, at } = out;
      const end = this.row(buffer, at + 5, row);
      buffer[at] = copyData;
      put32(buffer, at + 1, end - at - 1);
      out.at = end;
    }
    return row;
  }
}

/** What a byte becomes after the backslash; 0 stands as it is. */
const textEscapes = new Uint8Array(256);
for (const [byte, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [11, 'v'],
  [12, 'f'],
  [13, 'r'],
  [0x5c, '\\'],
] as const)
  textEscapes[byte] = letter.charCodeAt(0);

/** Text and CSV share the separators; both write a cell and then, where its type allows special bytes, mend it in place. */
abstract class DelimitedWriter extends CopyRows {
  protected override readonly growth = 2;
  protected override readonly frameBytes: number;
  protected readonly delimiter: number;
  protected readonly nullText: Buffer;
  protected plain: readonly boolean[];
  readonly #header: readonly string[] | null;

  constructor(cells: readonly CellWriter[], limits: RowLimits, format: CopyFormat, columns: readonly Column[]) {
    super(cells, limits);
    const delimiter = Buffer.from(format.delimiter);
    if (delimiter.length !== 1)
      throw new LakeError('feature_not_supported', 'COPY delimiter must be a single one-byte character');
    this.delimiter = delimiter[0] as number;
    this.nullText = Buffer.from(format.nullText);
    this.frameBytes = cells.length * (this.nullText.length + 4) + 2;
    // Numbers and times hold only digits and these: a delimiter (or CSV quote) among them makes every cell suspect.
    const unusual = /[0-9A-Za-z+\-:. ]/.test(format.delimiter + (format.format === 'csv' ? format.quote : ''));
    this.plain = cells.map((cell) => cell.plain && !unusual);
    this.#header = format.header ? columns.map((column) => column.name) : null;
  }

  begin(out: Outbox): void {
    if (!this.#header) return;
    const names = this.#header.map((name) => Buffer.from(name));
    const bound = names.reduce((sum, name) => sum + name.length * 2 + 4, 16);
    out.ensure(bound);
    const { buffer, at } = out;
    let end = at + 5;
    names.forEach((name, index) => {
      if (index > 0) buffer[end++] = this.delimiter;
      buffer.set(name, end);
      end = this.mend(buffer, end, end + name.length, index, true);
    });
    buffer[end++] = 10;
    buffer[at] = copyData;
    put32(buffer, at + 1, end - at - 1);
    out.at = end;
  }

  end(): void {
    // CopyDone says it.
  }

  protected override row(out: Buffer, start: number, row: number): number {
    const { cells, plain, nullText } = this;
    let at = start;
    for (let i = 0; i < cells.length; i++) {
      if (i > 0) out[at++] = this.delimiter;
      const cell = cells[i] as CellWriter;
      if (cell.isNull(row)) {
        out.set(nullText, at);
        at += nullText.length;
      } else {
        const end = cell.write(out, at, row);
        at = plain[i] ? end : this.mend(out, at, end, i, false);
      }
    }
    out[at] = 10;
    return at + 1;
  }

  /** Escapes or quotes the cell in out[from, to) in place; returns its end. */
  protected abstract mend(out: Buffer, from: number, to: number, column: number, header: boolean): number;
}

class TextWriter extends DelimitedWriter {
  protected override mend(out: Buffer, from: number, to: number): number {
    const { delimiter } = this;
    let escapes = 0;
    for (let i = from; i < to; i++) {
      const byte = out[i] as number;
      if (textEscapes[byte] !== 0 || byte === delimiter) escapes++;
    }
    if (escapes === 0) return to;
    let target = to + escapes - 1;
    for (let i = to - 1; i >= from; i--) {
      const byte = out[i] as number;
      const letter = textEscapes[byte] as number;
      // The delimiter, when it has no letter of its own, stands after a backslash as it is.
      if (byte === delimiter && letter === 0) {
        out[target--] = byte;
        out[target--] = 0x5c;
      } else if (letter !== 0) {
        out[target--] = letter;
        out[target--] = 0x5c;
      } else out[target--] = byte;
    }
    return to + escapes;
  }
}

class CsvWriter extends DelimitedWriter {
  readonly #quote: number;
  readonly #escape: number;
  readonly #forced: readonly boolean[];
  readonly #single: boolean;

  constructor(cells: readonly CellWriter[], limits: RowLimits, format: CopyFormat, columns: readonly Column[]) {
    super(cells, limits, format, columns);
    this.#quote = format.quote.charCodeAt(0);
    this.#escape = format.escape.charCodeAt(0);
    const force = format.forceQuote;
    this.#forced = columns.map((column) => force === 'all' || force.includes(column.name));
    this.#single = columns.length === 1;
    // Forced columns go through mend even when plain, and so does a cell that could equal the NULL text.
    const nullCouldBePlain = /^[0-9A-Za-z+\-:. ]+$/.test(format.nullText);
    this.plain = this.plain.map((plain, index) => plain && !this.#forced[index] && !nullCouldBePlain);
  }

  protected override mend(out: Buffer, from: number, to: number, column: number, header: boolean): number {
    const { delimiter, nullText } = this;
    const quote = this.#quote;
    const escape = this.#escape;
    let needed =
      (!header && this.#forced[column] === true) || (to - from === nullText.length && nullText.compare(out, from, to) === 0);
    let escapes = 0;
    for (let i = from; i < to; i++) {
      const byte = out[i] as number;
      if (byte === delimiter || byte === quote || byte === 10 || byte === 13) needed = true;
      if (byte === quote || byte === escape) escapes++;
    }
    // A lone \. would read as the end of data.
    if (this.#single && to - from === 2 && out[from] === 0x5c && out[from + 1] === 0x2e) needed = true;
    if (!needed) return to;
    let target = to + escapes + 1;
    const end = target + 1;
    out[target--] = quote;
    for (let i = to - 1; i >= from; i--) {
      const byte = out[i] as number;
      out[target--] = byte;
      if (byte === quote || byte === escape) out[target--] = escape;
    }
    out[target] = quote;
    return end;
  }
}

const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

class BinaryWriter extends CopyRows {
  protected override readonly growth = 1;
  protected override readonly frameBytes: number;
  #pending: Buffer | null = signature;

  constructor(cells: readonly CellWriter[], limits: RowLimits) {
    super(cells, limits);
    this.frameBytes = 2 + cells.length * 4 + signature.length;
  }

  begin(): void {
    // As PostgreSQL does, the signature stands in one CopyData with the first row, or with the trailer.
  }

  end(out: Outbox): void {
    out.begin(copyData);
    if (this.#pending) out.bytes(this.#pending);
    out.int16(0xffff).end();
  }

  protected override row(out: Buffer, start: number, row: number): number {
    const { cells } = this;
    let at = start;
    if (this.#pending) {
      out.set(this.#pending, at);
      at += this.#pending.length;
      this.#pending = null;
    }
    put16(out, at, cells.length);
    at += 2;
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i] as CellWriter;
      if (cell.isNull(row)) {
        put32(out, at, -1);
        at += 4;
      } else {
        const end = cell.write(out, at + 4, row);
        put32(out, at, end - at - 4);
        at = end;
      }
    }
    return at;
  }
}

/** Rows the engine has encoded already: cuts them into one CopyData each. Returns their number. */
export async function sendCopyBytes(
  out: Outbox,
  outcome: Outcome & { readonly t: 'copy-out-bytes' },
  limits: Limits,
): Promise<number> {
  let count = 0;
  for (let part = await outcome.next(); part !== null; part = await outcome.next()) {
    let start = 0;
    for (const end of part.rowEnds) {
      out.ensure(5 + end - start);
      const { buffer, at } = out;
      buffer[at] = copyData;
      put32(buffer, at + 1, 4 + end - start);
      part.data.copy(buffer, at + 5, start, end);
      out.at = at + 5 + end - start;
      start = end;
      count++;
      if (out.at >= limits.flushBytes) await out.flush();
    }
  }
  return count;
}
