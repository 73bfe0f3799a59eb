/**
 * A connection to the external metadata server: dialled, encrypted as `sslmode` asks, logged in. Passwords are sent by SCRAM or
 * MD5; in clear only where nobody can listen. Sources: PostgreSQL 15 documentation, 55.2.1 "Start-up" and 55.2.10 "SSL".
 */
import { createHash } from 'node:crypto';
import { connect as dial, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as encrypt, type TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { limits } from './limits.ts';
import {
  cancelRequestCode,
  message,
  nextBytes,
  nextEvent,
  protocolVersion,
  Reader,
  readError,
  sslRequestCode,
  startPacket,
  text,
} from './message.ts';
import { scramClient } from './scram.ts';
import { isLoopback, type Login, type MetadataServer } from './url.ts';

export interface ConnectOptions {
  readonly server: MetadataServer;
  readonly clock: Clock;
  readonly random: Random;
}

/** A session on the server, idle and paused. */
export interface Connected {
  readonly stream: Duplex;
  /** What the server said from AuthenticationOk (excluded) to its first ReadyForQuery: parameters, cancel key. */
  readonly greeting: Buffer;
  readonly processId: number;
  readonly secretKey: Buffer;
  /** Its bytes that came already. */
  readonly rest: Buffer;
}

export interface StartupOptions {
  readonly login: Login;
  readonly database: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * Opens a session. Throws `store_unavailable` (retriable) when the server cannot be reached or does not answer in time, and what the
 * server says as readError has it. No error says where the server is: tenants see them.
 */
export async function connect(options: ConnectOptions, startup: StartupOptions): Promise<Connected> {
  const signal = options.clock.deadline(options.server.connectMsMax);
  let stream: Duplex | undefined;
  try {
    stream = await open(options.server, signal);
    return await logIn(stream, options, startup, signal);
  } catch (cause) {
    stream?.destroy();
    if (cause instanceof LakeError) throw cause;
    throw unreachable(cause);
  }
}

/** Asks the server to interrupt what a session runs. Nobody waits for it, and it may come too late. */
export async function requestCancel(options: ConnectOptions, key: { processId: number; secretKey: Buffer }): Promise<void> {
  const signal = options.clock.deadline(options.server.connectMsMax);
  const stream = await open(options.server, signal);
  const body = Buffer.alloc(4 + key.secretKey.length);
  body.writeInt32BE(key.processId, 0);
  key.secretKey.copy(body, 4);
  stream.on('error', () => stream.destroy());
  stream.end(startPacket(cancelRequestCode, body));
}

function unreachable(cause: unknown): LakeError {
  return new LakeError('store_unavailable', 'the metadata server cannot be reached', {
    hint: 'Nothing was done. Try again shortly; the pod log has the cause.',
    retriable: true,
    cause,
  });
}

async function open(server: MetadataServer, signal: AbortSignal): Promise<Duplex> {
  const socket = dial({
    host: server.host,
    port: server.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: limits.keepAliveMs,
  });
  // Whoever reads or writes hears of it; an error that comes in between must not end the thread.
  socket.on('error', () => undefined);
  try {
    await nextEvent(socket, 'connect', signal);
    if (server.sslMode === 'disable') return socket;
    socket.write(startPacket(sslRequestCode));
    const answer = await nextBytes(socket, signal);
    if (answer.length === 1 && answer[0] === 0x53) return await upgrade(socket, server, signal);
    // Anything after the one byte could have been put there by somebody in between (CVE-2021-23222).
    if (answer.length === 1 && answer[0] === 0x4e && server.sslMode === 'prefer') return socket;
    throw new LakeError('store_unavailable', 'the metadata server offers no TLS', {
      hint: 'Turn ssl on there, or say sslmode=disable in BOILSTREAM_METADATA_URL on a network that nobody else is on.',
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function upgrade(socket: Socket, server: MetadataServer, signal: AbortSignal): Promise<TLSSocket> {
  const verifies = server.sslMode === 'verify-ca' || server.sslMode === 'verify-full';
  const stream = encrypt({
    socket,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: verifies,
    ...(isIP(server.host) ? {} : { servername: server.host }),
    ...(server.ca === undefined ? {} : { ca: server.ca }),
    ...(server.sslMode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  });
  stream.on('error', () => undefined);
  try {
    await nextEvent(stream, 'secureConnect', signal);
    return stream;
  } catch (cause) {
    stream.destroy();
    if (!verifies || signal.aborted) throw cause;
    throw new LakeError('store_unavailable', "the metadata server's certificate is not trusted", {
      hint: 'sslrootcert in BOILSTREAM_METADATA_URL names the CA; verify-full needs the host name that the certificate has.',
      cause,
    });
  }
}

async function logIn(stream: Duplex, options: ConnectOptions, startup: StartupOptions, signal: AbortSignal): Promise<Connected> {
  const { login, database, parameters = {} } = startup;
  const reader = new Reader(stream, limits.handshakeBytesMax);
  const pairs = Object.entries({ ...parameters, user: login.user, database });
  stream.write(
    startPacket(
      protocolVersion,
      Buffer.concat([...pairs.flatMap(([name, value]) => [text(name), text(value)]), Buffer.alloc(1)]),
    ),
  );
  let scram: ReturnType<typeof scramClient> | undefined;
  let isVerified = false;
  for (let isDone = false; !isDone; ) {
    const { type, body } = await reader.next(signal);
    if (type === 'E') throw readError(body);
    if (type === 'N' || type === 'v') continue;
    if (type !== 'R')
      throw new LakeError('store_unavailable', `the metadata server answered the login with ${JSON.stringify(type)}`);
    const kind = body.readInt32BE(0);
    if (kind === 0) {
      // A server that skips its own proof may be somebody else who wants the session.
      if (scram && !isVerified) throw new LakeError('invalid_password', 'the metadata server broke off SCRAM');
      isDone = true;
    } else if (kind === 3) {
      if (!('encrypted' in stream) && !isLoopback(options.server.host))
        throw new LakeError('invalid_authorization', 'the metadata server wants the password in clear, without TLS', {
          hint: 'Use sslmode=require or better in BOILSTREAM_METADATA_URL, or scram-sha-256 in its pg_hba.conf.',
        });
      stream.write(message('p', text(login.password)));
    } else if (kind === 5) {
      stream.write(message('p', text(md5Answer(login, body.subarray(4, 8)))));
    } else if (kind === 10) {
      if (!body.toString('utf8', 4).split('\0').includes('SCRAM-SHA-256')) throw unsupportedLogin(kind);
      scram = scramClient(login.password, options.random);
      const length = Buffer.alloc(4);
      length.writeInt32BE(scram.first.length, 0);
      stream.write(message('p', Buffer.concat([text('SCRAM-SHA-256'), length, scram.first])));
    } else if (kind === 11 && scram) {
      stream.write(message('p', scram.answer(body.toString('utf8', 4))));
    } else if (kind === 12 && scram) {
      scram.verify(body.toString('utf8', 4));
      isVerified = true;
    } else throw unsupportedLogin(kind);
  }
  return greeting(stream, reader, signal);
}

async function greeting(stream: Duplex, reader: Reader, signal: AbortSignal): Promise<Connected> {
  const said: Buffer[] = [];
  let [processId, secretKey] = [0, Buffer.alloc(0)];
  for (;;) {
    const { type, body } = await reader.next(signal);
    if (type === 'E') throw readError(body);
    said.push(message(type, body));
    if (type === 'K') [processId, secretKey] = [body.readInt32BE(0), Buffer.from(body.subarray(4))];
    if (type === 'Z') return { stream, greeting: Buffer.concat(said), processId, secretKey, rest: reader.detach() };
  }
}

/** PostgreSQL 15 documentation, 55.2.1, AuthenticationMD5Password. */
function md5Answer({ user, password }: Login, salt: Buffer): string {
  const md5 = (...parts: (string | Buffer)[]): string => {
    const sum = createHash('md5');
    for (const part of parts) sum.update(part);
    return sum.digest('hex');
  };
  return `md5${md5(md5(password, user), salt)}`;
}

function unsupportedLogin(kind: number): LakeError {
  return new LakeError('invalid_authorization', `the metadata server wants a way to log in that is not known here (${kind})`, {
    hint: 'Let its pg_hba.conf say scram-sha-256 for the users of this pod.',
  });
}
