/**
 * Files that survive a power cut. Flushing is the dear part, so it is measured: a disk that answers within a
 * millisecond is waited for in place (no thread hop, and no waiting behind queries that fill the libuv pool), a slower
 * one in a pool thread, so that the event loop goes on.
 */
import { closeSync, fdatasync, fdatasyncSync, fsync, fsyncSync, openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { flushRemeasureCount, inlineWriteBytesMax, inPlaceFlushMsMax } from './limits.ts';

const fdatasyncPooled = promisify(fdatasync);
const fsyncPooled = promisify(fsync);
const writePooled = promisify(write);

export class DurableFiles {
  readonly #clock: Clock;
  /** Moving average of one flush in ms. Begins low: the first one is done in place and measured. */
  #flushMs = 0;
  #pooledInARow = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Moving average of one flush, ms. */
  get flushMs(): number {
    return this.#flushMs;
  }

  /** Creates `path` (it must not exist) with `body`, durable as to its contents; its name is not yet. Throws errno errors. */
  async create(path: string, body: Uint8Array): Promise<void> {
    const file = openSync(path, 'wx', 0o600);
    try {
      await writeAll(file, body);
      await this.#flush(
        () => fdatasyncSync(file),
        () => fdatasyncPooled(file),
      );
    } finally {
      closeSync(file);
    }
  }

  /** Makes the names in `directory` durable. Throws errno errors. */
  async syncDirectory(directory: string): Promise<void> {
    const file = openSync(directory, 'r');
    try {
      await this.#flush(
        () => fsyncSync(file),
        () => fsyncPooled(file),
      );
    } finally {
      closeSync(file);
    }
  }

  async #flush(inPlace: () => void, pooled: () => Promise<void>): Promise<void> {
    const start = this.#clock.monotonic();
    if (this.#flushMs <= inPlaceFlushMsMax || this.#pooledInARow >= flushRemeasureCount) {
      this.#pooledInARow = 0;
      inPlace();
      const took = this.#clock.monotonic() - start;
      // One slow flush is enough to leave the event loop alone for a while.
      this.#flushMs = took > 10 * inPlaceFlushMsMax ? took : this.#flushMs * 0.8 + took * 0.2;
    } else {
      this.#pooledInARow++;
      await pooled();
      const took = this.#clock.monotonic() - start;
      this.#flushMs = this.#flushMs * 0.8 + took * 0.2;
    }
  }
}

async function writeAll(file: number, body: Uint8Array): Promise<void> {
  let done = 0;
  while (done < body.length) {
    const left = body.length - done;
    done +=
      left <= inlineWriteBytesMax
        ? writeSync(file, body, done, left)
        : (await writePooled(file, body, done, Math.min(left, 8 * 1024 * 1024))).bytesWritten;
  }
}
