/**
 * Splits COPY data in text or csv form into rows of fields. Source: PostgreSQL 15 documentation, reference page COPY,
 * "File Formats". Errors are `bad_copy_format` with the line's number.
 */
import { LakeError } from '../../base/errors.ts';
import type { CopyFormat } from '../../base/statement-session.ts';
import { limits } from './limits.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const newline = 0x0a;

export class CopyLines {
  readonly #format: CopyFormat;
  readonly #width: number;
  #rest: Buffer = Buffer.alloc(0);
  #line = 0;
  #done = false;

  constructor(format: CopyFormat, width: number) {
    this.#format = format;
    this.#width = width;
  }

  /** Rows that are complete with this piece of data. */
  push(data: Buffer): (string | null)[][] {
    if (this.#done) return [];
    const all = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    const rows: (string | null)[][] = [];
    let start = 0;
    for (let end = this.#lineEnd(all, start); end >= 0; end = this.#lineEnd(all, start)) {
      this.#take(all.subarray(start, end), rows);
      start = end + 1;
    }
    this.#rest = Buffer.from(all.subarray(start));
    if (this.#rest.length > limits.copyLineBytesMax) throw this.#bad(`a line is longer than ${limits.copyLineBytesMax} bytes`);
    return rows;
  }

  /** The last row, if its line break is missing. */
  end(): (string | null)[][] {
    const rows: (string | null)[][] = [];
    if (!this.#done && this.#rest.length > 0) this.#take(this.#rest, rows);
    this.#rest = Buffer.alloc(0);
    return rows;
  }

  /** Where the line that begins at `start` ends. In csv a line break may stand inside quotes. */
  #lineEnd(data: Buffer, start: number): number {
    if (this.#format.format === 'text') return data.indexOf(newline, start);
    const quote = this.#format.quote.charCodeAt(0);
    let quoted = false;
    for (let at = start; at < data.length; at++) {
      if (data[at] === quote) quoted = !quoted;
      else if (data[at] === newline && !quoted) return at;
    }
    return -1;
  }

  #take(bytes: Buffer, rows: (string | null)[][]): void {
    this.#line++;
    if (this.#done) return;
    let text: string;
    try {
      text = utf8.decode(bytes);
    } catch {
      throw new LakeError('invalid_byte_sequence', `invalid byte sequence for encoding "UTF8", COPY line ${this.#line}`);
    }
    if (text.endsWith('\r')) text = text.slice(0, -1);
    if (text === '\\.') {
      this.#done = true;
      return;
    }
    if (this.#line === 1 && this.#format.header) return;
    const row = this.#format.format === 'text' ? this.#textRow(text) : this.#csvRow(text);
    if (row.length !== this.#width)
      throw this.#bad(row.length < this.#width ? 'missing data for a column' : 'extra data after last expected column');
    rows.push(row);
  }

  #textRow(line: string): (string | null)[] {
    const { delimiter, nullText } = this.#format;
    const fields: (string | null)[] = [];
    let start = 0;
    for (let at = 0; ; at++) {
      if (at < line.length && line[at] === '\\') {
        at++;
        continue;
      }
      if (at < line.length && line[at] !== delimiter) continue;
      const raw = line.slice(start, Math.min(at, line.length));
      fields.push(raw === nullText ? null : unescapeText(raw));
      if (at >= line.length) return fields;
      start = at + 1;
    }
  }

  #csvRow(line: string): (string | null)[] {
    const { delimiter, nullText, quote, escape } = this.#format;
    const fields: (string | null)[] = [];
    let at = 0;
    for (;;) {
      let text = '';
      let quoted = false;
      let inside = false;
      for (; at < line.length; at++) {
        const c = line[at] as string;
        if (inside && c === escape && (line[at + 1] === quote || line[at + 1] === escape)) text += line[++at];
        else if (c === quote) {
          inside = !inside;
          quoted = true;
        } else if (c === delimiter && !inside) break;
        else text += c;
      }
      if (inside) throw this.#bad('unterminated CSV quoted field');
      fields.push(!quoted && text === nullText ? null : text);
      if (at >= line.length) return fields;
      at++;
    }
  }

  #bad(what: string): LakeError {
    return new LakeError('bad_copy_format', `${what}, COPY line ${this.#line}`);
  }
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unescapeText(raw: string): string {
  if (!raw.includes('\\')) return raw;
  return raw.replace(/\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|([\s\S]))/g, (_whole, hex, octal, other) => {
    if (other !== undefined) return escapes[other as string] ?? (other as string);
    const code = hex === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex, 16);
    if (code === 0 || code > 0x7f) throw new LakeError('invalid_byte_sequence', 'a byte escape in COPY data is not UTF-8 text');
    return String.fromCharCode(code);
  });
}
