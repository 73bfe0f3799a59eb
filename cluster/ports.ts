/** What the cluster room needs of the others; `server/metadata-worker.ts` hands it in. Types only. */

/**
 * The log that a candidate takes over: read ahead without touching anything, then taken. Made of
 * `catalog/replicated` (its reader, its fence) by the composer.
 */
export interface TakeableLog {
  /** Reads the log to its tail and proves it; deposes nobody. Throws `corrupt`, `store_unavailable`, the signal's reason. */
  prepare(signal: AbortSignal): Promise<PreparedLog>;
}

export interface PreparedLog {
  /** Epoch of the log's tail; 0: nobody has ever led. */
  readonly epoch: number;
  /**
   * Takes the next epoch and reads what the predecessor wrote meanwhile. `mayTake` is asked each time after the tail was
   * read and before a terminal is sent; false: rejects. Throws as `prepare` does; then, and after an abort, an epoch may
   * have been taken all the same: nobody leads it.
   */
  take(signal: AbortSignal, mayTake: () => boolean): Promise<LedLog>;
  /** Throws away what was read. */
  abandon(): Promise<void>;
}

/** Databases, sessions and the log of the epoch that this pod leads. */
export interface LedLog {
  readonly epoch: number;
  /** Aborts when the log cannot be written any more. Its reason is a LakeError; `fenced`: because a successor exists. */
  readonly lost: AbortSignal;
  /**
   * Proves that nobody has taken over: a look at the next name of the log, sent after this was called. Rejects with
   * `fenced`, `store_unavailable`, `deadline_exceeded`.
   */
  probe(): Promise<void>;
  /** Takes no new session, ends those there are, ships everything that was committed. After it nothing is acknowledged. */
  close(): Promise<void>;
  /** Closes what is open without an error text, discards the databases. Never rejects. */
  discard(): Promise<void>;
}

/** The other pods, as far as one can tell them to look. Nothing rests on it: a lost message costs one period of looking. */
export interface Peers {
  /** Something new stands in `cluster_state/leader`. */
  tell(preferred: string | null): void;
}
