/** Judges "ready again in time" so that a machine busy with other work neither fails a good pod nor hides a slow one. */
import assert from 'node:assert/strict';
import { availableParallelism, loadavg } from 'node:os';
import type { Pod } from '../support/pod.ts';

/** What the product promises after a kill with a log of 100 MB. */
export const readyMsMax = 5_000;

export interface Readiness {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Processes that wanted to run, per CPU, in the last minute. */
  readonly load: number;
}

export function readinessOf(pod: Pod): Readiness {
  return { wallMs: Math.round(pod.readyMs), cpuMs: pod.readyCpuMs, load: (loadavg()[0] ?? 0) / availableParallelism() };
}

/** By the clock on the wall; on a machine with over two processes waiting for each CPU, by the pod's own CPU time. */
export function assertReadyInTime({ wallMs, cpuMs, load }: Readiness): void {
  const measured = load > 2 && !Number.isNaN(cpuMs) ? cpuMs : wallMs;
  assert.ok(measured <= readyMsMax, `ready only after ${wallMs} ms (${cpuMs} ms of CPU, load ${load.toFixed(1)} per CPU)`);
}

/** For the report of a test. */
export function describeReadiness(all: readonly Readiness[]): string {
  const of = (pick: (one: Readiness) => number): string => {
    const sorted = all.map(pick).sort((a, b) => a - b);
    return `p50 ${sorted[sorted.length >> 1]} ms, at most ${sorted.at(-1)} ms`;
  };
  return `ready again after ${of(({ wallMs }) => wallMs)} (CPU: ${of(({ cpuMs }) => cpuMs)}; load per CPU up to ${Math.max(...all.map(({ load }) => load)).toFixed(1)})`;
}
