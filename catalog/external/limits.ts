/** Limits towards the external metadata server: unit, finite value and why. */

export const limits = {
  /** From dialling to the first ReadyForQuery, milliseconds: a server that is down must not hold a session up for longer. */
  connectMsMax: 10_000,
  /** One statement of ours that makes or drops a lake's database, milliseconds. */
  statementMsMax: 60_000,
  /** Longest message of the login; a server's answers to it are far below. */
  handshakeBytesMax: 64 * 1024,
  /** Longest answer to a statement of ours (lists of databases). */
  answerBytesMax: 16 * 1024 * 1024,
  /** Longest statement of a client, as on the public port: it is held to look at its first words. */
  statementBytesMax: 64 * 1024 * 1024,
  /** First TCP keepalive probe after this silence: finds a server that is gone without a word. */
  keepAliveMs: 30_000,
  /** SCRAM rounds a server may ask of us; more would be a way to keep this thread busy. */
  scramIterationsMax: 1_000_000,
} as const;
