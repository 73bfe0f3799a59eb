/** The `boilstream` process: runs the command line; `serve` composes a pod (pod.ts) and ends when it has ended. */
import { setMaxListeners } from 'node:events';
import { adminSocketPath } from '../base/local-socket.ts';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { defaultLimits } from '../catalog/replicated/limits.ts';
import { logNames } from '../catalog/replicated/names.ts';
import { setAside } from '../catalog/replicated/set-aside.ts';
import { openObjectStore } from '../storage/open.ts';
import { runCommand } from './command.ts';
import { openDataDir } from './data-dir.ts';
import type { Config } from './config/load.ts';
import { callLocalPod } from './http/local-client.ts';
import { startPod } from './pod.ts';

setMaxListeners(0);

async function serve(config: Config): Promise<void> {
  const pod = await startPod(config);
  let asked = 0;
  const onSignal = (): void => {
    asked++;
    // A second signal means: now.
    if (asked > 1) process.exit(1);
    void pod.drain(undefined).then(() => pod.stop());
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const reason = await pod.ended;
  if (reason) throw reason;
}

async function drain(config: Config, timeoutMs: number | undefined): Promise<void> {
  const timeout = timeoutMs ?? config.drainTimeoutMs;
  const answer = await callLocalPod<{ unfinished: number }>(adminSocketPath(config.dataDir), {
    method: 'POST',
    path: '/api/v1/pod/drain',
    body: { timeout_seconds: timeout / 1000 },
    timeoutMs: timeout + 10_000,
  });
  process.stdout.write(
    answer.unfinished === 0
      ? 'drained: all work was finished\n'
      : `drained: ${answer.unfinished} sessions were cut off at the deadline\n`,
  );
}

async function status(config: Config): Promise<void> {
  const answer = await callLocalPod<object>(adminSocketPath(config.dataDir), {
    method: 'GET',
    path: '/api/v1/pod/status',
    timeoutMs: 5_000,
  });
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
}

/** The whole log back to a position, for a storage whose log is damaged; the data directory's lock keeps the local pod away. */
async function restore(config: Config, to: { readonly epoch: number; readonly seq: number }): Promise<void> {
  const prefix = 'catalog/';
  const dataDir = openDataDir(config.dataDir, systemRandom, config);
  try {
    const store = await openObjectStore({ url: config.storageUrl, s3: config.s3, clock: systemClock, random: systemRandom });
    const done = await setAside(to, { store, names: logNames(prefix), limits: defaultLimits, prefix, now: systemClock.now() });
    await store.close();
    const time = done.time === 0 ? '' : ` of ${new Date(done.time).toISOString()}`;
    process.stdout.write(
      `the catalog is as it was at ${to.epoch}/${to.seq}${time}; ${done.objects} later objects of the log are now under ${done.prefix}\n`,
    );
  } finally {
    dataDir.release();
  }
}

process.on('unhandledRejection', (reason) => {
  // A promise nobody waits for has failed: state is unknown, and the log on the store is the truth. End at once.
  process.stderr.write(`boilstream: unhandled rejection, ending: ${(reason as Error)?.stack ?? reason}\n`);
  process.exit(70);
});

const code = await runCommand(process.argv.slice(2), process.env, process.cwd(), { serve, drain, status, restore });
if (code !== 0 && !(process.exitCode as number)) process.exitCode = code;
// Threads of DuckDB and open handles of a half-started pod must not keep a finished command alive.
process.exit();
