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
  const { socket, limits } = options;
  let stream: Duplex = socket;
  let encrypted: TLSSocket | null = null;
  const first = await read(socket, 4);
  if (options.tls && first[0] === tlsRecord) {
    socket.unshift(first);
    encrypted = await startTls(options, options.tls);
    if (encrypted.alpnProtocol !== alpnName) {
      throw new LakeError('protocol_violation', 'received direct SSL connection request without ALPN protocol negotiation extension');
    }
    stream = encrypted;
  }
  let head: Buffer | null = encrypted ? null : first;
  let sslAsked = encrypted !== null;
  let gssAsked = encrypted !== null;
  for (;;) {
    const length = (head ?? (await read(stream, 4))).readInt32BE(0);
    head = null;
    if (length < 8 || length > limits.startupBytesMax) throw new LakeError('protocol_violation', 'invalid length of startup packet');
    const packet = decodeStartupPacket(await read(stream, length - 4));
    if (packet.t === 'ssl' && !sslAsked) {
      sslAsked = true;
      if (!options.tls) {
        stream.write('N');
        continue;
      }
      if (socket.readableLength > 0) throw new LakeError('protocol_violation', 'received unencrypted data after SSL request');
      socket.write('S');
      encrypted = await startTls(options, options.tls);
      stream = encrypted;
      gssAsked = true;
    } else if (packet.t === 'gss' && !gssAsked) {
      gssAsked = true;
      stream.write('N');
    } else if (packet.t === 'ssl' || packet.t === 'gss') {
      throw new LakeError('protocol_violation', 'encryption was negotiated already');
    } else return { stream, tls: encrypted, packet };
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
      if (error) reject(error);
      else resolve(secure);
    };
    const onSecure = (): void => done();
    const onClose = (): void => done(new ConnectionGone('the TLS handshake was not finished'));
    const onError = (): void => done(new ConnectionGone('the TLS handshake failed'));
    secure.once('secure', onSecure);
    secure.once('close', onClose);
    secure.once('_tlsError', onError);
    secure.on('error', () => undefined);
  });
}

/** Exactly `count` bytes, without taking one more from the stream's buffer. */
async function read(stream: Duplex, count: number): Promise<Buffer> {
  for (;;) {
    const data = stream.read(count) as Buffer | null;
    if (data !== null && data.length === count) return data;
    // At its end a stream gives what is left, however little.
    if (data !== null || stream.readableEnded || stream.destroyed) throw new ConnectionGone('the client left during startup');
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off('readable', done);
        stream.off('end', done);
        stream.off('close', done);
        resolve();
      };
      stream.once('readable', done);
      stream.once('end', done);
      stream.once('close', done);
    });
  }
}
