/** Every bound of this room: unit, default, reason. Relations between them are asserted when a log is made. */
import { LakeError } from '../../base/errors.ts';

export interface LogLimits {
  /** Bytes of WAL that one segment gathers before it is put. One put must stay well below a store's patience. */
  readonly segmentBytesMax: number;
  /** Commits and control records that one segment gathers. */
  readonly segmentItemsMax: number;
  /** WAL bytes of one commit; a larger commit is made durable by an image of its database, which streams in chunks. */
  readonly commitBytesMax: number;
  /** Commits that may be executed but not durable yet; beyond it new commits wait before they execute. */
  readonly queueItemsMax: number;
  /** Milliseconds a commit waits to be admitted before it is refused (rolled back, nothing happened). */
  readonly admitWaitMsMax: number;
  /** Milliseconds one attempt of a put may take before its outcome counts as unknown. */
  readonly putMsMax: number;
  /** First and longest pause between attempts of the same put, milliseconds. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  /** Milliseconds a put may stay undecided before this pod gives itself up (it restarts from the store). */
  readonly undecidedMsMax: number;
  /** A snapshot is due when this many WAL bytes lie behind the last one: they are replayed at a restart. */
  readonly snapshotWalBytes: number;
  /** A snapshot is due when the oldest needed segment lies this many segments back: they are read at a restart. */
  readonly snapshotSegments: number;
  /** Milliseconds for which answers to commits are held back so that open write transactions come to an end before a checkpoint. */
  readonly quiesceMsMax: number;
  /** Milliseconds after which a database that nobody uses gives its memory back; the next use takes some milliseconds longer. */
  readonly idleMsMax: number;
  /** Databases that stay attached although nobody uses them; beyond that the longest unused are parked at once. */
  readonly idleDatabasesMax: number;
  /** Commits of one database, their bytes, and the age of the oldest in milliseconds, that only the log has and DuckDB not yet. */
  readonly rowsCommitsMax: number;
  readonly rowsBytesMax: number;
  readonly rowsMsMax: number;
  /** Bytes of one chunk of a snapshot: a whole number of DuckDB's 256 KiB blocks. */
  readonly chunkBytes: number;
  /** Objects read or written at once while restoring or taking a snapshot. */
  readonly parallelObjects: number;
  /** Bytes of segments read ahead while restoring; at least one object is read whatever its size. */
  readonly readAheadBytesMax: number;
  /** Bytes of the largest object of the log that is read; larger ones are damaged. */
  readonly objectBytesMax: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

export const defaultLimits: LogLimits = {
  segmentBytesMax: 16 * MiB,
  segmentItemsMax: 4096,
  commitBytesMax: 64 * MiB,
  queueItemsMax: 1024,
  admitWaitMsMax: 10_000,
  putMsMax: 10_000,
  retryMsMin: 20,
  retryMsMax: 2_000,
  undecidedMsMax: 600_000,
  snapshotWalBytes: 16 * MiB,
  snapshotSegments: 2_000,
  quiesceMsMax: 100,
  idleMsMax: 60_000,
  idleDatabasesMax: 32,
  rowsCommitsMax: 256,
  rowsBytesMax: 1 * MiB,
  rowsMsMax: 30_000,
  chunkBytes: 2 * MiB,
  parallelObjects: 16,
  readAheadBytesMax: 32 * MiB,
  objectBytesMax: 160 * MiB,
};

/** Throws `config_invalid` when the limits contradict each other. */
export function checkLimits(limits: LogLimits): LogLimits {
  const rules: Array<[boolean, string]> = [
    [limits.chunkBytes > 0 && limits.chunkBytes % (256 * KiB) === 0, 'chunkBytes must be a multiple of 256 KiB'],
    [
      limits.segmentBytesMax + limits.commitBytesMax < limits.objectBytesMax,
      'a segment and one commit must fit into objectBytesMax',
    ],
    [limits.retryMsMin > 0 && limits.retryMsMin <= limits.retryMsMax, 'retryMsMin must be between 1 and retryMsMax'],
    [limits.putMsMax < limits.undecidedMsMax, 'putMsMax must be below undecidedMsMax'],
    [limits.queueItemsMax > 0 && limits.segmentItemsMax > 0 && limits.parallelObjects > 0, 'counts must be positive'],
  ];
  for (const [holds, rule] of rules) if (!holds) throw new LakeError('config_invalid', `replicated log: ${rule}`);
  return limits;
}
