/**
 * One pod of a simulated cluster: the real election and leader object, and the real log reader, fence, ledger and
 * shipper, over a database that is a list of ids. Its writes and reads report to a `ClusterAudit`.
 */
import { createHash, type Hash } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { type Base, baseDigest } from '../../catalog/replicated/control.ts';
import { takeEpoch } from '../../catalog/replicated/fence.ts';
import type { Applied, Ledger } from '../../catalog/replicated/ledger.ts';
import { defaultLimits } from '../../catalog/replicated/limits.ts';
import { openLogReader } from '../../catalog/replicated/log-reader.ts';
import { noMetrics } from '../../catalog/replicated/metrics.ts';
import { logNames } from '../../catalog/replicated/names.ts';
import type { WalEntry } from '../../catalog/replicated/segment.ts';
import { Shipper } from '../../catalog/replicated/shipper.ts';
import { Election, type ElectionOptions } from '../../cluster/election/driver.ts';
import type { ElectionTimes } from '../../cluster/limits.ts';
import type { LedLog, PreparedLog, TakeableLog } from '../../cluster/ports.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { ClusterAudit } from './cluster-audit.ts';
import { DriftingClock, throughNetwork } from './cluster-network.ts';
import type { MemoryBucket, MemoryStore } from './memory-store.ts';
import { SeededRandom, type SimulatedClock } from './simulated-clock.ts';

export const logLimits = {
  ...defaultLimits,
  putMsMax: 400,
  retryMsMin: 5,
  retryMsMax: 100,
  undecidedMsMax: 3_000,
  admitWaitMsMax: 500,
  parallelObjects: 32,
};

/** A part of the product replaced by a broken one: the checker must notice. */
export interface ClusterBug {
  readonly decide?: ElectionOptions['decide'];
  readonly judgeLease?: ElectionOptions['judgeLease'];
  readonly judgeFence?: ElectionOptions['judgeFence'];
  readonly takeEpoch?: typeof takeEpoch;
  readonly store?: (store: ObjectStore) => ObjectStore;
  /** The election goes by the wall clock. */
  readonly goesByWallClock?: boolean;
  /** The client is told as soon as the write is in memory. */
  readonly acknowledgesEarly?: boolean;
  /** Whatever it is asked, it answers by itself. */
  readonly neverConfirms?: boolean;
}

export interface ClusterPodOptions {
  readonly node: string;
  readonly world: SimulatedClock;
  readonly bucket: MemoryBucket;
  readonly seed: number;
  readonly audit: ClusterAudit;
  readonly times: ElectionTimes;
  readonly hasStableEtag: boolean;
  readonly bug: ClusterBug;
  readonly rate: number;
  readonly repeats: () => number;
  readonly willLand: (at: number) => void;
  readonly tell: (from: ClusterPod, preferred: string | null) => void;
  /** The stamp of whoever wrote the leader's object last. */
  readonly lastStamp: () => string | null;
}

const database = '00000000-0000-4000-8000-000000000001';
const base: Base = { generation: 1, file: [{ epoch: 1, sha256: '0'.repeat(64), length: 1 }], wal: [] };
const idBytes = 16;
const names = logNames('catalog/');

export class ClusterPod {
  readonly node: string;
  readonly clock: DriftingClock;
  readonly election: Election;
  readonly stamp: string;
  readonly #options: ClusterPodOptions;
  readonly #random: SeededRandom;
  readonly #connection: MemoryStore;
  readonly #store: ObjectStore;
  #database: ListDatabase | null = null;
  #count = 0;
  #isEligible = true;
  isPaused = false;

  constructor(options: ClusterPodOptions) {
    const { node, world, bucket, seed, times, bug, hasStableEtag, tell, audit, repeats, willLand } = options;
    this.#options = options;
    this.node = node;
    this.clock = new DriftingClock(world, options.rate);
    this.#random = new SeededRandom(seed);
    this.#connection = bucket.connect(node);
    const store = throughNetwork(this.#connection, { clock: this.clock, world, random: this.#random, repeats, willLand });
    this.#store = bug.store?.(store) ?? store;
    this.stamp = this.#random.bytes(16).toString('hex');
    const electionClock = {
      now: () => this.clock.now(),
      monotonic: () => (bug.goesByWallClock ? this.clock.now() : this.clock.monotonic()),
      sleep: this.clock.sleep.bind(this.clock),
      deadline: this.clock.deadline.bind(this.clock),
      after: this.clock.after.bind(this.clock),
    };
    this.election = new Election({
      node,
      stamp: this.stamp,
      host: node,
      port: 8444,
      store: this.#store,
      hasStableEtag,
      takeable: this.#takeable(),
      peers: { tell: (preferred) => tell(this, preferred) },
      times,
      clock: electionClock,
      random: this.#random,
      log: silentLogger,
      onLead: (led) => {
        audit.leads(this.stamp, led.epoch);
        if (!this.#isEligible) audit.violations.add(`${node} begins to lead while it drains`);
      },
      onDemoted: (why) => {
        if (why === 'seized' && options.lastStamp() === this.stamp)
          audit.violations.add(`${node} gave up although nobody had taken its place`);
      },
      onLeader: () => undefined,
      ...(bug.decide ? { decide: bug.decide } : {}),
      ...(bug.judgeLease ? { judgeLease: bug.judgeLease } : {}),
      ...(bug.judgeFence ? { judgeFence: bug.judgeFence } : {}),
    });
    this.election.start();
  }

  /** Runs now, and says that it may answer by itself. */
  get mayAnswer(): boolean {
    return !this.isPaused && !this.clock.isStopped && this.election.hasLease;
  }

  get leads(): boolean {
    return !this.clock.isStopped && this.election.led !== null;
  }

  /** It is gone: nothing of it happens any more, not even what was on its way. */
  kill(): void {
    this.clock.stop();
    this.#connection.disconnect();
    this.election.stop();
  }

  pause(): void {
    this.isPaused = true;
    this.clock.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.clock.resume();
  }

  /** The network between this pod and the store goes or comes. */
  cutOff(isCut: boolean): void {
    if (isCut) this.#connection.disconnect();
    else this.#connection.reconnect();
  }

  /** A draining pod is not eligible. */
  setEligible(is: boolean): void {
    this.#isEligible = is;
    this.election.setEligible(is);
  }

  /** A client writes one id. */
  async write(): Promise<boolean> {
    const { audit, bug, world } = this.#options;
    const asked = world.monotonic();
    await this.clock.running();
    // Clients of a pod that does not answer go away; readers have more patience.
    if (world.monotonic() - asked > 300) return false;
    const open = this.#database;
    if (!open || this.election.led === null || open.isBusy) return false;
    const id = `${this.node}-${this.stamp.slice(0, 4)}-${++this.#count}`;
    audit.began(id);
    try {
      const shipped = open.append(id);
      shipped.catch(() => undefined);
      if (!bug.acknowledgesEarly) await shipped;
      await this.clock.running();
      audit.acknowledged(id);
      return true;
    } catch {
      return false; // never answered
    }
  }

  /** A client reads everything. */
  async read(): Promise<void> {
    const { audit, bug } = this.#options;
    const mark = audit.readBegins();
    await this.clock.running();
    const open = this.#database;
    if (!open || this.election.led === null) return;
    const ids = open.visible();
    try {
      await open.caughtUp();
      if (!bug.neverConfirms) await this.election.confirm();
      await this.clock.running();
      audit.read(this.node, mark, ids);
    } catch {
      // never answered
    }
  }

  #takeable(): TakeableLog {
    const { clock } = this;
    const common = { store: this.#store, names, limits: logLimits };
    const writer = Buffer.from(this.stamp, 'hex');
    return {
      prepare: async (signal) => {
        const restored: string[] = [];
        const take = (applied: readonly Applied[]): void => {
          for (const item of applied) if (item.t === 'wal') restored.push(...decode(item.entry.bytes));
        };
        const reader = await openLogReader({ ...common, signal });
        await reader.toTail(take);
        const prepared: PreparedLog = {
          epoch: reader.ledger.position.epoch,
          abandon: async () => undefined,
          take: async (signal, mayTake) => {
            const epoch = await (this.#options.bug.takeEpoch ?? takeEpoch)(reader, take, {
              ...common,
              clock,
              log: silentLogger,
              writer,
              signal,
              mayTake,
            });
            const { ledger } = reader;
            const hash = ledger.databases.has(database)
              ? ledger.hashOf(database)
              : createHash('sha256').update(baseDigest(database, base));
            return this.#lead(epoch, ledger.toLeading(), hash, restored);
          },
        };
        return prepared;
      },
    };
  }

  #lead(epoch: number, ledger: Ledger, hash: Hash, restored: readonly string[]): LedLog {
    const lost = new AbortController();
    const shipper = new Shipper({
      store: this.#store,
      names,
      limits: logLimits,
      clock: this.clock,
      random: this.#random,
      log: silentLogger,
      metrics: noMetrics,
      writer: Buffer.from(this.stamp, 'hex'),
      ledger,
      onLost: (reason) => lost.abort(reason),
    });
    const open = new ListDatabase(shipper, ledger, hash, restored);
    this.#database = open;
    const leave = (): void => {
      if (this.#database === open) this.#database = null;
    };
    return {
      epoch,
      lost: lost.signal,
      probe: async () => {
        const asked = this.clock.monotonic();
        await shipper.probe();
        if (shipper.lost) throw shipper.lost;
        if (shipper.confirmedAt < asked) throw new LakeError('store_unavailable', 'not confirmed', { retriable: true });
      },
      close: async () => {
        leave();
        await shipper.drain();
      },
      discard: async () => {
        leave();
        shipper.abandon(new LakeError('admin_shutdown', 'discarded'));
      },
    };
  }
}

/** Ids in memory, their bytes in segments of the real log. */
class ListDatabase {
  readonly #shipper: Shipper;
  readonly #hash: Hash;
  readonly #ids: string[];
  #wal: Buffer;
  #cut: number;
  #ticket = 0;

  constructor(shipper: Shipper, ledger: Ledger, hash: Hash, restored: readonly string[]) {
    this.#shipper = shipper;
    this.#hash = hash;
    this.#ids = [...restored];
    this.#cut = restored.length * idBytes;
    this.#wal = Buffer.alloc(0);
    if (!ledger.databases.has(database)) shipper.enqueue({ t: 'control', control: { t: 'create', database, name: 'd', base } });
  }

  /** The store does not answer: nothing more is executed. */
  get isBusy(): boolean {
    const admitted = this.#shipper.admit();
    admitted?.catch(() => undefined);
    return admitted !== null;
  }

  visible(): readonly string[] {
    return [...this.#ids];
  }

  async append(id: string): Promise<void> {
    this.#ids.push(id);
    this.#wal = Buffer.concat([this.#wal, Buffer.from(id.padEnd(idBytes).slice(0, idBytes))]);
    const end = this.#ids.length * idBytes;
    this.#ticket = this.#shipper.enqueue({ t: 'wal', source: this, end, bytes: idBytes });
    await this.#shipper.whenShipped(this.#ticket);
  }

  async caughtUp(): Promise<void> {
    await this.#shipper.whenShipped(this.#ticket);
  }

  take(end: number): WalEntry {
    const start = this.#cut;
    const bytes = this.#wal.subarray(0, end - start);
    this.#wal = this.#wal.subarray(end - start);
    this.#cut = end;
    return { t: 'wal', database, generation: 1, start, bytes, digest: this.#hash.update(bytes).copy().digest() };
  }
}

function decode(bytes: Buffer): string[] {
  const ids: string[] = [];
  for (let at = 0; at < bytes.length; at += idBytes) ids.push(bytes.toString('latin1', at, at + idBytes).trim());
  return ids;
}

/** What the log in a bucket says. Reads only. */
export async function finalIds(bucket: MemoryBucket): Promise<readonly string[]> {
  const ids: string[] = [];
  const reader = await openLogReader({ store: bucket.connect('check'), names, limits: logLimits });
  await reader.toTail((applied) => {
    for (const item of applied) if (item.t === 'wal') ids.push(...decode(item.entry.bytes));
  });
  return ids;
}
