/** Every bound of the cluster room: unit, default, reason. Relations between them are asserted when an election is made. */
import { LakeError } from '../base/errors.ts';

export interface ElectionTimes {
  /** Milliseconds between two heartbeats of the leader (`BOILSTREAM_LEADER_HEARTBEAT_MS`). */
  readonly heartbeatMs: number;
  /** A heartbeat that has not changed for this long, by the observer's own clock, is a dead leader's (`BOILSTREAM_LEADER_STALE_MS`). */
  readonly staleMs: number;
  /** What the lease is shorter than the stale time: covers clocks that run at different speeds, and the coarse boot clock. */
  readonly marginMs: number;
  /** Milliseconds between two looks of a pod that watches the leader; below `heartbeatMs`, so that what a look adds to the stale time is small. */
  readonly watchMs: number;
  /** A leader silent for this long is suspected: watchers read the log ahead, so that a take-over has little left to read. */
  readonly suspectMs: number;
  /** Candidates wait at random up to this long before they claim, so that seldom two do at once. */
  readonly backoffMsMax: number;
  /** After a step-down the others leave the preferred successor this long. */
  readonly preferenceMs: number;
  /** A pod that stepped down leaves the others this long. */
  readonly returnMs: number;
  /** Pause before a call on the leader's object that failed is made again; half of it is random. */
  readonly retryMs: number;
  /** Milliseconds one call on the leader's object may take before its outcome counts as unknown. */
  readonly callMsMax: number;
  /** True where the store replaces conditionally (strategy `swap`): only then may a confirmed heartbeat stand for "still the leader". */
  readonly hasLease: boolean;
}

/** Pods that look at the leader's object at every `watchMs`; the others look once in a stale time. Bounds what 100 pods cost. */
export const watchersMax = 5;

/** Bytes of the largest object below `cluster_state/` that is read; larger ones are foreign. */
export const recordBytesMax = 64 * 1024;

/** The times that follow from the two that can be set. Throws `config_invalid` when they contradict each other. */
export function electionTimes(set: {
  readonly heartbeatMs: number;
  readonly staleMs: number;
  readonly hasLease: boolean;
}): ElectionTimes {
  const { heartbeatMs, staleMs, hasLease } = set;
  return checkTimes({
    heartbeatMs,
    staleMs,
    hasLease,
    marginMs: Math.max(50, Math.round(staleMs / 10)),
    watchMs: Math.round(heartbeatMs * 0.6),
    suspectMs: Math.round(staleMs / 2),
    backoffMsMax: Math.min(300, Math.round(staleMs / 20)),
    preferenceMs: Math.min(1_000, Math.round(staleMs / 5)),
    returnMs: Math.min(3_000, Math.round(staleMs / 2)),
    retryMs: Math.min(250, Math.round(heartbeatMs / 4)),
    callMsMax: Math.min(1_000, Math.round(heartbeatMs / 2)),
  });
}

/** Throws `config_invalid` when the times contradict each other. */
export function checkTimes(times: ElectionTimes): ElectionTimes {
  const rules: Array<[boolean, string]> = [
    [times.heartbeatMs >= 20, 'the heartbeat must be 20 ms or more'],
    [
      times.staleMs >= 4 * times.heartbeatMs,
      'the stale time must be four heartbeats or more: one lost answer must depose nobody',
    ],
    [times.marginMs > 0 && times.marginMs < times.staleMs / 2, 'the margin must be above 0 and below half of the stale time'],
    [times.suspectMs < times.staleMs, 'suspicion must come before staleness'],
    [times.callMsMax < times.staleMs - times.marginMs, 'one call must end within the lease'],
  ];
  for (const [holds, rule] of rules)
    if (!holds)
      throw new LakeError('config_invalid', `election: ${rule}`, {
        hint: 'Set BOILSTREAM_LEADER_HEARTBEAT_MS and BOILSTREAM_LEADER_STALE_MS so (2000 and 10000 by default).',
      });
  return times;
}

export interface MemberTimes {
  /** Milliseconds between two writes of a pod's own record while nothing changes. */
  readonly refreshMs: number;
  /** Milliseconds between two looks of the leader at all records. */
  readonly surveyMs: number;
  /** A record unchanged for this long, by the leader's own clock, is a dead pod's. */
  readonly deadMs: number;
  /** The record of a dead pod is deleted after this long more. A pod that lives after all writes it again. */
  readonly keepMs: number;
  /** Milliseconds one call may take. */
  readonly callMsMax: number;
}

export const defaultMemberTimes: MemberTimes = {
  refreshMs: 20_000,
  surveyMs: 10_000,
  deadMs: 60_000,
  keepMs: 3_600_000,
  callMsMax: 5_000,
};
