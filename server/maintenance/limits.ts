/** Limits of background maintenance: unit, finite value, reason. */

const mebibyte = 1 << 20;
const minuteMs = 60_000;

/**
 * Files are merged with others of about their size: below the first bound, between it and the second, and so on. So a
 * row is written again at most once per band, however long small files keep coming.
 */
export const mergeBands: readonly number[] = [mebibyte, 8 * mebibyte, 64 * mebibyte];

export const limits = {
  /** Milliseconds between looks at which lakes have changed: a look is a comparison of marks, no lake is opened. */
  tickMs: 15_000,
  /** Memory of the instance that does the work, beside that of users' instances: a part of the pod's, within these bounds. */
  memoryShare: 0.125,
  memoryBytesMin: 128 * mebibyte,
  memoryBytesMax: 512 * mebibyte,
  threads: 1,
  spillBytesMax: 4 * 1024 * mebibyte,
  /** One pass on one lake; what is left is done in the next. */
  passMsMax: 5 * minuteMs,
  /** Who asks for a pass waits so long for its end; it goes on afterwards. */
  askMsMax: 100_000,
  /** Tables that one pass puts in order. */
  tablesPerPassMax: 50,
  /** Files that one merge takes, and bytes that one pass writes anew. */
  mergeFilesMax: 1_000,
  bytesPerPassMax: 2 * 1024 * mebibyte,
  /** After a pass nothing is done for this many times its duration: at most a quarter of the time is maintenance. */
  restFactor: 3,
  /** After a conflict or failure the interval doubles up to this. */
  backOffMsMax: 60 * minuteMs,
  /** While users' statements wait for a place, a pass is put off, but not longer than this. */
  patienceMsMax: 10 * minuteMs,
  /** Added to every age after which something is deleted: clocks of two pods, and what a client does after its last commit. */
  marginMs: 60 * minuteMs,
  /** Inlined rows that make a flush due at once; fewer are flushed when the lake has been written to and a pass runs. */
  flushRowsMin: 1_000,
  /** Files of one size band that make a merge worth it. */
  mergeFilesMin: 8,
  /** Milliseconds between two searches for files that nobody names: a listing of all files of the lake. */
  searchMs: 24 * 60 * minuteMs,
  /** A file younger than this is no orphan whatever the waits: its transaction may be under way. */
  orphanMsMin: 1_000,
  /** Milliseconds between looks at dropped lakes. */
  droppedMs: 10 * minuteMs,
  /** Part of a file's rows that are deleted when it is written anew. */
  rewriteThreshold: 0.5,
} as const;
