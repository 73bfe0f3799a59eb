/** Messages of PostgreSQL's protocol 3.0 as a client writes and reads them (PostgreSQL 15 documentation, 55.7). */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { type ErrorCode, LakeError } from '../../base/errors.ts';

export const protocolVersion = 196608;
export const sslRequestCode = 80877103;
export const cancelRequestCode = 80877102;

export interface Message {
  /** The type's letter. */
  readonly type: string;
  readonly body: Buffer;
}

/** A message with its type and length. */
export function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A message without type: StartupMessage, SSLRequest, CancelRequest. */
export function startPacket(code: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(code, 4);
  return Buffer.concat([head, body]);
}

export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** Reads whole messages from a stream that flows only while someone asks. Not for what comes after `detach`. */
export class Reader {
  readonly #stream: Duplex;
  readonly #bytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(stream: Duplex, bytesMax: number) {
    this.#stream = stream;
    this.#bytesMax = bytesMax;
    stream.pause();
  }

  /** The next message. Rejects when the stream ends or the signal aborts. */
  async next(signal: AbortSignal): Promise<Message> {
    for (;;) {
      if (this.#bytes.length >= 5) {
        const length = this.#bytes.readInt32BE(1);
        if (length < 4 || length > this.#bytesMax)
          throw new LakeError('store_unavailable', 'the metadata server does not speak PostgreSQL protocol 3');
        if (this.#bytes.length >= length + 1) {
          const found = { type: String.fromCharCode(this.#bytes[0] as number), body: this.#bytes.subarray(5, length + 1) };
          this.#bytes = this.#bytes.subarray(length + 1);
          return found;
        }
      }
      this.#bytes = Buffer.concat([this.#bytes, await this.#more(signal)]);
    }
  }

  /** Bytes that came after the last message. */
  detach(): Buffer {
    return this.#bytes;
  }

  #more(signal: AbortSignal): Promise<Buffer> {
    return nextBytes(this.#stream, signal);
  }
}

/** What comes next on a stream, which is paused before and after. */
export async function nextBytes(stream: Duplex, signal: AbortSignal): Promise<Buffer> {
  if (stream.destroyed) throw stream.errored ?? new Error('the connection is closed');
  const coming = nextEvent(stream, 'data', signal);
  // At once, within the event: what follows stays in the stream.
  stream.once('data', () => stream.pause());
  stream.resume();
  return (await coming)[0] as Buffer;
}

/** Resolves to the event's arguments; rejects when the stream fails or closes before it, or the signal aborts. */
export async function nextEvent(stream: Duplex, event: string, signal: AbortSignal): Promise<unknown[]> {
  const over = new AbortController();
  const options = { signal: AbortSignal.any([signal, over.signal]) };
  const closed = once(stream, 'close', options).then(() => {
    throw new Error('the connection was closed');
  });
  try {
    return await Promise.race([once(stream, event, options), closed]);
  } finally {
    over.abort();
  }
}

/** SQLSTATEs that mean something here; all others are the server's word that it cannot serve now. */
const codes: Readonly<Record<string, ErrorCode>> = {
  '28P01': 'invalid_password',
  '28000': 'invalid_authorization',
  '3D000': 'undefined_database',
  '42501': 'permission_denied',
  '42710': 'duplicate_object',
  '42P04': 'duplicate_database',
  '53300': 'too_many_connections',
  '55006': 'lock_timeout',
  '57P03': 'cannot_connect_now',
};

/** An ErrorResponse's body as an error of ours, with the server's own words. */
export function readError(body: Buffer): LakeError {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (end < 0) break;
    fields.set(String.fromCharCode(body[at] as number), body.toString('utf8', at + 1, end));
    at = end + 1;
  }
  const state = fields.get('C') ?? '';
  const hint = fields.get('H');
  return new LakeError(codes[state] ?? 'store_unavailable', `the metadata server says: ${fields.get('M') ?? 'error'}`, {
    detail: `SQLSTATE ${state}`,
    ...(hint === undefined ? {} : { hint }),
    retriable: state.startsWith('53') || state.startsWith('57P'),
  });
}
