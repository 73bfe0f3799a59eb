/**
 * One replicated database that is open here: DuckDB commits into a local file, which is only a cache; the log is what
 * lasts. Commits of one database run one at a time under its commit lock, which is what makes the WAL's size after
 * each of them the end of exactly that commit. (Over 300 lines: all that happens under that lock stands together.)
 */
import { type Hash, createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { Mutex } from '../../base/mutex.ts';
import { type Base, baseDigest, type Chunk, chunksLength } from './control.ts';
import type { LogLimits } from './limits.ts';
import type { LogMetrics } from './metrics.ts';
import type { LogPosition } from './ports.ts';
import type { WalEntry } from './segment.ts';
import type { Shipper, WalSource } from './shipper.ts';
import type { UploadLock } from './upload-lock.ts';
import type { Cut } from './wal.ts';

/** What the commit path needs of the thing that holds the data: DuckDB's files, or an array in the simulator. */
export interface DatabaseEngine<Connection> {
  /** Where the last commit ended in the WAL, as of the last `cut`; and the WAL's size now. */
  readonly walEnd: number;
  walSize(): number;
  /** After a COMMIT: where it ended. */
  cut(): Cut;
  /** Reads the WAL of the present generation, also after that has been replaced. */
  reader(): (start: number, end: number) => Buffer;
  /** `closed` is called once, when the connection is closed. */
  connect(closed: () => void): Promise<Connection>;
  commit(connection: Connection): Promise<void>;
  /** Begins a transaction and makes the commits (row-changes.ts) in it, one after the other; `commit` ends it. */
  apply(commits: readonly Buffer[]): Promise<Connection>;
  rollback(connection: Connection): Promise<void>;
  /** Throws when open transactions are in the way. */
  checkpoint(): Promise<void>;
  /** Lets go of memory and descriptors; no connection is open, and everything is shipped. Afterwards only `resume` and `close`. */
  park(): Promise<void>;
  resume(): Promise<void>;
  /** Uploads the files as they are; `known` chunks are there already. */
  store(known: readonly Chunk[]): Promise<StoredImage>;
  close(): void;
}

export interface StoredImage {
  readonly file: readonly Chunk[];
  readonly wal: readonly Chunk[];
  readonly newBytes: number;
  /** The log says so: from now on `cut` and `reader` mean the WAL behind this image. */
  adopt(): void;
}

export interface DatabaseOptions<Connection> {
  readonly uuid: string;
  readonly name: string;
  readonly engine: DatabaseEngine<Connection>;
  readonly base: Base;
  /** Commits of the log behind `walEnd` that the engine has not made. */
  readonly rows: readonly Buffer[];
  /** The running hash at the engine's `walEnd`; all of it is durable. */
  readonly hash: Hash;
  readonly shipper: Shipper;
  readonly uploads: UploadLock;
  readonly limits: LogLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: LogMetrics;
  /** The database cannot go on (its memory is ahead of what can be made durable). */
  readonly onBroken: (error: LakeError) => void;
  /** It was parked and is wanted again. */
  readonly onResumed?: () => void;
}

export class OpenDatabase<Connection> {
  readonly uuid: string;
  readonly name: string;
  readonly #options: DatabaseOptions<Connection>;
  readonly #engine: DatabaseEngine<Connection>;
  readonly #lock = new Mutex();
  #base: Base;
  #source: RunningWal;
  /** The newest ticket of this database. */
  #ticket = 0;
  /** Commits that are in the log, or on their way, and not yet in the engine; and since when, monotonic milliseconds. */
  #rows: Buffer[];
  #rowsBytes = 0;
  #rowsSince = 0;
  /** The newest ticket of bytes that only repeat what `#rows` said. */
  #repeatTicket = 0;
  /** The COMMIT (or snapshot that must precede answers) running now; settles when its ticket is known. */
  #committing: Promise<void> | null = null;
  /** While a snapshot waits for open transactions to end: answers to commits wait for this. */
  #held: Promise<void> | null = null;
  #closed = false;
  /** Connections that are open or being opened. While there is one the database is not parked. */
  #connections = 0;
  #usedAt: number;
  #parked = false;
  readonly #parking = new Mutex();

  constructor(options: DatabaseOptions<Connection>) {
    this.uuid = options.uuid;
    this.name = options.name;
    this.#options = options;
    this.#base = options.base;
    this.#engine = options.engine;
    this.#rows = [...options.rows];
    this.#rowsBytes = this.#rows.reduce((sum, { length }) => sum + length, 0);
    this.#usedAt = options.clock.monotonic();
    this.#source = new RunningWal(
      options.uuid,
      options.base.generation,
      this.#engine.walEnd,
      options.hash,
      this.#engine.reader(),
    );
  }

  /** WAL bytes behind the last base. */
  get walBytes(): number {
    return this.#engine.walEnd - chunksLength(this.#base.wal);
  }

  get base(): Base {
    return this.#base;
  }

  /** True when no commit runs or waits. */
  get isQuiet(): boolean {
    return this.#lock.depth === 0;
  }

  get isParked(): boolean {
    return this.#parked;
  }

  /** Since when nobody has used it, monotonic milliseconds; null while somebody does. */
  get idleSince(): number | null {
    return this.#connections > 0 || !this.isQuiet ? null : this.#usedAt;
  }

  async connect(): Promise<Connection> {
    this.#assertOpen();
    const behind = this.caughtUp();
    if (behind) await behind;
    return this.#using(async () => {
      const connection = await this.#engine.connect(() => this.#leave());
      this.#connections++;
      return connection;
    });
  }

  /** When the engine has all that was committed: null = now. To be awaited before anybody looks into it. */
  caughtUp(): Promise<void> | null {
    if (this.#rows.length === 0) return null;
    return this.#lock.run(() => this.#using(() => this.#catchUp()));
  }

  /** Catches up if that is worth it by now: many commits, or old ones. */
  async catchUpInTime(): Promise<void> {
    const { clock, limits } = this.#options;
    const isDue = this.#rows.length >= limits.rowsCommitsMax / 4 || clock.monotonic() - this.#rowsSince >= limits.rowsMsMax;
    if (isDue && !this.#closed) await this.caughtUp();
  }

  /**
   * Makes a commit of plain changes of rows durable without the engine, which gets it later together with others. Right only
   * if it would succeed there: no transaction that has written is open in the engine, keys are free, values fit. `mayStill` is
   * asked under the commit lock, when all earlier commits are known; null if it says no. Otherwise as `commit`.
   */
  async record(rows: Buffer, mayStill: () => boolean): Promise<{ durable(): Promise<LogPosition> } | null> {
    const { shipper, limits, clock } = this.#options;
    // Not under the lock: whoever only wants to read may need it meanwhile.
    const wait = shipper.admit();
    if (wait) await wait;
    return this.#lock.run(async () => {
      this.#assertOpen();
      if (this.#engine.walSize() !== this.#engine.walEnd) await this.#exclusively(() => this.#shipStray());
      const isFull = this.#rows.length >= limits.rowsCommitsMax || this.#rowsBytes + rows.length > limits.rowsBytesMax;
      if (isFull) await this.#using(() => this.#catchUp());
      if (!mayStill()) return null;
      const ticket = shipper.enqueue({
        t: 'rows',
        entry: {
          t: 'rows',
          database: this.uuid,
          generation: this.#base.generation,
          walEnd: this.#engine.walEnd,
          index: this.#rows.length,
          bytes: rows,
        },
      });
      if (this.#rows.length === 0) this.#rowsSince = clock.monotonic();
      this.#rows.push(rows);
      this.#rowsBytes += rows.length;
      this.#ticket = ticket;
      return { durable: () => this.#whenAnswered(ticket) };
    });
  }

  /** Under the lock, unparked. What comes of it repeats what the log has, so no answer waits for it. */
  async #catchUp(): Promise<void> {
    if (this.#rows.length === 0) return;
    this.#assertOpen();
    const before = this.#engine.walEnd;
    try {
      await this.#engine.commit(await this.#engine.apply(this.#rows));
      const cut = this.#engine.cut();
      if (cut.bypass !== null) await this.#exclusively(() => this.#options.uploads.upload(() => this.#storeBase()));
      else
        this.#repeatTicket = this.#options.shipper.enqueue({
          t: 'wal',
          source: this.#source,
          end: cut.end,
          bytes: cut.end - before,
        });
      this.#rows = [];
      this.#rowsBytes = 0;
    } catch (error) {
      // They were acknowledged, so they cannot be refused any more; a restart makes them again from the log.
      throw this.#broken(error);
    }
  }

  /**
   * Lets go of what an idle database holds: DuckDB's memory (some megabytes) and file descriptors. The next `connect` brings it
   * back from its local files. False when it is in use.
   */
  async park(): Promise<boolean> {
    if (this.#parked || this.idleSince === null) return false;
    return this.#lock.run(async () => {
      if (this.#closed) return false;
      if (this.#rows.length > 0) await this.#using(() => this.#catchUp());
      await this.#options.shipper.whenShipped(Math.max(this.#ticket, this.#repeatTicket));
      return this.#parking.run(async () => {
        if (this.#connections > 0 || this.#parked || this.#closed) return false;
        try {
          await this.#engine.park();
        } catch (error) {
          throw this.#broken(error);
        }
        this.#parked = true;
        return true;
      });
    });
  }

  /** Runs `work` on a database that is there, and stays there meanwhile. */
  async #using<T>(work: () => Promise<T>): Promise<T> {
    this.#connections++;
    try {
      await this.#parking.run(() => this.#resume());
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #resume(): Promise<void> {
    if (!this.#parked) return;
    this.#assertOpen();
    await this.#engine.resume();
    this.#parked = false;
    this.#options.onResumed?.();
  }

  #leave(): void {
    this.#connections--;
    this.#usedAt = this.#options.clock.monotonic();
  }

  async commit(connection: Connection): Promise<{ durable(): Promise<LogPosition> }> {
    const { shipper } = this.#options;
    return this.#lock.run(async () => {
      try {
        this.#assertOpen();
        const wait = shipper.admit();
        if (wait) await wait;
        if (this.#engine.walSize() !== this.#engine.walEnd) await this.#exclusively(() => this.#shipStray());
        await this.#catchUp();
      } catch (error) {
        // Nothing has happened yet, and nothing may be left that could still happen.
        await this.#engine.rollback(connection).catch(() => undefined);
        throw error;
      }
      const ticket = await this.#exclusively(() => this.#commit(connection));
      return { durable: () => this.#whenAnswered(ticket) };
    });
  }

  barrier(): Promise<void> | null {
    const { shipper } = this.#options;
    // A COMMIT that DuckDB has not answered yet may be visible to other connections already.
    if (this.#committing) return this.#committing.then(() => shipper.whenShipped(this.#ticket)).then(() => undefined);
    if (shipper.lost) return Promise.reject(shipper.lost);
    if (this.#ticket <= shipper.shippedTicket) return null;
    return shipper.whenShipped(this.#ticket).then(() => undefined);
  }

  /**
   * Moves to a new base: checkpoint, upload what changed, record it. Commits of this database wait, others go on.
   * DuckDB refuses to checkpoint while transactions that wrote are open, and among busy writers one always is: so
   * the answers to commits are held back for a moment; whoever waits for one begins nothing new.
   * Resolves to false when transactions are still in the way after that; then nothing changed.
   */
  async snapshot(): Promise<boolean> {
    const { clock, limits } = this.#options;
    const deadline = clock.monotonic() + limits.quiesceMsMax;
    const held = Promise.withResolvers<void>();
    this.#held = held.promise;
    const release = (): void => {
      this.#held = null;
      held.resolve();
    };
    try {
      for (;;) {
        if (await this.#lock.run(() => this.#using(() => this.#trySnapshot(release)))) return true;
        if (clock.monotonic() >= deadline) return false;
        await clock.sleep(2);
      }
    } finally {
      release();
    }
  }

  async #trySnapshot(checkpointed: () => void): Promise<boolean> {
    this.#assertOpen();
    const { shipper, log, uploads } = this.#options;
    await this.#catchUp();
    await shipper.whenShipped(Math.max(this.#ticket, this.#repeatTicket));
    try {
      await this.#engine.checkpoint();
    } catch (error) {
      const hasHappened = this.#engine.cut().bypass !== null;
      log.debug({ error, database: this.name, hasHappened }, 'a checkpoint was refused');
      if (!hasHappened) return false;
    }
    checkpointed();
    await this.#exclusively(() => uploads.upload(() => this.#storeBase()));
    return true;
  }

  async #whenAnswered(ticket: number): Promise<LogPosition> {
    const position = await this.#options.shipper.whenShipped(ticket);
    if (this.#held) await this.#held;
    return position;
  }

  /** Ends this database: `record` queues what says so, and nothing is committed after it. */
  async retire(record: () => number): Promise<void> {
    await this.#lock.run(async () => {
      this.#assertOpen();
      // Its last commits lie in earlier segments than its end, so that "right before the end" has them all.
      await this.#options.shipper.whenShipped(this.#ticket);
      this.#ticket = record();
      await this.#options.shipper.whenShipped(this.#ticket);
      this.close();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#engine.close();
  }

  /** Runs `work` so that barriers begun meanwhile wait for what it leaves in the queue. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#committing = settled;
    try {
      return await running;
    } finally {
      this.#committing = null;
    }
  }

  async #commit(connection: Connection): Promise<number> {
    const { shipper, limits, log } = this.#options;
    const before = this.#engine.walEnd;
    try {
      await this.#engine.commit(connection);
    } catch (error) {
      this.#assertUnchanged(error);
      throw error;
    }
    try {
      const cut = this.#engine.cut();
      const bytes = cut.end - before;
      if (cut.bypass !== null || bytes > limits.commitBytesMax) {
        log.info(
          { database: this.name, bytes, why: cut.bypass ?? 'large commit' },
          'a commit is stored as an image of its database',
        );
        await this.#options.uploads.upload(() => this.#storeBase());
      } else if (bytes > 0) {
        this.#ticket = shipper.enqueue({ t: 'wal', source: this.#source, end: cut.end, bytes });
      }
      return this.#ticket;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** Something was committed, or checkpointed, on a connection directly. It is a mistake, but it can still be made durable. */
  async #shipStray(): Promise<void> {
    const before = this.#engine.walEnd;
    const cut = this.#engine.cut();
    this.#options.log.error(
      { database: this.name, bytes: cut.end - before, bypass: cut.bypass },
      'something was committed outside of commit(); it is shipped before the next commit',
    );
    if (cut.bypass !== null) await this.#options.uploads.upload(() => this.#storeBase());
    else this.#ticket = this.#options.shipper.enqueue({ t: 'wal', source: this.#source, end: cut.end, bytes: cut.end - before });
  }

  /** Stores both files as they are (a crash image, or what a checkpoint left) and waits until the log says so. */
  async #storeBase(): Promise<number> {
    const { shipper, clock, metrics } = this.#options;
    const began = clock.monotonic();
    try {
      const image = await this.#engine.store([...this.#base.file, ...this.#base.wal]);
      const base: Base = { generation: this.#base.generation + 1, file: image.file, wal: image.wal };
      this.#ticket = shipper.enqueue({ t: 'control', control: { t: 'base', database: this.uuid, base } });
      await shipper.whenShipped(this.#ticket);
      image.adopt();
      this.#base = base;
      const hash = createHash('sha256').update(baseDigest(this.uuid, base));
      this.#source = new RunningWal(this.uuid, base.generation, this.#engine.walEnd, hash, this.#engine.reader());
      metrics.snapshot(this.name, clock.monotonic() - began, image.newBytes);
      return this.#ticket;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** A refused COMMIT must have left the WAL as it was. */
  #assertUnchanged(cause: unknown): void {
    const isInvalidated = String(cause).includes('database has been invalidated');
    if (!isInvalidated && this.#engine.walSize() === this.#engine.walEnd) return;
    throw this.#broken(
      new LakeError(
        'internal',
        `${this.name} cannot go on after a failed commit; it is restored from the log at the next start`,
        { cause },
      ),
    );
  }

  /** Memory may be ahead of the log and cannot be brought back: this instance answers nobody any more. */
  #broken(error: unknown): LakeError {
    const reason =
      error instanceof LakeError
        ? error
        : new LakeError('internal', `${this.name} could not be made durable; the pod must restart`, { cause: error });
    this.#options.onBroken(reason);
    return reason;
  }

  #assertOpen(): void {
    const { shipper } = this.#options;
    if (shipper.lost) throw shipper.lost;
    if (this.#closed) throw new LakeError('undefined_database', `database ${this.name} was dropped`);
  }
}

/** The WAL of one generation as segments take it: from where the last one ended, with the running digest. */
class RunningWal implements WalSource {
  readonly #database: string;
  readonly #generation: number;
  readonly #hash: Hash;
  readonly #read: (start: number, end: number) => Buffer;
  #taken: number;

  constructor(database: string, generation: number, taken: number, hash: Hash, read: (start: number, end: number) => Buffer) {
    this.#database = database;
    this.#generation = generation;
    this.#taken = taken;
    this.#hash = hash;
    this.#read = read;
  }

  take(end: number): WalEntry {
    const start = this.#taken;
    const bytes = this.#read(start, end);
    this.#hash.update(bytes);
    this.#taken = end;
    return { t: 'wal', database: this.#database, generation: this.#generation, start, bytes, digest: this.#hash.copy().digest() };
  }
}
