/**
 * A port or a local socket that speaks PostgreSQL's protocol 3. It accepts, counts, and serves each connection; it
 * knows no SQL and decides nothing about who may do what. Used for port 5432 (TLS, SCRAM) on the main thread and for
 * the local socket of the metadata worker (token).
 */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { AddressList } from '../../base/address-list.ts';
import type { Clock } from '../../base/clock.ts';
import type { Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { Admission } from './admission.ts';
import { CancelRegistry } from './cancel.ts';
import { ByteBudget } from './codec.ts';
import { Connection, type ConnectionContext } from './connection.ts';
import { defaultLimits, type Limits, validateLimits } from './limits.ts';
import { BufferPool } from './outbox.ts';
import type { Authentication, Sessions, TlsProvider } from './ports.ts';
import { vanishedPeers } from './vanished-peers.ts';

export interface ListenerOptions {
  /** A TCP address, or the path of a Unix socket. Port 0 takes a free one. `reusePort` shares it with other threads. */
  readonly address: { readonly host: string; readonly port: number; readonly reusePort?: boolean } | { readonly path: string };
  readonly sessions: Sessions;
  readonly authentication: Authentication;
  /** Null: SSLRequest is answered with 'N'. */
  readonly tls?: TlsProvider | null;
  /** With TLS: also take connections that do not ask for it. Default false. */
  readonly plainAllowed?: boolean;
  /** Peers (gateways) whose connections begin with a PROXY header, and nobody else's may. Default: none. */
  readonly proxies?: AddressList;
  readonly limits?: Partial<Limits>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #context: ConnectionContext;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;
  #stopResting = (): void => {};
  #stopChecking = (): void => {};

  constructor(options: ListenerOptions) {
    this.#options = options;
    const merged = { ...defaultLimits, ...options.limits };
    // A pod that takes only a few sessions keeps fewer of them back.
    const reserved = Math.min(merged.superuserConnectionsReserved, Math.floor(merged.connectionsMax / 2));
    const limits = validateLimits({ ...merged, superuserConnectionsReserved: reserved });
    this.#context = {
      sessions: options.sessions,
      authentication: options.authentication,
      tls: options.tls ?? null,
      plainAllowed: options.plainAllowed ?? false,
      limits,
      clock: options.clock,
      logger: options.logger.child({ room: 'pgwire' }),
      admission: new Admission(limits),
      cancels: new CancelRegistry(options.random),
      // Room past flushBytes for the row that crosses it. A few buffers are kept: they serve all connections in turn.
      pool: new BufferPool(limits.flushBytes + 16 * 1024, 64),
      budget: new ByteBudget(limits.largeMessagesBytesMax),
      door: { refusal: null },
      proxies: options.proxies ?? new AddressList([]),
    };
    this.#server = createServer({ pauseOnConnect: false, noDelay: true }, (socket) => {
      const connection = new Connection(this.#context, socket);
      this.#connections.add(connection);
      void connection.run().finally(() => this.#connections.delete(connection));
    });
  }

  /** Begins to accept. Rejects with config_invalid when the address cannot be had. */
  async open(): Promise<void> {
    const { address } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => {
        const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
        reject(new LakeError('config_invalid', `cannot listen on ${where}: ${cause.message}`, { cause }));
      });
      this.#server.listen(
        'path' in address
          ? { path: address.path }
          : { host: address.host, port: address.port, reusePort: address.reusePort ?? false, backlog: 511 },
        resolve,
      );
    });
    this.#restLater();
    if (!('path' in address)) this.#checkStalledLater();
    this.#server.on('error', (error) => this.#context.logger.error({ error }, 'listener'));
  }

  /** Lets idle sessions give back what they can, a few at a time: thousands at once would hold everybody else up. */
  #restLater(): void {
    const { clock } = this.#options;
    this.#stopResting = clock.after(this.#context.limits.restMs, async () => {
      let rested = 0;
      for (const connection of [...this.#connections])
        if (connection.rest() && ++rested % restedAtOnceMax === 0) await clock.sleep(5, { unref: true });
      if (this.#server.listening) this.#restLater();
    });
  }

  /** Cuts off clients that have vanished with an answer on its way to them. */
  #checkStalledLater(): void {
    const { clock } = this.#options;
    this.#stopChecking = clock.after(this.#context.limits.stallCheckMs, async () => {
      const stalled = [...this.#connections].flatMap((connection) => connection.stalled ?? []);
      for (const socket of stalled.length === 0 ? [] : await vanishedPeers(stalled)) {
        this.#context.logger.debug({ remoteAddress: socket.remoteAddress }, 'a client that takes nothing any more is cut off');
        socket.destroy();
      }
      if (this.#server.listening) this.#checkStalledLater();
    });
  }

  /** The TCP port in use, 0 on a Unix socket. */
  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? (address as AddressInfo).port : 0;
  }

  /** Sessions now, and connections that have not logged in. */
  get counts(): { readonly sessions: number; readonly unauthenticated: number } {
    return { sessions: this.#context.admission.sessions, unauthenticated: this.#context.admission.unauthenticated };
  }

  /** From here on whoever comes is told so before the login (`57P03`); sessions go on. */
  refuseNewcomers(): void {
    this.#context.door.refusal = new LakeError('cannot_connect_now', 'the database system is shutting down', { retriable: true });
  }

  /** Ends sessions of these principals (`57P01`) that are idle outside a transaction, and the others as soon as they are. */
  endIdle(of: (principal: Principal) => boolean = () => true): void {
    for (const connection of this.#connections) connection.endWhenIdle(shutdown(), of);
  }

  /** Ends every session (`57P01`), waits up to `graceMs` for them, then cuts what is left. */
  async close(graceMs = 5000): Promise<void> {
    this.#stopResting();
    this.#stopChecking();
    if (this.#server.listening) this.#server.close();
    for (const connection of this.#connections) connection.end(shutdown());
    const end = this.#options.clock.monotonic() + graceMs;
    while (this.#connections.size > 0 && this.#options.clock.monotonic() < end) await this.#options.clock.sleep(10);
    for (const connection of this.#connections) connection.destroy();
  }
}

/** Sessions told to rest before others have their turn: closing an engine connection takes some 50 µs. */
const restedAtOnceMax = 20;

function shutdown(): LakeError {
  return new LakeError('admin_shutdown', 'terminating connection due to administrator command');
}
