/**
 * The election, pure: who may claim, when a leader is dead, when this pod is one, when it must stop. `driver.ts` does
 * the effects. What is decided here is only *liveness* and the *lease*: that one pod at most can acknowledge a write is
 * the log's doing (its terminal objects), whatever this machine believes.
 *
 * The lease. A heartbeat is confirmed when it is known to be in the store; from the moment its FIRST attempt was sent,
 * the leader may believe in itself for the stale time less a margin. An observer counts from the answer that FIRST
 * showed it the heartbeat (which is later), needs a look SENT a stale time after that to show the same, and then
 * replaces exactly that heartbeat (conditionally) before it touches the log. So when the log gets its next epoch, the
 * lease of the former leader has run out, and cannot be renewed, because what it would replace is gone. And a candidate
 * that slept after that takes nothing any more once its own claim may have been replaced (`mayFence`).
 *
 * (Over 300 lines: one machine; following, claiming and holding hand over to each other.)
 */
import { assert } from '../../base/errors.ts';
import { encodeLeader, type LeaderPhase, type LeaderRecord } from '../leader-record.ts';
import type { ElectionTimes } from '../limits.ts';

/** What stands in the leader's object: its text is its identity. `record` is null when it cannot be read as one. */
export interface Found {
  readonly text: string;
  readonly record: LeaderRecord | null;
}

interface Seen {
  /** Null: there is no object. */
  readonly text: string | null;
  readonly record: LeaderRecord | null;
  /** When the answer came that first showed it, by the own clock. */
  readonly since: number;
  /** When the newest look that showed it was sent. */
  readonly askedAt: number;
}

interface Write {
  readonly text: string;
  readonly phase: LeaderPhase;
  /** What it replaces; null: nothing is there. */
  readonly expected: string | null;
  /** When its first attempt was sent. */
  readonly began: number;
  /** What comes next: sending it, or looking whether it landed. */
  readonly next: 'send' | 'recall';
  readonly notBefore: number;
}

export type Role =
  | {
      readonly t: 'following';
      readonly nextLook: number;
      /** When to claim; null: somebody leads, or this pod must not. */
      readonly claimAt: number | null;
    }
  | { readonly t: 'seizing'; readonly epoch: number; readonly logEpoch: number; readonly write: Write }
  | {
      readonly t: 'holding';
      /** `fencing`: the log's epoch is being taken. `closing`: leads, and lets its sessions end. `releasing`: about to say that it left. */
      readonly stage: 'fencing' | 'leading' | 'closing' | 'releasing';
      /** Led; while `fencing` only announced. */
      readonly epoch: number;
      /** The log's when it was read ahead: what is led comes after it. */
      readonly logEpoch: number;
      /** The last confirmed own text, and when its first attempt was sent. */
      readonly text: string;
      readonly confirmedAt: number;
      readonly nextBeat: number;
      readonly write: Write | null;
      readonly preferred: string | null;
      /** Databases and sessions are there and have to be discarded when this ends. */
      readonly hasState: boolean;
      /** The other pods were told that somebody leads. */
      readonly hasTold: boolean;
    };

export interface ElectionState {
  readonly role: Role;
  /** False: never claims (draining, or not wanted). */
  readonly isEligible: boolean;
  /** What it led with is still being discarded. */
  readonly isDiscarding: boolean;
  readonly seen: Seen | null;
  /** The one call on the leader's object under way; `orphan`: nobody waits for its answer any more. */
  readonly call: { readonly t: 'look' | 'write' | 'recall' | 'orphan'; readonly began: number } | null;
  /** Of the own writes. */
  readonly beat: number;
  /** How far the log has been read ahead of a claim. */
  readonly readAhead: { readonly t: 'none' | 'under-way' } | { readonly t: 'ready'; readonly epoch: number };
  /** The log is not read ahead again before this. */
  readonly readAheadAfter: number;
  /** Nodes that the own records name as watchers. */
  readonly watch: readonly string[];
  readonly epochMax: number;
}

export type ElectionEvent =
  /** A time that `wakeAt` named has come. */
  | { readonly t: 'wake' }
  /** Somebody says that there is something new to see. A hint, nothing rests on it. */
  | { readonly t: 'nudge' }
  /** Somebody is about to leave and prefers this pod: read the log ahead. A hint too. */
  | { readonly t: 'stand-by' }
  | { readonly t: 'read'; readonly found: Found | null }
  | { readonly t: 'read-failed' }
  | { readonly t: 'wrote' }
  | { readonly t: 'write-refused' }
  | { readonly t: 'write-unknown' }
  /** The log is read and proved up to its tail; `epoch` 0: nobody has ever led. */
  | { readonly t: 'prepared'; readonly epoch: number }
  | { readonly t: 'prepare-failed' }
  | { readonly t: 'fenced'; readonly epoch: number }
  | { readonly t: 'fence-failed' }
  /** The log cannot be written any more; `isFenced`: because a successor exists. */
  | { readonly t: 'lost'; readonly isFenced: boolean }
  | { readonly t: 'eligible'; readonly is: boolean }
  | { readonly t: 'watch'; readonly nodes: readonly string[] }
  | { readonly t: 'step-down'; readonly preferred: string | null }
  /** All sessions are closed, all that was acknowledged is in the log, nothing more will be. */
  | { readonly t: 'closed' }
  | { readonly t: 'discarded' };

export type DemotionReason = 'seized' | 'fenced' | 'log-lost' | 'left';

export type ElectionEffect =
  | { readonly t: 'read' }
  | { readonly t: 'write'; readonly text: string; readonly expected: string | null }
  /** Read the log to its tail, prove it; depose nobody. */
  | { readonly t: 'prepare' }
  /** Throw away what was read ahead; a fence under way is given up. */
  | { readonly t: 'abandon' }
  /** Take the log's next epoch with what was read ahead. */
  | { readonly t: 'fence' }
  | { readonly t: 'lead'; readonly epoch: number }
  /** End all sessions in good order, ship everything; then `closed`. */
  | { readonly t: 'close' }
  /** Discard databases, close what is open without an error text; then `discarded`. */
  | { readonly t: 'demote'; readonly why: DemotionReason }
  /** Tell the other pods that there is something new to see. */
  | { readonly t: 'tell'; readonly preferred: string | null };

export interface Context {
  readonly me: { readonly node: string; readonly stamp: string; readonly host: string; readonly port: number };
  readonly times: ElectionTimes;
  /** In [0, 1), drawn anew for each step. */
  readonly chance: number;
}

export interface Step {
  readonly state: ElectionState;
  readonly effects: readonly ElectionEffect[];
}

/** A pod that has seen nothing yet. Its first step is `wake`. */
export function initialState(now: number): ElectionState {
  return {
    role: { t: 'following', nextLook: now, claimAt: null },
    isEligible: true,
    isDiscarding: false,
    seen: null,
    call: null,
    beat: 0,
    readAhead: { t: 'none' },
    readAheadAfter: now,
    watch: [],
    epochMax: 0,
  };
}

/** Pure. `now` is monotonic milliseconds of a clock that also counts while the machine sleeps. */
export function step(state: ElectionState, event: ElectionEvent, now: number, context: Context): Step {
  const draft: Draft = { s: { ...state }, effects: [], now, ...context };
  take(draft, event);
  act(draft);
  return { state: draft.s, effects: draft.effects };
}

/** When to step with `wake` next; null: only an answer changes anything. */
export function wakeAt(state: ElectionState): number | null {
  const { role } = state;
  if (state.call) return null;
  if (role.t === 'seizing') return role.write.notBefore;
  if (role.t === 'holding') return role.write ? role.write.notBefore : role.nextBeat;
  if (role.claimAt === null || !canClaim(state) || state.readAhead.t === 'under-way') return role.nextLook;
  const claimAt = state.readAhead.t === 'ready' ? role.claimAt : Math.max(role.claimAt, state.readAheadAfter);
  return Math.min(claimAt, role.nextLook);
}

/** True while a confirmed heartbeat proves that nobody can have acknowledged anything in a later epoch. */
export function holdsLease(state: ElectionState, now: number, times: ElectionTimes): boolean {
  const { role } = state;
  if (!times.hasLease || role.t !== 'holding' || (role.stage !== 'leading' && role.stage !== 'closing')) return false;
  return now < role.confirmedAt + times.staleMs - times.marginMs;
}

/**
 * True while the next epoch may be taken: nobody can have replaced this pod's claim, so every terminal that it has read
 * was written by those before it. Where there is no lease, there is nothing to protect: the log alone decides.
 */
export function mayFence(state: ElectionState, now: number, times: ElectionTimes): boolean {
  const { role } = state;
  if (role.t !== 'holding' || role.stage !== 'fencing') return false;
  return !times.hasLease || now < role.confirmedAt + times.staleMs - times.marginMs;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Following = Extract<Role, { t: 'following' }>;
type Seizing = Extract<Role, { t: 'seizing' }>;
type Holding = Extract<Role, { t: 'holding' }>;

interface Draft extends Context {
  readonly s: Mutable<ElectionState>;
  readonly effects: ElectionEffect[];
  readonly now: number;
}

function take(d: Draft, event: ElectionEvent): void {
  const { s, now } = d;
  const { role } = s;
  switch (event.t) {
    case 'wake':
      return;
    case 'nudge':
      if (role.t === 'following') s.role = { ...role, nextLook: Math.min(role.nextLook, now) };
      return;
    case 'stand-by':
      if (role.t === 'following') readAhead(d);
      return;
    case 'read':
    case 'read-failed':
    case 'wrote':
    case 'write-refused':
    case 'write-unknown':
      return answered(d, event);
    case 'prepared':
      // An answer that nobody waits for: it was abandoned while it came.
      if (s.readAhead.t === 'under-way') s.readAhead = { t: 'ready', epoch: event.epoch };
      s.epochMax = Math.max(s.epochMax, event.epoch);
      if (role.t === 'following' && s.seen) judge(d);
      return;
    case 'prepare-failed':
      if (s.readAhead.t === 'under-way') s.readAhead = { t: 'none' };
      s.readAheadAfter = now + d.times.suspectMs;
      return;
    case 'fenced':
      if (role.t !== 'holding' || role.stage !== 'fencing') return;
      assert(event.epoch > role.logEpoch, `the log gave epoch ${event.epoch}, and ${role.logEpoch} was led before`);
      s.epochMax = Math.max(s.epochMax, event.epoch);
      s.role = { ...role, stage: 'leading', epoch: event.epoch, nextBeat: now, hasState: true };
      d.effects.push({ t: 'lead', epoch: event.epoch });
      return;
    case 'fence-failed':
      s.readAheadAfter = now + d.times.suspectMs;
      if (role.t === 'holding' && role.stage === 'fencing') release(d, role);
      return;
    case 'lost':
      if (role.t !== 'holding' || !role.hasState) return;
      if (event.isFenced) return fall(d, 'fenced');
      demote(d, 'log-lost');
      s.role = { ...role, stage: 'releasing', hasState: false, nextBeat: now };
      return;
    case 'eligible':
      s.isEligible = event.is;
      if (event.is) return;
      if (role.t === 'following') {
        s.role = { ...role, claimAt: null };
        abandon(d);
      } else if (role.t === 'holding' && role.stage === 'fencing') release(d, role);
      return;
    case 'watch':
      s.watch = event.nodes;
      return;
    case 'step-down':
      if (role.t !== 'holding') return;
      if (role.stage === 'fencing') return release(d, role);
      if (role.stage !== 'leading') return;
      s.role = { ...role, stage: 'closing', preferred: event.preferred };
      d.effects.push({ t: 'close' });
      return;
    case 'closed':
      if (role.t === 'holding' && role.stage === 'closing') s.role = { ...role, stage: 'releasing', nextBeat: now };
      return;
    case 'discarded':
      s.isDiscarding = false;
      return;
  }
}

/** What is due is done; one call at a time. */
function act(d: Draft): void {
  const { s, now } = d;
  if (s.call) return;
  const { role } = s;
  if (role.t === 'following') {
    if (role.claimAt !== null && now >= role.claimAt && canClaim(s)) {
      if (s.readAhead.t === 'ready') return seize(d, s.readAhead.epoch);
      readAhead(d);
    }
    if (now >= role.nextLook) call(d, 'look', { t: 'read' });
    return;
  }
  if (role.t === 'holding' && role.write === null) {
    if (now < role.nextBeat) return;
    s.role = { ...role, write: compose(d, phaseOf(role), role.epoch, role.text, role.preferred) };
  }
  const { write } = s.role as Seizing | Holding;
  if (!write || now < write.notBefore) return;
  if (write.next === 'send') call(d, 'write', { t: 'write', text: write.text, expected: write.expected });
  else call(d, 'recall', { t: 'read' });
}

type Answer = Extract<ElectionEvent, { t: 'read' | 'read-failed' | 'wrote' | 'write-refused' | 'write-unknown' }>;

function answered(d: Draft, event: Answer): void {
  const { s, now } = d;
  assert(s.call, `${event.t} came, and nothing was asked`);
  const { t, began } = s.call;
  s.call = null;
  if (s.role.t === 'following') {
    // An orphan's answer is as good a look as any; of a write it says nothing.
    if (event.t === 'read') sight(d, event.found, began);
    else s.role = { ...s.role, nextLook: event.t === 'read-failed' ? now + pause(d) : now };
    return;
  }
  if (t !== 'write' && t !== 'recall') return;
  if (event.t === 'wrote') return confirmed(d);
  if (event.t === 'read') return recalled(d, event.found);
  // Refused may be the own earlier attempt; unknown may have landed: look before believing anything.
  rewrite(d, { next: 'recall', notBefore: event.t === 'read-failed' ? now + pause(d) : now });
}

/** Sees what stands in the leader's object. */
function sight(d: Draft, found: Found | null, began: number): void {
  const { s, now } = d;
  const text = found?.text ?? null;
  if (!s.seen || s.seen.text !== text) {
    const record = found?.record ?? null;
    s.seen = { text, record, since: now, askedAt: began };
    s.epochMax = Math.max(s.epochMax, record?.epoch ?? 0);
    s.role = { ...(s.role as Following), claimAt: null };
    if (record?.phase === 'leading') abandon(d);
  }
  s.seen = { ...s.seen, askedAt: Math.max(s.seen.askedAt, began) };
  judge(d);
}

/** Follows from what is seen: when to look again, whether to read ahead, whether to claim. */
function judge(d: Draft): void {
  const { s, now, times, me } = d;
  const { record, text, since, askedAt } = s.seen as Seen;
  const role = s.role as Following;
  const isWatching = !record || record.watch.length === 0 || record.watch.includes(me.node);
  const hasLeft = record?.phase === 'left';
  const isNew = text === null && s.readAhead.t === 'ready' && s.readAhead.epoch === 0;
  const opensAt = hasLeft ? since + leftDelay(d, record) : since + times.staleMs;
  // Left is said for good; silence is known only from a look that was SENT after the whole stale time.
  const isOpen = isNew || (hasLeft ? now >= opensAt : askedAt >= opensAt);
  let { claimAt } = role;
  if (!isOpen || !s.isEligible) claimAt = null;
  else claimAt ??= now + (record?.preferred === me.node ? 0 : d.chance * times.backoffMsMax);
  const period = isWatching ? times.watchMs : times.staleMs;
  // A look that was under way when the stale time ended says too little: another one at once.
  const nextLook = isOpen ? now + period : Math.max(now, Math.min(now + period, opensAt));
  s.role = { ...role, claimAt, nextLook };
  if (text === null || hasLeft || (isWatching && now - since >= times.suspectMs)) readAhead(d);
}

function leftDelay({ times, me }: Draft, { stamp, preferred }: LeaderRecord): number {
  if (preferred === me.node) return 0;
  if (stamp === me.stamp) return times.returnMs;
  return preferred === null ? 0 : times.preferenceMs;
}

function canClaim(s: ElectionState): boolean {
  return s.isEligible && !s.isDiscarding;
}

function readAhead(d: Draft): void {
  const { s, now } = d;
  if (s.readAhead.t !== 'none' || !canClaim(s) || now < s.readAheadAfter) return;
  s.readAhead = { t: 'under-way' };
  d.effects.push({ t: 'prepare' });
}

function abandon(d: Draft): void {
  if (d.s.readAhead.t === 'none') return;
  d.s.readAhead = { t: 'none' };
  d.effects.push({ t: 'abandon' });
}

function seize(d: Draft, logEpoch: number): void {
  const { s } = d;
  const epoch = Math.max(logEpoch, s.epochMax) + 1;
  const write = compose(d, 'claiming', epoch, (s.seen as Seen).text, null);
  s.role = { t: 'seizing', epoch, logEpoch, write };
  call(d, 'write', { t: 'write', text: write.text, expected: write.expected });
}

function compose(d: Draft, phase: LeaderPhase, epoch: number, expected: string | null, preferred: string | null): Write {
  const { s, now, me } = d;
  s.beat++;
  const text = encodeLeader({ ...me, epoch, beat: s.beat, phase, watch: s.watch, preferred });
  return { text, phase, expected, began: now, next: 'send', notBefore: now };
}

function phaseOf({ stage }: Holding): LeaderPhase {
  if (stage === 'fencing') return 'claiming';
  return stage === 'releasing' ? 'left' : 'leading';
}

function rewrite(d: Draft, change: Partial<Write>): void {
  const role = d.s.role as Seizing | Holding;
  if (role.write) d.s.role = { ...role, write: { ...role.write, ...change } } as Role;
}

/** The own write is known to be in the store. */
function confirmed(d: Draft): void {
  const { s, now, times } = d;
  const role = s.role as Seizing | Holding;
  const write = role.write as Write;
  if (role.t === 'seizing') {
    const held: Holding = {
      t: 'holding',
      stage: 'fencing',
      epoch: role.epoch,
      logEpoch: role.logEpoch,
      text: write.text,
      confirmedAt: write.began,
      nextBeat: write.began + times.heartbeatMs,
      write: null,
      preferred: null,
      hasState: false,
      hasTold: false,
    };
    s.role = held;
    if (!canClaim(s)) return release(d, held);
    d.effects.push({ t: 'fence' });
    return;
  }
  if (write.phase === 'left') {
    d.effects.push({ t: 'tell', preferred: role.preferred });
    return fall(d, 'left', { text: write.text, record: null });
  }
  const nextBeat = role.stage === 'releasing' ? now : Math.max(now, write.began + times.heartbeatMs);
  const isFirst = write.phase === 'leading' && !role.hasTold;
  if (isFirst) d.effects.push({ t: 'tell', preferred: null });
  s.role = { ...role, text: write.text, confirmedAt: write.began, nextBeat, write: null, hasTold: role.hasTold || isFirst };
}

/** Looked whether the own write landed. */
function recalled(d: Draft, found: Found | null): void {
  const role = d.s.role as Seizing | Holding;
  const write = role.write as Write;
  const again = { next: 'send', notBefore: d.now + pause(d) } as const;
  if (found?.text === write.text) return confirmed(d);
  if ((found?.text ?? null) === write.expected) return rewrite(d, again);
  if (role.t === 'holding') {
    // Removed by hand, or an own older heartbeat that came late (only where nothing is conditional): written again.
    if (!found || found.record?.stamp === d.me.stamp) return rewrite(d, { ...again, expected: found?.text ?? null });
    // Where nothing is conditional a deposed leader's late heartbeat may cover this one. A claim always has a later epoch.
    if (!d.times.hasLease && role.hasState && (found.record?.epoch ?? 0) <= role.epoch)
      return rewrite(d, { ...again, expected: found.text });
  }
  fall(d, 'seized', found);
}

/** Gives up what was seized, so that others need not wait for it to go stale. */
function release(d: Draft, role: Holding): void {
  d.s.readAhead = { t: 'none' };
  d.effects.push({ t: 'abandon' });
  d.s.role = { ...role, stage: 'releasing', nextBeat: d.now };
}

function demote(d: Draft, why: DemotionReason): void {
  d.s.isDiscarding = true;
  d.effects.push({ t: 'demote', why });
}

/** Back to following, with what is known to stand in the leader's object. */
function fall(d: Draft, why: DemotionReason, found?: Found | null): void {
  const { s, now } = d;
  const role = s.role as Seizing | Holding;
  if (role.t === 'holding' && role.hasState) demote(d, why);
  else {
    s.readAhead = { t: 'none' };
    d.effects.push({ t: 'abandon' });
  }
  s.readAhead = { t: 'none' };
  if (s.call) s.call = { ...s.call, t: 'orphan' };
  // Of the own `left` and of what was found, the text is known; it is looked at again to be read.
  s.seen = null;
  if (found?.record) s.seen = { text: found.text, record: found.record, since: now, askedAt: now };
  s.role = { t: 'following', nextLook: now, claimAt: null };
}

function call(d: Draft, t: 'look' | 'write' | 'recall', effect: ElectionEffect): void {
  d.s.call = { t, began: d.now };
  d.effects.push(effect);
}

function pause({ times, chance }: Draft): number {
  return Math.max(1, Math.round(times.retryMs * (0.5 + chance / 2)));
}
