/**
 * Decides which lake is put in order when. Pure: told what time it is and what happened, it answers what to do. One lake
 * at a time; a lake that nobody wrote to and that waits for no time is never looked at, so idle lakes cost nothing.
 */
import { limits } from './limits.ts';

/** What is known of a lake from outside: no database is opened for this. */
export interface SeenLake {
  readonly id: string;
  /** The state of its database in the log; another one means that something was written. */
  readonly mark: string;
  readonly enabled: boolean;
  /** What the last pass left, possibly written by a former process: the mark it saw last and when it wants to be called again. */
  readonly passed?: { readonly mark: string; readonly wakeAt: number | null } | undefined;
}

export interface LakePlan {
  readonly mark: string;
  /** Nothing before this, milliseconds (wall clock): the interval, or the back-off. */
  readonly notBefore: number;
  /** Since when something is to be done; null = nothing is. */
  readonly dueSince: number | null;
  /** Asked for by a person: the interval does not count, the back-off neither. */
  readonly isAsked: boolean;
  readonly passedMark: string | null;
  readonly wakeAt: number | null;
  /** Passes in a row that lost a conflict or failed. */
  readonly failures: number;
}

export interface State {
  readonly lakes: ReadonlyMap<string, LakePlan>;
  readonly running: { readonly id: string; readonly since: number } | null;
  /** The pod rests until then. */
  readonly restUntil: number;
  readonly isDraining: boolean;
}

export type Event =
  /** What lakes there are; `isBusy` while users' statements wait for a place. */
  | { readonly t: 'look'; readonly lakes: readonly SeenLake[]; readonly isBusy: boolean }
  | { readonly t: 'ask'; readonly id: string }
  | { readonly t: 'end'; readonly id: string; readonly end: PassEnd }
  | { readonly t: 'drain' };

/** How a pass ended: in order (`again`: more is to be done), or it gave way to users or failed. */
export type PassEnd =
  | { readonly t: 'done'; readonly mark: string; readonly wakeAt: number | null; readonly again: boolean }
  | { readonly t: 'gave-way' | 'failed' };

export type Effect = { readonly t: 'run'; readonly id: string } | { readonly t: 'stop'; readonly id: string };

export const start: State = { lakes: new Map(), running: null, restUntil: 0, isDraining: false };

/** One event. `intervalMs` is the least time between two passes on a lake. */
export function step(state: State, event: Event, now: number, intervalMs: number): { state: State; effects: Effect[] } {
  switch (event.t) {
    case 'look':
      return choose({ ...state, lakes: seen(state, event.lakes, now) }, event.isBusy, now);
    case 'ask': {
      const lake = state.lakes.get(event.id) ?? unknownLake;
      const asked = { ...lake, isAsked: true, dueSince: lake.dueSince ?? now };
      return choose({ ...state, lakes: new Map(state.lakes).set(event.id, asked) }, false, now);
    }
    case 'end':
      return { state: ended(state, event, now, intervalMs), effects: [] };
    case 'drain':
      return {
        state: { ...state, isDraining: true },
        effects: state.running && !state.isDraining ? [{ t: 'stop', id: state.running.id }] : [],
      };
  }
}

/** When the lake's next pass is expected; null = when somebody writes. */
export function nextPassAt(lake: LakePlan | undefined): number | null {
  if (!lake) return null;
  if (lake.isAsked) return lake.dueSince;
  if (lake.dueSince !== null) return Math.max(lake.dueSince, lake.notBefore);
  return lake.wakeAt === null ? null : Math.max(lake.wakeAt, lake.notBefore);
}

const unknownLake: LakePlan = {
  mark: '',
  notBefore: 0,
  dueSince: null,
  isAsked: false,
  passedMark: null,
  wakeAt: null,
  failures: 0,
};

function seen(state: State, lakes: readonly SeenLake[], now: number): Map<string, LakePlan> {
  const next = new Map<string, LakePlan>();
  for (const { id, mark, enabled, passed } of lakes) {
    const known = state.lakes.get(id) ?? {
      ...unknownLake,
      passedMark: passed?.mark ?? null,
      wakeAt: passed?.wakeAt ?? null,
    };
    const isDue = known.isAsked || (enabled && (mark !== known.passedMark || (known.wakeAt !== null && now >= known.wakeAt)));
    next.set(id, { ...known, mark, dueSince: isDue ? (known.dueSince ?? now) : null });
  }
  return next;
}

/** The one that has waited longest, if the pod may work now. */
function choose(state: State, isBusy: boolean, now: number): { state: State; effects: Effect[] } {
  if (state.running || state.isDraining) return { state, effects: [] };
  let first: { id: string; since: number } | null = null;
  for (const [id, lake] of state.lakes) {
    if (lake.dueSince === null) continue;
    if (!lake.isAsked) {
      const ready = Math.max(lake.dueSince, lake.notBefore, state.restUntil);
      if (now < ready || (isBusy && now < ready + limits.patienceMsMax)) continue;
    }
    // Who asked comes first.
    const since = lake.isAsked ? lake.dueSince - now : lake.dueSince;
    if (!first || since < first.since) first = { id, since };
  }
  if (!first) return { state, effects: [] };
  return { state: { ...state, running: { id: first.id, since: now } }, effects: [{ t: 'run', id: first.id }] };
}

function ended(state: State, { id, end }: Extract<Event, { t: 'end' }>, now: number, intervalMs: number): State {
  if (state.running?.id !== id) return state;
  const lakes = new Map(state.lakes);
  const lake = lakes.get(id);
  // A lake that was dropped meanwhile is not seen any more.
  if (lake) lakes.set(id, afterPass(lake, end, now, intervalMs));
  const took = Math.max(0, now - state.running.since);
  return { ...state, lakes, running: null, restUntil: now + took * limits.restFactor };
}

function afterPass(lake: LakePlan, end: PassEnd, now: number, intervalMs: number): LakePlan {
  if (end.t === 'done') {
    return {
      ...lake,
      isAsked: false,
      dueSince: null,
      failures: 0,
      notBefore: now + intervalMs,
      // Without a passed mark the next look finds the lake due again.
      passedMark: end.again ? null : end.mark,
      wakeAt: end.again ? now + intervalMs : end.wakeAt,
    };
  }
  const failures = lake.failures + 1;
  const backOff = Math.min(limits.backOffMsMax, intervalMs * 2 ** Math.min(failures, 16));
  const notBefore = now + Math.max(intervalMs, backOff);
  return { ...lake, isAsked: false, dueSince: null, failures, notBefore, passedMark: null, wakeAt: notBefore };
}
