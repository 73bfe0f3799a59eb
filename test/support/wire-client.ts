/**
 * A small PostgreSQL client for wire tests: it sends the bytes it is told to and shows every message that comes back. It
 * hides nothing, retries nothing and understands only TLS, SCRAM-SHA-256 and the frame of a message.
 * Source: PostgreSQL 17 documentation, chapter 53 "Frontend/Backend Protocol".
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Pod } from './pod.ts';

export interface Message {
  /** The type byte as a letter, e.g. `Z`. */
  readonly type: string;
  readonly body: Buffer;
}

export interface WireOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password: string;
  /** `request` sends SSLRequest first, `direct` begins with TLS and ALPN `postgresql`, `off` stays in the clear. */
  readonly tls?: 'request' | 'direct' | 'off';
  /** PEM of the CA; without it the certificate is not checked. */
  readonly ca?: string;
  /** More startup parameters. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** How long `receive` waits; default 20,000. */
  readonly deadlineMs?: number;
}

/** Fields of an ErrorResponse or NoticeResponse by their letter: S, C, M, H, P … */
export type Fields = Readonly<Record<string, string>>;

/** An ErrorResponse where something else was expected. */
export class WireError extends Error {
  readonly fields: Fields;
  constructor(fields: Fields) {
    super(`${fields['C']}: ${fields['M']}`);
    this.fields = fields;
  }
}

/** Options for the superadmin of a pod. */
export function wireOptionsOf(pod: Pod, database = 'lake'): WireOptions {
  return { ...pod.pgwire, user: pod.user, password: pod.password, database, ca: readFileSync(pod.caPath, 'utf8') };
}

/** A connection; `open` only connects (and does TLS), `logIn` also starts a session. */
export class WireClient {
  readonly #socket: Socket;
  readonly #deadlineMs: number;
  #unread: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};
  /** ParameterStatus values seen so far. */
  readonly parameters = new Map<string, string>();
  /** Body of BackendKeyData: process id (4 bytes) and secret key. */
  backendKey: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, deadlineMs: number) {
    this.#socket = socket;
    this.#deadlineMs = deadlineMs;
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => {
      this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** Connects, with TLS as asked. Throws when the server refuses it. */
  static async open(options: WireOptions): Promise<WireClient> {
    const tls = options.tls ?? 'request';
    const plain = connectTcp(options.port, options.host);
    await event(plain, 'connect');
    if (tls === 'off') return new WireClient(plain, options.deadlineMs ?? 20_000);
    if (tls === 'request') {
      plain.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
      const [answer] = (await event(plain, 'data')) as [Buffer];
      if (answer.toString('latin1') !== 'S')
        throw new Error(`SSLRequest was answered with ${JSON.stringify(answer.toString('latin1'))}`);
    }
    const secure = connectTls({
      socket: plain,
      host: options.host,
      ALPNProtocols: ['postgresql'],
      ...(options.ca === undefined ? { rejectUnauthorized: false } : { ca: options.ca }),
    });
    await event(secure, 'secureConnect');
    return new WireClient(secure, options.deadlineMs ?? 20_000);
  }

  /** Connects, authenticates with SCRAM-SHA-256 and reads up to the first ReadyForQuery. Throws WireError when refused. */
  static async logIn(options: WireOptions): Promise<WireClient> {
    const client = await WireClient.open(options);
    client.send(startupMessage({ user: options.user, database: options.database, ...options.parameters }));
    await client.#authenticate(options.password);
    for (const message of await client.receiveUntil('Z')) {
      if (message.type === 'E') throw new WireError(fieldsOf(message.body));
      if (message.type === 'K') client.backendKey = message.body;
    }
    return client;
  }

  /** Writes bytes as they are. */
  send(...parts: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(parts));
  }

  /** The next message, or null when the server closed the connection. Throws when none comes in time. */
  async receive(): Promise<Message | null> {
    const deadline = performance.now() + this.#deadlineMs;
    for (;;) {
      const message = this.#take();
      if (message) {
        if (message.type === 'S') {
          const [name, value] = message.body.toString('utf8').split('\0');
          this.parameters.set(name as string, value as string);
        }
        return message;
      }
      if (this.#ended) return null;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no message came in ${this.#deadlineMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Messages up to and including the first of this type. A closed connection ends the list too. */
  async receiveUntil(type: string): Promise<Message[]> {
    const messages: Message[] = [];
    for (;;) {
      const message = await this.receive();
      if (!message) return messages;
      messages.push(message);
      if (message.type === type) return messages;
    }
  }

  /** A simple query: everything up to ReadyForQuery. Errors are among the messages. */
  async query(sql: string): Promise<Message[]> {
    this.send(frontend('Q', cstring(sql)));
    return this.receiveUntil('Z');
  }

  /** Text rows of a simple query. Throws WireError at an ErrorResponse. */
  async rows(sql: string): Promise<(string | null)[][]> {
    const messages = await this.query(sql);
    const error = messages.find((message) => message.type === 'E');
    if (error) throw new WireError(fieldsOf(error.body));
    return messages
      .filter((message) => message.type === 'D')
      .map((message) => dataRow(message.body).map((value) => value?.toString('utf8') ?? null));
  }

  /** Terminate, and wait for the server to close. */
  async close(): Promise<void> {
    if (!this.#ended) this.send(frontend('X'));
    this.#socket.end();
    await this.receiveUntil('').catch(() => {});
    this.#socket.destroy();
  }

  /** Stops reading: the kernel's buffers fill, and the server feels it. */
  pause(): void {
    this.#socket.pause();
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #take(): Message | undefined {
    if (this.#unread.length < 5) return undefined;
    const length = this.#unread.readUInt32BE(1);
    if (this.#unread.length < 1 + length) return undefined;
    const message = { type: String.fromCharCode(this.#unread[0] as number), body: this.#unread.subarray(5, 1 + length) };
    this.#unread = this.#unread.subarray(1 + length);
    return message;
  }

  /** SASL by RFC 5802 and 7677, without channel binding. */
  async #authenticate(password: string): Promise<void> {
    const nonce = randomBytes(18).toString('base64');
    const clientFirst = `n=,r=${nonce}`;
    const offered = await this.#authentication(10);
    if (!offered.toString('utf8').split('\0').includes('SCRAM-SHA-256'))
      throw new Error(`no SCRAM-SHA-256 among ${offered.toString('utf8')}`);
    const first = Buffer.from(`n,,${clientFirst}`);
    this.send(frontend('p', cstring('SCRAM-SHA-256'), int32(first.length), first));
    const serverFirst = (await this.#authentication(11)).toString('utf8');
    const { r, s, i } = attributes(serverFirst);
    if (!r?.startsWith(nonce)) throw new Error('the server nonce does not begin with the client nonce');
    const salted = pbkdf2Sync(password.normalize('NFKC'), Buffer.from(s as string, 'base64'), Number(i), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const withoutProof = `c=biws,r=${r}`;
    const signed = `${clientFirst},${serverFirst},${withoutProof}`;
    const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] as number)));
    this.send(frontend('p', Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)));
    const { v } = attributes((await this.#authentication(12)).toString('utf8'));
    if (v !== hmac(hmac(salted, 'Server Key'), signed).toString('base64')) throw new Error('the server signature is wrong');
    await this.#authentication(0);
  }

  /** The data of the next Authentication message, which must be of this kind. */
  async #authentication(kind: number): Promise<Buffer> {
    const message = await this.receive();
    if (message?.type === 'E') throw new WireError(fieldsOf(message.body));
    if (message?.type !== 'R' || message.body.readInt32BE(0) !== kind)
      throw new Error(`expected authentication ${kind}, got ${message?.type} ${message?.body.toString('latin1')}`);
    return message.body.subarray(4);
  }
}

/** A frontend message with its length. */
export function frontend(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
}

/** StartupMessage, protocol 3.0. */
export function startupMessage(parameters: Readonly<Record<string, string>>, version = 196_608): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cstring(name), cstring(value)]);
  const body = Buffer.concat([int32(version), ...pairs, Buffer.from([0])]);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** Text with its terminating zero. */
export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

export function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

export function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

/** Fields of an ErrorResponse or NoticeResponse. */
export function fieldsOf(body: Buffer): Fields {
  const parts = body
    .toString('utf8')
    .split('\0')
    .filter((part) => part !== '');
  return Object.fromEntries(parts.map((part) => [part[0] as string, part.slice(1)]));
}

/** Values of a DataRow; null is SQL NULL. */
export function dataRow(body: Buffer): (Buffer | null)[] {
  const values: (Buffer | null)[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : body.subarray(at, at + length));
    at += Math.max(0, length);
  }
  return values;
}

function attributes(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function event(socket: Socket, name: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const fail = (error?: Error): void => reject(error ?? new Error(`the connection was closed before "${name}"`));
    socket.once('error', fail);
    socket.once('close', fail);
    socket.once(name, (...values) => {
      socket.off('error', fail);
      socket.off('close', fail);
      resolve(values);
    });
  });
}
