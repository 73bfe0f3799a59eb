/**
 * Fills one column of a chunk from binary fields. Fixed-width types are turned around into a buffer that becomes the
 * vector in one copy; strings of up to 12 bytes are laid into that buffer as DuckDB lays them into a vector (uint32
 * length, bytes), only longer ones cost a call each. Everything else is read value by value (field-reader.ts).
 */
import { isUtf8 } from 'node:buffer';
import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import { DuckDBTypeId } from '@duckdb/node-api';
import { LakeError } from '../../../base/errors.ts';
import { oid, toPgType } from '../../../base/pg-types.ts';
import type { Column } from '../../../base/statement-session.ts';
import { createFieldReader, type FieldReader } from './field-reader.ts';
import { assignString, columnVector, fillVector } from './vector.ts';

/** Tuples whose fields were found in a block: rows `first` to `end` of the chunk being filled. */
export interface LocatedFields {
  readonly bytes: Buffer;
  /** The same bytes. */
  readonly view: DataView;
  readonly first: number;
  readonly end: number;
}

export interface ColumnBuilder {
  /** Takes one column of the located rows: the field of row `r` has `lengths[r]` bytes at `starts[r]`, -1 for NULL. Nothing of the block is kept. */
  add(rows: LocatedFields, starts: Int32Array, lengths: Int32Array): void;
  /** Moves `count` rows into column `index` of the chunk and begins again. */
  moveTo(chunk: DuckDBDataChunk, index: number, count: number): void;
}

/** `rowsMax` is how many rows are added before `moveTo`. */
export function createColumnBuilder(column: Column, rowsMax: number): ColumnBuilder {
  const announced = column.pgType?.oid ?? toPgType(column.type).oid;
  const fixed = fixedFields.find(([type, id]) => type === column.type.typeId && id === announced);
  if (fixed) return new FixedBuilder(rowsMax, fixed[2], fixed[3]);
  if (
    column.type.typeId === DuckDBTypeId.VARCHAR &&
    (announced === oid.text || announced === oid.varchar || announced === oid.json)
  )
    return new TextBuilder(rowsMax);
  return new ValueBuilder(createFieldReader(column));
}

/** Microseconds from 1970 to 2000, in two halves. */
const epochLow = 946_684_800_000_000 % 2 ** 32;
const epochHigh = Math.floor(946_684_800_000_000 / 2 ** 32);

/** PostgreSQL counts from 2000 and has infinities at both ends; DuckDB counts from 1970, with its own one apart. */
function turnTimestamp(out: Uint32Array, row: number, view: DataView, at: number): void {
  let high = view.getInt32(at);
  let low = view.getUint32(at + 4);
  if (high === -0x8000_0000 && low === 0) low = 1;
  else if (high !== 0x7fff_ffff || low !== 0xffff_ffff) {
    low += epochLow;
    high += epochHigh;
    if (low >= 0x1_0000_0000) {
      low -= 0x1_0000_0000;
      high++;
    }
    if (high > 0x7fff_ffff || (high === 0x7fff_ffff && low === 0xffff_ffff))
      throw new LakeError('invalid_datetime', 'timestamp out of range');
  }
  out[row * 2] = low;
  out[row * 2 + 1] = high;
}

/** Turns the fields of rows around into `out`; NULLs have been noted, and all others have the right width. */
type Turn = (out: ArrayBuffer, rows: LocatedFields, starts: Int32Array, lengths: Int32Array) => void;

const turn8: Turn = (out, { view, first, end }, starts, lengths) => {
  const words = new Uint32Array(out);
  for (let row = first; row < end; row++) {
    if (lengths[row] === -1) continue;
    const at = starts[row] as number;
    words[row * 2] = view.getUint32(at + 4);
    words[row * 2 + 1] = view.getUint32(at);
  }
};
const turn4: Turn = (out, { view, first, end }, starts, lengths) => {
  const words = new Uint32Array(out);
  for (let row = first; row < end; row++) if (lengths[row] !== -1) words[row] = view.getUint32(starts[row] as number);
};
const turn2: Turn = (out, { view, first, end }, starts, lengths) => {
  const words = new Uint16Array(out);
  for (let row = first; row < end; row++) if (lengths[row] !== -1) words[row] = view.getUint16(starts[row] as number);
};
const turnBoolean: Turn = (out, { bytes, first, end }, starts, lengths) => {
  const cells = new Uint8Array(out);
  for (let row = first; row < end; row++) if (lengths[row] !== -1) cells[row] = bytes[starts[row] as number] === 0 ? 0 : 1;
};
const turnTimestamps: Turn = (out, { view, first, end }, starts, lengths) => {
  const words = new Uint32Array(out);
  for (let row = first; row < end; row++) if (lengths[row] !== -1) turnTimestamp(words, row, view, starts[row] as number);
};

/** DuckDB type, announced type, width of both, how it is turned. */
const fixedFields: readonly (readonly [DuckDBTypeId, number, number, Turn])[] = [
  [DuckDBTypeId.BIGINT, oid.int8, 8, turn8],
  [DuckDBTypeId.DOUBLE, oid.float8, 8, turn8],
  [DuckDBTypeId.INTEGER, oid.int4, 4, turn4],
  [DuckDBTypeId.FLOAT, oid.float4, 4, turn4],
  [DuckDBTypeId.SMALLINT, oid.int2, 2, turn2],
  [DuckDBTypeId.BOOLEAN, oid.bool, 1, turnBoolean],
  [DuckDBTypeId.TIMESTAMP, oid.timestamp, 8, turnTimestamps],
  [DuckDBTypeId.TIMESTAMP_TZ, oid.timestamptz, 8, turnTimestamps],
];

/** Which rows are valid, as DuckDB keeps it: one bit a row. */
class Validity {
  readonly bits: Uint8Array;
  any = false;

  constructor(rowsMax: number) {
    this.bits = new Uint8Array(((rowsMax + 63) >> 6) << 3).fill(0xff);
  }

  setNull(row: number): void {
    this.bits[row >> 3] = (this.bits[row >> 3] as number) & ~(1 << (row & 7));
    this.any = true;
  }

  clear(): void {
    if (this.any) this.bits.fill(0xff);
    this.any = false;
  }
}

class FixedBuilder implements ColumnBuilder {
  readonly #width: number;
  readonly #turn: Turn;
  readonly #data: Uint8Array<ArrayBuffer>;
  readonly #validity: Validity;

  constructor(rowsMax: number, width: number, turn: Turn) {
    this.#width = width;
    this.#turn = turn;
    this.#data = new Uint8Array(rowsMax * width);
    this.#validity = new Validity(rowsMax);
  }

  add(rows: LocatedFields, starts: Int32Array, lengths: Int32Array): void {
    const width = this.#width;
    for (let row = rows.first; row < rows.end; row++) {
      const length = lengths[row] as number;
      if (length === width) continue;
      if (length !== -1)
        throw new LakeError('bad_copy_format', `incorrect binary data format: a field of ${width} bytes has ${length}`);
      this.#validity.setNull(row);
    }
    this.#turn(this.#data.buffer, rows, starts, lengths);
  }

  moveTo(chunk: DuckDBDataChunk, index: number, count: number): void {
    fillVector(columnVector(chunk, index), this.#data, count * this.#width, this.#validity.any ? this.#validity.bits : null);
    this.#validity.clear();
  }
}

const inlineMax = 12;

class TextBuilder implements ColumnBuilder {
  readonly #data: Uint8Array;
  readonly #words: Uint32Array;
  readonly #validity: Validity;
  #long: { readonly row: number; readonly bytes: Buffer }[] = [];

  constructor(rowsMax: number) {
    this.#data = new Uint8Array(rowsMax * 16);
    this.#words = new Uint32Array(this.#data.buffer);
    this.#validity = new Validity(rowsMax);
  }

  add({ bytes, first, end }: LocatedFields, starts: Int32Array, lengths: Int32Array): void {
    const data = this.#data;
    const words = this.#words;
    for (let row = first; row < end; row++) {
      const length = lengths[row] as number;
      const word = row * 4;
      words[word] = words[word + 1] = words[word + 2] = words[word + 3] = 0;
      if (length === -1) {
        this.#validity.setNull(row);
        continue;
      }
      const at = starts[row] as number;
      let special = length > inlineMax;
      if (!special) {
        words[word] = length;
        const to = row * 16 + 4;
        let seen = 0;
        for (let i = 0; i < length; i++) {
          const byte = bytes[at + i] as number;
          data[to + i] = byte;
          seen |= byte === 0 ? 0x80 : byte;
        }
        special = seen >= 0x80;
      }
      if (special) this.#addSpecial(row, bytes.subarray(at, at + length));
    }
  }

  /** A string that is long, or holds what is not ASCII. */
  #addSpecial(row: number, field: Buffer): void {
    if (!isUtf8(field) || field.includes(0))
      throw new LakeError('invalid_byte_sequence', 'invalid byte sequence for encoding "UTF8"');
    if (field.length > inlineMax) this.#long.push({ row, bytes: Buffer.from(field) });
  }

  moveTo(chunk: DuckDBDataChunk, index: number, count: number): void {
    const vector = columnVector(chunk, index);
    fillVector(vector, this.#data, count * 16, this.#validity.any ? this.#validity.bits : null);
    for (const { row, bytes } of this.#long) assignString(vector, row, bytes);
    this.#long = [];
    this.#validity.clear();
  }
}

class ValueBuilder implements ColumnBuilder {
  readonly #read: FieldReader;
  #values: DuckDBValue[] = [];

  constructor(read: FieldReader) {
    this.#read = read;
  }

  add({ bytes, first, end }: LocatedFields, starts: Int32Array, lengths: Int32Array): void {
    for (let row = first; row < end; row++) {
      const length = lengths[row] as number;
      const at = starts[row] as number;
      // A value may be a view of its bytes, and outlive the block.
      this.#values[row] = length === -1 ? null : this.#read(Buffer.from(bytes.subarray(at, at + length)), 0, length);
    }
  }

  moveTo(chunk: DuckDBDataChunk, index: number): void {
    chunk.setColumnValues(index, this.#values);
    this.#values = [];
  }
}
