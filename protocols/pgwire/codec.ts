/**
 * Bytes to messages. A frontend message is one type byte, an int32 length that counts itself, and a body; bodies are
 * views of what was received, valid until the next message is asked for. The length is compared with the limit in
 * force before anything is kept for it, and memory grows only with bytes that have really come.
 * Source: PostgreSQL documentation, section 54.7 "Message Formats".
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isUtf8 } from 'node:buffer';
import { LakeError } from '../../base/errors.ts';
import { largeMessageBytes } from './limits.ts';

/** A frontend message: its type byte and the body without type and length. */
export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/** The share of memory that large messages of all connections take together. */
export class ByteBudget {
  readonly max: number;
  #used = 0;

  constructor(max: number) {
    this.max = max;
  }

  take(bytes: number): void {
    if (this.#used + bytes > this.max) {
      throw new LakeError('out_of_memory', `too many large messages at once (${this.max} bytes in all)`, {
        hint: 'Send smaller messages, or use COPY.',
      });
    }
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

const none = Buffer.alloc(0);

export class Inbox {
  readonly #stream: Duplex;
  readonly #bytesMax: number;
  readonly #budget: ByteBudget;
  /** A socket makes a buffer for each read and keeps none of them; of another stream that is not known. */
  readonly #ownsChunks: boolean;
  /** Longest message allowed now, without its type byte. */
  messageBytesMax: number;
  #head: Buffer = none;
  #at = 0;
  /** Nothing of the head was given out as a whole message: those may be kept (parameters of a portal). */
  #onlyPieces = true;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #staging: Buffer = none;
  #staged = 0;
  #reserved = 0;
  /** Bytes of a message given in pieces that are still to come. */
  #pieceLeft = 0;
  #ended = false;
  #paused = false;
  #wake: (() => void) | null = null;

  constructor(
    stream: Duplex,
    options: { readonly messageBytesMax: number; readonly bytesMax: number; readonly budget: ByteBudget },
  ) {
    this.#stream = stream;
    this.messageBytesMax = options.messageBytesMax;
    this.#bytesMax = options.bytesMax;
    this.#budget = options.budget;
    this.#ownsChunks = stream instanceof Socket;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onEnd);
  }

  /** True when no more bytes will come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The next complete message, or null when more bytes are needed. Throws protocol_violation, too_large. */
  next(): Message | null {
    if (this.#pieceLeft > 0 && !this.#skipPieces()) return null;
    const available = this.#available;
    if (available < 5) return null;
    const length = this.#length();
    if (available < length + 1) {
      if (length > largeMessageBytes && this.#reserved === 0) {
        this.#budget.take(length);
        this.#reserved = length;
      }
      return null;
    }
    if (this.#head.length - this.#at < length + 1) this.#join();
    const start = this.#at;
    this.#at = start + length + 1;
    this.#onlyPieces = false;
    this.#release();
    return { type: this.#head[start] as number, body: this.#head.subarray(start + 5, this.#at) };
  }

  /**
   * As `next`, but a message of the type `streamed` is given in as many pieces as it comes in, each valid until the next
   * call: nothing is joined or kept for it, however long it is. `next` passes over what is left of such a message.
   */
  nextPiece(streamed: number): Message | null {
    this.#advance();
    if (this.#pieceLeft === 0) {
      if (this.#available < 5) return null;
      const length = this.#length();
      if (this.#head[this.#at] !== streamed) return this.next();
      this.#at += 5;
      this.#pieceLeft = length - 4;
      if (this.#pieceLeft === 0) return { type: streamed, body: none };
      this.#advance();
    }
    const start = this.#at;
    const taken = Math.min(this.#pieceLeft, this.#head.length - start);
    if (taken === 0) return null;
    this.#at += taken;
    this.#pieceLeft -= taken;
    return { type: streamed, body: this.#head.subarray(start, this.#at) };
  }

  /** Resolves when more bytes came or none will. */
  async more(): Promise<void> {
    if (this.#ended) return;
    if (this.#paused) {
      this.#paused = false;
      this.#stream.resume();
    }
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Ends a wait in `more` although nothing came. */
  wake(): void {
    this.#wakeUp();
  }

  /** Stops reading and gives back what was received but not used: the stream goes to somebody else. */
  detach(): Buffer {
    this.#stream.pause();
    this.close();
    this.#join();
    const rest = this.#head.subarray(this.#at);
    this.#head = none;
    this.#at = 0;
    return rest;
  }

  /** Lets go of the stream and of what was reserved. */
  close(): void {
    this.#stream.off('data', this.#onData);
    this.#stream.off('end', this.#onEnd);
    this.#stream.off('close', this.#onEnd);
    this.#release();
  }

  get #available(): number {
    return this.#head.length - this.#at + this.#tailBytes;
  }

  /** Length of the message whose first five bytes are there, checked. */
  #length(): number {
    if (this.#head.length - this.#at < 5) this.#join();
    const length = this.#head.readInt32BE(this.#at + 1);
    if (length < 4) throw new LakeError('protocol_violation', 'invalid message length');
    if (length > this.messageBytesMax) {
      throw new LakeError('too_large', `a message of ${length} bytes is longer than the limit of ${this.messageBytesMax}`, {
        hint: 'Send less at once; COPY takes any amount in small messages.',
      });
    }
    return length;
  }

  /**
   * Goes on to the next received chunk when this one is used up. Its memory is given back at once: at hundreds of megabytes
   * a second the collector, which counts what buffers hold, would otherwise run all the time.
   */
  #advance(): void {
    if (this.#at < this.#head.length) return;
    const { buffer, length } = this.#head;
    if (this.#ownsChunks && this.#onlyPieces && length > 0 && length === buffer.byteLength) (buffer as ArrayBuffer).transfer(0);
    this.#head = this.#tail.shift() ?? none;
    this.#at = 0;
    this.#onlyPieces = true;
    this.#tailBytes -= this.#head.length;
    if (this.#tail.length > 0) return;
    this.#staging = none;
    this.#staged = 0;
  }

  /** Passes over a message that was given in pieces and that nobody wants any more; true when it is over. */
  #skipPieces(): boolean {
    while (this.#pieceLeft > 0) {
      this.#advance();
      const taken = Math.min(this.#pieceLeft, this.#head.length - this.#at);
      if (taken === 0) return false;
      this.#at += taken;
      this.#pieceLeft -= taken;
    }
    return true;
  }

  #onData = (data: Buffer): void => {
    if (this.#head.length === this.#at && this.#tailBytes === 0) {
      this.#head = data;
      this.#at = 0;
      this.#onlyPieces = true;
    } else this.#keep(data);
    // A message larger than the mark is still received whole: `more` resumes when a message needs more bytes.
    if (!this.#paused && this.#head.length - this.#at + this.#tailBytes > this.#bytesMax) {
      this.#paused = true;
      this.#stream.pause();
    }
    this.#wakeUp();
  };

  /** Small pieces are copied together: a message sent byte by byte must not cost an object for each byte. */
  #keep(data: Buffer): void {
    this.#tailBytes += data.length;
    if (data.length >= 4096) {
      this.#tail.push(data);
      this.#staging = none;
      this.#staged = 0;
      return;
    }
    if (this.#staged + data.length > this.#staging.length) {
      this.#staging = Buffer.allocUnsafeSlow(65_536);
      this.#staged = 0;
      this.#tail.push(none);
    }
    data.copy(this.#staging, this.#staged);
    this.#staged += data.length;
    this.#tail[this.#tail.length - 1] = this.#staging.subarray(0, this.#staged);
  }

  #onEnd = (): void => {
    this.#ended = true;
    this.#release();
    this.#wakeUp();
  };

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  #join(): void {
    if (this.#tailBytes === 0) return;
    this.#head = Buffer.concat([this.#head.subarray(this.#at), ...this.#tail]);
    this.#at = 0;
    this.#onlyPieces = true;
    this.#tail = [];
    this.#tailBytes = 0;
    this.#staging = none;
    this.#staged = 0;
  }

  #release(): void {
    if (this.#reserved > 0) this.#budget.give(this.#reserved);
    this.#reserved = 0;
  }
}

/** Reads the fields of one message body; every read is checked against its end. */
export class Body {
  readonly buffer: Buffer;
  at = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  byte(): number {
    if (this.at + 1 > this.buffer.length) throw short();
    return this.buffer[this.at++] as number;
  }

  uint16(): number {
    if (this.at + 2 > this.buffer.length) throw short();
    this.at += 2;
    return this.buffer.readUInt16BE(this.at - 2);
  }

  int32(): number {
    if (this.at + 4 > this.buffer.length) throw short();
    this.at += 4;
    return this.buffer.readInt32BE(this.at - 4);
  }

  /** `count` bytes as a view. */
  bytes(count: number): Buffer {
    if (count < 0 || count > this.buffer.length - this.at) throw short();
    this.at += count;
    return this.buffer.subarray(this.at - count, this.at);
  }

  /** A zero-terminated UTF-8 string. */
  cstring(): string {
    const end = this.buffer.indexOf(0, this.at);
    if (end < 0) throw new LakeError('protocol_violation', 'invalid string in message');
    const bytes = this.buffer.subarray(this.at, end);
    if (!isUtf8(bytes)) throw new LakeError('invalid_byte_sequence', 'invalid byte sequence for encoding "UTF8"');
    this.at = end + 1;
    return bytes.toString('utf8');
  }

  /** Everything that is left. */
  rest(): Buffer {
    return this.bytes(this.buffer.length - this.at);
  }

  /** The message must be over here. */
  end(): void {
    if (this.at !== this.buffer.length) throw new LakeError('protocol_violation', 'invalid message format: bytes left over');
  }
}

function short(): LakeError {
  return new LakeError('protocol_violation', 'insufficient data left in message');
}
