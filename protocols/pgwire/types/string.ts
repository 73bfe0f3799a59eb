/**
 * VARCHAR, BLOB and ENUM. A vector of strings holds 16 bytes per row: uint32 length, then up to 12 bytes in place, or
 * 4 bytes of prefix and an address. Reading one address costs about 600 ns through the binding, so the strings of a
 * chunk are read in runs: strings whose addresses lie less than a page apart come in one read.
 */
import type { DuckDBEnumType } from '@duckdb/node-api';
import { DuckDBTypeId } from '@duckdb/node-api';
import { CellWriter } from './cell.ts';
import type { RawVector } from './vector.ts';
import { mapVector, memoryAt } from './vector.ts';

const inlineMax = 12;
/**
 * Both ends of a gap shorter than the smallest page of any platform lie on the same page or on neighbours, so the
 * memory between two strings is mapped and may be read; what stands there is never looked at.
 */
const gapMax = 4095;
/** Below this a loop beats a call to the runtime's copy. */
const loopMax = 40;

/** The strings of one loaded vector: where each lies and how long it is. */
export class StringCells {
  validity: Uint8Array | null = null;
  lengths: Uint32Array = new Uint32Array();
  #bytes: Uint8Array = new Uint8Array();
  /** Per long string: the run that holds it and its offset there. */
  #runs: Uint8Array[] = [];
  #runOf: Int32Array = new Int32Array();
  #offsetIn: Float64Array = new Float64Array();

  load(vector: RawVector, count: number): void {
    const memory = mapVector(vector, count, 16);
    this.validity = memory.validity;
    this.#bytes = memory.bytes;
    if (this.lengths.length < count) {
      this.lengths = new Uint32Array(Math.max(count, 2048));
      this.#runOf = new Int32Array(this.lengths.length);
      this.#offsetIn = new Float64Array(this.lengths.length);
    }
    this.#runs = [];
    const { u32 } = memory;
    const { lengths, validity } = this;
    let long = 0;
    for (let row = 0; row < count; row++) {
      // A NULL row's memory was never written.
      const valid = validity === null || ((validity[row >> 3] as number) & (1 << (row & 7))) !== 0;
      const length = valid ? (u32[row * 4] as number) : 0;
      lengths[row] = length;
      if (length > inlineMax) long++;
    }
    if (long > 0) this.#findRuns(u32, count, long);
  }

  /** Copies the string of a row to `at`; returns the end. */
  copy(row: number, out: Uint8Array, at: number): number {
    const length = this.lengths[row] as number;
    let source = this.#bytes;
    let from = row * 16 + 4;
    if (length > inlineMax) {
      source = this.#runs[this.#runOf[row] as number] as Uint8Array;
      from = this.#offsetIn[row] as number;
      if (length > loopMax) {
        out.set(source.subarray(from, from + length), at);
        return at + length;
      }
    }
    for (let i = 0; i < length; i++) out[at + i] = source[from + i] as number;
    return at + length;
  }

  /** The bytes of a row, as a view. */
  view(row: number): Uint8Array {
    const length = this.lengths[row] as number;
    if (length <= inlineMax) return this.#bytes.subarray(row * 16 + 4, row * 16 + 4 + length);
    const from = this.#offsetIn[row] as number;
    return (this.#runs[this.#runOf[row] as number] as Uint8Array).subarray(from, from + length);
  }

  #findRuns(u32: Uint32Array, count: number, long: number): void {
    const rows = new Int32Array(long);
    const addresses = this.#offsetIn;
    let found = 0;
    let ascending = true;
    let descending = true;
    let previous = -1;
    for (let row = 0; row < count; row++) {
      if ((this.lengths[row] as number) <= inlineMax) continue;
      // User space addresses are below 2^53.
      const address = (u32[row * 4 + 3] as number) * 4294967296 + (u32[row * 4 + 2] as number);
      addresses[row] = address;
      if (previous >= 0) {
        if (address < previous) ascending = false;
        else descending = false;
      }
      previous = address;
      rows[found++] = row;
    }
    if (!ascending) {
      if (descending) rows.reverse();
      else rows.sort((a, b) => (addresses[a] as number) - (addresses[b] as number));
    }
    let first = 0;
    let start = addresses[rows[0] as number] as number;
    let end = start + (this.lengths[rows[0] as number] as number);
    for (let i = 1; i <= long; i++) {
      const row = rows[i] as number;
      const address = i < long ? (addresses[row] as number) : 0;
      if (i < long && address - end <= gapMax) {
        end = Math.max(end, address + (this.lengths[row] as number));
        continue;
      }
      const run = this.#runs.push(memoryAt(start % 4294967296, Math.floor(start / 4294967296), end - start)) - 1;
      for (let k = first; k < i; k++) {
        const member = rows[k] as number;
        this.#runOf[member] = run;
        addresses[member] = (addresses[member] as number) - start;
      }
      first = i;
      start = address;
      end = address + (this.lengths[row] as number);
    }
  }
}

/** Bytes as they are: text in both formats, bytea in binary; with `prefix`, jsonb in binary. */
export class StringWriter extends CellWriter {
  override readonly plain = false;
  protected readonly cells = new StringCells();
  readonly #prefix: number;

  constructor(prefix = -1) {
    super();
    this.#prefix = prefix;
  }

  load(vector: RawVector, count: number): void {
    this.cells.load(vector, count);
    this.validity = this.cells.validity;
  }

  bytesMax(row: number): number {
    return (this.cells.lengths[row] as number) + 1;
  }

  write(out: Uint8Array, at: number, row: number): number {
    if (this.#prefix < 0) return this.cells.copy(row, out, at);
    out[at] = this.#prefix;
    return this.cells.copy(row, out, at + 1);
  }
}

const hexDigits = Buffer.from('0123456789abcdef');

/** bytea's hex form `\x6869`. */
export class ByteaText extends StringWriter {
  override bytesMax(row: number): number {
    return (this.cells.lengths[row] as number) * 2 + 2;
  }

  override write(out: Uint8Array, at: number, row: number): number {
    const bytes = this.cells.view(row);
    out[at] = 0x5c;
    out[at + 1] = 0x78;
    let end = at + 2;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      out[end] = hexDigits[byte >> 4] as number;
      out[end + 1] = hexDigits[byte & 15] as number;
      end += 2;
    }
    return end;
  }
}

/** The members' names are encoded once; a row is an index of 1, 2 or 4 bytes. */
export class EnumWriter extends CellWriter {
  override readonly plain = false;
  readonly #names: Buffer[];
  readonly #max: number;
  readonly #width: number;
  #values: Uint8Array | Uint16Array | Uint32Array = new Uint8Array();

  constructor(type: DuckDBEnumType) {
    super();
    this.#names = type.values.map((name) => Buffer.from(name));
    this.#max = this.#names.reduce((max, name) => Math.max(max, name.length), 0);
    this.#width = type.internalTypeId === DuckDBTypeId.UTINYINT ? 1 : type.internalTypeId === DuckDBTypeId.USMALLINT ? 2 : 4;
  }

  load(vector: RawVector, count: number): void {
    const memory = mapVector(vector, count, this.#width);
    const { buffer, byteOffset } = memory.bytes;
    this.validity = memory.validity;
    this.#values = this.#width === 1 ? memory.bytes : this.#width === 2 ? new Uint16Array(buffer, byteOffset, count) : memory.u32;
  }

  bytesMax(): number {
    return this.#max;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const name = this.#names[this.#values[row] as number] as Buffer;
    for (let i = 0; i < name.length; i++) out[at + i] = name[i] as number;
    return at + name.length;
  }
}
