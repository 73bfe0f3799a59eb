/**
 * Loaded into a pod by `--import`: how long its main event loop was held at most, told on SIGUSR2 as a line on stderr
 * (`event loop held 12.3 ms`), counted anew from there.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const resolutionMs = 1;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  process.on('SIGUSR2', () => {
    process.stderr.write(`event loop held ${(delay.max / 1e6).toFixed(1)} ms\n`);
    delay.reset();
  });
}
