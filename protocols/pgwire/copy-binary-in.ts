/**
 * Binary COPY from the client, decoded to chunks: signature, int32 flags, int32 extension length, then tuples of int16
 * count and (int32 length, bytes)*, ended by -1. Tuples may be cut anywhere by message borders. Values are decoded as
 * the announced type of each column and fitted to the DuckDB type it has.
 * Source: PostgreSQL documentation, COPY, "Binary Format".
 */
import { DuckDBDataChunk } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import type { CopySink } from '../../base/statement-session.ts';
import { type ColumnBuilder, createColumnBuilder } from './types/column-builder.ts';

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
/** DuckDB's vector size. */
const rowsPerChunk = 2048;
/** Values of a chunk that is being filled take this much memory at most; then it is handed on with fewer rows. */
const chunkBytesMax = 16 * 1024 * 1024;

export class BinaryCopyReader {
  readonly #sink: CopySink;
  readonly #tupleBytesMax: number;
  readonly #columns: readonly ColumnBuilder[];
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Nothing is tried again before this much is there: a large tuple in small messages is joined only a few times. */
  #retryAt = 0;
  #headerRead = false;
  #ended = false;
  #rows = 0;
  #bytes = 0;

  /** A tuple longer than `tupleBytesMax` is refused before it is gathered. */
  constructor(sink: CopySink, tupleBytesMax: number) {
    this.#sink = sink;
    this.#tupleBytesMax = tupleBytesMax;
    this.#columns = sink.columns.map((column) => createColumnBuilder(column, rowsPerChunk));
  }

  /** Takes the body of one CopyData. */
  async push(data: Buffer): Promise<void> {
    this.#pending.push(data);
    this.#pendingBytes += data.length;
    if (this.#pendingBytes >= this.#retryAt) await this.#read();
  }

  async end(): Promise<void> {
    await this.#read();
    if (!this.#headerRead) throw bad('COPY file signature not recognized');
    if (this.#pendingBytes > 0) throw bad('unexpected EOF in COPY data');
    if (this.#rows > 0) await this.#flush();
  }

  async #read(): Promise<void> {
    const bytes = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    let at = 0;
    if (!this.#headerRead) {
      const end = readHeader(bytes);
      if (end < 0) return this.#keep(bytes);
      this.#headerRead = true;
      at = end;
    }
    for (;;) {
      const next = this.#tuple(bytes, at);
      if (next < 0) break;
      at = next;
      if (this.#rows === rowsPerChunk || this.#bytes > chunkBytesMax) await this.#flush();
    }
    this.#keep(bytes.subarray(at));
  }

  #keep(rest: Buffer): void {
    if (rest.length > this.#tupleBytesMax) throw bad(`a row is longer than ${this.#tupleBytesMax} bytes`);
    // A small rest is copied, so that it does not keep the message it came in.
    this.#pending = rest.length === 0 ? [] : [rest.length < 4096 ? Buffer.from(rest) : rest];
    this.#pendingBytes = rest.length;
    this.#retryAt = rest.length < 65_536 ? 0 : rest.length * 2;
  }

  /** Reads one tuple at `start`; returns its end, or -1 when it is not complete. */
  #tuple(bytes: Buffer, start: number): number {
    if (this.#ended) {
      if (start < bytes.length) throw bad('received copy data after EOF marker');
      return -1;
    }
    if (bytes.length - start < 2) return -1;
    const count = bytes.readInt16BE(start);
    if (count === -1) {
      this.#ended = true;
      return start + 2;
    }
    const columns = this.#columns;
    if (count !== columns.length) throw bad(`row field count is ${count}, expected ${columns.length}`);
    // First see that the tuple is whole: decoding has no way back.
    let at = start + 2;
    for (let i = 0; i < count; i++) {
      if (bytes.length - at < 4) return -1;
      const length = bytes.readInt32BE(at);
      if (length < -1) throw bad('invalid field size');
      if (length > this.#tupleBytesMax) throw bad(`a field is longer than ${this.#tupleBytesMax} bytes`);
      at += 4 + Math.max(0, length);
      if (at > bytes.length) return -1;
    }
    this.#bytes += at - start;
    at = start + 2;
    for (let i = 0; i < count; i++) {
      const length = bytes.readInt32BE(at);
      at += 4;
      (columns[i] as ColumnBuilder).add(this.#rows, bytes, at, length);
      at += Math.max(0, length);
    }
    this.#rows++;
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
