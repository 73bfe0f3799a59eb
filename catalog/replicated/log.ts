/**
 * The replicated log: takes an epoch, restores what the store says, opens databases, keeps snapshots and garbage in
 * bounds. One of these per leading pod; when another pod takes over, `lost` aborts and nothing more is acknowledged.
 * (Over 300 lines: which databases exist, are open or are being opened is one subject.)
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { Mutex } from '../../base/mutex.ts';
import { quoteName } from '../../base/sql-lexer.ts';
import type { Random } from '../../base/random.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { completeFiles } from './base-files.ts';
import { type ChunkStore, uploadFile } from './chunks.ts';
import { type Base, baseDigest, chunksLength, nameBytesMax } from './control.ts';
import { OpenDatabase } from './database.ts';
import { DatabaseFiles } from './database-files.ts';
import { attachFile, createLogInstance, detachFile, keepFromCheckpointing } from './instance.ts';
import type { DatabaseState, Ledger } from './ledger.ts';
import { checkLimits, defaultLimits, type LogLimits } from './limits.ts';
import { Maintenance } from './maintenance.ts';
import { type LogMetrics, noMetrics } from './metrics.ts';
import { type LogNames, logNames } from './names.ts';
import { databasesAt, pastFiles } from './past.ts';
import type { LogPosition, PastPoint, ReplicatedDatabase, ReplicatedLog, RestoreRequest, Until } from './ports.ts';
import { recover } from './recovery.ts';
import { toPark } from './parking.ts';
import { databaseFile, RestoredWal } from './restored-wal.ts';
import { decodeRowChanges, toStatements } from './row-changes.ts';
import { writerBytes } from './segment.ts';
import { Shipper } from './shipper.ts';
import { UploadLock } from './upload-lock.ts';

export interface ReplicatedLogOptions {
  readonly store: ObjectStore;
  /** Where the log lies in the store; empty or ending in `/`. Default `catalog/`. */
  readonly prefix?: string;
  /** For DuckDB's files: a cache, in a folder of its own that is replaced at every start. */
  readonly localDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: LogMetrics;
  /** The instance to attach the databases to; one is made if none is handed in. */
  readonly instance?: DuckDBInstance;
  /** For the instance made here: bytes and threads. */
  readonly memoryBytes?: number;
  readonly threads?: number;
  /** How far back the log is kept, milliseconds. Default 7 days. */
  readonly retentionMs?: number;
  /** Pause between looks whether another pod has taken over, milliseconds; 0 = only when writing. Default 1,000. */
  readonly probeMs?: number;
  /** Pause between looks whether a snapshot is due, milliseconds; 0 = only `maintain()`. Default 1,000. */
  readonly maintainMs?: number;
  /** Pause between collections of garbage, milliseconds. Default 10 minutes. */
  readonly collectMs?: number;
  readonly limits?: Partial<LogLimits>;
  /** Told while the store fails the log's puts: what to tell clients; null when it works again. */
  readonly onTrouble?: (refusal: LakeError | null) => void;
  readonly signal?: AbortSignal;
}

/**
 * Takes the next epoch (whoever led before is deposed by that) and restores the log. Databases are opened later, one
 * by one. Throws `corrupt` naming the object, `store_unavailable`, `config_invalid`.
 */
export async function createReplicatedLog(options: ReplicatedLogOptions): Promise<ReplicatedLog> {
  const limits = checkLimits({ ...defaultLimits, ...options.limits });
  const names = logNames(options.prefix ?? 'catalog/');
  const { store, clock, random, log } = options;
  const began = clock.monotonic();
  const writer = random.bytes(writerBytes);
  const localDir = join(options.localDir, writer.toString('hex'));
  mkdirSync(localDir, { recursive: true });
  const restored = new RestoredWal(localDir);
  const { reader, epoch } = await recover(restored, {
    store,
    names,
    limits,
    clock,
    log,
    writer,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  restored.flush();
  // Only now is it certain that no healthy leader works in these.
  for (const other of readdirSync(options.localDir)) {
    if (/^[0-9a-f]{32}$/.test(other) && join(options.localDir, other) !== localDir)
      rmSync(join(options.localDir, other), { recursive: true, force: true });
  }
  const instance =
    options.instance ??
    (await createLogInstance({
      memoryBytes: options.memoryBytes ?? 512 * 1024 * 1024,
      threads: options.threads ?? 2,
      tempDirectory: join(localDir, 'spill'),
    }));
  if (options.instance) await keepFromCheckpointing(options.instance);
  log.info(
    {
      epoch,
      objects: reader.read.objects,
      bytes: reader.read.bytes,
      databases: reader.ledger.databases.size,
      ms: Math.round(clock.monotonic() - began),
    },
    'the catalog log is restored',
  );
  const restoredRows = (uuid: string): readonly Buffer[] => restored.rowsOf(uuid);
  return DuckDbLog.start({
    options,
    limits,
    names,
    writer,
    localDir,
    epoch,
    restoredLedger: reader.ledger,
    restoredRows,
    instance,
  });
}

type DuckDbDatabase = OpenDatabase<DuckDBConnection>;

interface Parts {
  readonly options: ReplicatedLogOptions;
  readonly limits: LogLimits;
  readonly names: LogNames;
  readonly writer: Buffer;
  readonly localDir: string;
  readonly epoch: number;
  /** As read from the store: running digests to go on from. */
  readonly restoredLedger: Ledger;
  /** As read from the store, by uuid: commits that DuckDB has not made yet. */
  readonly restoredRows: (uuid: string) => readonly Buffer[];
  readonly instance: DuckDBInstance;
}

class DuckDbLog implements ReplicatedLog {
  readonly #parts: Parts;
  readonly #ledger: Ledger;
  readonly #shipper: Shipper;
  readonly #metrics: LogMetrics;
  readonly #admin: DuckDBConnection;
  readonly #lost = new AbortController();
  readonly #open = new Map<string, Promise<DuckDbDatabase>>();
  /** Those of them that are there. */
  readonly #opened = new Map<string, DuckDbDatabase>();
  /** create, drop and opening change the set of databases one at a time. */
  readonly #catalogLock = new Mutex();
  readonly #uploads = new UploadLock();
  readonly #maintenance: Maintenance;
  #cancelTimers: Array<() => void> = [];
  #closed = false;

  static async start(parts: Parts): Promise<DuckDbLog> {
    return new DuckDbLog(parts, await parts.instance.connect());
  }

  private constructor(parts: Parts, admin: DuckDBConnection) {
    const { options, limits, names, writer } = parts;
    this.#parts = parts;
    this.#admin = admin;
    this.#metrics = options.metrics ?? noMetrics;
    this.#ledger = parts.restoredLedger.toLeading();
    const { store, clock, random, log } = options;
    this.#shipper = new Shipper({
      store,
      names,
      limits,
      clock,
      random,
      log,
      metrics: this.#metrics,
      writer,
      ledger: this.#ledger,
      onLost: (reason) => this.#lose(reason),
      onTrouble: options.onTrouble,
    });
    this.#maintenance = new Maintenance({
      store,
      names,
      limits,
      clock,
      log,
      ledger: this.#ledger,
      epoch: parts.epoch,
      retentionMs: options.retentionMs ?? 7 * 86_400_000,
      collectMs: options.collectMs ?? 600_000,
      uploads: this.#uploads,
      snapshot: async (name) => ((await this.open(name)) as DuckDbDatabase).snapshot(),
    });
    this.#metrics.observe(this.#maintenance);
    this.#every(options.probeMs ?? 1_000, () => this.#shipper.probe());
    this.#every(options.maintainMs ?? 1_000, () => this.maintain());
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  position(): LogPosition {
    return this.#ledger.position;
  }

  async settled(): Promise<LogPosition> {
    this.#assertGoing();
    await this.#shipper.drain();
    return this.#ledger.position;
  }

  async databases(): Promise<readonly string[]> {
    return [...this.#ledger.databases.values()].map((state) => state.name).sort();
  }

  marks(): ReadonlyMap<string, string> {
    const states = [...this.#ledger.databases.values()];
    return new Map(
      states.map(({ name, database, base, walEnd, rows }) => [name, `${database}:${base.generation}:${walEnd}:${rows}`]),
    );
  }

  async open(name: string): Promise<ReplicatedDatabase> {
    this.#assertGoing();
    const state = this.#ledger.byName(name);
    if (!state) throw new LakeError('not_found', `there is no database ${name}`);
    let opening = this.#open.get(state.database);
    if (!opening) {
      opening = this.#restore(state).catch(async (error: unknown) => {
        // A successor may have collected what this pod was about to read: then it is deposed, and nothing is damaged.
        await this.#shipper.probe();
        throw this.#shipper.lost ?? error;
      });
      this.#open.set(state.database, opening);
      opening.then(
        (database) => {
          this.#opened.set(state.database, database);
          return this.#parkIdle();
        },
        () => undefined,
      );
      // A damaged one stays closed, and may be tried again when its objects are back.
      opening.catch(() => this.#open.delete(state.database));
    }
    return opening;
  }

  async create(name: string): Promise<ReplicatedDatabase> {
    return this.#catalogLock.run(async () => {
      this.#assertGoing();
      this.#checkName(name);
      const uuid = this.#parts.options.random.uuid();
      const file = this.#file(uuid, 1);
      await attachFile(this.#admin, file, name);
      const opening = this.#publish(uuid, name, file);
      opening.catch(() => detachFile(this.#admin, name).catch(() => undefined));
      return opening;
    });
  }

  async restore(request: RestoreRequest): Promise<{ database: ReplicatedDatabase; point: PastPoint }> {
    const { name, of, at, prepare } = request;
    this.#assertGoing();
    this.#checkName(name);
    const uuid = this.#parts.options.random.uuid();
    const file = this.#file(uuid, 1);
    return this.#withPast({ of, at, file }, async ({ point, rows }) => {
      const database = await this.#catalogLock.run(async () => {
        this.#assertGoing();
        this.#checkName(name);
        await attachFile(this.#admin, file, name);
        try {
          await this.#settleRestored(name, rows, prepare);
          return await this.#publish(uuid, name, file);
        } catch (error) {
          await detachFile(this.#admin, name).catch(() => undefined);
          throw error;
        }
      });
      return { database, point };
    });
  }

  async look<T>(
    { of, at }: { readonly of: string; readonly at: Until },
    work: (connection: DuckDBConnection) => Promise<T>,
  ): Promise<T> {
    this.#assertGoing();
    const name = `look_${this.#parts.options.random.uuid()}`;
    const file = this.#file(name, 1);
    return this.#withPast({ of, at, file }, async ({ rows }) => {
      await attachFile(this.#admin, file, name);
      const connection = await this.#parts.instance.connect();
      try {
        await connection.run(`USE ${quoteName(name)}`);
        await makeCommits(connection, rows, name);
        return await work(connection);
      } finally {
        connection.closeSync();
        await detachFile(this.#admin, name).catch(() => undefined);
        for (const path of [file, `${file}.wal`]) rmSync(path, { force: true });
      }
    });
  }

  /** Puts the files of a database as it was at a point to `file` and runs `work`. */
  async #withPast<T>(
    { of, at, file }: { readonly of: string; readonly at: Until; readonly file: string },
    work: (past: { readonly point: PastPoint; readonly rows: readonly Buffer[] }) => Promise<T>,
  ): Promise<T> {
    const directory = `${file}.past`;
    mkdirSync(directory);
    try {
      // Everything up to here is in the store, so that the present is a point of the past like any other.
      await this.#shipper.drain();
      return await work(await pastFiles(at, { ...this.#reading, chunks: this.#chunks, name: of, directory, file }));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async databasesAt(at: Until): Promise<{ readonly point: PastPoint; readonly names: readonly string[] }> {
    this.#assertGoing();
    await this.#shipper.drain();
    return databasesAt(at, this.#reading);
  }

  /** What was restored gets its last touches and is folded into the file, before it is anybody's database. */
  async #settleRestored(name: string, rows: readonly Buffer[], prepare: RestoreRequest['prepare']): Promise<void> {
    const connection = await this.#parts.instance.connect();
    try {
      await connection.run(`USE ${quoteName(name)}`);
      await makeCommits(connection, rows, name);
      await prepare?.(connection);
      await connection.run(`CHECKPOINT ${quoteName(name)}`);
    } finally {
      connection.closeSync();
    }
  }

  async #publish(uuid: string, name: string, file: string): Promise<DuckDbDatabase> {
    await this.#uploads.upload(async () => {
      const { size } = await stat(file);
      const upload = await uploadFile(file, size, { ...this.#chunks, database: uuid, epoch: this.#parts.epoch, known: [] });
      const base: Base = { generation: 1, file: upload.chunks, wal: [] };
      await this.#shipper.whenShipped(
        this.#shipper.enqueue({ t: 'control', control: { t: 'create', database: uuid, name, base } }),
      );
    });
    const database = this.#database(this.#ledger.databases.get(uuid) as DatabaseState, file, 0);
    this.#open.set(uuid, Promise.resolve(database));
    this.#opened.set(uuid, database);
    return database;
  }

  async drop(name: string): Promise<void> {
    await this.#catalogLock.run(async () => {
      this.#assertGoing();
      const state = this.#ledger.byName(name);
      if (!state) throw new LakeError('not_found', `there is no database ${name}`);
      const uuid = state.database;
      const record = (): number => this.#shipper.enqueue({ t: 'control', control: { t: 'drop', database: uuid } });
      const opening = this.#open.get(uuid);
      // A damaged one that cannot be opened can be dropped all the same.
      const database = opening ? await opening.catch(() => null) : null;
      if (database) await database.retire(record);
      else {
        const gone = Promise.reject(new LakeError('undefined_database', `database ${name} was dropped`));
        gone.catch(() => undefined); // only those who open it meanwhile hear of it
        this.#open.set(uuid, gone);
        await this.#shipper.whenShipped(record());
      }
      this.#open.delete(uuid);
      this.#opened.delete(uuid);
      if (database && !database.isParked)
        await detachFile(this.#admin, name).catch((error: unknown) =>
          this.#parts.options.log.warn({ error, database: name }, 'a dropped database is still in use here'),
        );
    });
  }

  async maintain(): Promise<void> {
    if (this.#closed || this.#shipper.lost) return;
    for (const database of this.#opened.values()) await database.catchUpInTime();
    await this.#maintenance.run();
    await this.#parkIdle();
  }

  /** Databases that nobody uses give their memory back: after a while, and sooner when many are open. */
  async #parkIdle(): Promise<void> {
    const { limits, options } = this.#parts;
    for (const database of toPark([...this.#opened.values()], options.clock.monotonic(), limits)) {
      if (this.#closed || this.#shipper.lost) return;
      if (await database.park()) options.log.debug({ database: database.name }, 'an idle database is parked');
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    for (const cancel of this.#cancelTimers) cancel();
    await this.#catalogLock.run(() =>
      this.#maintenance.alone(async () => {
        this.#closed = true;
        if (!this.#shipper.lost) await this.#shipper.drain().catch(() => undefined);
        for (const opening of this.#open.values()) (await opening.catch(() => null))?.close();
        this.#admin.closeSync();
        if (!this.#parts.options.instance) this.#parts.instance.closeSync();
        rmSync(this.#parts.localDir, { recursive: true, force: true });
      }),
    );
  }

  /** Downloads the base, puts the WAL behind it, proves that it is whole, attaches. */
  async #restore(state: DatabaseState): Promise<DuckDbDatabase> {
    const { clock, log } = this.#parts.options;
    const began = clock.monotonic();
    const file = this.#file(state.database, state.base.generation);
    const size = await completeFiles(file, state, this.#chunks);
    await attachFile(this.#admin, file, state.name);
    const database = this.#database(state, file, state.walEnd);
    this.#metrics.opened(clock.monotonic() - began);
    log.info(
      {
        database: state.name,
        walBytes: size,
        fileBytes: chunksLength(state.base.file),
        ms: Math.round(clock.monotonic() - began),
      },
      'a database is restored',
    );
    return database;
  }

  #database(state: DatabaseState, file: string, walEnd: number): DuckDbDatabase {
    const { limits, epoch, instance, restoredLedger, restoredRows, options } = this.#parts;
    const isRestored = restoredLedger.databases.has(state.database);
    return new OpenDatabase({
      uuid: state.database,
      name: state.name,
      engine: new DatabaseFiles({
        instance,
        admin: this.#admin,
        uuid: state.database,
        name: state.name,
        file,
        walEnd,
        epoch,
        chunks: this.#chunks,
      }),
      base: state.base,
      rows: isRestored ? restoredRows(state.database) : [],
      hash: isRestored
        ? restoredLedger.hashOf(state.database)
        : createHash('sha256').update(baseDigest(state.database, state.base)),
      shipper: this.#shipper,
      uploads: this.#uploads,
      limits,
      clock: options.clock,
      log: options.log,
      metrics: this.#metrics,
      onBroken: (error) => this.#shipper.abandon(error),
      onResumed: () => void this.#parkIdle(),
    });
  }

  get #chunks(): ChunkStore {
    const { options, names, limits } = this.#parts;
    return { store: options.store, names, chunkBytes: limits.chunkBytes, parallelObjects: limits.parallelObjects };
  }

  get #reading(): { store: ObjectStore; names: LogNames; limits: LogLimits } {
    const { options, names, limits } = this.#parts;
    return { store: options.store, names, limits };
  }

  #file(uuid: string, generation: number): string {
    return databaseFile(this.#parts.localDir, uuid, generation);
  }

  #checkName(name: string): void {
    const isReserved = ['memory', 'system', 'temp', 'main', 'pg_catalog', 'information_schema'].includes(name.toLowerCase());
    if (name === '' || Buffer.byteLength(name) > nameBytesMax || isReserved || name.includes('\0'))
      throw new LakeError('invalid_argument', `a database cannot be called "${name}"`);
    for (const state of this.#ledger.databases.values()) {
      if (state.name.toLowerCase() === name.toLowerCase())
        throw new LakeError('already_exists', `database ${state.name} exists already`);
    }
  }

  #every(ms: number, work: () => Promise<void>): void {
    if (ms <= 0) return;
    const { clock, log } = this.#parts.options;
    let cancelled = false;
    const next = (): (() => void) =>
      clock.after(ms, () => {
        work()
          .catch((error: unknown) => log.warn({ error }, 'maintenance of the log failed; it is tried again'))
          .finally(() => {
            if (!cancelled && !this.#shipper.lost) cancel = next();
          });
      });
    let cancel = next();
    this.#cancelTimers.push(() => {
      cancelled = true;
      cancel();
    });
  }

  #assertGoing(): void {
    if (this.#shipper.lost) throw this.#shipper.lost;
    if (this.#closed) throw new LakeError('admin_shutdown', 'the pod is shutting down');
  }

  #lose(reason: LakeError): void {
    this.#metrics.lost();
    this.#parts.options.log.error(
      { error: reason },
      'this pod does not own the catalog log any more; nothing more is acknowledged',
    );
    for (const cancel of this.#cancelTimers) cancel();
    this.#lost.abort(reason);
  }
}

/** What the log has behind the WAL of a database that nobody else uses. */
async function makeCommits(connection: DuckDBConnection, rows: readonly Buffer[], database: string): Promise<void> {
  const statements = toStatements(rows.map(decodeRowChanges), database);
  if (statements.length > 0) await connection.run(`BEGIN TRANSACTION; ${statements.join('; ')}; COMMIT`);
}
