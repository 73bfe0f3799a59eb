/**
 * `cluster_state/leader`: one small JSON object that says who leads, who is taking over, or that nobody does, written
 * anew with each heartbeat. It decides nothing about the log (the terminal objects do); it tells observers that the
 * leader lives, and whoever replaces it takes the former leader's lease. Two writes never have the same bytes (the
 * stamp is the process', the beat counts), so equal text means the same write.
 */
import { recordBytesMax } from './limits.ts';
import { isCount, isStamp, parseFields } from './record.ts';

/** `claiming`: the lease of the former leader is taken, the log's epoch is about to be. `left`: the writer has closed everything and leads no more. */
export const leaderPhases = ['claiming', 'leading', 'left'] as const;
export type LeaderPhase = (typeof leaderPhases)[number];

export interface LeaderRecord {
  /** Epoch of the log that the writer leads or led; while claiming, the least it will be. */
  readonly epoch: number;
  readonly node: string;
  /** 32 hex digits that only this process uses: the stamp in its log objects too. */
  readonly stamp: string;
  /** Counts this process' writes of the object. */
  readonly beat: number;
  readonly phase: LeaderPhase;
  /** Where the other pods reach the writer's cluster port. */
  readonly host: string;
  readonly port: number;
  /** Nodes that look often and claim first; empty: everybody. */
  readonly watch: readonly string[];
  /** With `left`: who is to go first. */
  readonly preferred: string | null;
}

/** One text for one record: the field order is fixed. */
export function encodeLeader(record: LeaderRecord): string {
  const { epoch, node, stamp, beat, phase, host, port, watch, preferred } = record;
  return `${JSON.stringify({ format: 1, epoch, node, stamp, beat, phase, host, port, watch, preferred })}\n`;
}

/** Null for anything that is not such a record; whoever reads must go on living with it. */
export function parseLeader(text: string): LeaderRecord | null {
  const fields = parseFields(text, recordBytesMax);
  if (!fields) return null;
  const { epoch, node, stamp, beat, phase, host, port, watch, preferred } = fields;
  if (!isCount(epoch) || !isCount(beat) || !isCount(port) || port > 65_535) return null;
  if (typeof node !== 'string' || typeof host !== 'string') return null;
  if (!isStamp(stamp)) return null;
  if (!leaderPhases.includes(phase as LeaderPhase)) return null;
  if (!Array.isArray(watch) || !watch.every((name) => typeof name === 'string')) return null;
  if (preferred !== null && typeof preferred !== 'string') return null;
  return { epoch, node, stamp, beat, phase: phase as LeaderPhase, host, port, watch, preferred };
}
