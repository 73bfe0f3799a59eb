/**
 * The WAL of one attached database file: where it ends after a commit, whether its bytes are all there is to the
 * commit, and the bytes themselves. Everything here is read from the page cache and takes microseconds, so it is
 * synchronous; it must be called under the database's commit lock (reading what lies before a known end need not).
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { assert } from '../../base/errors.ts';
import { summarizeFrames } from './wal-frames.ts';

export interface Cut {
  /** Where the commit ended. */
  readonly end: number;
  /** Why the WAL bytes do not carry the commit; then an image of the files must be stored before it is answered. */
  readonly bypass: null | 'rows in the file' | 'checkpoint' | 'unknown frames';
}

/** Bytes of DuckDB's three file headers; blocks follow. */
export const fileHeaderBytes = 3 * 4096;
const databaseHeaderStart = 4096;
const databaseHeaderBytes = 2 * 4096;
const readWholeBytesMax = 64 * 1024;

export class Wal {
  /** The database file; the WAL stands beside it. */
  readonly file: string;
  /** Where the last commit ended. */
  end: number;
  #walFd: number | null = null;
  #fileFd: number | null = null;
  /** The two alternating database headers: they change with every checkpoint, and with nothing else. */
  readonly #headers: Buffer;
  readonly #seenHeaders = Buffer.alloc(databaseHeaderBytes);

  constructor(file: string, end: number) {
    this.file = file;
    this.end = end;
    this.#headers = Buffer.alloc(databaseHeaderBytes);
    readSync(this.#openFile(), this.#headers, 0, databaseHeaderBytes, databaseHeaderStart);
  }

  get path(): string {
    return `${this.file}.wal`;
  }

  /** Bytes of the database file now. */
  fileSize(): number {
    return fstatSync(this.#openFile()).size;
  }

  /** Bytes of the WAL now; 0 while there is none. */
  size(): number {
    return this.#openWal() ? fstatSync(this.#walFd as number).size : 0;
  }

  /** True while DuckDB writes commits elsewhere because a checkpoint runs; never under the commit lock. */
  isCheckpointing(): boolean {
    return existsSync(`${this.file}.wal.checkpoint`);
  }

  /** After a COMMIT: its end. Two of these never overlap (commit lock). */
  cut(): Cut {
    const start = this.end;
    // Somebody checkpointed. What was cut before may still have to be read from the WAL of then, so that stays open;
    // an image of the files as they are now comes after it.
    readSync(this.#openFile(), this.#seenHeaders, 0, databaseHeaderBytes, databaseHeaderStart);
    if (!this.#seenHeaders.equals(this.#headers)) return { end: this.end, bypass: 'checkpoint' };
    const end = this.size();
    assert(end >= start, `the WAL of ${this.file} shrank from ${start} to ${end} without a checkpoint`);
    this.end = end;
    if (end === start) return { end, bypass: null };
    // Most commits are small: one read, then the walk is in memory. Of large ones only the frames' heads are read.
    const whole = end - start <= readWholeBytesMax ? this.read(start, end) : null;
    const summary = summarizeFrames(
      (offset, length) => (whole ? whole.subarray(offset - start, offset - start + length) : this.read(offset, offset + length)),
      start,
      end,
    );
    return { end, bypass: !summary.isWhole ? 'unknown frames' : summary.pointsOutside ? 'rows in the file' : null };
  }

  /** Bytes [start, end). */
  read(start: number, end: number): Buffer {
    const bytes = Buffer.allocUnsafe(end - start);
    if (bytes.length === 0) return bytes;
    assert(this.#openWal(), `the WAL of ${this.file} is not there`);
    let at = 0;
    while (at < bytes.length) {
      const got = readSync(this.#walFd as number, bytes, at, bytes.length - at, start + at);
      assert(got > 0, `the WAL of ${this.file} ends before ${end}`);
      at += got;
    }
    return bytes;
  }

  /** Gives the file descriptors back; they are opened again when they are needed. */
  close(): void {
    if (this.#walFd !== null) closeSync(this.#walFd);
    if (this.#fileFd !== null) closeSync(this.#fileFd);
    this.#walFd = null;
    this.#fileFd = null;
  }

  #openFile(): number {
    this.#fileFd ??= openSync(this.file, 'r');
    return this.#fileFd;
  }

  #openWal(): boolean {
    if (this.#walFd !== null) return true;
    if (!existsSync(this.path)) return false;
    this.#walFd = openSync(this.path, 'r');
    return true;
  }
}
