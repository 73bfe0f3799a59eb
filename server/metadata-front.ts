/**
 * What the relay of a metadata session answers itself. A stock client's connection pool asks SELECT 1 before and DISCARD ALL
 * after each use and opens every transaction with the same BEGIN: four of the eleven questions of a single-row insert. Each
 * costs two threads a wake-up. Their answers are always the same, so they are given here: SELECT 1 is not passed on at all,
 * the other two go to the worker in front of the next message, and their answers are swallowed.
 *
 * Pure: bytes in, bytes out. It acts only while everything that was passed on has been answered and no transaction is open;
 * whatever else comes is passed on as it is.
 * Source: PostgreSQL documentation, "Message Flow" and "Message Formats".
 */
import { LakeError } from '../base/errors.ts';

const query = 0x51;
const sync = 0x53;
const functionCall = 0x46;
const readyForQuery = 0x5a;
const errorResponse = 0x45;
const noticeResponse = 0x4e;
const parameterStatus = 0x53;
const idle = 0x49;
const headerBytes = 5;

/** Longest text that is looked at, and longest answer that is remembered, in bytes. */
const textBytesMax = 128;
const answerBytesMax = 512;

/** Asked so often that their answer is remembered; true if the session has to hear of it all the same. */
const known = new Map<string, boolean>([
  ['SELECT 1', false],
  ['DISCARD ALL', true],
  ['BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ', true],
]);

interface Answer {
  readonly bytes: Buffer;
  readonly status: number;
}

interface Learning {
  readonly text: string;
  readonly parts: Buffer[];
  bytes: number;
}

export class MetadataFront {
  readonly #fromClient = new Frames();
  readonly #fromWorker = new Frames();
  readonly #answers = new Map<string, Answer>();
  /** Answers that are still to come for what was passed on; the first is the one to the startup message. */
  #outstanding = 1;
  #status = 0;
  /** Messages that were answered here and that the worker has to hear of before the next one. */
  #held: Buffer[] = [];
  /** How many of the next answers of the worker were given already. */
  #swallow = 0;
  /** The text whose answer is being listened to, and the answer so far; null when none is. */
  #learning: Learning | null = null;

  /** Bytes of the client: an answer for it, or what the worker is to be sent. */
  client(chunk: Buffer): { readonly answer: Buffer } | { readonly pass: Buffer } {
    const text = this.#outstanding === 0 && this.#status === idle && this.#fromClient.isBetween ? textOf(chunk) : null;
    const mustTell = text === null ? undefined : known.get(text);
    if (text !== null && mustTell !== undefined) {
      const answer = this.#answers.get(text);
      if (answer) {
        // Told once: what was reset and not used since is reset.
        if (mustTell && !this.#held.some((held) => held.equals(chunk))) this.#held.push(Buffer.from(chunk));
        this.#status = answer.status;
        return { answer: answer.bytes };
      }
      this.#learning = { text, parts: [], bytes: 0 };
    } else this.#learning = null;
    this.#fromClient.feed(chunk, ({ type, begins }) => {
      if (begins && (type === query || type === sync || type === functionCall)) this.#outstanding++;
    });
    if (this.#held.length === 0) return { pass: chunk };
    this.#swallow += this.#held.length;
    this.#outstanding += this.#held.length;
    const pass = Buffer.concat([...this.#held, chunk]);
    this.#held = [];
    return { pass };
  }

  /** Bytes of the worker: what the client is to be sent of them. Throws `internal` when an answer that was given is not what the worker says. */
  worker(chunk: Buffer): Buffer {
    const told = this.#swallow > 0 ? this.#without(chunk) : chunk;
    if (told === chunk) this.#fromWorker.feed(chunk, ({ status }) => this.#ready(status));
    if (this.#learning) this.#learn(this.#learning, told);
    return told;
  }

  /** A chunk without the answers that were given already. */
  #without(chunk: Buffer): Buffer {
    const kept: Buffer[] = [];
    this.#fromWorker.feed(chunk, ({ type, start, end, status }) => {
      if (this.#swallow === 0) {
        kept.push(chunk.subarray(start, end));
        this.#ready(status);
        return;
      }
      if (type === errorResponse) throw new LakeError('internal', 'a metadata session has refused what it never refuses');
      if (type === noticeResponse || type === parameterStatus) kept.push(chunk.subarray(start, end));
      if (status === undefined) return;
      this.#swallow--;
      this.#outstanding--;
    });
    return Buffer.concat(kept);
  }

  #ready(status: number | undefined): void {
    if (status === undefined) return;
    this.#status = status;
    this.#outstanding--;
  }

  /** More of an answer that is to be remembered. */
  #learn(learning: Learning, told: Buffer): void {
    learning.parts.push(told);
    learning.bytes += told.length;
    if (learning.bytes > answerBytesMax) this.#learning = null;
    else if (this.#outstanding === 0 && this.#swallow === 0) {
      this.#learning = null;
      const bytes = Buffer.concat(learning.parts);
      let isPlain = true;
      new Frames().feed(bytes, ({ type }) => {
        if (type === errorResponse || type === noticeResponse || type === parameterStatus) isPlain = false;
      });
      if (isPlain) this.#answers.set(learning.text, { bytes, status: this.#status });
    }
  }
}

/** The text of a chunk that is one short simple query and nothing else. */
function textOf(chunk: Buffer): string | null {
  if (chunk[0] !== query || chunk.length < 6 || chunk.length > textBytesMax) return null;
  if (chunk.readInt32BE(1) !== chunk.length - 1 || chunk.indexOf(0, 5) !== chunk.length - 1) return null;
  return chunk.toString('latin1', 5, chunk.length - 1);
}

/** Finds the messages in a stream of bytes that comes in pieces of any size. Nothing is held but a header. */
class Frames {
  /** Bytes of the present message that have not come. */
  #left = 0;
  /** The header of the present message, as far as it has come. */
  #head: number[] = [];
  #type = 0;

  /** True if no message is half way. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#head.length === 0;
  }

  /** Calls `piece` for each piece of a message in `chunk`, in order. */
  feed(chunk: Buffer, piece: (piece: Piece) => void): void {
    let at = 0;
    while (at < chunk.length) {
      const start = at;
      let begins = false;
      if (this.#left === 0) {
        while (this.#head.length < headerBytes && at < chunk.length) this.#head.push(chunk[at++] as number);
        this.#type = this.#head[0] as number;
        if (this.#head.length < headerBytes) return piece({ type: this.#type, start, end: at, begins, status: undefined });
        const [, a, b, c, d] = this.#head as [number, number, number, number, number];
        this.#left = Math.max(0, a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d - 4);
        this.#head = [];
        begins = true;
      }
      const take = Math.min(this.#left, chunk.length - at);
      at += take;
      this.#left -= take;
      const tellsStatus = this.#type === readyForQuery && this.#left === 0 && take > 0;
      piece({ type: this.#type, start, end: at, begins, status: tellsStatus ? chunk[at - 1] : undefined });
    }
  }
}

interface Piece {
  readonly type: number;
  /** Where it lies in the chunk. */
  readonly start: number;
  readonly end: number;
  /** Its header is complete with this piece. */
  readonly begins: boolean;
  /** The transaction status, at the end of a ReadyForQuery. */
  readonly status: number | undefined;
}
