/**
 * What a PostgreSQL listener needs from the rest of the pod beside base/statement-session.ts. Types only: main.ts and
 * the metadata worker hand in what fulfils them.
 */
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Principal } from '../../base/domain.ts';
import type { SessionHooks, Startup, StatementSession } from '../../base/statement-session.ts';

/** Instead of a session: the connection's bytes go elsewhere from here on (metadata sessions on port 5432). */
export interface Relay {
  readonly t: 'relay';
  /** Takes over the stream after AuthenticationOk was sent; `head` is what was read but not used. Resolves when over. */
  run(stream: Duplex, head: Buffer): Promise<void>;
}

export interface Sessions {
  /** Opens a session on the database, or refuses (undefined_database, permission_denied, too_many_connections …). */
  open(startup: Startup, hooks: SessionHooks): Promise<{ readonly t: 'session'; readonly session: StatementSession } | Relay>;
  /** A CancelRequest whose key is not one of the listener's own sessions (it may belong to a relayed one). */
  cancelElsewhere(processId: number, secretKey: Buffer): void;
}

/** One SCRAM exchange (RFC 5802). Every failure is the same `invalid_password` error. */
export interface ScramExchange {
  /** SASLInitialResponse data to server-first-message. */
  first(data: Buffer): Promise<Buffer>;
  /** SASLResponse data to server-final-message and who it is. */
  final(data: Buffer): Promise<{ readonly reply: Buffer; readonly principal: Principal }>;
}

export interface Authenticator {
  /** Mechanisms to offer; `-PLUS` only on TLS. */
  mechanisms(tls: boolean): readonly string[];
  /**
   * Begins an exchange; unknown users get a believable one that fails at the end. `channelBinding` is the tls-server-end-point
   * data; `plusOffered` says that a -PLUS mechanism was offered, so that a client which believes otherwise betrays a downgrade.
   */
  begin(
    user: string,
    mechanism: string,
    context: { readonly remoteAddress: string; readonly channelBinding?: Buffer; readonly plusOffered?: boolean },
  ): ScramExchange;
}

/** Local sockets of the metadata worker: a bearer token in a cleartext password message instead of SCRAM. */
export interface TokenAuthenticator {
  token(user: string, token: string): Promise<Principal>;
}

/** How a connection proves who it is. */
export type Authentication =
  | { readonly t: 'scram'; readonly authenticator: Authenticator }
  | { readonly t: 'token'; readonly authenticator: TokenAuthenticator };

/** The certificate in force now; asked for every connection, so a renewed one needs no restart. */
export interface TlsProvider {
  current(): { readonly context: SecureContext };
}
