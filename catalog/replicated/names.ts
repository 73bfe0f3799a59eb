/**
 * Names of the log's objects. `log/<epoch>/<seq>` is dense: the next name of a sequence is known without listing, and
 * a deposed leader's next put always meets the terminal object that deposed it.
 */
import type { LogPosition } from './ports.ts';

const epochDigits = 10;
const seqDigits = 12;

const pad = (n: number, digits: number): string => String(n).padStart(digits, '0');

export interface LogNames {
  readonly logPrefix: string;
  readonly anchorPrefix: string;
  readonly chunkPrefix: string;
  readonly floorPrefix: string;
  epoch(epoch: number): string;
  segment(position: LogPosition): string;
  anchor(position: LogPosition): string;
  floor(epoch: number): string;
  chunk(database: string, epoch: number, sha256: string): string;
  /** The position in a key made by `segment` or `anchor`; null for a foreign key. */
  position(key: string): LogPosition | null;
  /** Parts of a key made by `chunk`; null for a foreign key. */
  chunkParts(key: string): { readonly database: string; readonly epoch: number; readonly sha256: string } | null;
}

/** Names under `prefix` (empty, or ending in `/`). */
export function logNames(prefix: string): LogNames {
  const positionPattern = new RegExp(`^(?:log|anchor)/(\\d{${epochDigits}})/(\\d{${seqDigits}})$`);
  const chunkPattern = new RegExp(`^chunk/([0-9a-f-]{36})/(\\d{${epochDigits}})-([0-9a-f]{64})$`);
  const own = (key: string): string => (key.startsWith(prefix) ? key.slice(prefix.length) : '');
  const at = (p: LogPosition): string => `${pad(p.epoch, epochDigits)}/${pad(p.seq, seqDigits)}`;
  return {
    logPrefix: `${prefix}log/`,
    anchorPrefix: `${prefix}anchor/`,
    chunkPrefix: `${prefix}chunk/`,
    floorPrefix: `${prefix}floor/`,
    epoch: (epoch) => `${prefix}log/${pad(epoch, epochDigits)}/`,
    segment: (position) => `${prefix}log/${at(position)}`,
    anchor: (position) => `${prefix}anchor/${at(position)}`,
    floor: (epoch) => `${prefix}floor/${pad(epoch, epochDigits)}`,
    chunk: (database, epoch, sha256) => `${prefix}chunk/${database}/${pad(epoch, epochDigits)}-${sha256}`,
    position: (key) => {
      const match = positionPattern.exec(own(key));
      return match ? { epoch: Number(match[1]), seq: Number(match[2]) } : null;
    },
    chunkParts: (key) => {
      const match = chunkPattern.exec(own(key));
      return match ? { database: match[1] as string, epoch: Number(match[2]), sha256: match[3] as string } : null;
    },
  };
}

/** Negative, zero, positive as `a` lies before, at, after `b`. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.epoch - b.epoch || a.seq - b.seq;
}
