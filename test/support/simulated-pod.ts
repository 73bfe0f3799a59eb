/**
 * A pod in the simulator: the real recovery, fence, shipper, commit path, maintenance and collector, over a database
 * that is an array of commit ids (its WAL: 16 bytes for each) instead of DuckDB's files. Its clients report to a
 * `History`, which knows nothing of the log.
 */
import { createHash, type Hash } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { Mutex } from '../../base/mutex.ts';
import { type Base, baseDigest, type Chunk } from '../../catalog/replicated/control.ts';
import { type DatabaseEngine, OpenDatabase, type StoredImage } from '../../catalog/replicated/database.ts';
import type { TakeEpochOptions } from '../../catalog/replicated/fence.ts';
import type { Applied } from '../../catalog/replicated/ledger.ts';
import { defaultLimits, type LogLimits } from '../../catalog/replicated/limits.ts';
import { Maintenance } from '../../catalog/replicated/maintenance.ts';
import { noMetrics } from '../../catalog/replicated/metrics.ts';
import { type LogNames, logNames } from '../../catalog/replicated/names.ts';
import { type Recovered, recover, type RestoreSink } from '../../catalog/replicated/recovery.ts';
import { Shipper } from '../../catalog/replicated/shipper.ts';
import type { step } from '../../catalog/replicated/shipper-state.ts';
import { UploadLock } from '../../catalog/replicated/upload-lock.ts';
import type { Cut } from '../../catalog/replicated/wal.ts';
import type { CallOptions, ObjectStore } from '../../storage/object-store.ts';
import type { History } from './history.ts';
import type { MemoryBucket, MemoryStore } from './memory-store.ts';
import { ProcessClock, SeededRandom, type SimulatedClock } from './simulated-clock.ts';

export const databaseNames = ['a', 'b'] as const;

export const simulatedLimits: LogLimits = {
  ...defaultLimits,
  putMsMax: 400,
  retryMsMin: 5,
  retryMsMax: 100,
  undecidedMsMax: 3_000,
  admitWaitMsMax: 500,
  parallelObjects: 4,
  snapshotWalBytes: 16 * 12,
  snapshotSegments: 10,
};

/** A part of the product replaced by a broken one: the checker must notice. */
export interface PlantedBug {
  readonly decide?: typeof step;
  readonly recover?: (sink: RestoreSink, options: TakeEpochOptions) => Promise<Recovered>;
  readonly store?: (store: ObjectStore, names: LogNames) => ObjectStore;
  /** The client is told as soon as the commit is in memory. */
  readonly acknowledgesEarly?: boolean;
  /** Readers do not wait for the barrier. */
  readonly readsPastBarrier?: boolean;
  /** What has an unknown outcome is called refused. */
  readonly callsUnknownRefused?: boolean;
  /** Readers look into the engine although the log is ahead of it. */
  readonly readsBehind?: boolean;
  /** Commits go on, and are answered, while the base they build on is not stored. */
  readonly answersBeforeBase?: boolean;
}

export interface PodOptions {
  readonly name: string;
  readonly world: SimulatedClock;
  readonly bucket: MemoryBucket;
  readonly seed: number;
  readonly history: History;
  readonly bug: PlantedBug;
}

const idBytes = 16;

export class SimulatedPod {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly #options: PodOptions;
  readonly #random: SeededRandom;
  readonly #connection: MemoryStore;
  readonly #store: ObjectStore;
  readonly #names = logNames('catalog/');
  /** What stopped it, other than being killed or deposed. */
  failure: unknown = null;
  isLeading = false;
  /** It met another writer in its own epoch: by construction there is none. */
  hasRival = false;
  #count = 0;
  readonly #acknowledged: Array<readonly [string, string]> = [];

  constructor(options: PodOptions) {
    this.name = options.name;
    this.#options = options;
    this.clock = new ProcessClock(options.world);
    this.#random = new SeededRandom(options.seed);
    this.#connection = options.bucket.connect(options.name);
    const store = answeredThrough(this.clock, this.#connection);
    this.#store = options.bug.store?.(store, this.#names) ?? store;
  }

  /** It is gone: nothing of it happens any more, not even what was on its way. */
  kill(): void {
    this.clock.stop();
    this.#connection.disconnect();
    this.isLeading = false;
  }

  /** Restores, takes over, serves until it is deposed. */
  async run(): Promise<void> {
    try {
      await this.#lead();
    } catch (error) {
      if (!this.clock.isStopped) this.failure = error;
    } finally {
      this.isLeading = false;
    }
  }

  async #lead(): Promise<void> {
    const { clock } = this;
    const restored = new RestoredIds();
    const base = { store: this.#store, names: this.#names, limits: simulatedLimits, clock, log: silentLogger };
    const writer = this.#random.bytes(16);
    const { reader, epoch } = await (this.#options.bug.recover ?? recover)(restored, { ...base, writer });
    const ledger = reader.ledger.toLeading();
    const lost = new AbortController();
    const decide = this.#options.bug.decide;
    const shipper = new Shipper({
      ...base,
      random: this.#random,
      metrics: noMetrics,
      writer,
      ledger,
      onLost: (reason) => this.#lose(reason, lost),
      ...(decide ? { decide } : {}),
    });
    const uploads = new UploadLock();
    const open = async (name: string): Promise<SimulatedDatabase> => {
      const found = ledger.byName(name);
      const engine = new ArrayEngine({ pod: this, store: this.#store, names: this.#names, epoch, random: this.#random });
      if (!found) {
        engine.uuid = this.#random.uuid();
        const created = await engine.store([]);
        await shipper.whenShipped(
          shipper.enqueue({
            t: 'control',
            control: { t: 'create', database: engine.uuid, name, base: { generation: 1, file: created.file, wal: [] } },
          }),
        );
      } else {
        engine.uuid = found.database;
        try {
          await engine.load(found.base, restored.walOf(found.database));
        } catch (error) {
          await shipper.probe();
          throw shipper.lost ?? error;
        }
      }
      const state = ledger.byName(name) as { database: string; base: Base };
      const hash: Hash = found
        ? reader.ledger.hashOf(state.database)
        : createHash('sha256').update(baseDigest(state.database, state.base));
      const database = new OpenDatabase({
        uuid: state.database,
        name,
        engine,
        base: state.base,
        rows: found ? restored.rowsOf(state.database) : [],
        hash,
        shipper,
        uploads,
        limits: simulatedLimits,
        clock,
        log: silentLogger,
        metrics: noMetrics,
        onBroken: (error) => shipper.abandon(error),
      });
      return { database, engine };
    };
    const databases = new Map<string, SimulatedDatabase>();
    for (const name of databaseNames) databases.set(name, await uploads.upload(() => open(name)));
    const maintenance = new Maintenance({
      ...base,
      ledger,
      epoch,
      retentionMs: -1,
      collectMs: 300,
      uploads,
      snapshot: (name) => (databases.get(name) as SimulatedDatabase).database.snapshot(),
    });
    this.isLeading = true;
    const loops: Promise<void>[] = [];
    for (let i = 0; i < 3; i++) loops.push(this.#writes(databases, lost.signal));
    for (let i = 0; i < 2; i++) loops.push(this.#reads(databases, lost.signal));
    loops.push(
      this.#repeats(150, lost.signal, () => maintenance.run()),
      this.#repeats(200, lost.signal, () => shipper.probe()),
    );
    await Promise.all(loops);
  }

  #lose(reason: LakeError, lost: AbortController): void {
    this.hasRival = reason.detail === 'rival';
    lost.abort(reason);
  }

  async #writes(databases: ReadonlyMap<string, SimulatedDatabase>, lost: AbortSignal): Promise<void> {
    const { history, bug } = this.#options;
    while (!lost.aborted) {
      const name = databaseNames[this.#random.between(0, 1)] as string;
      const { database } = databases.get(name) as SimulatedDatabase;
      const id = `${this.name}-${++this.#count}`;
      history.began(name, id);
      let hasExecuted = false;
      try {
        const asRows = this.#random.isChosen(0.5);
        const commit = (asRows && (await database.record(encodeId(id), () => true))) || (await database.commit(id));
        hasExecuted = true;
        if (!bug.acknowledgesEarly) await commit.durable();
        if (!this.clock.isStopped) {
          history.acknowledged(name, id);
          this.#acknowledged.push([name, id]);
        }
      } catch (error) {
        const isRefused = error instanceof LakeError && error.retriable && !hasExecuted;
        if ((isRefused || bug.callsUnknownRefused) && !this.clock.isStopped) history.refused(name, id);
      }
      await this.clock.sleep(this.#random.between(0, 30));
    }
  }

  async #reads(databases: ReadonlyMap<string, SimulatedDatabase>, lost: AbortSignal): Promise<void> {
    while (!lost.aborted) {
      const name = databaseNames[this.#random.between(0, 1)] as string;
      const { database, engine } = databases.get(name) as SimulatedDatabase;
      const [, last] = this.#acknowledged.findLast(([database]) => database === name) ?? [];
      try {
        const behind = this.#options.bug.readsBehind ? null : database.caughtUp();
        if (behind) await behind;
        const seen = engine.visible();
        const wait = this.#options.bug.readsPastBarrier ? null : database.barrier();
        if (wait) await wait;
        if (this.clock.isStopped) return;
        this.#options.history.read(name, seen);
        if (last && !seen.includes(last)) this.#options.history.stale(name, last);
      } catch {
        // never answered
      }
      await this.clock.sleep(this.#random.between(1, 40));
    }
  }

  async #repeats(ms: number, lost: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!lost.aborted) {
      await this.clock.sleep(this.#random.between(ms / 2, ms));
      // The store may not answer: it is tried again, as the product does.
      await work().catch(() => undefined);
    }
  }
}

interface SimulatedDatabase {
  readonly database: OpenDatabase<string>;
  readonly engine: ArrayEngine;
}

interface EngineOptions {
  readonly pod: SimulatedPod;
  readonly store: ObjectStore;
  readonly names: LogNames;
  readonly epoch: number;
  readonly random: SeededRandom;
}

/** Commit ids in an array, their bytes in a buffer: what DuckDB's memory, file and WAL are to the product. */
class ArrayEngine implements DatabaseEngine<string> {
  readonly #options: EngineOptions;
  readonly #lock = new Mutex();
  uuid = '';
  /** Ids that a checkpoint has folded into the file; and the WAL behind them. */
  #file: string[] = [];
  #wal: Buffer = Buffer.alloc(0);
  #visible: string[] = [];
  walEnd = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  visible(): readonly string[] {
    return [...this.#visible];
  }

  async load(base: Base, wal: Buffer): Promise<void> {
    const read = async (chunks: readonly Chunk[]): Promise<Buffer> => {
      const bodies: Buffer[] = [];
      for (const chunk of chunks) {
        const key = this.#options.names.chunk(this.uuid, chunk.epoch, chunk.sha256);
        for (;;) {
          try {
            const object = await this.#options.store.get(key);
            if (!object) throw new Error(`chunk ${key} is missing`);
            bodies.push(object.body);
            break;
          } catch (error) {
            if (!(error instanceof LakeError)) throw error;
            await this.#options.pod.clock.sleep(20);
          }
        }
      }
      return Buffer.concat(bodies);
    };
    this.#file = decodeIds(await read(base.file));
    this.#wal = Buffer.concat([await read(base.wal), wal]);
    this.walEnd = this.#wal.length;
    this.#visible = [...this.#file, ...decodeIds(this.#wal)];
  }

  walSize(): number {
    return this.#wal.length;
  }

  cut(): Cut {
    this.walEnd = this.#wal.length;
    // Now and then a commit that the WAL does not carry, as DuckDB makes them of large ones.
    return { end: this.walEnd, bypass: this.#options.random.isChosen(0.01) ? 'rows in the file' : null };
  }

  reader(): (start: number, end: number) => Buffer {
    const generation = { wal: this.#wal };
    this.#generation = generation;
    return (start, end) => generation.wal.subarray(start, end);
  }

  #generation: { wal: Buffer } = { wal: this.#wal };

  async connect(closed: () => void): Promise<string> {
    closed();
    return '';
  }

  async park(): Promise<void> {}

  async resume(): Promise<void> {}

  async apply(commits: readonly Buffer[]): Promise<string> {
    return commits.flatMap((bytes) => decodeIds(bytes)).join(',');
  }

  /** Visible to others some time before the caller is answered, as in DuckDB. */
  async commit(id: string): Promise<void> {
    const { pod, random } = this.#options;
    await pod.clock.sleep(random.between(0, 2));
    const ids = id.split(',');
    this.#wal = Buffer.concat([this.#wal, ...ids.map(encodeId)]);
    this.#generation.wal = this.#wal;
    this.#visible.push(...ids);
    await pod.clock.sleep(random.between(0, 2));
  }

  async rollback(): Promise<void> {}

  async checkpoint(): Promise<void> {
    const { pod, random } = this.#options;
    if (random.isChosen(0.2)) throw new Error('open transactions');
    await pod.clock.sleep(random.between(0, 5));
    this.#file = [...this.#file, ...decodeIds(this.#wal)];
    this.#wal = Buffer.alloc(0);
    this.walEnd = 0;
  }

  async store(known: readonly Chunk[]): Promise<StoredImage> {
    return this.#lock.run(async () => {
      const file = await this.#put(Buffer.concat([encodeId('--'), ...this.#file.map(encodeId)]), known);
      const wal = await this.#put(this.#wal, known);
      return { file, wal, newBytes: 0, adopt: () => undefined };
    });
  }

  close(): void {}

  async #put(bytes: Buffer, known: readonly Chunk[]): Promise<Chunk[]> {
    const chunks: Chunk[] = [];
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 20 * idBytes) pieces.push(bytes.subarray(at, at + 20 * idBytes));
    for (const piece of pieces) {
      const sha256 = createHash('sha256').update(piece).digest('hex');
      const chunk = known.find((other) => other.sha256 === sha256) ?? {
        epoch: this.#options.epoch,
        sha256,
        length: piece.length,
      };
      chunks.push(chunk);
      for (;;) {
        if (known.includes(chunk)) break;
        try {
          await this.#options.store.put(this.#options.names.chunk(this.uuid, chunk.epoch, sha256), piece);
          break;
        } catch {
          await this.#options.pod.clock.sleep(20);
        }
      }
    }
    return chunks;
  }
}

/** WAL bytes read back, by database. */
class RestoredIds implements RestoreSink {
  readonly #bytes = new Map<string, Buffer[]>();
  readonly #rows = new Map<string, Buffer[]>();

  take(applied: readonly Applied[]): void {
    for (const item of applied) {
      if (item.t === 'rows') {
        this.#rows.set(item.entry.database, [...(this.#rows.get(item.entry.database) ?? []), item.entry.bytes]);
        continue;
      }
      this.#rows.delete(item.t === 'control' ? item.control.database : item.entry.database);
      if (item.t === 'control') this.#bytes.delete(item.control.database);
      else this.#bytes.set(item.entry.database, [...(this.#bytes.get(item.entry.database) ?? []), item.entry.bytes]);
    }
  }

  clear(): void {
    this.#bytes.clear();
    this.#rows.clear();
  }

  rowsOf(database: string): readonly Buffer[] {
    return this.#rows.get(database) ?? [];
  }

  walOf(database: string): Buffer {
    return Buffer.concat(this.#bytes.get(database) ?? []);
  }
}

function encodeId(id: string): Buffer {
  return Buffer.from(id.padEnd(idBytes).slice(0, idBytes));
}

function decodeIds(bytes: Buffer): string[] {
  const ids: string[] = [];
  for (let at = 0; at < bytes.length; at += idBytes) {
    const id = bytes.toString('latin1', at, at + idBytes).trim();
    if (!id.startsWith('--')) ids.push(id);
  }
  return ids;
}

/** Answers reach a process only while it runs. */
function answeredThrough(clock: ProcessClock, store: ObjectStore): ObjectStore {
  const pass = async <T>(call: Promise<T>): Promise<T> => {
    await call.catch(() => undefined);
    await clock.running();
    return call;
  };
  return {
    url: store.url,
    get: (key, options) => pass(store.get(key, options)),
    put: (key, body, options) => pass(store.put(key, body, options)),
    putIfAbsent: (key, body, options) => pass(store.putIfAbsent(key, body, options)),
    putIfMatch: (key, body, etag, options) => pass(store.putIfMatch(key, body, etag, options)),
    async *list(prefix, options) {
      const found = [];
      for await (const object of store.list(prefix, options)) found.push(object);
      await clock.running();
      yield* found;
    },
    delete: (key, options: CallOptions = {}) => pass(store.delete(key, options)),
    close: () => store.close(),
  };
}

/** What a restore makes of a bucket: the ids of each database, in order. Takes an epoch like any start does. */
export async function restoreIds(
  bucket: MemoryBucket,
  world: SimulatedClock,
  seed: number,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const restored = new RestoredIds();
  const names = logNames('catalog/');
  const clock = new ProcessClock(world);
  const random = new SeededRandom(seed);
  const store = bucket.connect('check');
  const { reader, epoch } = await recover(restored, {
    store,
    names,
    limits: simulatedLimits,
    clock,
    log: silentLogger,
    writer: random.bytes(16),
  });
  const found = new Map<string, readonly string[]>();
  for (const state of reader.ledger.databases.values()) {
    const engine = new ArrayEngine({ pod: { clock } as SimulatedPod, store, names, epoch, random });
    engine.uuid = state.database;
    await engine.load(state.base, restored.walOf(state.database));
    found.set(state.name, [...engine.visible(), ...restored.rowsOf(state.database).flatMap((bytes) => decodeIds(bytes))]);
  }
  return found;
}
