/**
 * The decisions of the shipper, pure: one put in flight; what an answer of the store means; when to send the same bytes
 * again, when it has happened, when this writer has been deposed. `driver` does the effects (shipper.ts).
 *
 * The rule behind every line: an outcome is known only by success, or by reading the object back. "Refused" alone says
 * nothing (it may be our own earlier attempt), and no answer at all says nothing either.
 */

export type ShipperState =
  | { readonly t: 'idle' }
  | { readonly t: 'putting'; readonly attempt: number; readonly since: number }
  | { readonly t: 'reading'; readonly attempt: number; readonly since: number }
  | { readonly t: 'pausing'; readonly attempt: number; readonly since: number }
  | { readonly t: 'lost'; readonly why: LostReason };

/** `fenced`: a successor exists. `rival`: another writer in this epoch (never, by construction). `undecided`: no answer for too long. */
export type LostReason = 'fenced' | 'rival' | 'undecided';

export type ShipperEvent =
  | { readonly t: 'segment' }
  | { readonly t: 'put-done' }
  | { readonly t: 'put-refused' }
  | { readonly t: 'put-unknown' }
  | { readonly t: 'found-nothing' }
  | { readonly t: 'found-own' }
  | { readonly t: 'found-terminal' }
  | { readonly t: 'found-other' }
  | { readonly t: 'read-failed' }
  | { readonly t: 'paused' }
  /** A probe of the next name, made while nothing was in flight, found a terminal there. */
  | { readonly t: 'probe-terminal' };

export type ShipperEffect =
  | { readonly t: 'put' }
  | { readonly t: 'read' }
  | { readonly t: 'pause'; readonly ms: number }
  | { readonly t: 'settle' }
  | { readonly t: 'lose'; readonly why: LostReason };

export interface ShipperTimes {
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  readonly undecidedMsMax: number;
}

export interface Step {
  readonly state: ShipperState;
  readonly effects: readonly ShipperEffect[];
}

/** Pure. `now` is monotonic milliseconds; `jitter` in [0, 1). An event that cannot come in a state throws. */
export function step(state: ShipperState, event: ShipperEvent, now: number, jitter: number, times: ShipperTimes): Step {
  if (state.t === 'lost') return { state, effects: [] };
  if (event.t === 'probe-terminal') return state.t === 'idle' ? lose('fenced') : { state, effects: [] };
  switch (state.t) {
    case 'idle':
      if (event.t === 'segment') return { state: { t: 'putting', attempt: 1, since: now }, effects: [{ t: 'put' }] };
      break;
    case 'putting':
      if (event.t === 'put-done') return { state: { t: 'idle' }, effects: [{ t: 'settle' }] };
      if (event.t === 'put-refused') return { state: { ...state, t: 'reading' }, effects: [{ t: 'read' }] };
      if (event.t === 'put-unknown') return pause(state, now, jitter, times);
      break;
    case 'reading':
      if (event.t === 'found-own') return { state: { t: 'idle' }, effects: [{ t: 'settle' }] };
      if (event.t === 'found-terminal') return lose('fenced');
      if (event.t === 'found-other') return lose('rival');
      if (event.t === 'found-nothing' || event.t === 'read-failed') return pause(state, now, jitter, times);
      break;
    case 'pausing':
      if (event.t === 'paused') return { state: { ...state, t: 'putting', attempt: state.attempt + 1 }, effects: [{ t: 'put' }] };
      break;
  }
  throw new Error(`shipper: ${event.t} cannot come while ${state.t}`);
}

function pause(
  state: { readonly attempt: number; readonly since: number },
  now: number,
  jitter: number,
  times: ShipperTimes,
): Step {
  if (now - state.since >= times.undecidedMsMax) return lose('undecided');
  const ceiling = Math.min(times.retryMsMax, times.retryMsMin * 2 ** Math.min(state.attempt - 1, 16));
  const ms = Math.max(1, Math.round(ceiling * (0.5 + jitter / 2)));
  return { state: { t: 'pausing', attempt: state.attempt, since: state.since }, effects: [{ t: 'pause', ms }] };
}

function lose(why: LostReason): Step {
  return { state: { t: 'lost', why }, effects: [{ t: 'lose', why }] };
}
