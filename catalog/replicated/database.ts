/**
 * One replicated database that is open here: DuckDB commits into a local file, which is only a cache; the log is what
 * lasts. Commits of one database run one at a time under its commit lock, which is what makes the WAL's size after
 * each of them the end of exactly that commit.
 */
import { type Hash, createHash } from 'node:crypto';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { assert, LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { Mutex } from '../../base/mutex.ts';
import { quoteName } from '../../base/sql-lexer.ts';
import { type ChunkStore, uploadFile } from './chunks.ts';
import { type Base, baseDigest, chunksLength } from './control.ts';
import type { LogLimits } from './limits.ts';
import type { LogMetrics } from './metrics.ts';
import type { LogPosition, ReplicatedDatabase } from './ports.ts';
import type { WalEntry } from './segment.ts';
import type { Shipper, WalSource } from './shipper.ts';
import { Wal } from './wal.ts';

export interface DatabaseOptions {
  readonly instance: DuckDBInstance;
  readonly uuid: string;
  readonly name: string;
  /** The attached file. */
  readonly file: string;
  readonly base: Base;
  /** Where the WAL ends, all of it durable, and the running hash there. */
  readonly walEnd: number;
  readonly hash: Hash;
  readonly epoch: number;
  readonly shipper: Shipper;
  readonly chunks: ChunkStore;
  readonly limits: LogLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: LogMetrics;
  /** The database cannot go on (its memory is ahead of what can be made durable). */
  readonly onBroken: (error: LakeError) => void;
}

export class OpenDatabase implements ReplicatedDatabase {
  readonly uuid: string;
  readonly name: string;
  readonly #options: DatabaseOptions;
  readonly #lock = new Mutex();
  #base: Base;
  #wal: Wal;
  #source: FileWalSource;
  /** The newest ticket of this database. */
  #ticket = 0;
  /** The COMMIT (or snapshot that must precede answers) running now; settles when its ticket is known. */
  #committing: Promise<void> | null = null;
  #closed = false;

  constructor(options: DatabaseOptions) {
    this.uuid = options.uuid;
    this.name = options.name;
    this.#options = options;
    this.#base = options.base;
    this.#wal = new Wal(options.file, options.walEnd);
    this.#source = new FileWalSource(options.uuid, options.base.generation, this.#wal, options.walEnd, options.hash);
  }

  /** WAL bytes behind the last base. */
  get walBytes(): number {
    return this.#wal.end - chunksLength(this.#base.wal);
  }

  get base(): Base {
    return this.#base;
  }

  /** True when no commit runs or waits. */
  get isQuiet(): boolean {
    return this.#lock.depth === 0;
  }

  async connect(): Promise<DuckDBConnection> {
    this.#assertOpen();
    const connection = await this.#options.instance.connect();
    try {
      await connection.run(`USE ${quoteName(this.name)}`);
    } catch (error) {
      connection.closeSync();
      throw error;
    }
    return connection;
  }

  async commit(connection: DuckDBConnection): Promise<{ durable(): Promise<LogPosition> }> {
    const { shipper } = this.#options;
    return this.#lock.run(async () => {
      try {
        this.#assertOpen();
        const wait = shipper.admit();
        if (wait) await wait;
        if (this.#wal.size() !== this.#wal.end) this.#adopt();
      } catch (error) {
        // Nothing has happened yet, and nothing may be left that could still happen.
        await connection.run('ROLLBACK').catch(() => undefined);
        throw error;
      }
      const ticket = await this.#exclusively(() => this.#commit(connection));
      return { durable: () => shipper.whenShipped(ticket) };
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
   * Resolves to false when open transactions keep DuckDB from checkpointing now; then nothing changed.
   */
  async snapshot(): Promise<boolean> {
    return this.#lock.run(async () => {
      this.#assertOpen();
      const { shipper, instance, log } = this.#options;
      await shipper.whenShipped(this.#ticket);
      const connection = await instance.connect();
      try {
        await connection.run(`CHECKPOINT ${quoteName(this.name)}`);
      } catch (error) {
        if (this.#wal.cut().bypass === null) {
          log.debug({ error, database: this.name }, 'open transactions put the snapshot off');
          return false;
        }
      } finally {
        connection.closeSync();
      }
      await this.#exclusively(() => this.#storeBase());
      return true;
    });
  }

  /** Ends this database: `record` queues what says so, and nothing is committed after it. */
  async retire(record: () => number): Promise<void> {
    await this.#lock.run(async () => {
      this.#assertOpen();
      this.#ticket = record();
      await this.#options.shipper.whenShipped(this.#ticket);
      this.close();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wal.close();
  }

  /** Runs `work` so that barriers begun meanwhile wait for what it leaves in the queue. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    const settled = running.then(() => undefined, () => undefined);
    this.#committing = settled;
    try {
      return await running;
    } finally {
      this.#committing = null;
    }
  }

  async #commit(connection: DuckDBConnection): Promise<number> {
    const { shipper, limits, log } = this.#options;
    const before = this.#wal.end;
    try {
      await connection.run('COMMIT');
    } catch (error) {
      this.#assertUnchanged(error);
      throw error;
    }
    try {
      const cut = this.#wal.cut();
      const bytes = cut.end - before;
      if (cut.bypass !== null || bytes > limits.commitBytesMax) {
        log.info({ database: this.name, bytes, why: cut.bypass ?? 'large commit' }, 'a commit is stored as an image of its database');
        await this.#storeBase();
      } else if (bytes > 0) {
        this.#ticket = shipper.enqueue({ t: 'wal', source: this.#source, end: cut.end, bytes });
      }
      return this.#ticket;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** Something was committed on a connection directly. It is a mistake, but what is whole can still be made durable. */
  #adopt(): void {
    const before = this.#wal.end;
    const cut = this.#wal.cut();
    this.#options.log.error({ database: this.name, bytes: cut.end - before }, 'something was committed outside of commit(); it is shipped with the next commit');
    if (cut.bypass !== null) throw this.#broken(new LakeError('internal', `something was committed to ${this.name} outside of commit(), and not all of it is in the WAL`));
    this.#ticket = this.#options.shipper.enqueue({ t: 'wal', source: this.#source, end: cut.end, bytes: cut.end - before });
  }

  /** Stores both files as they are (a crash image, or what a checkpoint left) and waits until the log says so. */
  async #storeBase(): Promise<number> {
    const { shipper, clock, chunks, epoch, metrics } = this.#options;
    const began = clock.monotonic();
    try {
      assert(!this.#wal.isCheckpointing(), `a checkpoint of ${this.name} runs outside of its commit lock`);
      const fresh = new Wal(this.#wal.file, 0);
      const walLength = fresh.size();
      fresh.end = walLength;
      const known = [...this.#base.file, ...this.#base.wal];
      const upload = { ...chunks, database: this.uuid, epoch, known };
      const file = await uploadFile(fresh.file, fresh.fileSize(), upload);
      const wal = await uploadFile(fresh.path, walLength, upload);
      const base: Base = { generation: this.#base.generation + 1, file: file.chunks, wal: wal.chunks };
      this.#ticket = shipper.enqueue({ t: 'control', control: { t: 'base', database: this.uuid, base } });
      await shipper.whenShipped(this.#ticket);
      this.#wal.close();
      this.#wal = fresh;
      this.#base = base;
      const hash = createHash('sha256').update(baseDigest(this.uuid, base));
      this.#source = new FileWalSource(this.uuid, base.generation, fresh, walLength, hash);
      metrics.snapshot(this.name, clock.monotonic() - began, file.newBytes + wal.newBytes);
      return this.#ticket;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** A refused COMMIT must have left the WAL as it was. */
  #assertUnchanged(cause: unknown): void {
    const isInvalidated = String(cause).includes('database has been invalidated');
    if (!isInvalidated && this.#wal.size() === this.#wal.end) return;
    throw this.#broken(new LakeError('internal', `${this.name} cannot go on after a failed commit; it is restored from the log at the next start`, { cause }));
  }

  /** Memory may be ahead of the log and cannot be brought back: this instance answers nobody any more. */
  #broken(error: unknown): LakeError {
    const reason = error instanceof LakeError ? error : new LakeError('internal', `${this.name} could not be made durable; the pod must restart`, { cause: error });
    this.#options.onBroken(reason);
    return reason;
  }

  #assertOpen(): void {
    const { shipper } = this.#options;
    if (shipper.lost) throw shipper.lost;
    if (this.#closed) throw new LakeError('undefined_database', `database ${this.name} was dropped`);
  }
}

/** Reads the WAL from where the last segment ended and keeps the running digest. */
class FileWalSource implements WalSource {
  readonly #database: string;
  readonly #generation: number;
  readonly #wal: Wal;
  readonly #hash: Hash;
  #taken: number;

  constructor(database: string, generation: number, wal: Wal, taken: number, hash: Hash) {
    this.#database = database;
    this.#generation = generation;
    this.#wal = wal;
    this.#taken = taken;
    this.#hash = hash;
  }

  take(end: number): WalEntry {
    const start = this.#taken;
    const bytes = this.#wal.read(start, end);
    this.#hash.update(bytes);
    this.#taken = end;
    return { t: 'wal', database: this.#database, generation: this.#generation, start, bytes, digest: this.#hash.copy().digest() };
  }
}
