/**
 * One seeded run of a cluster: pods, their clocks, the network between them and the store, all simulated. Faults come
 * and go; then everything heals, a leader must be there within a bound, and the log must hold what was promised.
 */
import { createHash } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import { parseLeader } from '../../cluster/leader-record.ts';
import { electionTimes, type ElectionTimes } from '../../cluster/limits.ts';
import { leaderKey } from '../../cluster/names.ts';
import { ClusterAudit } from './cluster-audit.ts';
import { type ClusterBug, ClusterPod, finalIds } from './cluster-pod.ts';
import { type Fault, MemoryBucket, type StoreCall } from './memory-store.ts';
import { SeededRandom, SimulatedClock } from './simulated-clock.ts';

export interface ClusterOptions {
  readonly pods?: number;
  readonly times?: ElectionTimes;
  readonly bug?: ClusterBug;
  /** Milliseconds between two operations of one client; there are three writers and two readers. */
  readonly clientMs?: number;
  /** No drift, no faults but those that a test makes itself. */
  readonly isCalm?: boolean;
  readonly etagDiffers?: boolean;
}

/** A heartbeat of 400 ms, a stale time of 2 s: five times the product's speed, so that more happens in a run. */
export function quickTimes(hasLease: boolean): ElectionTimes {
  return electionTimes({ heartbeatMs: 400, staleMs: 2_000, hasLease });
}

export class SimulatedCluster {
  readonly world = new SimulatedClock();
  readonly audit = new ClusterAudit();
  readonly random: SeededRandom;
  readonly bucket: MemoryBucket;
  readonly times: ElectionTimes;
  readonly pods = new Map<string, ClusterPod>();
  /**
   * Probability that a call to the store goes wrong, that a write arrives twice, that a message between pods is lost;
   * whether writers know who leads (or ask those too who led before).
   */
  weather = { bad: 0, repeats: 0, lossy: 0, outageUntil: 0, isInformed: false };
  /** Calls to the store by operation, since `calls.clear()`. */
  readonly calls = new Map<string, number>();
  /** The next pod that writes the leader's object sleeps for so long, with the answer on its way. */
  ambushMs = 0;
  /** Until then something that was sent while there were faults may still arrive. */
  landsBy = 0;
  readonly #options: ClusterOptions;
  readonly #seed: number;
  readonly #trace = createHash('sha256');
  #started = 0;

  constructor(seed: number, options: ClusterOptions = {}) {
    this.#seed = seed;
    this.#options = options;
    this.random = new SeededRandom(seed);
    this.times = options.times ?? quickTimes(true);
    this.bucket = new MemoryBucket({
      clock: this.world,
      fault: (call) => this.#fault(call),
      etagDiffersOnGet: options.etagDiffers ?? false,
      trace: (call, result) =>
        void this.#trace.update(`${this.world.monotonic()} ${call.client} ${call.operation} ${call.key} ${result}\n`),
    });
    const count = options.pods ?? 3;
    for (let i = 0; i < count; i++) this.boot(`pod-${i}`);
    if (options.clientMs !== 0) this.#clients(options.clientMs ?? 40);
    this.#watchLeases();
  }

  /** A process begins on this node. */
  boot(node: string): ClusterPod {
    const { bug = {}, etagDiffers = false, isCalm } = this.#options;
    const pod = new ClusterPod({
      node,
      world: this.world,
      bucket: this.bucket,
      seed: this.#seed * 1_000 + ++this.#started,
      audit: this.audit,
      times: this.times,
      hasStableEtag: !etagDiffers,
      bug,
      rate: isCalm ? 1 : 0.98 + this.random.fraction() * 0.04,
      repeats: () => this.weather.repeats,
      willLand: (at) => {
        this.landsBy = Math.max(this.landsBy, at);
      },
      tell: (from, preferred) => this.#tell(from, preferred),
      lastStamp: () => this.lastStamp(),
    });
    this.pods.set(node, pod);
    return pod;
  }

  get trace(): string {
    return this.#trace.copy().digest('hex');
  }

  get leader(): ClusterPod | null {
    return [...this.pods.values()].find((pod) => pod.leads && !pod.isPaused) ?? null;
  }

  lastStamp(): string | null {
    const body = this.bucket.objects.get(leaderKey)?.body;
    return body ? (parseLeader(body.toString())?.stamp ?? null) : null;
  }

  /** Lets `ms` of the world's time pass. */
  async pass(ms: number): Promise<void> {
    await this.world.run(this.world.monotonic() + ms);
  }

  /** Passes time until a write that is sent from now on is acknowledged; null when that takes longer than `msMax`. */
  async untilWritten(msMax: number): Promise<number | null> {
    const began = this.world.monotonic();
    let written: number | null = null;
    void (async () => {
      while (written === null && this.world.monotonic() - began <= msMax) {
        await this.world.sleep(5);
        const pod = this.leader;
        void pod?.write().then((done) => {
          if (done) written ??= this.world.monotonic() - began;
        });
      }
    })();
    while (written === null && this.world.monotonic() - began <= msMax) await this.pass(20);
    return written;
  }

  /** Everything that was broken works from now on; pods that died are started again. */
  heal(): void {
    this.ambushMs = 0;
    this.weather = { bad: 0, repeats: 0, lossy: 0, outageUntil: 0, isInformed: false };
    for (const [node, pod] of this.pods) {
      pod.resume();
      pod.cutOff(false);
      pod.setEligible(true);
      if (pod.clock.isStopped) this.boot(node);
    }
  }

  /** Ends all pods and checks the log against what was promised. */
  async end(): Promise<readonly string[]> {
    for (const pod of this.pods.values()) pod.kill();
    this.weather = { bad: 0, repeats: 0, lossy: 0, outageUntil: 0, isInformed: false };
    await this.pass(10_000); // what is still in flight lands
    try {
      const reading = finalIds(this.bucket);
      reading.catch(() => undefined);
      await this.pass(10_000);
      this.audit.ends(await reading);
    } catch (error) {
      this.audit.violations.add(`the log cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    return [...this.audit.violations];
  }

  #fault(call: StoreCall): Fault | null {
    const { random, weather } = this;
    if (call.client === 'check') return null;
    this.calls.set(call.operation, (this.calls.get(call.operation) ?? 0) + 1);
    if (this.ambushMs > 0 && call.operation.startsWith('put') && call.key === leaderKey) this.#ambush(call.client);
    if (this.#options.isCalm) return { t: 'delay', delayMs: random.between(5, 25) };
    const isWrite = call.operation.startsWith('put');
    if (this.world.monotonic() < weather.outageUntil)
      return { t: isWrite && random.isChosen(0.3) ? 'lost-answer' : 'unavailable', delayMs: random.between(0, 100) };
    if (!random.isChosen(weather.bad)) return { t: 'delay', delayMs: random.between(1, 12) };
    const kind = random.fraction();
    if (kind < 0.25) return { t: 'unavailable', delayMs: random.between(0, 50) };
    if (kind < 0.5 && isWrite) return { t: 'lost-answer', delayMs: random.between(0, 50) };
    if (kind < 0.65 && isWrite) {
      const landsAfterMs = random.between(1, 6_000);
      this.landsBy = Math.max(this.landsBy, this.world.monotonic() + landsAfterMs);
      return { t: 'lands-later', landsAfterMs };
    }
    // A conflict of two requests told as a refusal: nothing landed (409).
    if (kind < 0.8 && (call.operation === 'putIfAbsent' || call.operation === 'putIfMatch'))
      return { t: 'error', error: new LakeError('precondition_failed', 'injected: conflict, nothing landed') };
    return { t: 'delay', delayMs: random.between(20, 1_500) };
  }

  #ambush(node: string): void {
    const pod = this.pods.get(node);
    const ms = this.ambushMs;
    this.ambushMs = 0;
    this.world.after(0, () => pod?.pause());
    this.world.after(ms, () => pod?.resume());
  }

  #tell(from: ClusterPod, preferred: string | null): void {
    const { random, weather } = this;
    for (const pod of this.pods.values()) {
      if (pod === from) continue;
      const times = random.isChosen(weather.lossy) ? random.between(0, 2) : 1;
      for (let i = 0; i < times; i++) {
        const delay = random.isChosen(weather.lossy) ? random.between(0, 3_000) : random.between(1, 10);
        this.world.after(delay, () => {
          if (pod.clock.isStopped) return;
          void pod.clock.running().then(() => (preferred === pod.node ? pod.election.standBy() : undefined));
          void pod.clock.running().then(() => pod.election.nudge());
        });
      }
    }
  }

  #clients(ms: number): void {
    const { random, world } = this;
    const loop = async (operation: (pod: ClusterPod) => Promise<unknown>, isWriter: boolean): Promise<void> => {
      for (;;) {
        await world.sleep(random.between(ms / 2, ms * 1.5));
        // Clients still know who led before, and ask there too.
        const leaders = [...this.pods.values()].filter((pod) => pod.leads);
        const newest = leaders.toSorted((a, b) => (b.election.led?.epoch ?? 0) - (a.election.led?.epoch ?? 0))[0];
        const pod = isWriter && this.weather.isInformed ? newest : leaders[random.between(0, leaders.length - 1)];
        if (pod) void operation(pod).catch(() => undefined);
      }
    };
    for (let i = 0; i < 3; i++) void loop((pod) => pod.write(), true);
    for (let i = 0; i < 2; i++) void loop((pod) => pod.read(), false);
  }

  #watchLeases(): void {
    const look = (): void => {
      this.audit.mayAnswer([...this.pods.values()].filter((pod) => pod.mayAnswer).map((pod) => pod.node));
      this.world.after(20, look);
    };
    look();
  }
}

export interface ClusterVerdict {
  readonly violations: readonly string[];
  readonly writes: number;
  readonly reads: number;
  readonly leaseLooks: number;
  readonly epochs: number;
  readonly faults: number;
  /** From the end of the faults to the first write, milliseconds. */
  readonly recoveryMs: number | null;
  readonly trace: string;
}

/** Runs `rounds` rounds of faults on a cluster, heals, checks. */
export async function simulateCluster(
  seed: number,
  options: ClusterOptions & { readonly rounds?: number } = {},
): Promise<ClusterVerdict> {
  // The kind of store is part of the seed: with swap (two thirds), without; telling ETags as it should, or not.
  const hasLease = options.times?.hasLease ?? seed % 3 !== 0;
  const cluster = new SimulatedCluster(seed, { times: quickTimes(hasLease), etagDiffers: seed % 4 === 1, ...options });
  const { random, world, times, audit } = cluster;
  let faults = 0;
  await cluster.pass(times.staleMs);
  for (let round = 0; round < (options.rounds ?? 24); round++) {
    cluster.weather.bad = random.isChosen(0.5) ? 0 : random.fraction() * 0.3;
    cluster.weather.repeats = random.isChosen(0.5) ? 0 : random.fraction() * 0.2;
    cluster.weather.lossy = random.isChosen(0.5) ? 0 : random.fraction();
    cluster.weather.isInformed = random.isChosen(0.6);
    if (random.isChosen(0.08)) cluster.weather.outageUntil = world.monotonic() + random.between(100, times.staleMs * 1.5);
    if (random.isChosen(0.8)) {
      faults++;
      harm(cluster);
    }
    await cluster.pass(random.between(100, times.staleMs));
    // Whoever died is started again, mostly.
    for (const [node, pod] of cluster.pods) if (pod.clock.isStopped && random.isChosen(0.7)) cluster.boot(node);
  }
  cluster.heal();
  const lateMs = Math.max(0, cluster.landsBy - world.monotonic());
  const recoveryMs = await cluster.untilWritten(times.staleMs * 4 + lateMs);
  const bound = lateMs + times.staleMs + times.heartbeatMs;
  if (recoveryMs === null || recoveryMs > bound)
    audit.violations.add(
      `${recoveryMs === null ? 'no leader' : `a leader only ${recoveryMs} ms`} after the faults; ${bound} is the bound`,
    );
  await cluster.pass(times.staleMs);
  const { trace } = cluster;
  const violations = await cluster.end();
  const epochs = [...cluster.bucket.objects.keys()].filter((key) => key.startsWith('catalog/log/'));
  return {
    violations,
    writes: audit.writes,
    reads: audit.reads,
    leaseLooks: audit.leases,
    epochs: new Set(epochs.map((key) => key.split('/')[2])).size,
    faults,
    recoveryMs,
    trace,
  };
}

/** One thing goes wrong with one pod, with the leader more often than not. */
function harm(cluster: SimulatedCluster): void {
  const { random, world, times } = cluster;
  const alive = [...cluster.pods.values()].filter((pod) => !pod.clock.isStopped);
  const any = alive[random.between(0, alive.length - 1)];
  const pod = random.isChosen(0.7) ? (cluster.leader ?? any) : any;
  if (!pod) return;
  const kind = random.fraction();
  const ms = random.between(50, times.staleMs * 2);
  if (kind < 0.2) pod.kill();
  else if (kind < 0.27) cluster.ambushMs = random.between(times.staleMs / 2, times.staleMs * 2);
  else if (kind < 0.33) {
    // Whoever claims next sleeps after it, for longer than others wait.
    pod.kill();
    cluster.ambushMs = random.between(times.staleMs * 1.1, times.staleMs * 2);
  } else if (kind < 0.5) {
    pod.pause();
    world.after(ms, () => pod.resume());
  } else if (kind < 0.7) {
    pod.cutOff(true);
    world.after(ms, () => pod.cutOff(false));
  } else if (kind < 0.85) pod.clock.stepWall(random.between(-600_000, 600_000));
  else if (kind < 0.93) void pod.election.stepDown(random.isChosen(0.5) ? `pod-${random.between(0, 2)}` : null);
  else {
    pod.setEligible(false);
    world.after(ms, () => pod.setEligible(true));
  }
}
