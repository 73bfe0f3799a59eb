/**
 * One accepted socket from first byte to close: handshake, authentication, session or relay, goodbye. A state holder:
 * whatever state it leaves by, the socket is closed and what it was counted for is given back. Errors become one FATAL
 * message where the client can still read one.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AddressList } from '../../base/address-list.ts';
import type { Clock } from '../../base/clock.ts';
import type { Principal } from '../../base/domain.ts';
import { LakeError, toLakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { clientAddress } from '../../base/proxied-socket.ts';
import type { Admission } from './admission.ts';
import { authenticate } from './authenticate.ts';
import type { CancelRegistry } from './cancel.ts';
import { type ByteBudget, Inbox } from './codec.ts';
import { type Arrival, shakeHands } from './handshake.ts';
import type { Limits } from './limits.ts';
import { writeAuthenticationOk } from './messages/authentication.ts';
import { writeErrorResponse } from './messages/error-response.ts';
import { writeBackendKeyData } from './messages/small.ts';
import { minorMax, type StartupPacket, writeNegotiateProtocolVersion } from './messages/startup.ts';
import { type BufferPool, ConnectionGone, Outbox } from './outbox.ts';
import type { Authentication, Sessions, TlsProvider } from './ports.ts';
import { Session } from './session.ts';

/** What all connections of a listener share. */
export interface ConnectionContext {
  readonly sessions: Sessions;
  readonly authentication: Authentication;
  readonly tls: TlsProvider | null;
  /** Plain connections are refused on a listener that has TLS, unless this is set. */
  readonly plainAllowed: boolean;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly admission: Admission;
  readonly cancels: CancelRegistry;
  readonly pool: BufferPool;
  readonly budget: ByteBudget;
  /** Peers whose connections begin with a PROXY header. */
  readonly proxies: AddressList;
  /** Set when nobody may log in any more: what newcomers are told. */
  readonly door: { refusal: LakeError | null };
}

export class Connection {
  readonly #context: ConnectionContext;
  readonly #socket: Socket;
  /** The client's, also when a gateway passes it on. */
  #remoteAddress: string;
  #stream: Duplex;
  #session: Session | null = null;
  #ending: LakeError | null = null;
  #principal: Principal | null = null;
  /** What a session is told as soon as it is idle. */
  #lastWords: LakeError | null = null;

  constructor(context: ConnectionContext, socket: Socket) {
    this.#context = context;
    this.#socket = socket;
    this.#stream = socket;
    this.#remoteAddress = socket.remoteAddress ?? 'local';
    // Errors of the socket show as its close; without a listener they would end the process.
    socket.on('error', () => undefined);
  }

  /** Serves the connection; never rejects. */
  async run(): Promise<void> {
    const { admission, clock, limits, logger, proxies } = this.#context;
    const isProxied = proxies.includes(this.#remoteAddress);
    let leave = admission.enter(isProxied ? null : this.#remoteAddress);
    if (!leave) {
      this.#socket.destroy();
      return;
    }
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, limits.keepAliveMs);
    const cancelDeadline = clock.after(limits.handshakeMsMax, () => {
      logger.debug({ remoteAddress: this.#remoteAddress }, 'handshake deadline');
      this.#socket.destroy();
    });
    const authenticated = (): void => {
      cancelDeadline();
      leave?.();
    };
    try {
      if (isProxied) {
        this.#remoteAddress = await clientAddress(this.#socket, { from: proxies, clock, deadlineMs: limits.handshakeMsMax });
        leave();
        leave = admission.enter(this.#remoteAddress);
        if (!leave) throw new ConnectionGone('too many connections from one address have not logged in');
      }
      await this.#serve(authenticated);
    } catch (thrown) {
      await this.#farewell(thrown);
    } finally {
      authenticated();
      this.#close();
    }
  }

  /** Ends the connection: a session is told why, whoever has not logged in yet is just closed. */
  end(error: LakeError): void {
    this.#ending = error;
    if (this.#session) this.#session.terminate(error);
    else this.#socket.destroy();
  }

  /** Ends a session of one of these principals as soon as it is idle outside a transaction. */
  endWhenIdle(error: LakeError, of: (principal: Principal) => boolean): void {
    if (!this.#principal || !of(this.#principal)) return;
    this.#lastWords = error;
    this.#session?.terminateWhenIdle(error);
  }

  /** As `Session.rest`. */
  rest(): boolean {
    return this.#session?.rest() ?? false;
  }

  /** The socket of a client that has not taken yet what was sent, by a session or a relay. */
  get stalled(): Socket | null {
    return this.#stream.writableNeedDrain ? this.#socket : null;
  }

  /** Closes without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  async #serve(authenticated: () => void): Promise<void> {
    const { cancels, limits, sessions, tls, plainAllowed } = this.#context;
    const arrival = await shakeHands({
      socket: this.#socket,
      tls,
      limits,
      onStream: (stream) => {
        this.#stream = stream;
      },
    });
    const { packet } = arrival;
    if (packet.t === 'cancel') {
      if (!cancels.request(packet.processId, packet.secretKey)) sessions.cancelElsewhere(packet.processId, packet.secretKey);
      return;
    }
    if (tls && !arrival.tls && !plainAllowed) {
      throw new LakeError('invalid_authorization', 'this server takes only encrypted connections', {
        hint: 'Connect with sslmode=require.',
      });
    }
    if (this.#context.door.refusal) throw this.#context.door.refusal;
    await this.#login(arrival, packet, authenticated);
  }

  async #login(arrival: Arrival, packet: StartupPacket & { t: 'startup' }, authenticated: () => void): Promise<void> {
    const { admission, authentication, budget, cancels, clock, limits, logger, pool } = this.#context;
    const out = new Outbox(this.#stream, pool, clock, limits.writeStallMsMax);
    const inbox = new Inbox(this.#stream, {
      messageBytesMax: limits.preAuthMessageBytesMax,
      bytesMax: limits.inboxBytesMax,
      budget,
    });
    try {
      const user = packet.parameters.get('user');
      if (!user) throw new LakeError('invalid_authorization', 'no PostgreSQL user name specified in startup packet');
      const unknown = [...packet.parameters.keys()].filter((name) => name.startsWith('_pq_.'));
      if (packet.minor > minorMax || unknown.length > 0)
        writeNegotiateProtocolVersion(out, Math.min(packet.minor, minorMax), unknown);
      const principal = await authenticate({
        authentication,
        inbox,
        out,
        user,
        remoteAddress: this.#remoteAddress,
        tls: arrival.tls,
      });
      if (this.#context.door.refusal) throw this.#context.door.refusal;
      const release = admission.open(principal);
      authenticated();
      this.#principal = principal;
      inbox.messageBytesMax = limits.messageBytesMax;
      const session = new Session({ inbox, outbox: out, limits, logger, clock });
      const key = cancels.add(Math.min(packet.minor, minorMax), () => session.cancel());
      try {
        await this.#open({ arrival, packet, principal, out, inbox, session, key });
      } finally {
        cancels.remove(key.processId);
        release();
      }
    } finally {
      inbox.close();
    }
  }

  async #open(login: {
    readonly arrival: Arrival;
    readonly packet: StartupPacket & { t: 'startup' };
    readonly principal: Principal;
    readonly out: Outbox;
    readonly inbox: Inbox;
    readonly session: Session;
    readonly key: { readonly processId: number; readonly secretKey: Buffer };
  }): Promise<void> {
    const { arrival, packet, principal, out, inbox, session, key } = login;
    const { parameters } = packet;
    writeAuthenticationOk(out);
    const startup = {
      principal,
      database: parameters.get('database') || (parameters.get('user') as string),
      parameters,
      remoteAddress: this.#remoteAddress,
      tls: arrival.tls !== null,
      processId: key.processId,
    };
    let opened: Awaited<ReturnType<Sessions['open']>>;
    try {
      opened = await this.#context.sessions.open(startup, session.hooks);
    } catch (thrown) {
      // What stands in the outbox is only the login's end; the client expects to see it before the refusal.
      await out.flush();
      throw thrown;
    }
    if (opened.t === 'relay') {
      await out.flush();
      await opened.run(arrival.stream, inbox.detach());
      return;
    }
    this.#session = session;
    if (this.#ending) session.terminate(this.#ending);
    if (this.#lastWords) session.terminateWhenIdle(this.#lastWords);
    const stopWatching = this.#cancelWhenGone(session);
    try {
      await session.run(opened.session, () => writeBackendKeyData(out, key.processId, key.secretKey));
    } finally {
      stopWatching();
    }
  }

  /** Nobody waits any more for what runs. A moment is left to it: some clients send their last statement and go. */
  #cancelWhenGone(session: Session): () => void {
    const { clock, limits } = this.#context;
    const stream = this.#stream;
    let cancel = (): void => {};
    const onClose = (): void => {
      cancel = clock.after(limits.goneMs, () => session.cancel());
    };
    stream.once('close', onClose);
    return () => {
      stream.off('close', onClose);
      cancel();
    };
  }

  /** The last message, if it can still be read. What our own session left unsent goes nowhere: it may be newer than what is durable. */
  async #farewell(thrown: unknown): Promise<void> {
    if (thrown instanceof ConnectionGone || this.#stream.destroyed || !this.#stream.writable) return;
    const error = toLakeError(thrown);
    const { clock, limits, logger, pool } = this.#context;
    // Memory may be ahead of what is durable: whatever is said now could make a client repeat what was done, or undo its files.
    if (error.code === 'fenced' || error.code === 'commit_unknown') {
      this.#stream.destroy();
      return;
    }
    if (error.code === 'internal')
      logger.error(
        { error: error.cause ?? error, remoteAddress: this.#remoteAddress },
        'a connection failed for a reason of ours',
      );
    else
      logger.debug(
        { code: error.code, message: error.message, remoteAddress: this.#remoteAddress },
        'connection refused or ended',
      );
    const out = new Outbox(this.#stream, pool, clock, limits.writeStallMsMax);
    writeErrorResponse(out, error, 'FATAL');
    await out.flush().catch(() => undefined);
  }

  /** Lets what was written go out, then closes; a peer that does not take it is cut off. */
  #close(): void {
    const stream = this.#stream;
    if (stream.destroyed) {
      this.#socket.destroy();
      return;
    }
    stream.end();
    // Unread input would turn the close into a reset, which can take the last message with it.
    stream.resume();
    const cancel = this.#context.clock.after(lingerMsMax, () => this.#socket.destroy());
    this.#socket.once('close', cancel);
  }
}

/** How long the last message may take to leave. */
const lingerMsMax = 2000;
