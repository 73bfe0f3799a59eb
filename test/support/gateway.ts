/** A passthrough gateway in this process: carries connections to an address with a PROXY header before the first byte. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

export interface GatewayOptions {
  readonly to: { readonly host: string; readonly port: number };
  /** What is sent before the client's first byte. */
  readonly header: Buffer | string;
  /** The gateway's own address as the server sees it. */
  readonly localAddress: string;
  /** Bytes of header per write; default all at once. */
  readonly pieceBytes?: number;
}

/** Listens on a free port of 127.0.0.1. */
export async function startGateway(options: GatewayOptions): Promise<{ readonly port: number; close(): void }> {
  const server = createServer({ allowHalfOpen: true }, async (client) => {
    const upstream = connect({ ...options.to, localAddress: options.localAddress, allowHalfOpen: true, noDelay: true });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on('error', () => other.destroy());
    await once(upstream, 'connect');
    const header = Buffer.from(options.header);
    const step = options.pieceBytes ?? header.length;
    for (let at = 0; at < header.length; at += step) {
      upstream.write(header.subarray(at, at + step));
      if (step < header.length) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}
