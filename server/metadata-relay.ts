/**
 * A client's `<lake>__catalog` session on the public port: authenticated there, then its bytes go to the metadata worker's
 * local socket, which is told who it is by a token of that principal. After the token is accepted bytes are passed on in both
 * directions with back-pressure; three questions of connection pools are answered here (metadata-front.ts).
 */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import type { Startup } from '../base/statement-session.ts';
import type { MetadataEndpoint } from './engine/ports.ts';
import { MetadataFront } from './metadata-front.ts';

const handshakeDeadlineMs = 10_000;
const messageBytesMax = 64 * 1024;
const cancelRequestCode = 80877102;
const protocolVersion = 196608;

export interface RelayOptions {
  readonly startup: Startup;
  /** A token with exactly the principal's rights; revoked when the relay is over. */
  issue(): Promise<MetadataEndpoint>;
  revoke(endpoint: MetadataEndpoint): Promise<void>;
  readonly clock: Clock;
}

/** Makes what the listener runs instead of a session. The promise of `run` settles when either side has ended. */
export function createMetadataRelay(options: RelayOptions): {
  readonly t: 'relay';
  run(stream: Duplex, head: Buffer): Promise<void>;
} {
  return {
    t: 'relay',
    async run(stream, head) {
      const endpoint = await options.issue();
      const upstream = connect({ path: socketPath(endpoint) });
      try {
        const signal = options.clock.deadline(handshakeDeadlineMs);
        const rest = await authenticate(upstream, endpoint, options.startup, signal);
        await relay(stream, head, upstream, rest);
      } finally {
        upstream.destroy();
        stream.destroy();
        await options.revoke(endpoint);
      }
    },
  };
}

/** Passes bytes on in both directions until either side has ended; whichever ends first takes the other with it. */
function relay(stream: Duplex, head: Buffer, upstream: Socket, rest: Buffer): Promise<void> {
  const front = new MetadataFront();
  return new Promise((resolve) => {
    const send = (bytes: Buffer, from: Duplex, to: Duplex): void => {
      if (bytes.length === 0 || to.write(bytes)) return;
      from.pause();
      to.once('drain', () => from.resume());
    };
    const fromClient = (chunk: Buffer): void => {
      const said = front.client(chunk);
      if ('answer' in said) send(said.answer, stream, stream);
      else send(said.pass, stream, upstream);
    };
    const fromWorker = (chunk: Buffer): void => {
      try {
        send(front.worker(chunk), upstream, stream);
      } catch {
        // An answer that was given is not true: nothing may follow it.
        resolve();
      }
    };
    for (const side of [stream, upstream]) for (const event of ['close', 'error']) side.once(event, () => resolve());
    // What was said before the end is still delivered.
    stream.once('end', () => upstream.end(resolve));
    upstream.once('end', () => stream.end(resolve));
    if (rest.length > 0) fromWorker(rest);
    if (head.length > 0) fromClient(head);
    stream.on('data', fromClient);
    upstream.on('data', fromWorker);
    stream.resume();
    upstream.resume();
  });
}

/** Sends a CancelRequest for a relayed session on. The answer is the close; nobody waits for it. */
export function forwardCancel(directory: string, port: number, processId: number, secretKey: Buffer): void {
  const request = Buffer.alloc(12 + secretKey.length);
  request.writeInt32BE(request.length, 0);
  request.writeInt32BE(cancelRequestCode, 4);
  request.writeInt32BE(processId, 8);
  secretKey.copy(request, 12);
  const socket = connect({ path: socketPath({ host: directory, port }) });
  socket.on('error', () => socket.destroy());
  socket.end(request);
}

const socketPath = ({ host, port }: { host: string; port: number }): string => `${host}/.s.PGSQL.${port}`;

/** StartupMessage, token as cleartext password; resolves to what came after AuthenticationOk. */
async function authenticate(
  upstream: Socket,
  endpoint: MetadataEndpoint,
  startup: Startup,
  signal: AbortSignal,
): Promise<Buffer> {
  await once(upstream, 'connect', { signal });
  upstream.write(startupMessage({ ...Object.fromEntries(startup.parameters), user: endpoint.user, database: startup.database }));
  let buffered: Buffer = Buffer.alloc(0);
  for (;;) {
    const message = takeMessage(buffered);
    if (!message) {
      const [chunk] = (await once(upstream, 'data', { signal })) as [Buffer];
      buffered = Buffer.concat([buffered, chunk]);
      continue;
    }
    // Whatever is not the expected question (an ErrorResponse, say) goes to the client, which knows what to do with it.
    if (message.type !== 0x52) return pauseWith(upstream, buffered);
    const code = message.body.readInt32BE(0);
    buffered = message.rest;
    if (code === 0) return pauseWith(upstream, buffered);
    if (code !== 3) throw new LakeError('internal', `the metadata worker asked for authentication ${code}`);
    const password = Buffer.from(`${endpoint.token}\0`);
    const head = Buffer.from([0x70, 0, 0, 0, 0]);
    head.writeInt32BE(password.length + 4, 1);
    upstream.write(Buffer.concat([head, password]));
  }
}

function pauseWith(upstream: Socket, rest: Buffer): Buffer {
  upstream.pause();
  return rest;
}

function takeMessage(bytes: Buffer): { type: number; body: Buffer; rest: Buffer } | undefined {
  if (bytes.length < 5) return undefined;
  const length = bytes.readInt32BE(1);
  if (length < 4 || length > messageBytesMax)
    throw new LakeError('internal', `the metadata worker sent a message of ${length} bytes in its handshake`);
  if (bytes.length < length + 1) return undefined;
  return { type: bytes[0] as number, body: bytes.subarray(5, length + 1), rest: bytes.subarray(length + 1) };
}

function startupMessage(parameters: Record<string, string>): Buffer {
  const body = Buffer.from(
    `${Object.entries(parameters)
      .map(([name, value]) => `${name}\0${value}\0`)
      .join('')}\0`,
  );
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(protocolVersion, 4);
  return Buffer.concat([head, body]);
}
