/** Time as it is handed to rooms, so that a simulator can own it. Only this file touches the system's clocks. */
import { uptime } from 'node:os';

export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01 UTC. For people and certificates, never for correctness. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. Does not keep the process alive if `unref`. */
  sleep(ms: number, options?: { signal?: AbortSignal; unref?: boolean }): Promise<void>;
  /** A signal that aborts after `ms` with a `deadline_exceeded` error. */
  deadline(ms: number): AbortSignal;
  /** Calls back after `ms`; the returned function cancels. Does not keep the process alive. */
  after(ms: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, options = {}) =>
    new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      if (options.unref) timer.unref();
      function onAbort(): void {
        clearTimeout(timer);
        reject(signal?.reason);
      }
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  deadline: (ms) => AbortSignal.timeout(ms),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * A clock whose monotonic time goes on while the machine sleeps (Linux: the boot-time clock, in steps of 10 ms): for
 * leases, which must run out during a suspension too.
 */
export const bootClock: Clock = { ...systemClock, monotonic: () => uptime() * 1_000 };
