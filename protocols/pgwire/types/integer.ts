/** bool, int2, int4, int8 and the unsigned types that fit them, in text and binary. */
import { put16, put32, putAscii, putInteger, putUint53, safeHigh, toBigInt64 } from './digits.ts';
import { CellWriter } from './cell.ts';
import type { RawVector, VectorMemory } from './vector.ts';
import { mapVector } from './vector.ts';

/** A writer over a vector of fixed-width rows with a fixed bound. */
export abstract class FixedWriter extends CellWriter {
  protected bytes: Uint8Array = new Uint8Array();
  protected i32: Int32Array = new Int32Array();
  protected u32: Uint32Array = new Uint32Array();
  protected readonly width: number;
  readonly #max: number;

  constructor(width: number, max: number) {
    super();
    this.width = width;
    this.#max = max;
  }

  load(vector: RawVector, count: number): void {
    const memory: VectorMemory = mapVector(vector, count, this.width);
    this.bytes = memory.bytes;
    this.i32 = memory.i32;
    this.u32 = memory.u32;
    this.validity = memory.validity;
  }

  bytesMax(): number {
    return this.#max;
  }
}

export class BoolText extends FixedWriter {
  constructor() {
    super(1, 1);
  }

  write(out: Uint8Array, at: number, row: number): number {
    out[at] = this.bytes[row] === 0 ? 0x66 : 0x74;
    return at + 1;
  }
}

export class BoolBinary extends FixedWriter {
  constructor() {
    super(1, 1);
  }

  write(out: Uint8Array, at: number, row: number): number {
    out[at] = this.bytes[row] === 0 ? 0 : 1;
    return at + 1;
  }
}

/** Integers of 1, 2 or 4 bytes. Reads through one function per width, so that the writers stay one class per format. */
export type SmallKind = 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32';

const widths: Readonly<Record<SmallKind, number>> = { int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4 };

abstract class SmallWriter extends FixedWriter {
  protected values: Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array = new Int32Array();
  readonly #kind: SmallKind;

  constructor(kind: SmallKind, max: number) {
    super(widths[kind], max);
    this.#kind = kind;
  }

  override load(vector: RawVector, count: number): void {
    super.load(vector, count);
    const { buffer, byteOffset } = this.bytes;
    switch (this.#kind) {
      case 'int8':
        this.values = new Int8Array(buffer, byteOffset, count);
        break;
      case 'uint8':
        this.values = this.bytes;
        break;
      case 'int16':
        this.values = new Int16Array(buffer, byteOffset, count);
        break;
      case 'uint16':
        this.values = new Uint16Array(buffer, byteOffset, count);
        break;
      case 'int32':
        this.values = this.i32;
        break;
      case 'uint32':
        this.values = this.u32;
        break;
    }
  }
}

export class SmallText extends SmallWriter {
  constructor(kind: SmallKind) {
    super(kind, 11);
  }

  write(out: Uint8Array, at: number, row: number): number {
    return putInteger(out, at, this.values[row] as number);
  }
}

/** Binary integers of 2, 4 or 8 bytes on the wire, from any small kind. */
export class SmallBinary extends SmallWriter {
  readonly #wire: number;

  constructor(kind: SmallKind, wireBytes: number) {
    super(kind, wireBytes);
    this.#wire = wireBytes;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const value = this.values[row] as number;
    if (this.#wire === 2) {
      put16(out, at, value);
      return at + 2;
    }
    if (this.#wire === 8) {
      put32(out, at, value < 0 ? -1 : 0);
      put32(out, at + 4, value);
      return at + 8;
    }
    put32(out, at, value);
    return at + 4;
  }
}

export class Int64Text extends FixedWriter {
  constructor() {
    super(8, 20);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const low = this.u32[row * 2] as number;
    const high = this.i32[row * 2 + 1] as number;
    if (high < safeHigh && high >= -safeHigh) return putInteger(out, at, high * 4294967296 + low);
    return putAscii(out, at, toBigInt64(low, high).toString());
  }
}

export class Uint64Text extends FixedWriter {
  constructor() {
    super(8, 20);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const low = this.u32[row * 2] as number;
    const high = this.u32[row * 2 + 1] as number;
    if (high < safeHigh) return putUint53(out, at, high * 4294967296 + low);
    return putAscii(out, at, toBigInt64(low, high).toString());
  }
}

/** int8, or its low half where a catalog column is announced as oid or int4. */
export class Int64Binary extends FixedWriter {
  readonly #wire: number;

  constructor(wireBytes: number) {
    super(8, wireBytes);
    this.#wire = wireBytes;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const low = this.u32[row * 2] as number;
    if (this.#wire === 8) {
      put32(out, at, this.i32[row * 2 + 1] as number);
      put32(out, at + 4, low);
      return at + 8;
    }
    if (this.#wire === 4) {
      put32(out, at, low);
      return at + 4;
    }
    put16(out, at, low);
    return at + 2;
  }
}
