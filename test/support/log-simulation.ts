/** One seeded run: pods come, are killed, sleep and wake, on an object store that loses answers; then all is checked. */
import { createHash } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import { History } from './history.ts';
import { type Fault, MemoryBucket, type StoreCall } from './memory-store.ts';
import { type PlantedBug, restoreIds, SimulatedPod } from './simulated-pod.ts';
import { SeededRandom, SimulatedClock } from './simulated-clock.ts';

export interface Verdict {
  /** Broken promises; empty when all is well. */
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly kills: number;
  readonly sleeps: number;
  readonly takeovers: number;
  /** Hash of every call to the store and its result: the same seed gives the same. */
  readonly trace: string;
}

const roundMs = 400;

/** Runs `rounds` rounds of 400 simulated milliseconds with faults, then heals the store, restores and checks. */
export async function simulateLog(seed: number, options: { rounds?: number; bug?: PlantedBug } = {}): Promise<Verdict> {
  const random = new SeededRandom(seed);
  const world = new SimulatedClock();
  const history = new History();
  const trace = createHash('sha256');
  const weather = { bad: 0, outageUntil: 0 };
  const bucket = new MemoryBucket({
    clock: world,
    fault: (call) => (world.monotonic() < weather.outageUntil ? outage(call, random) : fault(call, weather.bad, random)),
    trace: (call, result) => void trace.update(`${world.monotonic()} ${call.client} ${call.operation} ${call.key} ${result}\n`),
  });
  const pods: SimulatedPod[] = [];
  const failures: string[] = [];
  let started = 0;
  let kills = 0;
  let sleeps = 0;
  const sleep = (pod: SimulatedPod, afterMs: number, ms: number): void => {
    sleeps++;
    world.after(afterMs, () => pod.clock.pause());
    world.after(afterMs + ms, () => pod.clock.resume());
  };
  const start = (): void => {
    const pod = new SimulatedPod({
      name: `p${++started}`,
      world,
      bucket,
      seed: seed * 1000 + started,
      history,
      bug: options.bug ?? {},
    });
    pods.push(pod);
    // A candidate that sleeps between reading the log and taking over is the most dangerous sleeper.
    if (random.isChosen(0.4)) sleep(pod, random.between(1, 60), random.between(100, 3_000));
    void pod.run().then(() => {
      if (pod.hasRival) failures.push(`${pod.name} found an object of its own epoch that is not its own`);
      if (pod.failure && !isExcused(pod.failure)) failures.push(`${pod.name} failed: ${describe(pod.failure)}`);
    });
  };
  start();
  for (let round = 0; round < (options.rounds ?? 30); round++) {
    await world.run((round + 1) * roundMs);
    // Faults have pauses between them, and come and go by themselves.
    weather.bad = random.isChosen(0.4) ? 0 : random.fraction() * 0.25;
    // Now and then the store is away altogether, at times for longer than a leader waits for a decision.
    if (random.isChosen(0.06)) weather.outageUntil = world.monotonic() + random.between(200, 4_500);
    const alive = pods.filter((pod) => !pod.clock.isStopped);
    const pick = alive[random.between(0, alive.length - 1)];
    if (pick && random.isChosen(0.2)) {
      pick.kill();
      kills++;
    } else if (pick && random.isChosen(0.3)) {
      sleep(pick, 0, random.between(50, 4_000));
    }
    if (random.isChosen(0.3) || !pods.some((pod) => !pod.clock.isStopped)) start();
  }
  weather.bad = 0;
  weather.outageUntil = 0;
  await world.run(world.monotonic() + 10_000);
  for (const pod of pods) pod.kill();
  const { acknowledged } = history.counts;
  let violations: string[];
  let takeovers = 0;
  try {
    const restoring = restoreIds(bucket, world, seed);
    restoring.catch(() => undefined);
    await world.run(world.monotonic() + 60_000);
    violations = [...failures, ...history.violations(await restoring)];
    takeovers = [...bucket.objects.keys()]
      .filter((key) => key.startsWith('catalog/log/'))
      .map((key) => Number(key.split('/')[2]))
      .reduce((a, b) => Math.max(a, b), 0);
  } catch (error) {
    violations = [...failures, `the log cannot be restored: ${describe(error)}`];
  }
  return { violations, acknowledged, kills, sleeps, takeovers, trace: trace.digest('hex') };
}

/** Nobody is answered; some writes happen all the same. */
function outage(call: StoreCall, random: SeededRandom): Fault | null {
  if (call.client === 'check') return null;
  return { t: random.isChosen(0.3) ? 'lost-answer' : 'unavailable', delayMs: random.between(0, 100) };
}

function fault(call: StoreCall, bad: number, random: SeededRandom): Fault | null {
  if (call.client === 'check') return null;
  if (!random.isChosen(bad)) return { t: 'delay', delayMs: random.between(0, 8) };
  const isWrite = call.operation.startsWith('put') || call.operation === 'delete';
  const kind = random.fraction();
  if (kind < 0.3) return { t: 'unavailable', delayMs: random.between(0, 50) };
  if (kind < 0.5 && isWrite) return { t: 'lost-answer', delayMs: random.between(0, 50) };
  if (kind < 0.7 && isWrite) return { t: 'lands-later', landsAfterMs: random.between(1, 3_000) };
  // A conflict of two requests, told as if the condition had been judged: nothing landed.
  if (kind < 0.85 && call.operation === 'putIfAbsent')
    return { t: 'error', error: new LakeError('precondition_failed', 'injected: conflict, nothing landed') };
  return { t: 'delay', delayMs: random.between(50, 1_500) };
}

/** A pod that gives up because the store did not answer, or because it was deposed, kept its promises. */
function isExcused(failure: unknown): boolean {
  return (
    failure instanceof LakeError &&
    (failure.code === 'store_unavailable' ||
      failure.code === 'fenced' ||
      failure.code === 'deadline_exceeded' ||
      failure.code === 'precondition_failed')
  );
}

function describe(error: unknown): string {
  return error instanceof Error
    ? `${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ''}`
    : String(error);
}
