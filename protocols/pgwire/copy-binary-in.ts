/**
 * Binary COPY from the client, decoded to chunks: signature, int32 flags, int32 extension length, then tuples of int16
 * count and (int32 length, bytes)*, ended by -1. Tuples may be cut anywhere by message borders. What comes is gathered in
 * one block; its whole tuples are first located and then read column by column, so that each type has a tight loop.
 * Values are decoded as the announced type of each column and fitted to the DuckDB type it has.
 * Source: PostgreSQL documentation, COPY, "Binary Format".
 */
import { DuckDBDataChunk } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import type { CopySink } from '../../base/statement-session.ts';
import { type ColumnBuilder, createColumnBuilder, type LocatedFields } from './types/column-builder.ts';

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
/** DuckDB's vector size. */
const rowsPerChunk = 2048;
/** Values of a chunk that is being filled take this much memory at most; then it is handed on with fewer rows. */
const chunkBytesMax = 16 * 1024 * 1024;
/** What is received gathers in a block of this size at first (many COPYs are a few rows) and mostly; a longer tuple makes it grow. */
const blockBytesMin = 16 * 1024;
const blockBytes = 256 * 1024;

export class BinaryCopyReader {
  readonly #sink: CopySink;
  readonly #tupleBytesMax: number;
  readonly #columns: readonly ColumnBuilder[];
  readonly #fields: readonly { readonly starts: Int32Array; readonly lengths: Int32Array }[];
  #block: Buffer = Buffer.allocUnsafeSlow(blockBytesMin);
  #view = viewOf(this.#block);
  #used = 0;
  #headerRead = false;
  #ended = false;
  /** Rows of the chunk being filled, and the bytes they came in. */
  #rows = 0;
  #bytes = 0;

  /** A tuple longer than `tupleBytesMax` is refused before it is gathered. */
  constructor(sink: CopySink, tupleBytesMax: number) {
    this.#sink = sink;
    this.#tupleBytesMax = tupleBytesMax;
    this.#columns = sink.columns.map((column) => createColumnBuilder(column, rowsPerChunk));
    this.#fields = sink.columns.map(() => ({ starts: new Int32Array(rowsPerChunk), lengths: new Int32Array(rowsPerChunk) }));
  }

  /** Takes a copy of a part of the data. */
  push(data: Buffer): Promise<void> | undefined {
    if (data.length >= this.#block.length - this.#used) return this.#pushMuch(data);
    data.copy(this.#block, this.#used);
    this.#used += data.length;
    return undefined;
  }

  async end(): Promise<void> {
    await this.#read();
    if (!this.#headerRead) throw bad('COPY file signature not recognized');
    if (this.#used > 0) throw bad('unexpected EOF in COPY data');
    if (this.#rows > 0) await this.#flush();
  }

  async #pushMuch(data: Buffer): Promise<void> {
    for (let from = 0; from < data.length; ) {
      const taken = data.copy(this.#block, this.#used, from);
      from += taken;
      this.#used += taken;
      if (this.#used < this.#block.length) return;
      await this.#read();
      if (this.#used > this.#block.length / 2 || this.#block.length < blockBytes) this.#grow();
    }
  }

  #grow(): void {
    if (this.#used > this.#tupleBytesMax) throw bad(`a row is longer than ${this.#tupleBytesMax} bytes`);
    const grown = Buffer.allocUnsafeSlow(Math.max(blockBytes, this.#used * 2));
    this.#block.copy(grown, 0, 0, this.#used);
    this.#block = grown;
    this.#view = viewOf(grown);
  }

  /** Reads the whole tuples of the block and moves what is left to its start. */
  async #read(): Promise<void> {
    let at = 0;
    if (!this.#headerRead) {
      at = readHeader(this.#block.subarray(0, this.#used));
      if (at < 0) return;
      this.#headerRead = true;
    }
    for (;;) {
      const first = this.#rows;
      at = this.#locate(at);
      const located: LocatedFields = { bytes: this.#block, view: this.#view, first, end: this.#rows };
      if (this.#rows > first)
        this.#columns.forEach((column, i) => {
          const { starts, lengths } = this.#fields[i] as { starts: Int32Array; lengths: Int32Array };
          column.add(located, starts, lengths);
        });
      if (this.#rows < rowsPerChunk && this.#bytes <= chunkBytesMax) break;
      await this.#flush();
    }
    this.#block.copyWithin(0, at, this.#used);
    this.#used -= at;
  }

  /** Notes where the fields of whole tuples lie, from `at` on, until the chunk is full; returns where it stopped. */
  #locate(start: number): number {
    const view = this.#view;
    const used = this.#used;
    const fields = this.#fields;
    const count = fields.length;
    let at = start;
    while (this.#rows < rowsPerChunk && this.#bytes <= chunkBytesMax) {
      if (this.#ended) {
        if (at < used) throw bad('received copy data after EOF marker');
        return at;
      }
      if (used - at < 2) return at;
      const announced = view.getInt16(at);
      if (announced === -1) {
        this.#ended = true;
        at += 2;
        continue;
      }
      if (announced !== count) throw bad(`row field count is ${announced}, expected ${count}`);
      let next = at + 2;
      for (let i = 0; i < count; i++) {
        if (used - next < 4) return at;
        const length = view.getInt32(next);
        next += 4;
        const field = fields[i] as { starts: Int32Array; lengths: Int32Array };
        field.starts[this.#rows] = next;
        field.lengths[this.#rows] = length;
        if (length > 0) {
          if (length > this.#tupleBytesMax) throw bad(`a field is longer than ${this.#tupleBytesMax} bytes`);
          next += length;
          if (next > used) return at;
        } else if (length < -1) throw bad('invalid field size');
      }
      this.#bytes += next - at;
      this.#rows++;
      at = next;
    }
    return at;
  }

  async #flush(): Promise<void> {
    const chunk = DuckDBDataChunk.create(
      this.#sink.columns.map((column) => column.type),
      this.#rows,
    );
    this.#columns.forEach((column, index) => {
      column.moveTo(chunk, index, this.#rows);
    });
    this.#rows = 0;
    this.#bytes = 0;
    await this.#sink.append(chunk);
  }
}

function viewOf(block: Buffer): DataView {
  return new DataView(block.buffer, block.byteOffset, block.length);
}

function readHeader(bytes: Buffer): number {
  if (!bytes.subarray(0, signature.length).equals(signature.subarray(0, bytes.length)))
    throw bad('COPY file signature not recognized');
  if (bytes.length < signature.length + 8) return -1;
  const flags = bytes.readUInt32BE(signature.length);
  if ((flags & 0xffff0000) !== 0) throw bad('unrecognized critical flags in COPY file header');
  const extension = bytes.readInt32BE(signature.length + 4);
  if (extension < 0 || extension > 65_536) throw bad('invalid COPY file header (wrong length)');
  const end = signature.length + 8 + extension;
  return bytes.length < end ? -1 : end;
}

function bad(message: string): LakeError {
  return new LakeError('bad_copy_format', message);
}
