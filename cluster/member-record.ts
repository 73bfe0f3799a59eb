/**
 * `cluster_state/brokers/<node>`: what a pod says of itself. Only the pod writes its own record (a plain put, nothing
 * depends on a condition), the leader reads all of them and deletes those of the dead.
 */
import { LakeError } from '../base/errors.ts';
import { recordBytesMax } from './limits.ts';
import { isCount, isStamp, parseFields } from './record.ts';

/** In the order in which a pod goes through them; `active` may be taken up again from `draining`. */
export const memberStates = ['active', 'draining', 'retiring', 'shutdown'] as const;

/**
 * `active`: takes new work. `draining`: ends what it has, takes no new sessions, never leads. `retiring`: has handed
 * over what it owned, waits for the last of it. `shutdown`: the process has ended in good order.
 */
export type MemberState = (typeof memberStates)[number];

export interface MemberRecord {
  readonly node: string;
  /** 32 hex digits that only this process uses. */
  readonly stamp: string;
  readonly state: MemberState;
  /** Where the other pods reach its cluster port. */
  readonly host: string;
  readonly port: number;
  /** Counts this process' writes of the record. */
  readonly beat: number;
  /** As far as it has seen the log, `epoch/seq`; empty: not at all. */
  readonly logPosition: string;
}

/** One text for one record. */
export function encodeMember(record: MemberRecord): string {
  const { node, stamp, state, host, port, beat, logPosition } = record;
  return `${JSON.stringify({ format: 1, node, stamp, state, host, port, beat, log_position: logPosition })}\n`;
}

/** Null for anything that is not the record of `node`. */
export function parseMember(node: string, text: string): MemberRecord | null {
  const fields = parseFields(text, recordBytesMax);
  if (!fields) return null;
  const { node: name, stamp, state, host, port, beat, log_position: logPosition } = fields;
  if (name !== node || typeof host !== 'string' || typeof logPosition !== 'string') return null;
  if (!isStamp(stamp)) return null;
  if (!memberStates.includes(state as MemberState) || !isCount(port) || port > 65_535 || !isCount(beat)) return null;
  return { node, stamp, state: state as MemberState, host, port, beat, logPosition };
}

/** The state that follows when somebody asks for `to`. Throws `invalid_argument` when it does not follow. */
export function moveState(node: string, from: MemberState, to: MemberState): MemberState {
  if (from === to || (from === 'draining' && to === 'active')) return to;
  if (memberStates.indexOf(to) === memberStates.indexOf(from) + 1) return to;
  throw new LakeError('invalid_argument', `${node} is ${from} and cannot become ${to}`, {
    hint:
      from === 'retiring' || from === 'shutdown'
        ? 'Start the pod again: a new process is active.'
        : 'The order is active, draining, retiring, shutdown; a draining pod may be made active again.',
  });
}
