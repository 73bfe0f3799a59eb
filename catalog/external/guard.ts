/**
 * A client's bytes on their way to the external server: Query and Parse are held until they are whole and judged, everything
 * else passes as it comes. What is refused is replaced by a statement that fails there with our words, so that the
 * server keeps the state of transaction and pipeline and this side keeps none.
 */
import { Transform, type TransformCallback } from 'node:stream';
import { LakeError } from '../../base/errors.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import { refusal } from './gate.ts';
import { limits } from './limits.ts';
import { message, text } from './message.ts';

const headBytes = 5;
const [query, parse, functionCall, terminate] = [...'QPFX'].map((type) => type.charCodeAt(0));

export class Guard extends Transform {
  /** The client has said goodbye: nothing of it runs any more. */
  isTerminated = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes of the current message that pass unseen. */
  #passing = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#take(chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  #take(chunk: Buffer): void {
    let bytes = chunk;
    while (bytes.length > 0) {
      if (this.#passing > 0) {
        const part = bytes.subarray(0, this.#passing);
        this.#passing -= part.length;
        this.push(part);
        bytes = bytes.subarray(part.length);
        continue;
      }
      const wanted = this.#wanted();
      const part = bytes.subarray(0, wanted - this.#heldBytes);
      this.#held.push(part);
      this.#heldBytes += part.length;
      bytes = bytes.subarray(part.length);
      if (this.#heldBytes === wanted) this.#whole();
    }
  }

  /** How many bytes have to be held before anything can be done: the head, or the message it announces. */
  #wanted(): number {
    if (this.#heldBytes < headBytes) return headBytes;
    return this.#head().readUInt32BE(1) + 1;
  }

  #head(): Buffer {
    if ((this.#held[0] as Buffer).length < headBytes) this.#held = [Buffer.concat(this.#held)];
    return this.#held[0] as Buffer;
  }

  #whole(): void {
    const head = this.#head();
    const type = head[0];
    const length = head.readUInt32BE(1);
    if (this.#heldBytes === headBytes && length >= 4 && type !== query && type !== parse) {
      if (type === functionCall) throw new LakeError('feature_not_supported', 'function calls by oid are not passed on');
      if (type === terminate) this.isTerminated = true;
      this.#passing = length - 4;
      this.#release(head);
      return;
    }
    if (length < 4 || length > limits.statementBytesMax)
      throw new LakeError('protocol_violation', `a message claims ${length} bytes; ${limits.statementBytesMax} are allowed`);
    if (this.#heldBytes < length + 1) return;
    const whole = Buffer.concat(this.#held);
    this.#release(type === query ? judgedQuery(whole) : judgedParse(whole));
  }

  #release(bytes: Buffer): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.push(bytes);
  }
}

function judgedQuery(whole: Buffer): Buffer {
  const refused = refusal(whole.toString('utf8', headBytes, whole.length - 1));
  return refused === undefined ? whole : message('Q', text(raise(refused)));
}

function judgedParse(whole: Buffer): Buffer {
  const nameEnd = whole.indexOf(0, headBytes);
  const sqlEnd = whole.indexOf(0, nameEnd + 1);
  if (nameEnd < 0 || sqlEnd < 0) throw new LakeError('protocol_violation', 'a Parse message has no end');
  const refused = refusal(whole.toString('utf8', nameEnd + 1, sqlEnd));
  if (refused === undefined) return whole;
  return message('P', Buffer.concat([whole.subarray(headBytes, nameEnd + 1), text(raise(refused)), Buffer.alloc(2)]));
}

function raise(what: string): string {
  return (
    `DO $boilstream$BEGIN RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = ${quoteString(`permission denied: ${what} is not passed on to the catalog of a ducklake`)}, ` +
    `HINT = ${quoteString('It holds the tables of DuckLake. Use SQL on the lake itself for everything else.')}; END$boilstream$`
  );
}
