/**
 * Every bound of the PostgreSQL wire, with unit, default and reason. A length from a client is compared with these
 * before memory is taken for it. `validateLimits` asserts the relations between them at start.
 */
import { assert } from '../../base/errors.ts';

export interface Limits {
  /** Longest startup packet: PostgreSQL's own MAX_STARTUP_PACKET_LENGTH. */
  readonly startupBytesMax: number;
  /** Longest message before authentication is over: a SCRAM message is under 1 KiB, a token under 8 KiB (PG_MAX_AUTH_TOKEN_LENGTH is 65,535). */
  readonly preAuthMessageBytesMax: number;
  /** Longest message of a session: bulk INSERT texts and COPY blocks of real clients stay well below. */
  readonly messageBytesMax: number;
  /** Sum over all connections of the messages over 1 MiB that are being received: bounds what many large messages can take. */
  readonly largeMessagesBytesMax: number;
  /** From accept to the end of authentication: someone who holds a socket open without logging in is let go. */
  readonly handshakeMsMax: number;
  /** Sessions at once. Past it a client is told `too many clients`. */
  readonly connectionsMax: number;
  /** Of those, kept for superusers, so that an operator can look at a full pod. PostgreSQL keeps 3. */
  readonly superuserConnectionsReserved: number;
  /** Sessions of one user at once; superusers are not bound by it. */
  readonly connectionsPerUserMax: number;
  /** Connections that have not authenticated yet, in all and from one address: a flood cannot crowd out one that logs in. */
  readonly unauthenticatedMax: number;
  readonly unauthenticatedPerAddressMax: number;
  /** Named statements and portals of one session: drivers cache hundreds, a leak makes millions. */
  readonly statementsMax: number;
  readonly portalsMax: number;
  /** Parameters of a statement: the protocol's own 16-bit count. */
  readonly parametersMax: number;
  /** Result columns: PostgreSQL's MaxTupleAttributeNumber. */
  readonly columnsMax: number;
  /** Buffered answer bytes after which a session waits for its client before it computes more. */
  readonly flushBytes: number;
  /** Received bytes waiting to be handled after which reading from the socket pauses. */
  readonly inboxBytesMax: number;
  /** A client that takes nothing of a waiting answer for so long is disconnected. */
  readonly writeStallMsMax: number;
  /** A statement whose client has closed the connection is cancelled after this. */
  readonly goneMs: number;
  /** How often clients that have not taken what was sent are looked at: a vanished one is cut off, a slow one is not. */
  readonly stallCheckMs: number;
  /** First TCP keepalive probe after this silence: finds peers that are gone without a word. The system probes ten times, a second apart. */
  readonly keepAliveMs: number;
  /** A session whose client says nothing for so long (up to twice as long) gives back its engine connection. */
  readonly restMs: number;
  /** One encoded row: the protocol's message length is a signed 32-bit number, and the row is built in memory. */
  readonly rowBytesMax: number;
}

export const defaultLimits: Limits = {
  startupBytesMax: 10_000,
  preAuthMessageBytesMax: 65_535,
  messageBytesMax: 64 * 1024 * 1024,
  largeMessagesBytesMax: 256 * 1024 * 1024,
  handshakeMsMax: 10_000,
  connectionsMax: 500,
  superuserConnectionsReserved: 3,
  connectionsPerUserMax: 100_000,
  unauthenticatedMax: 256,
  unauthenticatedPerAddressMax: 64,
  statementsMax: 10_000,
  portalsMax: 1_000,
  parametersMax: 65_535,
  columnsMax: 1_664,
  flushBytes: 64 * 1024,
  inboxBytesMax: 256 * 1024,
  writeStallMsMax: 600_000,
  goneMs: 5_000,
  stallCheckMs: 5_000,
  keepAliveMs: 10_000,
  restMs: 15_000,
  rowBytesMax: 256 * 1024 * 1024,
};

/** Messages longer than this count against `largeMessagesBytesMax`. */
export const largeMessageBytes = 1024 * 1024;

/** Asserts what the code relies on. */
export function validateLimits(limits: Limits): Limits {
  for (const [name, value] of Object.entries(limits))
    assert(Number.isFinite(value) && value >= 0, `limit ${name} must be finite`);
  assert(limits.preAuthMessageBytesMax <= limits.messageBytesMax, 'preAuthMessageBytesMax <= messageBytesMax');
  assert(limits.messageBytesMax <= limits.largeMessagesBytesMax, 'messageBytesMax <= largeMessagesBytesMax');
  assert(limits.messageBytesMax < 2 ** 30, 'messageBytesMax < 1 GiB');
  assert(limits.rowBytesMax < 2 ** 30, 'rowBytesMax < 1 GiB');
  assert(limits.superuserConnectionsReserved < limits.connectionsMax, 'superuserConnectionsReserved < connectionsMax');
  assert(limits.parametersMax <= 65_535, 'parametersMax fits 16 bits');
  return limits;
}
