/**
 * Who is in the cluster, as its leader sees it; pure. A member lives while its record changes, judged by the leader's
 * own clock from the moment it first saw a version; the times in the records and in the store's lists decide nothing.
 * A new leader begins with nothing seen, so it calls nobody dead before it has waited as long as any leader does.
 */
import { type MemberTimes, watchersMax } from './limits.ts';
import type { MemberRecord } from './member-record.ts';

export interface Member {
  readonly record: MemberRecord;
  /** What the list said of the object when it was read: another text = written since. */
  readonly version: string;
  /** When this record was first seen, by the own clock. */
  readonly since: number;
  readonly isDead: boolean;
  /** The stamp of the process before, to notice two that call themselves alike. */
  readonly stampBefore: string | null;
}

export interface Membership {
  readonly members: ReadonlyMap<string, Member>;
  /** Since when an object that cannot be read as a record lies there, by node. */
  readonly foreign: ReadonlyMap<string, { readonly version: string; readonly since: number }>;
}

export type MembershipEvent =
  /** What a list of `cluster_state/brokers/` told: node → version. */
  | { readonly t: 'listed'; readonly versions: ReadonlyMap<string, string> }
  /** What was read where `read` said; null: not a record. */
  | { readonly t: 'record'; readonly node: string; readonly version: string; readonly record: MemberRecord | null };

export type MembershipEffect =
  | { readonly t: 'read'; readonly node: string; readonly version: string }
  | { readonly t: 'joined'; readonly node: string }
  | { readonly t: 'changed'; readonly node: string }
  /** Its record stood still for too long, says `shutdown`, or is gone: what it owned can be given to others. */
  | { readonly t: 'died'; readonly node: string }
  /** Two processes write the record of one node. */
  | { readonly t: 'twins'; readonly node: string }
  | { readonly t: 'delete'; readonly node: string };

export interface MembershipStep {
  readonly state: Membership;
  readonly effects: readonly MembershipEffect[];
}

export const noMembers: Membership = { members: new Map(), foreign: new Map() };

/** Pure. `now` is monotonic milliseconds. */
export function stepMembership(state: Membership, event: MembershipEvent, now: number, times: MemberTimes): MembershipStep {
  const members = new Map(state.members);
  const foreign = new Map(state.foreign);
  const effects: MembershipEffect[] = [];
  if (event.t === 'record') {
    const { node, version, record } = event;
    if (record) foreign.delete(node);
    else if (foreign.get(node)?.version !== version) foreign.set(node, { version, since: now });
    if (record) see(members, effects, { node, version, record, now });
    return { state: { members, foreign }, effects };
  }
  for (const [node, version] of event.versions) {
    const known = members.get(node)?.version ?? foreign.get(node)?.version;
    if (known !== version) effects.push({ t: 'read', node, version });
    else if (isOver(state, node, now, times)) effects.push({ t: 'delete', node });
  }
  for (const [node, member] of members) {
    const isGone = !event.versions.has(node);
    const isStill = event.versions.get(node) === member.version && now - member.since >= times.deadMs;
    if ((isGone || isStill) && !member.isDead) {
      members.set(node, { ...member, isDead: true });
      effects.push({ t: 'died', node });
    }
    if (isGone) members.delete(node);
  }
  for (const node of foreign.keys()) if (!event.versions.has(node)) foreign.delete(node);
  return { state: { members, foreign }, effects };
}

/** The nodes that shall watch the leader: the first that could lead, in the order of their names. */
export function watchersOf(state: Membership, leader: string): readonly string[] {
  return [...state.members.values()]
    .filter(({ record, isDead }) => !isDead && record.state === 'active' && record.node !== leader)
    .map(({ record }) => record.node)
    .sort(byOrdinal)
    .slice(0, watchersMax);
}

interface Sighting {
  readonly node: string;
  readonly version: string;
  readonly record: MemberRecord;
  readonly now: number;
}

function see(members: Map<string, Member>, effects: MembershipEffect[], { node, version, record, now }: Sighting): void {
  const before = members.get(node);
  const isSame = before?.record.stamp === record.stamp && before.record.beat === record.beat;
  // The same record again, only its object is newer (copied, or an old write that arrived a second time).
  if (before && isSame) return void members.set(node, { ...before, version });
  const isOther = before !== undefined && before.record.stamp !== record.stamp;
  if (isOther && before.stampBefore === record.stamp) effects.push({ t: 'twins', node });
  const isDead = record.state === 'shutdown';
  const stampBefore = isOther ? before.record.stamp : (before?.stampBefore ?? null);
  members.set(node, { record, version, since: now, isDead, stampBefore });
  if (isDead) {
    if (before && !before.isDead) effects.push({ t: 'died', node });
  } else if (!before || before.isDead) effects.push({ t: 'joined', node });
  else if (isOther || before.record.state !== record.state || before.record.host !== record.host)
    effects.push({ t: 'changed', node });
}

/** Dead for so long that its record is only in the way. */
function isOver(state: Membership, node: string, now: number, times: MemberTimes): boolean {
  const member = state.members.get(node);
  const since = member ? (member.isDead ? member.since : now) : (state.foreign.get(node)?.since ?? now);
  return now - since >= times.deadMs + times.keepMs;
}

/** `pod-2` before `pod-10`. */
function byOrdinal(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : 1);
}
