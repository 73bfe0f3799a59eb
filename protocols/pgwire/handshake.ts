/**
 * From accept to a StartupMessage on the right kind of stream: SSLRequest, GSSENCRequest, direct TLS (first byte 0x16,
 * ALPN `postgresql` obligatory), CancelRequest. Bytes that came in the clear before a TLS handshake are never looked
 * at as if they had come inside it (CVE-2021-23214): they end the connection.
 * Source: PostgreSQL documentation, sections 54.2.1, 54.2.10 "SSL Session Encryption", 54.2.11.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { LakeError } from '../../base/errors.ts';
import { looksLikeProxyHeader } from '../../base/proxy-header.ts';
import type { Limits } from './limits.ts';
import { decodeStartupPacket, type StartupPacket } from './messages/startup.ts';
import { ConnectionGone } from './outbox.ts';
import type { TlsProvider } from './ports.ts';

const tlsRecord = 0x16;
const alpnName = 'postgresql';

export interface Arrival {
  readonly stream: Duplex;
  /** The TLS socket when the stream is encrypted. */
  readonly tls: TLSSocket | null;
  readonly packet: StartupPacket & { readonly t: 'startup' | 'cancel' };
}

export interface HandshakeOptions {
  readonly socket: Socket;
  readonly tls: TlsProvider | null;
  readonly limits: Limits;
  /** Told the stream that answers should go to, as soon as it changes. */
  onStream(stream: Duplex): void;
}

/** Negotiates encryption and reads the startup packet. Throws protocol_violation, feature_not_supported, ConnectionGone. */
export async function shakeHands(options: HandshakeOptions): Promise<Arrival> {
  const { socket } = options;
  const reader = new ExactReader(socket);
  let first: Buffer;
  try {
    first = await reader.read(4);
    if (!options.tls || first[0] !== tlsRecord) {
      const asked = await negotiate(options, reader, socket, first);
      if (asked !== 'ssl') return { stream: socket, tls: null, packet: asked };
    }
  } finally {
    reader.close();
  }
  const direct = first[0] === tlsRecord;
  if (direct) socket.unshift(first);
  else {
    if (socket.readableLength > 0) throw new LakeError('protocol_violation', 'received unencrypted data after SSL request');
    socket.write('S');
  }
  const secure = await startTls(options, options.tls as TlsProvider);
  if (direct && secure.alpnProtocol !== alpnName) {
    throw new LakeError(
      'protocol_violation',
      'received direct SSL connection request without ALPN protocol negotiation extension',
    );
  }
  const inside = new ExactReader(secure);
  try {
    const packet = await negotiate(options, inside, secure, null);
    if (packet === 'ssl') throw new LakeError('internal', 'encryption inside encryption');
    return { stream: secure, tls: secure, packet };
  } finally {
    inside.close();
  }
}

/** Reads packets up to one that means something: a startup, a cancel, or an SSLRequest that is to be granted. */
async function negotiate(
  options: HandshakeOptions,
  reader: ExactReader,
  stream: Duplex,
  first: Buffer | null,
): Promise<Arrival['packet'] | 'ssl'> {
  const encrypted = stream !== options.socket;
  const asked = { ssl: encrypted, gss: encrypted };
  let head = first;
  for (;;) {
    const word = head ?? (await reader.read(4));
    head = null;
    const length = word.readInt32BE(0);
    if (length < 8 || length > options.limits.startupBytesMax) {
      if (!looksLikeProxyHeader(word)) throw new LakeError('protocol_violation', 'invalid length of startup packet');
      throw new LakeError('protocol_violation', 'a PROXY protocol header from an address that may not send one', {
        hint: 'List the address of the gateway in BOILSTREAM_PROXY_PROTOCOL_FROM.',
      });
    }
    const packet = decodeStartupPacket(await reader.read(length - 4));
    if (packet.t === 'startup' || packet.t === 'cancel') return packet;
    if (asked[packet.t]) throw new LakeError('protocol_violation', 'encryption was negotiated already');
    asked[packet.t] = true;
    if (packet.t === 'ssl' && options.tls) return 'ssl';
    stream.write('N');
  }
}

/** Turns the socket into the server side of a TLS connection and waits for its handshake. */
function startTls(options: HandshakeOptions, provider: TlsProvider): Promise<TLSSocket> {
  const { socket } = options;
  const { context } = provider.current();
  // The handshake reads the socket's handle; what was unshifted is handed to it first.
  const secure = new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    ALPNCallback: ({ protocols }) => (protocols.includes(alpnName) ? alpnName : undefined),
  });
  options.onStream(secure);
  return new Promise((resolve, reject) => {
    const done = (error?: Error): void => {
      secure.off('secure', onSecure);
      secure.off('close', onClose);
      secure.off('_tlsError', onError);
      socket.off('end', onClose);
      if (error) reject(error);
      else resolve(secure);
    };
    const onSecure = (): void => done();
    const onClose = (): void => done(new ConnectionGone('the TLS handshake was not finished'));
    const onError = (): void => done(new ConnectionGone('the TLS handshake failed'));
    secure.once('secure', onSecure);
    secure.once('close', onClose);
    secure.once('_tlsError', onError);
    socket.once('end', onClose);
    secure.on('error', () => undefined);
  });
}

/**
 * Reads exactly as many bytes as are asked for and leaves the rest in the stream's buffer. Its listener stays attached:
 * adding one to a stream that holds a part of what is awaited fires at once, and the wait would spin.
 */
class ExactReader {
  readonly #stream: Duplex;
  #wake: (() => void) | null = null;

  constructor(stream: Duplex) {
    this.#stream = stream;
    for (const event of ['readable', 'end', 'close']) stream.on(event, this.#onEvent);
  }

  async read(count: number): Promise<Buffer> {
    const stream = this.#stream;
    for (;;) {
      const data = stream.read(count) as Buffer | null;
      if (data !== null && data.length === count) return data;
      // At its end a stream gives what is left, however little.
      if (data !== null || stream.readableEnded || stream.destroyed) throw new ConnectionGone('the client left during startup');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    for (const event of ['readable', 'end', 'close']) this.#stream.off(event, this.#onEvent);
  }

  #onEvent = (): void => {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  };
}
