/**
 * Reads the PROXY header off an accepted socket, when its peer is one that sends them; the bytes behind the header stay in
 * the socket for whoever is to read them (`unshift`), be that a protocol or TLS. For every listener with a public port.
 */
import type { Server, Socket } from 'node:net';
import type { AddressList } from './address-list.ts';
import type { Clock } from './clock.ts';
import { LakeError } from './errors.ts';
import { decodeProxyHeader, proxyHeaderBytesMax } from './proxy-header.ts';

export interface ProxiedOptions {
  /** Peers whose connections begin with a header. */
  readonly from: AddressList;
  readonly clock: Clock;
  /** How long the header may take. */
  readonly deadlineMs: number;
}

/** Resolves to the client's address: that of the header when the peer is in `from`, else the peer's own. Rejects with protocol_violation or deadline_exceeded. */
export async function clientAddress(socket: Socket, options: ProxiedOptions): Promise<string> {
  const peer = socket.remoteAddress ?? 'local';
  if (!options.from.includes(peer)) return peer;
  const header = await readHeader(socket, options);
  return header.t === 'local' ? peer : header.address;
}

/**
 * The same for a server that serves its sockets itself (HTTP, HTTPS): it gets them after their header was read, and their
 * `remoteAddress` is the client's. A gateway whose header cannot be read is cut off. Call it before the server listens.
 */
export function takeProxyHeaders(server: Server, options: ProxiedOptions): void {
  if (options.from.isEmpty) return;
  const serve = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  /** By the gateway's end of the connection, which the socket inside TLS has too. */
  const clients = new Map<string, string>();
  server.on('connection', (socket: Socket) => {
    // Errors show as the close; without a listener they would end the process.
    socket.on('error', () => undefined);
    const pair = pairOf(socket);
    void clientAddress(socket, options).then(
      (address) => {
        if (address !== socket.remoteAddress) {
          clients.set(pair, address);
          socket.once('close', () => clients.delete(pair));
          rename(socket, address);
        }
        for (const listener of serve) listener.call(server, socket);
      },
      () => socket.destroy(),
    );
  });
  server.prependListener('secureConnection', (secure: Socket) => {
    const address = clients.get(pairOf(secure));
    if (address !== undefined) rename(secure, address);
  });
}

const pairOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;

function rename(socket: Socket, address: string): void {
  Object.defineProperty(socket, 'remoteAddress', { value: address });
}

function readHeader(
  socket: Socket,
  { clock, deadlineMs }: Pick<ProxiedOptions, 'clock' | 'deadlineMs'>,
): Promise<NonNullable<ReturnType<typeof decodeProxyHeader>>> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const over = (error?: Error): void => {
      cancel();
      socket.off('readable', onReadable);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      if (error) reject(error);
    };
    const onEnd = (): void =>
      over(new LakeError('protocol_violation', 'the gateway closed the connection within its PROXY header'));
    const cancel = clock.after(deadlineMs, () =>
      over(new LakeError('deadline_exceeded', 'the gateway did not send its PROXY header in time')),
    );
    const onReadable = (): void => {
      try {
        // What a socket holds at once is bounded by its read buffer; no more than a header is kept here.
        for (let piece = socket.read() as Buffer | null; piece !== null; piece = socket.read() as Buffer | null) {
          received = received.length === 0 ? piece : Buffer.concat([received, piece]);
          const header = decodeProxyHeader(received);
          if (header === null) {
            if (received.length > proxyHeaderBytesMax) throw new LakeError('protocol_violation', 'the PROXY header is too long');
            continue;
          }
          over();
          if (received.length > header.bytes) socket.unshift(received.subarray(header.bytes));
          resolve(header);
          return;
        }
      } catch (error) {
        over(error as Error);
      }
    };
    socket.on('readable', onReadable);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
  });
}
