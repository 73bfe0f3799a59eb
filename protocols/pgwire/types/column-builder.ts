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

export interface ColumnBuilder {
  /** Takes the field of the next row: `length` bytes at `at`, -1 for NULL. */
  add(row: number, bytes: Buffer, at: number, length: number): void;
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

const epochMicros = 946_684_800_000_000n;

function readTimestamp(out: DataView, to: number, bytes: Buffer, at: number): void {
  const micros = bytes.readBigInt64BE(at);
  if (micros === 0x7fff_ffff_ffff_ffffn) return out.setBigInt64(to, micros, true);
  if (micros === -0x8000_0000_0000_0000n) return out.setBigInt64(to, micros + 1n, true);
  const value = micros + epochMicros;
  if (value >= 0x7fff_ffff_ffff_ffffn) throw new LakeError('invalid_datetime', 'timestamp out of range');
  out.setBigInt64(to, value, true);
}

type Turn = (out: DataView, to: number, bytes: Buffer, at: number) => void;

const turn8: Turn = (out, to, bytes, at) => {
  out.setUint32(to, bytes.readUInt32BE(at + 4), true);
  out.setUint32(to + 4, bytes.readUInt32BE(at), true);
};
const turn4: Turn = (out, to, bytes, at) => out.setUint32(to, bytes.readUInt32BE(at), true);

/** DuckDB type, announced type, width of both, how it is turned. */
const fixedFields: readonly (readonly [DuckDBTypeId, number, number, Turn])[] = [
  [DuckDBTypeId.BIGINT, oid.int8, 8, turn8],
  [DuckDBTypeId.DOUBLE, oid.float8, 8, turn8],
  [DuckDBTypeId.INTEGER, oid.int4, 4, turn4],
  [DuckDBTypeId.FLOAT, oid.float4, 4, turn4],
  [DuckDBTypeId.SMALLINT, oid.int2, 2, (out, to, bytes, at) => out.setUint16(to, bytes.readUInt16BE(at), true)],
  [DuckDBTypeId.BOOLEAN, oid.bool, 1, (out, to, bytes, at) => out.setUint8(to, bytes[at] === 0 ? 0 : 1)],
  [DuckDBTypeId.TIMESTAMP, oid.timestamp, 8, readTimestamp],
  [DuckDBTypeId.TIMESTAMP_TZ, oid.timestamptz, 8, readTimestamp],
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
  readonly #data: Uint8Array;
  readonly #view: DataView;
  readonly #validity: Validity;

  constructor(rowsMax: number, width: number, turn: Turn) {
    this.#width = width;
    this.#turn = turn;
    this.#data = new Uint8Array(rowsMax * width);
    this.#view = new DataView(this.#data.buffer);
    this.#validity = new Validity(rowsMax);
  }

  add(row: number, bytes: Buffer, at: number, length: number): void {
    if (length === this.#width) this.#turn(this.#view, row * this.#width, bytes, at);
    else if (length === -1) this.#validity.setNull(row);
    else throw new LakeError('bad_copy_format', `incorrect binary data format: a field of ${this.#width} bytes has ${length}`);
  }

  moveTo(chunk: DuckDBDataChunk, index: number, count: number): void {
    fillVector(columnVector(chunk, index), this.#data, count * this.#width, this.#validity.any ? this.#validity.bits : null);
    this.#validity.clear();
  }
}

const inlineMax = 12;

class TextBuilder implements ColumnBuilder {
  readonly #data: Uint8Array;
  readonly #lengths: Uint32Array;
  readonly #validity: Validity;
  #long: { readonly row: number; readonly bytes: Buffer }[] = [];

  constructor(rowsMax: number) {
    this.#data = new Uint8Array(rowsMax * 16);
    this.#lengths = new Uint32Array(this.#data.buffer);
    this.#validity = new Validity(rowsMax);
  }

  add(row: number, bytes: Buffer, at: number, length: number): void {
    const to = row * 16;
    this.#data.fill(0, to, to + 16);
    if (length === -1) {
      this.#validity.setNull(row);
      return;
    }
    let special = length > inlineMax;
    if (!special) {
      this.#lengths[row * 4] = length;
      for (let i = 0; i < length; i++) {
        const byte = bytes[at + i] as number;
        this.#data[to + 4 + i] = byte;
        if (byte >= 0x80 || byte === 0) special = true;
      }
    }
    if (!special) return;
    const field = bytes.subarray(at, at + length);
    if (!isUtf8(field) || field.includes(0))
      throw new LakeError('invalid_byte_sequence', 'invalid byte sequence for encoding "UTF8"');
    if (length > inlineMax) this.#long.push({ row, bytes: field });
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

  add(row: number, bytes: Buffer, at: number, length: number): void {
    this.#values[row] = length === -1 ? null : this.#read(bytes, at, length);
  }

  moveTo(chunk: DuckDBDataChunk, index: number): void {
    chunk.setColumnValues(index, this.#values);
    this.#values = [];
  }
}
