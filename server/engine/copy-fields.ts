/**
 * COPY rows parsed field by field, by PostgreSQL's rules, and written anew in the form DuckDB's reader takes without
 * doubt: what was escaped, or quoted in an unusual way, becomes a plainly quoted field. Only data that holds something
 * unusual comes here. Source: PostgreSQL 15, copyfromparse.c (CopyReadAttributesText, CopyReadAttributesCSV) and the
 * COPY documentation, "File Formats".
 */
import { LakeError } from '../../base/errors.ts';
import { backslash, cr, isNewline, type Layout, lf, strayNewline } from './copy-scan.ts';

const dot = 0x2e;

/** Bytes being written. `reserve` before writing. */
class Output {
  bytes: Buffer;
  length = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

/** Rewrites whole rows; lines end in LF after it (CR if the data's do). `ended`: the marker `\.` stood alone on a line, and nothing after it counts. */
export function rewriteRows(
  data: Buffer,
  layout: Layout,
  columnCount: number,
): { readonly rows: Buffer; readonly ended: boolean } {
  const output = new Output(data.length + (data.length >> 2) + 64);
  const newline = layout.newline === '\r' ? cr : lf;
  const emptyIsNull = columnCount === 1 && layout.nullText === '';
  for (let at = 0; at < data.length; ) {
    if (isEndMarker(data, at)) return { rows: output.bytes.subarray(0, output.length), ended: true };
    const rowStart = output.length;
    for (;;) {
      const end = fieldEnd(data, at, layout);
      writeField(output, data, at, end, layout);
      at = end + 1;
      output.reserve(4);
      if (data[end] !== layout.delimiter || end >= data.length) {
        at = rowEnd(data, end, layout);
        break;
      }
      output.bytes[output.length++] = layout.delimiter;
    }
    // An empty line would be skipped; quotes keep it a row of one empty field, which it is (unless that means NULL).
    if (output.length === rowStart && !emptyIsNull) {
      output.bytes[output.length++] = layout.quote;
      output.bytes[output.length++] = layout.quote;
    }
    output.bytes[output.length++] = newline;
  }
  return { rows: output.bytes.subarray(0, output.length), ended: false };
}

/** Whole rows with CRLF and no quotes get LF: DuckDB tells the line end by the first it sees, and one inside quotes misleads it. */
export function withoutCarriageReturns(data: Buffer, layout: Layout): Buffer {
  const text = data.toString('latin1');
  if (/(?<!\r)\n/.test(text)) throw strayNewline(layout, 'newline');
  const lines = text.replaceAll('\r\n', '\n');
  if (lines.includes('\r')) throw strayNewline(layout, 'carriage return');
  return Buffer.from(lines, 'latin1');
}

/** The fields of the first line, and where the next begins. */
export function parseHeader(data: Buffer, layout: Layout): { readonly fields: readonly (string | null)[]; readonly end: number } {
  const fields: (string | null)[] = [];
  for (let at = 0; ; ) {
    const end = fieldEnd(data, at, layout);
    const raw = data.toString('utf8', at, end);
    const output = new Output(2 * (end - at) + 4);
    const quoted = writeField(output, data, at, end, layout);
    // Written anew a field is quoted, with its quotes escaped; take that off again.
    const value = quoted ? unquoted(output.bytes.subarray(1, output.length - 1), layout).toString('utf8') : raw;
    fields.push(!quoted && raw === layout.nullText ? null : value);
    if (end >= data.length || data[end] !== layout.delimiter) return { fields, end: rowEnd(data, end, layout) };
    at = end + 1;
  }
}

function unquoted(bytes: Buffer, { escape }: Layout): Buffer {
  const value: number[] = [];
  for (let i = 0; i < bytes.length; i++) value.push(bytes[bytes[i] === escape ? ++i : i] as number);
  return Buffer.from(value);
}

function isEndMarker(data: Buffer, at: number): boolean {
  return data[at] === backslash && data[at + 1] === dot && (at + 2 >= data.length || isNewline(data[at + 2]));
}

/** Where the field that begins at `from` ends: at a delimiter, a newline or the end of the data. */
function fieldEnd(data: Buffer, from: number, layout: Layout): number {
  const { delimiter, quote, escape } = layout;
  let at = from;
  if (!layout.isCsv) {
    for (; at < data.length; at++) {
      const byte = data[at];
      if (byte === backslash) at++;
      else if (byte === delimiter || byte === lf || byte === cr) break;
    }
    return Math.min(at, data.length);
  }
  let inQuote = false;
  for (; at < data.length; at++) {
    const byte = data[at];
    if (inQuote) {
      if (byte === escape && (data[at + 1] === quote || data[at + 1] === escape)) at++;
      else if (byte === quote) inQuote = false;
    } else if (byte === quote) inQuote = true;
    else if (byte === delimiter || byte === lf || byte === cr) break;
  }
  return Math.min(at, data.length);
}

/** Writes one field; true if it had to be quoted. An unquoted field goes as it is: equal to the NULL string it is NULL. */
function writeField(output: Output, data: Buffer, from: number, end: number, layout: Layout): boolean {
  const { quote, escape } = layout;
  output.reserve(2 * (end - from) + 4);
  const special = layout.isCsv ? escape : backslash;
  let plain = data[from] !== 0xef;
  for (let i = from; plain && i < end; i++) if (data[i] === quote || data[i] === special) plain = false;
  if (plain || isNullText(data, from, end, layout)) {
    data.copy(output.bytes, output.length, from, end);
    output.length += end - from;
    return false;
  }
  output.bytes[output.length++] = quote;
  if (layout.isCsv) writeCsvValue(output, data, from, end, layout);
  else writeTextValue(output, data, from, end, layout);
  output.bytes[output.length++] = quote;
  return true;
}

function isNullText(data: Buffer, from: number, end: number, { nullBytes }: Layout): boolean {
  return end - from === nullBytes.length && data.compare(nullBytes, 0, nullBytes.length, from, end) === 0;
}

function writeCsvValue(output: Output, data: Buffer, from: number, end: number, { quote, escape }: Layout): void {
  const { bytes } = output;
  let at = output.length;
  let inQuote = false;
  for (let i = from; i < end; i++) {
    let byte = data[i] as number;
    if (inQuote && byte === escape && i + 1 < end && (data[i + 1] === escape || data[i + 1] === quote))
      byte = data[++i] as number;
    else if (byte === quote) {
      inQuote = !inQuote;
      continue;
    }
    if (byte === quote || byte === escape) bytes[at++] = escape;
    bytes[at++] = byte;
  }
  output.length = at;
}

/** What follows a backslash and does not stand for itself. */
const controls: Readonly<Record<number, number>> = { 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9, 0x76: 11 };

/** Decodes the backslash sequences of the text format. */
function writeTextValue(output: Output, data: Buffer, from: number, end: number, { quote, escape }: Layout): void {
  const { bytes } = output;
  let at = output.length;
  for (let i = from; i < end; i++) {
    let byte = data[i] as number;
    if (byte === backslash) {
      if (++i >= end) break;
      byte = data[i] as number;
      if (byte === dot)
        throw new LakeError('bad_copy_format', 'end-of-copy marker corrupt', {
          hint: 'In text format `\\.` is the end of the data; write a backslash as `\\\\`.',
        });
      if (byte >= 0x30 && byte <= 0x37) {
        byte -= 0x30;
        for (let digits = 1; digits < 3 && i + 1 < end && isOctal(data[i + 1]); digits++)
          byte = byte * 8 + (data[++i] as number) - 0x30;
        byte &= 0xff;
      } else if (byte === 0x78 && hexValue(data[i + 1]) >= 0 && i + 1 < end) {
        byte = hexValue(data[++i]);
        if (i + 1 < end && hexValue(data[i + 1]) >= 0) byte = byte * 16 + hexValue(data[++i]);
      } else byte = controls[byte] ?? byte;
    }
    if (byte === quote || byte === escape) bytes[at++] = escape;
    bytes[at++] = byte;
  }
  output.length = at;
}

function isOctal(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x37;
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Where the next row begins, given where this one's last field ended. */
function rowEnd(data: Buffer, end: number, layout: Layout): number {
  if (end >= data.length) return data.length;
  const newline = layout.newline ?? (data[end] === lf ? '\n' : data[end + 1] === lf ? '\r\n' : '\r');
  if (data[end] === cr) {
    if (newline === '\n' || (newline === '\r\n' && data[end + 1] !== lf)) throw strayNewline(layout, 'carriage return');
    return end + newline.length;
  }
  if (newline !== '\n') throw strayNewline(layout, 'newline');
  return end + 1;
}
