/**
 * LIST and ARRAY as PostgreSQL arrays. Text `{1,NULL,"a b",{…}}`; binary int32 dimensions, int32 has-null, int32
 * element oid, (int32 size, int32 lower bound)* and the elements. Elements are written by their own writer straight
 * from the child vector. Lists of lists are dimensions; PostgreSQL has only rectangular ones, so a ragged list (or a
 * NULL inner list) is written in text all the same, which drivers read, and refused in binary, which cannot say it.
 * Source: arrayfuncs.c, array_out and array_send.
 */
import { LakeError } from '../../../base/errors.ts';
import { CellWriter } from './cell.ts';
import { put32, putAscii } from './digits.ts';
import type { RawVector } from './vector.ts';
import { arrayChild, listChild, mapValidity, mapVector } from './vector.ts';

/** Which rows of the child vector an element list covers. */
export abstract class ListShape extends CellWriter {
  override readonly plain = false;
  readonly element: CellWriter;
  readonly #fixedLength: number;
  #entries: Uint32Array = new Uint32Array();

  /** `fixedLength` is ARRAY's length, or -1 for LIST. */
  constructor(element: CellWriter, fixedLength: number) {
    super();
    this.element = element;
    this.#fixedLength = fixedLength;
  }

  load(vector: RawVector, count: number): void {
    if (this.#fixedLength >= 0) {
      this.validity = mapValidity(vector, count);
      this.element.load(arrayChild(vector), count * this.#fixedLength);
      return;
    }
    const memory = mapVector(vector, count, 16);
    this.validity = memory.validity;
    this.#entries = memory.u32;
    const child = listChild(vector);
    this.element.load(child.vector, child.size);
  }

  start(row: number): number {
    if (this.#fixedLength >= 0) return row * this.#fixedLength;
    return (this.#entries[row * 4 + 1] as number) * 4294967296 + (this.#entries[row * 4] as number);
  }

  length(row: number): number {
    if (this.#fixedLength >= 0) return this.#fixedLength;
    return (this.#entries[row * 4 + 3] as number) * 4294967296 + (this.#entries[row * 4 + 2] as number);
  }
}

/** Bytes of an element that must be quoted: delimiters, braces, quotes, backslash and white space. Source: array_isspace. */
const mustQuote = new Uint8Array(256);
for (const byte of Buffer.from('{},"\\ \t\n\r\v\f')) mustQuote[byte] = 1;

export class ArrayText extends ListShape {
  bytesMax(row: number): number {
    let sum = 2;
    const start = this.start(row);
    const end = start + this.length(row);
    for (let i = start; i < end; i++) sum += this.element.isNull(i) ? 5 : this.element.bytesMax(i) * 2 + 3;
    return sum;
  }

  write(out: Uint8Array, start: number, row: number): number {
    const { element } = this;
    const first = this.start(row);
    const end = first + this.length(row);
    const nested = element instanceof ArrayText;
    let at = start;
    out[at++] = 0x7b;
    for (let i = first; i < end; i++) {
      if (i > first) out[at++] = 0x2c;
      if (element.isNull(i)) at = putAscii(out, at, 'NULL');
      else if (nested) at = element.write(out, at, i);
      else at = quote(out, at, element.write(out, at, i));
    }
    out[at++] = 0x7d;
    return at;
  }
}

/** Quotes the element standing in out[from, to) in place if it needs quotes; there is room for its double. */
function quote(out: Uint8Array, from: number, to: number): number {
  let needed = to === from || (to - from === 4 && isNullWord(out, from));
  let escapes = 0;
  for (let i = from; i < to; i++) {
    const byte = out[i] as number;
    if (mustQuote[byte] === 1) needed = true;
    if (byte === 0x22 || byte === 0x5c) escapes++;
  }
  if (!needed) return to;
  let target = to + escapes + 1;
  const end = target + 1;
  out[target--] = 0x22;
  for (let i = to - 1; i >= from; i--) {
    const byte = out[i] as number;
    out[target--] = byte;
    if (byte === 0x22 || byte === 0x5c) out[target--] = 0x5c;
  }
  out[target] = 0x22;
  return end;
}

function isNullWord(out: Uint8Array, at: number): boolean {
  return (
    ((out[at] as number) | 32) === 0x6e &&
    ((out[at + 1] as number) | 32) === 0x75 &&
    ((out[at + 2] as number) | 32) === 0x6c &&
    ((out[at + 3] as number) | 32) === 0x6c
  );
}

export class ArrayBinary extends ListShape {
  readonly #elementOid: number;
  readonly #depth: number;

  readonly #lowerBound: number;

  /** `lowerBound` is 1 for arrays, 0 for int2vector and oidvector. */
  constructor(element: CellWriter, fixedLength: number, elementOid: number, lowerBound = 1) {
    super(element, fixedLength);
    this.#elementOid = elementOid;
    this.#lowerBound = lowerBound;
    this.#depth = element instanceof ArrayBinary ? element.#depth + 1 : 1;
  }

  bytesMax(row: number): number {
    return 12 + this.#depth * 8 + this.#elementsMax(row);
  }

  #elementsMax(row: number): number {
    let sum = 0;
    const start = this.start(row);
    const end = start + this.length(row);
    for (let i = start; i < end; i++) {
      if (this.element.isNull(i)) sum += 4;
      else sum += this.element instanceof ArrayBinary ? this.element.#elementsMax(i) : 4 + this.element.bytesMax(i);
    }
    return sum;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const sizes: number[] = [];
    this.#measure(row, sizes, 0);
    put32(out, at + 8, this.#elementOid);
    if (sizes.includes(0)) {
      // PostgreSQL has one empty array, without dimensions.
      put32(out, at, 0);
      put32(out, at + 4, 0);
      return at + 12;
    }
    put32(out, at, sizes.length);
    let end = at + 12;
    for (const size of sizes) {
      put32(out, end, size);
      put32(out, end + 4, this.#lowerBound);
      end += 8;
    }
    const nulls = { found: false };
    end = this.#elements(out, end, row, nulls);
    put32(out, at + 4, nulls.found ? 1 : 0);
    return end;
  }

  /** Fills in the size of each dimension and refuses what is not rectangular. */
  #measure(row: number, sizes: number[], depth: number): void {
    const length = this.length(row);
    if (sizes[depth] === undefined) sizes[depth] = length;
    else if (sizes[depth] !== length) throw ragged();
    if (!(this.element instanceof ArrayBinary)) return;
    const start = this.start(row);
    for (let i = start; i < start + length; i++) {
      if (this.element.isNull(i)) throw ragged();
      this.element.#measure(i, sizes, depth + 1);
    }
  }

  #elements(out: Uint8Array, start: number, row: number, nulls: { found: boolean }): number {
    const { element } = this;
    const first = this.start(row);
    const last = first + this.length(row);
    let at = start;
    for (let i = first; i < last; i++) {
      if (element instanceof ArrayBinary) at = element.#elements(out, at, i, nulls);
      else if (element.isNull(i)) {
        nulls.found = true;
        put32(out, at, -1);
        at += 4;
      } else {
        const end = element.write(out, at + 4, i);
        put32(out, at, end - at - 4);
        at = end;
      }
    }
    return at;
  }
}

function ragged(): LakeError {
  return new LakeError(
    'feature_not_supported',
    'a nested list whose inner lists differ in length, or are NULL, has no binary form in PostgreSQL',
    {
      hint: 'Ask for the text format, or cast the column to JSON.',
    },
  );
}
