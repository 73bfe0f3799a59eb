/**
 * Finds where the last whole row of a piece of COPY data ends, and whether something in it is unusual: written in a way
 * PostgreSQL accepts and DuckDB's reader does not, or reads as something else. Searches are native (indexOf); the code
 * runs once per quote or backslash, not once per byte.
 */
import { LakeError } from '../../base/errors.ts';
import type { CopyOptions } from './copy-statement.ts';

/** Newline, carriage return, backslash. */
export const lf = 0x0a;
export const cr = 0x0d;
export const backslash = 0x5c;

/** How fields are told apart: what was asked for in CSV; for text a quote nobody uses, so that translated fields can be quoted. */
export interface Layout {
  readonly isCsv: boolean;
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  readonly nullText: string;
  readonly nullBytes: Buffer;
  /** Set by the first line that ends. */
  newline: '\n' | '\r\n' | '\r' | undefined;
}

/** What a scanner must know of the COPY options, as bytes. */
export function layoutOf(options: CopyOptions): Layout {
  const isCsv = options.format === 'csv';
  const quote = isCsv ? options.quote.charCodeAt(0) : 0x01;
  return {
    isCsv,
    delimiter: options.delimiter.charCodeAt(0),
    quote,
    escape: isCsv ? options.escape.charCodeAt(0) : quote,
    nullText: options.nullText,
    nullBytes: Buffer.from(options.nullText),
    newline: undefined,
  };
}

export interface ScanState {
  /** Everything before was looked at. */
  at: number;
  inQuote: boolean;
  /** Where the last whole row ends; 0 if none does. */
  rowsEnd: number;
  isUnusual: boolean;
}

/** Advances `state` over `data` (which begins at a row's start). `isEnd`: nothing follows. */
export function findRowsEnd(data: Buffer, layout: Layout, state: ScanState, isEnd: boolean): void {
  if (layout.isCsv) scanCsv(data, layout, state, isEnd);
  else scanText(data, layout, state, isEnd);
  const rows = isEnd ? data : data.subarray(0, state.rowsEnd);
  if (rows.length > 0 && !state.isUnusual) state.isUnusual = hasEmptyLine(rows) || hasEndMarker(rows);
}

function scanCsv(data: Buffer, layout: Layout, state: ScanState, isEnd: boolean): void {
  const { quote, escape, delimiter } = layout;
  for (;;) {
    if (!state.inQuote) {
      const found = data.indexOf(quote, state.at);
      const end = found < 0 ? data.length : found;
      rowsIn(data, layout, state, end);
      state.at = end;
      if (found < 0) return;
      if (found > 0 && data[found - 1] !== delimiter && !isNewline(data[found - 1])) state.isUnusual = true;
      state.inQuote = true;
      state.at = found + 1;
    }
    let close = data.indexOf(quote, state.at);
    if (escape !== quote) {
      const escaped = data.subarray(0, close < 0 ? data.length : close).indexOf(escape, state.at);
      if (escaped >= 0) {
        if (escaped + 1 >= data.length) {
          state.at = escaped;
          return;
        }
        const next = data[escaped + 1];
        if (next !== quote && next !== escape) state.isUnusual = true;
        state.at = next === quote || next === escape ? escaped + 2 : escaped + 1;
        continue;
      }
    }
    if (close < 0) {
      state.at = data.length;
      return;
    }
    if (escape === quote) {
      if (close + 1 >= data.length && !isEnd) {
        // Whether it closes or escapes shows with the next byte.
        state.at = close;
        return;
      }
      if (data[close + 1] === quote) {
        close += 2;
        state.at = close;
        continue;
      }
    }
    state.inQuote = false;
    state.at = close + 1;
    const next = data[close + 1];
    if (next !== undefined && next !== delimiter && !isNewline(next)) state.isUnusual = true;
  }
}

function scanText(data: Buffer, layout: Layout, state: ScanState, isEnd: boolean): void {
  const { delimiter, quote, nullText } = layout;
  if (state.at < data.length && data.indexOf(quote, state.at) >= 0) state.isUnusual = true;
  for (;;) {
    const found = data.indexOf(backslash, state.at);
    const end = found < 0 ? data.length : found;
    rowsIn(data, layout, state, end);
    state.at = end;
    if (found < 0) return;
    if (found + 2 >= data.length && !isEnd) return;
    const after = data[found + 2];
    const before = data[found - 1];
    const isNull =
      data[found + 1] === 0x4e &&
      nullText === '\\N' &&
      (found === 0 || before === delimiter || isNewline(before)) &&
      (after === undefined || after === delimiter || isNewline(after));
    if (!isNull) state.isUnusual = true;
    state.at = Math.min(found + 2, data.length);
  }
}

/** Notes the newlines between `state.at` and `end`, none of which is inside quotes. */
function rowsIn(data: Buffer, layout: Layout, state: ScanState, end: number): void {
  if (end <= state.at) return;
  const part = data.subarray(state.at, end);
  if (layout.newline === undefined) {
    const first = firstNewline(part);
    if (first < 0) return;
    if (part[first] === lf) layout.newline = '\n';
    else if (first + 1 < part.length) layout.newline = part[first + 1] === lf ? '\r\n' : '\r';
    else return;
  }
  const last = part.lastIndexOf(layout.newline === '\r' ? cr : lf);
  if (last >= 0) state.rowsEnd = state.at + last + 1;
  if (layout.newline === '\n' && part.indexOf(cr) >= 0) throw strayNewline(layout, 'carriage return');
  if (layout.newline === '\r' && part.indexOf(lf) >= 0) throw strayNewline(layout, 'newline');
}

/** PostgreSQL wants one kind of line end in a file. Source: copyfromparse.c, CopyReadLineText. */
export function strayNewline(layout: Layout, what: 'newline' | 'carriage return'): LakeError {
  const hint = layout.isCsv
    ? `Use quoted CSV field to represent ${what}.`
    : `Use "\\${what === 'newline' ? 'n' : 'r'}" to represent ${what}.`;
  return new LakeError('bad_copy_format', `${layout.isCsv ? 'unquoted' : 'literal'} ${what} found in data`, { hint });
}

function firstNewline(data: Buffer): number {
  const newline = data.indexOf(lf);
  const carriage = newline < 0 ? data.indexOf(cr) : data.subarray(0, newline).indexOf(cr);
  return carriage >= 0 ? carriage : newline;
}

/** Whether the byte is a line feed or a carriage return. */
export function isNewline(byte: number | undefined): boolean {
  return byte === lf || byte === cr;
}

const twoNewlines = Buffer.from('\n\n');
const newlineReturn = Buffer.from('\n\r');
const twoReturns = Buffer.from('\r\r');
const endMarker = Buffer.from('\\.');

/** DuckDB skips empty lines; to PostgreSQL they are rows. Newlines inside quotes may look like one: harmless, the slow way decides. */
function hasEmptyLine(rows: Buffer): boolean {
  if (isNewline(rows[0]) || rows.indexOf(twoNewlines) >= 0) return true;
  return rows.indexOf(cr) >= 0 && (rows.indexOf(newlineReturn) >= 0 || rows.indexOf(twoReturns) >= 0);
}

/** A single byte is found several times faster than two, and few files have a backslash at all. */
function hasEndMarker(rows: Buffer): boolean {
  return rows.indexOf(backslash) >= 0 && rows.indexOf(endMarker) >= 0;
}
