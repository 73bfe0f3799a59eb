/** Limits of the engine: unit, finite default and why. main.ts may narrow them by configuration. */

export interface EngineLimits {
  /** Bytes all instances together may use; each instance takes a share of what is left. */
  readonly memoryBytes: number;
  /** Threads of each instance; the machine's cores. */
  readonly threads: number;
  /** Bytes of spill files of each instance. */
  readonly spillBytesMax: number;
  /** Instances alive at once; each set of grants in use needs one. */
  readonly instancesMax: number;
  /** Milliseconds an instance without sessions is kept. */
  readonly instanceIdleMsMax: number;
  /** Statements that compute at once, each holding one libuv thread. */
  readonly statementsMax: number;
  /** The same for sessions inside a transaction: they are never behind those that have not begun. */
  readonly transactionStatementsMax: number;
  /** Statements that wait for one of those places. */
  readonly waitingMax: number;
  /** Milliseconds a statement waits before it is refused. */
  readonly waitMsMax: number;
}

const mebibyte = 1 << 20;

/** Part of the memory that is left which a new instance gets: the first is roomy, later ones smaller, the sum never more than all. */
export const memoryShare = 0.5;
/** Instances that nobody uses go when a new one would get less than this part of the whole: kept ones must not starve it. */
export const roomyShare = 0.1;
/** An instance with less than this cannot join or sort anything worth an instance. */
export const instanceMemoryBytesMin = 64 * mebibyte;

/** Milliseconds between looks at the object store's keys: rotated ones are in use so soon, and temporary ones well before they expire. */
export const keysCheckMs = 30_000;

/** Milliseconds between attempts to attach a lake that could not be attached; an attempt makes a session wait for it. */
export const unavailableRetryMs = 1_000;

export const defaultEngineLimits: EngineLimits = {
  memoryBytes: 2048 * mebibyte,
  threads: 2,
  spillBytesMax: 16 * 1024 * mebibyte,
  instancesMax: 16,
  instanceIdleMsMax: 60_000,
  // UV_THREADPOOL_SIZE is 64: 24 + 16 leave 24 threads for metadata, files and TLS, which must always find one.
  statementsMax: 24,
  transactionStatementsMax: 16,
  waitingMax: 1000,
  waitMsMax: 30_000,
};
