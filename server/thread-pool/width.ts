/**
 * How many threads of libuv's pool should be awake. Few, because every short call handed to the pool wakes a sleeping
 * thread of it, and a thread that slept is cold: with 60 asleep a small statement costs half as much again as with none.
 * But a call that lasts (a long query, a commit that waits for the store) must never stand in the way of short ones: each
 * one is given a thread of its own. Pure; thread-pool.ts acts.
 */

export interface WidthState {
  /** Threads awake now. */
  readonly width: number;
  /** The most that was needed since `since`, the last time when all of them were. */
  readonly peak: number;
  /** Monotonic milliseconds. */
  readonly since: number;
}

export interface WidthLimits {
  /** Threads kept for short calls. */
  readonly spare: number;
  /** Threads of the pool. */
  readonly size: number;
}

export interface Observation {
  /** Calls known to have been in the pool for longer than a tick. */
  readonly lasting: number;
  /** A trivial call waits in the pool for longer than `probeLateMs`: others than the known calls hold its threads. */
  readonly stuck: boolean;
}

/** A trivial call that takes longer has met a pool with no free thread, not merely a busy machine. */
export const probeLateMs = 20;
/** Threads are put to sleep when they were not needed for so long. */
export const narrowAfterMs = 1_000;
const stuckStep = 4;

/** The width of a pool nobody has used yet. */
export function initialWidth(limits: WidthLimits, now: number): WidthState {
  return { width: Math.min(limits.spare, limits.size), peak: 0, since: now };
}

/** The width from now on. Wider at once, narrower only after `narrowAfterMs` in which less was enough. */
export function step(state: WidthState, { lasting, stuck }: Observation, now: number, { spare, size }: WidthLimits): WidthState {
  const needed = Math.min(size, Math.max(spare + lasting, stuck ? state.width + stuckStep : 0));
  if (needed >= state.width) return { width: needed, peak: 0, since: now };
  const peak = Math.max(state.peak, needed);
  if (now - state.since < narrowAfterMs) return { ...state, peak };
  return { width: Math.min(state.width, peak), peak: needed, since: now };
}
