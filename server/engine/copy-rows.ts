/**
 * Received COPY data, cut into whole rows and brought into the one form DuckDB's CSV reader reads exactly as PostgreSQL
 * reads its own. Almost all data has that form already and passes untouched: native searches for the few bytes that could
 * make a difference decide it for a quarter megabyte at a time. Only a piece that holds something unusual is parsed
 * field by field, by PostgreSQL's rules, and written anew (copy-fields.ts).
 */
import { LakeError } from '../../base/errors.ts';
import type { CopyOptions } from './copy-statement.ts';
import { findRowsEnd, type Layout, layoutOf, type ScanState } from './copy-scan.ts';
import { parseHeader, rewriteRows, withoutCarriageReturns } from './copy-fields.ts';
import type { Dialect } from './copy-input.ts';

/** Data is looked at when this much has gathered (the client's messages may be as small as a row). */
const pieceBytes = 256 * 1024;
/** The longest row, as received. PostgreSQL's own limit is 1 GiB; rows have to fit a session's memory several times. */
export const rowBytesMax = 64 * 1024 * 1024;

/** How PostgreSQL marks dates before our era. */
const beforeChrist = Buffer.from(' BC');

export class RowFilter {
  readonly #options: CopyOptions;
  readonly #names: readonly string[];
  readonly #layout: Layout;
  readonly #rowBytesMax: number;
  /** Data not passed on yet: it begins at a row's start. */
  #held: Buffer;
  #used = 0;
  #scan: ScanState = { at: 0, inQuote: false, rowsEnd: 0, isUnusual: false };
  #headerPending: boolean;
  #isFirstPiece = true;
  /** `\.` came: what follows is ignored, as PostgreSQL ignores it. */
  #ended = false;
  #heldMax = pieceBytes;
  #hasBc = false;
  readonly #hasDates: boolean;

  constructor(
    options: CopyOptions,
    names: readonly string[],
    limits: { readonly rowBytesMax?: number; readonly hasDates?: boolean } = {},
  ) {
    this.#options = options;
    this.#names = names;
    this.#layout = layoutOf(options);
    this.#rowBytesMax = limits.rowBytesMax ?? rowBytesMax;
    this.#hasDates = limits.hasDates ?? false;
    this.#held = Buffer.allocUnsafeSlow(pieceBytes);
    this.#headerPending = options.header;
  }

  /** How the bytes it gives are laid out; asked when a segment is complete. */
  get dialect(): Dialect {
    const { delimiter, quote, escape, nullText } = this.#layout;
    return {
      delimiter: String.fromCharCode(delimiter),
      quote: String.fromCharCode(quote),
      escape: String.fromCharCode(escape),
      nullText,
      newline: this.#layout.newline === '\r' ? '\r' : '\n',
      rowBytesMax: this.#heldMax > pieceBytes ? this.#heldMax : 0,
      hasBc: this.#hasBc,
    };
  }

  /** Takes data; gives whole rows, each piece valid until the next call. Throws bad_copy_format, invalid_byte_sequence, too_large. */
  *feed(data: Buffer): Generator<Buffer> {
    if (this.#ended) return;
    for (let from = 0; from < data.length; ) {
      const taken = data.copy(this.#held, this.#used, from, from + (this.#held.length - this.#used));
      from += taken;
      this.#used += taken;
      if (this.#used < this.#held.length) return;
      yield* this.#pass(false);
      if (this.#ended) return;
      if (this.#used === this.#held.length) this.#grow();
    }
  }

  /** The end of the data: gives the rest. */
  *end(): Generator<Buffer> {
    if (!this.#ended) yield* this.#pass(true);
    if (this.#headerPending && this.#options.headerMatch) throw new LakeError('bad_copy_format', 'the data has no header line');
  }

  /** Passes on the rows that are complete and keeps the rest. */
  *#pass(isEnd: boolean): Generator<Buffer> {
    const all = this.#held.subarray(0, this.#used);
    findRowsEnd(all, this.#layout, this.#scan, isEnd);
    if (this.#scan.inQuote && isEnd)
      throw new LakeError('bad_copy_format', 'unterminated CSV quoted field', { hint: 'Nothing of this COPY was stored.' });
    const end = isEnd ? this.#used : this.#scan.rowsEnd;
    if (end > 0) {
      const rows = all.subarray(0, end);
      const isUnusual = this.#scan.isUnusual || this.#isUnusual(rows);
      const start = this.#headerPending ? this.#header(rows) : 0;
      const isCrlf = this.#layout.newline === '\r\n';
      if (isUnusual || (isCrlf && rows.indexOf(this.#layout.quote) >= 0)) {
        const rewritten = rewriteRows(rows.subarray(start), this.#layout, this.#names.length);
        if (rewritten.rows.length > 0) yield rewritten.rows;
        this.#ended = rewritten.ended;
      } else if (end > start) yield isCrlf ? withoutCarriageReturns(rows.subarray(start), this.#layout) : rows.subarray(start);
      this.#isFirstPiece = false;
    }
    this.#held.copyWithin(0, end, this.#used);
    this.#used -= end;
    this.#scan = {
      at: this.#scan.at - end,
      inQuote: this.#scan.inQuote,
      rowsEnd: 0,
      isUnusual: end === 0 && this.#scan.isUnusual,
    };
  }

  /** What needs no knowledge of quotes to be found. */
  #isUnusual(rows: Buffer): boolean {
    if (rows.indexOf(0) >= 0)
      throw new LakeError('invalid_byte_sequence', 'invalid byte sequence for encoding "UTF8": 0x00', {
        hint: 'Nothing of this COPY was stored.',
      });
    if (this.#hasDates && !this.#hasBc && rows.indexOf(beforeChrist) >= 0) this.#hasBc = true;
    // DuckDB takes a byte order mark at the start of a file away; PostgreSQL keeps it.
    if (this.#isFirstPiece && !this.#headerPending && rows[0] === 0xef && rows[1] === 0xbb && rows[2] === 0xbf) return true;
    return false;
  }

  #header(rows: Buffer): number {
    this.#headerPending = false;
    const { fields, end } = parseHeader(rows, this.#layout);
    if (this.#options.headerMatch) matchHeader(fields, this.#names);
    return end;
  }

  #grow(): void {
    if (this.#held.length >= this.#rowBytesMax) {
      throw new LakeError('too_large', `a row of this COPY is longer than ${this.#rowBytesMax} bytes`, {
        hint: 'Nothing of this COPY was stored. An unclosed quote makes all that follows one row.',
      });
    }
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#held.length * 4, this.#rowBytesMax));
    this.#held.copy(grown, 0, 0, this.#used);
    this.#held = grown;
    this.#heldMax = grown.length;
  }
}

/** Source: PostgreSQL 15, copyfromparse.c, NextCopyFromRawFields. */
function matchHeader(fields: readonly (string | null)[], names: readonly string[]): void {
  if (fields.length !== names.length) {
    throw new LakeError(
      'bad_copy_format',
      `wrong number of fields in header line: got ${fields.length}, expected ${names.length}`,
    );
  }
  fields.forEach((field, i) => {
    if (field !== names[i]) {
      const got = field === null ? 'got null value' : `got "${field}"`;
      throw new LakeError(
        'bad_copy_format',
        `column name mismatch in header line field ${i + 1}: ${got}, expected "${names[i]}"`,
      );
    }
  });
}
