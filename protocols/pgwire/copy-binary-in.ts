/**
 * Binary COPY from the client, decoded to chunks: signature, int32 flags, int32 extension length, then tuples of int16
 * count and (int32 length, bytes)*, ended by -1. Tuples may be cut anywhere by message borders. Values are decoded as
 * the announced type of each column. Source: PostgreSQL documentation, COPY, "Binary Format".
 */
import type { DuckDBValue } from '@duckdb/node-api';
import { DuckDBDataChunk } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { decodeParameter } from '../../base/pg-parameter.ts';
import type { CopySink } from '../../base/statement-session.ts';
import { columnOid } from './messages/row-description.ts';

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const rowsPerChunk = 2048;
/** A tuple that needs more than this is refused before it is gathered. */
const tupleBytesMax = 64 * 1024 * 1024;

export class BinaryCopyReader {
  readonly #sink: CopySink;
  readonly #oids: readonly number[];
  #pending: Buffer = Buffer.alloc(0);
  #headerRead = false;
  #ended = false;
  #values: DuckDBValue[][];
  #rows = 0;

  constructor(sink: CopySink) {
    this.#sink = sink;
    this.#oids = sink.columns.map(columnOid);
    this.#values = sink.columns.map(() => []);
  }

  async push(data: Buffer): Promise<void> {
    const bytes = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    let at = 0;
    if (!this.#headerRead) {
      const end = readHeader(bytes);
      if (end < 0) return this.#keep(bytes, 0);
      this.#headerRead = true;
      at = end;
    }
    for (;;) {
      const next = this.#tuple(bytes, at);
      if (next < 0) break;
      at = next;
      if (this.#rows === rowsPerChunk) await this.#flush();
    }
    this.#keep(bytes, at);
  }

  async end(): Promise<void> {
    if (!this.#headerRead) throw bad('COPY file signature not recognized');
    if (this.#pending.length > 0) throw bad('unexpected EOF in COPY data');
    if (this.#rows > 0) await this.#flush();
  }

  #keep(bytes: Buffer, at: number): void {
    if (bytes.length - at > tupleBytesMax) throw bad(`a row is longer than ${tupleBytesMax} bytes`);
    this.#pending = bytes.subarray(at);
  }

  /** Reads one tuple at `at`; returns its end, or -1 when it is not complete. */
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
    if (count !== this.#oids.length) throw bad(`row field count is ${count}, expected ${this.#oids.length}`);
    // First see that the tuple is whole: decoding has no way back.
    let at = start + 2;
    for (let i = 0; i < count; i++) {
      if (bytes.length - at < 4) return -1;
      const length = bytes.readInt32BE(at);
      if (length < -1) throw bad('invalid field size');
      if (length > tupleBytesMax) throw bad(`a field is longer than ${tupleBytesMax} bytes`);
      at += 4 + Math.max(0, length);
      if (at > bytes.length) return -1;
    }
    at = start + 2;
    for (let i = 0; i < count; i++) {
      const length = bytes.readInt32BE(at);
      at += 4;
      const value = length === -1 ? null : decodeParameter(this.#oids[i] as number, 1, bytes.subarray(at, at + length)).value;
      (this.#values[i] as DuckDBValue[]).push(value);
      at += Math.max(0, length);
    }
    this.#rows++;
    return at;
  }

  async #flush(): Promise<void> {
    const chunk = DuckDBDataChunk.create(this.#sink.columns.map((column) => column.type), this.#rows);
    this.#values.forEach((values, index) => {
      chunk.setColumnValues(index, values);
    });
    this.#values = this.#oids.map(() => []);
    this.#rows = 0;
    await this.#sink.append(chunk);
  }
}

function readHeader(bytes: Buffer): number {
  if (!bytes.subarray(0, signature.length).equals(signature.subarray(0, bytes.length))) throw bad('COPY file signature not recognized');
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
