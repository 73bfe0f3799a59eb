/**
 * What a connection is about to say: messages are written into one pooled buffer and leave in one socket write
 * (a simple query's whole answer is one packet). `flush` is the only way out, it waits for the session's barrier
 * first, and for the client when its side of the socket is full: an answer never waits in memory beyond one buffer.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';

/** Buffers of one size, kept for the next answer. Idle connections hold none. */
export class BufferPool {
  readonly bytes: number;
  readonly #keepMax: number;
  #free: Buffer[] = [];

  constructor(bytes: number, keepMax: number) {
    this.bytes = bytes;
    this.#keepMax = keepMax;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
  }

  give(buffer: Buffer): void {
    if (buffer.length === this.bytes && this.#free.length < this.#keepMax) this.#free.push(buffer);
  }
}

const none = Buffer.alloc(0);
/** Longer ones leave in pieces of so many bytes, each waiting for the one before it. */
const pieceBytes = 512 * 1024;
const noBarrier = (): undefined => undefined;

export class Outbox {
  /** The buffer being filled and how far it is; encoders write here directly after `ensure`. */
  buffer: Buffer = none;
  at = 0;
  /** Awaited before anything leaves. Set when the session opens. */
  barrier: () => Promise<void> | undefined = noBarrier;
  #stream: Duplex;
  readonly #pool: BufferPool;
  readonly #clock: Clock;
  readonly #stallMsMax: number;
  #messageStart = 0;
  /** What is written from `#recordFrom` on is copied, as it leaves or is asked for. */
  #record: Buffer[] | null = null;
  #recordFrom = 0;
  #recordBytesLeft = 0;

  constructor(stream: Duplex, pool: BufferPool, clock: Clock, stallMsMax: number) {
    this.#stream = stream;
    this.#pool = pool;
    this.#clock = clock;
    this.#stallMsMax = stallMsMax;
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    if (this.buffer.length - this.at >= count) return;
    const needed = this.at + count;
    const next =
      needed <= this.#pool.bytes ? this.#pool.take() : Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(next, 0, 0, this.at);
    this.#pool.give(this.buffer);
    this.buffer = next;
  }

  /** Begins a message: type byte and room for its length. */
  begin(type: number): this {
    this.ensure(5);
    this.buffer[this.at] = type;
    this.#messageStart = this.at + 1;
    this.at += 5;
    return this;
  }

  /** Ends the message begun last: its length is known now. */
  end(): void {
    this.buffer.writeInt32BE(this.at - this.#messageStart, this.#messageStart);
  }

  byte(value: number): this {
    this.ensure(1);
    this.buffer[this.at++] = value;
    return this;
  }

  int16(value: number): this {
    this.ensure(2);
    this.at = this.buffer.writeUInt16BE(value & 0xffff, this.at);
    return this;
  }

  int32(value: number): this {
    this.ensure(4);
    this.at = this.buffer.writeInt32BE(value | 0, this.at);
    return this;
  }

  /** A zero-terminated string; zero bytes inside it would end it early, so they are dropped. */
  cstring(text: string): this {
    const clean = text.includes('\0') ? text.replaceAll('\0', '') : text;
    this.ensure(clean.length * 3 + 1);
    this.at += this.buffer.write(clean, this.at, 'utf8');
    this.buffer[this.at++] = 0;
    return this;
  }

  bytes(data: Uint8Array): this {
    this.ensure(data.length);
    this.buffer.set(data, this.at);
    this.at += data.length;
    return this;
  }

  /** Drops everything from `mark` (an earlier `at`) on: a message that could not be finished. */
  rewind(mark: number): void {
    this.at = mark;
  }

  /** Sends what is buffered. Resolves when more may be written; rejects when the client stalls or is gone. */
  async flush(): Promise<void> {
    if (this.at === 0) return;
    const waiting = this.barrier();
    if (waiting) await waiting;
    this.#copyRecord();
    const buffer = this.buffer;
    const length = this.at;
    this.buffer = none;
    this.at = 0;
    const stream = this.#stream;
    if (stream.destroyed || !stream.writable) throw gone();
    if (length > pieceBytes) return this.#sendPieces(buffer.subarray(0, length));
    const hasRoom = stream.write(length === buffer.length ? buffer : buffer.subarray(0, length), () => this.#pool.give(buffer));
    if (!hasRoom) await this.#drained();
  }

  /** TLS encrypts what it is given in one go, on this thread: a long value must not hold up everybody else. */
  async #sendPieces(data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; at += pieceBytes) {
      if (this.#stream.destroyed || !this.#stream.writable) throw gone();
      if (!this.#stream.write(data.subarray(at, at + pieceBytes))) await this.#drained();
    }
  }

  /** From here on what is written is copied, up to `bytesMax` bytes. */
  startRecord(bytesMax: number): void {
    this.#record = [];
    this.#recordFrom = this.at;
    this.#recordBytesLeft = bytesMax;
  }

  /** What was written since `startRecord`; null if that was more than it allows. Ends the record. */
  takeRecord(): Buffer | null {
    this.#copyRecord();
    const record = this.#record;
    this.#record = null;
    return record && Buffer.concat(record);
  }

  #copyRecord(): void {
    if (this.#record === null) return;
    this.#recordBytesLeft -= this.at - this.#recordFrom;
    if (this.#recordBytesLeft < 0) this.#record = null;
    else this.#record.push(Buffer.from(this.buffer.subarray(this.#recordFrom, this.at)));
    this.#recordFrom = 0;
  }

  /** Sends bytes that are encoded already, after what is buffered. */
  async send(data: Buffer): Promise<void> {
    if (this.at > 0) await this.flush();
    const waiting = this.barrier();
    if (waiting) await waiting;
    await this.#sendPieces(data);
  }

  #drained(): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const done = (error?: Error): void => {
        cancel();
        stream.off('drain', onDrain);
        stream.off('close', onClose);
        if (error) reject(error);
        else resolve();
      };
      const onDrain = (): void => done();
      const onClose = (): void => done(gone());
      const cancel = this.#clock.after(this.#stallMsMax, () => {
        stream.destroy();
        done(new LakeError('deadline_exceeded', 'the client did not take its answer in time'));
      });
      stream.once('drain', onDrain);
      stream.once('close', onClose);
    });
  }
}

/** The client is gone: ends the session quietly. */
export class ConnectionGone extends Error {}

function gone(): Error {
  return new ConnectionGone('the client closed the connection');
}
