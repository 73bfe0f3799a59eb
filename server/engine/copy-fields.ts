/**
 * COPY rows parsed field by field, by PostgreSQL's rules, and written anew in the form DuckDB's reader takes without
 * doubt. Only data that holds something unusual comes here. Source: PostgreSQL 15, copyfromparse.c
 * (CopyReadAttributesText, CopyReadAttributesCSV) and the COPY documentation, "File Formats".
 */
import { LakeError } from '../../base/errors.ts';
import { backslash, cr, isNewline, type Layout, lf, strayNewline } from './copy-scan.ts';

/** Bytes being written; grows by doubling. */
class Output {
  #bytes: Buffer;
  length = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(size, 64));
  }

  byte(value: number): void {
    if (this.length === this.#bytes.length) {
      const grown = Buffer.allocUnsafe(this.#bytes.length * 2);
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    this.#bytes[this.length++] = value;
  }

  all(value: Buffer): void {
    for (const byte of value) this.byte(byte);
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }
}

interface Field {
  /** The value; null for NULL. */
  readonly value: Buffer | null;
  /** What ended it: the delimiter, a newline or the end of the data. */
  readonly next: number;
  readonly isRowEnd: boolean;
  readonly isEndMarker: boolean;
}

/** Whole rows with CRLF and no quotes get LF: DuckDB tells the line end by the first it sees, and one inside quotes misleads it. */
export function withoutCarriageReturns(data: Buffer, layout: Layout): Buffer {
  const text = data.toString('latin1');
  if (/(?<!\r)\n/.test(text)) throw strayNewline(layout, 'newline');
  const lines = text.replaceAll('\r\n', '\n');
  if (lines.includes('\r')) throw strayNewline(layout, 'carriage return');
  return Buffer.from(lines, 'latin1');
}

/** Rewrites whole rows; lines end in LF after it (CR if the data's do). `ended`: the marker `\.` stood alone on a line, and nothing after it counts. */
export function rewriteRows(data: Buffer, layout: Layout, columnCount: number): { readonly rows: Buffer; readonly ended: boolean } {
  const output = new Output(data.length + (data.length >> 3));
  const newline = layout.newline === '\r' ? cr : lf;
  const nullText = Buffer.from(layout.nullText);
  for (let at = 0; at < data.length; ) {
    const rowStart = output.length;
    for (let fields = 0; ; fields++) {
      const field = readField(data, at, layout, fields === 0);
      if (field.isEndMarker) return { rows: output.take(), ended: true };
      if (fields > 0) output.byte(layout.delimiter);
      at = field.next;
      if (field.value === null && !(columnCount === 1 && nullText.length === 0)) output.all(nullText);
      else if (field.value !== null) writeField(output, field.value, layout, nullText);
      if (field.isRowEnd) break;
    }
    // An empty line would be skipped; quotes keep it a row of one empty field, which it is (unless that means NULL).
    if (output.length === rowStart && !(columnCount === 1 && nullText.length === 0)) {
      output.byte(layout.quote);
      output.byte(layout.quote);
    }
    output.byte(newline);
  }
  return { rows: output.take(), ended: false };
}

/** The fields of the first line, and where the next begins. */
export function parseHeader(data: Buffer, layout: Layout): { readonly fields: readonly (string | null)[]; readonly end: number } {
  const fields: (string | null)[] = [];
  for (let at = 0; ; ) {
    const field = readField(data, at, layout, fields.length === 0);
    fields.push(field.value?.toString('utf8') ?? null);
    at = field.next;
    if (field.isRowEnd) return { fields, end: at };
  }
}

function writeField(output: Output, value: Buffer, layout: Layout, nullText: Buffer): void {
  const { quote, escape, delimiter } = layout;
  let plain = value.length > 0 && !value.equals(nullText) && value[0] !== 0xef;
  for (let i = 0; plain && i < value.length; i++) {
    const byte = value[i];
    if (byte === delimiter || byte === quote || byte === escape || byte === lf || byte === cr) plain = false;
  }
  if (plain) return output.all(value);
  output.byte(quote);
  for (const byte of value) {
    if (byte === quote || byte === escape) output.byte(escape);
    output.byte(byte);
  }
  output.byte(quote);
}

function readField(data: Buffer, from: number, layout: Layout, isFirst: boolean): Field {
  if (isFirst && data[from] === backslash && data[from + 1] === 0x2e && (from + 2 >= data.length || isNewline(data[from + 2]))) {
    return { value: null, next: data.length, isRowEnd: true, isEndMarker: true };
  }
  return layout.isCsv ? readCsvField(data, from, layout) : readTextField(data, from, layout);
}

function readCsvField(data: Buffer, from: number, layout: Layout): Field {
  const { quote, escape, delimiter, nullText } = layout;
  const value: number[] = [];
  let inQuote = false;
  let sawQuote = false;
  let at = from;
  for (; at < data.length; at++) {
    const byte = data[at] as number;
    if (inQuote) {
      const next = data[at + 1];
      if (byte === escape && at + 1 < data.length && (next === escape || next === quote)) {
        value.push(next as number);
        at++;
      } else if (byte === quote) inQuote = false;
      else value.push(byte);
    } else if (byte === quote) {
      inQuote = true;
      sawQuote = true;
    } else if (byte === delimiter || isNewline(byte)) break;
    else value.push(byte);
  }
  const bytes = Buffer.from(value);
  const isNull = !sawQuote && bytes.toString('latin1') === Buffer.from(nullText).toString('latin1');
  return ending(data, at, layout, isNull ? null : bytes);
}

function readTextField(data: Buffer, from: number, layout: Layout): Field {
  const { delimiter } = layout;
  let at = from;
  let hasEscape = false;
  for (; at < data.length && data[at] !== delimiter && !isNewline(data[at]); at++) {
    if (data[at] === backslash) {
      hasEscape = true;
      if (at + 1 === data.length) continue;
      if (data[at + 1] === 0x2e) throw new LakeError('bad_copy_format', 'end-of-copy marker corrupt', { hint: 'In text format `\\.` is the end of the data; write a backslash as `\\\\`.' });
      at++;
    }
  }
  const raw = data.subarray(from, at);
  if (raw.equals(Buffer.from(layout.nullText))) return ending(data, at, layout, null);
  return ending(data, at, layout, hasEscape ? unescapeText(raw) : raw);
}

const controls: Readonly<Record<number, number>> = { 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9, 0x76: 11 };

/** Backslash sequences of the text format; any other escaped byte stands for itself. */
function unescapeText(raw: Buffer): Buffer {
  const value: number[] = [];
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i] as number;
    if (byte !== backslash) {
      value.push(byte);
      continue;
    }
    if (i + 1 >= raw.length) break;
    const next = raw[++i] as number;
    const octal = /^[0-7]{1,3}/.exec(raw.toString('latin1', i, i + 3));
    const hex = next === 0x78 ? /^[0-9a-fA-F]{1,2}/.exec(raw.toString('latin1', i + 1, i + 3)) : null;
    if (octal) {
      value.push(Number.parseInt(octal[0], 8) & 0xff);
      i += octal[0].length - 1;
    } else if (hex) {
      value.push(Number.parseInt(hex[0], 16));
      i += hex[0].length;
    } else value.push(controls[next] ?? next);
  }
  return Buffer.from(value);
}

function ending(data: Buffer, at: number, layout: Layout, value: Buffer | null): Field {
  if (at >= data.length) return { value, next: at, isRowEnd: true, isEndMarker: false };
  if (!isNewline(data[at])) return { value, next: at + 1, isRowEnd: false, isEndMarker: false };
  const newline = layout.newline ?? (data[at] === lf ? '\n' : data[at + 1] === lf ? '\r\n' : '\r');
  if (data[at] === cr) {
    if (newline === '\n' || (newline === '\r\n' && data[at + 1] !== lf)) throw strayNewline(layout, 'carriage return');
    return { value, next: at + newline.length, isRowEnd: true, isEndMarker: false };
  }
  if (newline !== '\n') throw strayNewline(layout, 'newline');
  return { value, next: at + 1, isRowEnd: true, isEndMarker: false };
}
