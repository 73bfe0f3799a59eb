/** DECIMAL, HUGEINT, UHUGEINT, UBIGINT and BIGNUM as numeric. Text has all places of the scale; binary is base 10,000. Source: numeric.c, numeric_out and numeric_send. */
import { encodeNumeric, formatNumeric } from '../../../base/pg-numeric.ts';
import { CellWriter } from './cell.ts';
import { put16, putAscii, putPadded, putUint53, safeHigh, toBigInt64 } from './digits.ts';
import { FixedWriter } from './integer.ts';
import type { RawVector } from './vector.ts';
import { valueVector } from './vector.ts';
import type { DuckDBType } from '@duckdb/node-api';

/** Stored widths: decimals of up to 4, 9, 18, 38 digits are int16, int32, int64, int128; the rest as named. */
export type NumericKind = 'int16' | 'int32' | 'int64' | 'uint64' | 'int128' | 'uint128';

const widths: Readonly<Record<NumericKind, number>> = { int16: 2, int32: 4, int64: 8, uint64: 8, int128: 16, uint128: 16 };

/** The stored kind of DECIMAL(width). */
export function decimalKind(width: number): NumericKind {
  return width <= 4 ? 'int16' : width <= 9 ? 'int32' : width <= 18 ? 'int64' : 'int128';
}

const places = Array.from({ length: 16 }, (_, i) => 10 ** i);

abstract class NumericWriter extends FixedWriter {
  protected readonly kind: NumericKind;
  protected readonly scale: number;

  constructor(kind: NumericKind, scale: number, max: number) {
    super(widths[kind], max);
    this.kind = kind;
    this.scale = scale;
  }

  /** The stored integer if a double holds it exactly, else NaN. */
  protected safe(row: number): number {
    switch (this.kind) {
      case 'int16':
        return (((this.bytes[row * 2] as number) | ((this.bytes[row * 2 + 1] as number) << 8)) << 16) >> 16;
      case 'int32':
        return this.i32[row] as number;
      case 'int64': {
        const high = this.i32[row * 2 + 1] as number;
        return high < safeHigh && high >= -safeHigh ? high * 4294967296 + (this.u32[row * 2] as number) : Number.NaN;
      }
      case 'uint64': {
        const high = this.u32[row * 2 + 1] as number;
        return high < safeHigh ? high * 4294967296 + (this.u32[row * 2] as number) : Number.NaN;
      }
      case 'int128':
      case 'uint128': {
        const high = this.i32[row * 4 + 1] as number;
        const top = this.i32[row * 4 + 2] as number;
        const sign = this.kind === 'int128' ? high >> 31 : 0;
        if (
          top !== sign ||
          this.i32[row * 4 + 3] !== sign ||
          high >= safeHigh ||
          high < -safeHigh ||
          (this.kind === 'uint128' && high < 0)
        )
          return Number.NaN;
        return high * 4294967296 + (this.u32[row * 4] as number);
      }
    }
  }

  /** The stored integer, whatever its size. */
  protected exact(row: number): bigint {
    const { u32, i32 } = this;
    switch (this.kind) {
      case 'int64':
        return toBigInt64(u32[row * 2] as number, i32[row * 2 + 1] as number);
      case 'uint64':
        return toBigInt64(u32[row * 2] as number, u32[row * 2 + 1] as number);
      case 'int128':
        return (
          (toBigInt64(u32[row * 4 + 2] as number, i32[row * 4 + 3] as number) << 64n) |
          toBigInt64(u32[row * 4] as number, u32[row * 4 + 1] as number)
        );
      case 'uint128':
        return (
          (toBigInt64(u32[row * 4 + 2] as number, u32[row * 4 + 3] as number) << 64n) |
          toBigInt64(u32[row * 4] as number, u32[row * 4 + 1] as number)
        );
      default:
        return BigInt(this.safe(row));
    }
  }
}

export class NumericText extends NumericWriter {
  constructor(kind: NumericKind, scale: number) {
    super(kind, scale, 44);
  }

  write(out: Uint8Array, start: number, row: number): number {
    const value = this.safe(row);
    const { scale } = this;
    // NaN, and scales whose power of ten is not a small number, go the long way.
    if (Number.isNaN(value) || scale > 9) return putAscii(out, start, formatNumeric(this.exact(row), scale));
    let at = start;
    let magnitude = value;
    if (value < 0) {
      out[at++] = 0x2d;
      magnitude = -value;
    }
    if (scale === 0) return putUint53(out, at, magnitude);
    const power = places[scale] as number;
    const whole = Math.floor(magnitude / power);
    at = putUint53(out, at, whole);
    out[at++] = 0x2e;
    return putPadded(out, at, magnitude - whole * power, scale);
  }
}

export class NumericBinary extends NumericWriter {
  readonly #padding: number;
  readonly #digits = new Int32Array(8);

  constructor(kind: NumericKind, scale: number) {
    super(kind, scale, 64);
    this.#padding = 10 ** ((4 - (scale % 4)) % 4);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const value = this.safe(row);
    let rest = Math.abs(value) * this.#padding;
    if (!(rest <= Number.MAX_SAFE_INTEGER)) {
      const encoded = encodeNumeric(this.exact(row), this.scale);
      out.set(encoded, at);
      return at + encoded.length;
    }
    const digits = this.#digits;
    let count = 0;
    let exponent = -Math.ceil(this.scale / 4);
    while (rest > 0) {
      const next = Math.floor(rest / 10000);
      const digit = rest - next * 10000;
      rest = next;
      if (count === 0 && digit === 0) exponent++;
      else digits[count++] = digit;
    }
    put16(out, at, count);
    put16(out, at + 2, count === 0 ? 0 : exponent + count - 1);
    put16(out, at + 4, value < 0 ? 0x4000 : 0);
    put16(out, at + 6, this.scale);
    let end = at + 8;
    for (let i = count - 1; i >= 0; i--, end += 2) put16(out, end, digits[i] as number);
    return end;
  }
}

/** BIGNUM has no fixed width; its values are read one by one. */
export class BignumWriter extends CellWriter {
  readonly #type: DuckDBType;
  readonly #binary: boolean;
  #cells: (Buffer | null)[] = [];

  constructor(type: DuckDBType, binary: boolean) {
    super();
    this.#type = type;
    this.#binary = binary;
  }

  load(vector: RawVector, count: number): void {
    const values = valueVector(vector, count, this.#type);
    this.#cells = Array.from({ length: count }, (_, row) => {
      const value = values.getItem(row) as bigint | null;
      if (value === null) return null;
      return this.#binary ? encodeNumeric(value, 0) : Buffer.from(value.toString());
    });
  }

  override isNull(row: number): boolean {
    return this.#cells[row] === null;
  }

  bytesMax(row: number): number {
    return this.#cells[row]?.length ?? 0;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const cell = this.#cells[row] as Buffer;
    out.set(cell, at);
    return at + cell.length;
  }
}
