/**
 * What all sessions on one lake share: the CatalogView and the kept answers, both kept up to date by the commits, which
 * all pass through here one after the other. A transaction that begins takes a moment (the number of commits so far)
 * and the view of then, and asks DuckDB for nothing. Only when it needs DuckDB, or right before the next commit, is
 * DuckDB's own transaction begun for it: either way nothing was committed in between, so its snapshot is that moment.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { Mutex } from '../../base/mutex.ts';
import type { LogPosition, ReplicatedDatabase } from '../replicated/ports.ts';
import { Answers, type Moment } from './answers.ts';
import { loadCatalogView } from './catalog-load.ts';
import type { CatalogChange, CatalogView, ViewTable } from './catalog-view.ts';
import type { Deferred } from './deferral.ts';
import { serializationConflict } from './errors.ts';
import { limits } from './limits.ts';
import { Turns } from './turns.ts';
import { Traffic } from './traffic.ts';

/** A transaction that has taken a moment and not begun in DuckDB. */
export interface Pinned {
  /** Begins it in DuckDB; the same promise however often it is called. Never rejects: the owner meets the error later. */
  materialise(): Promise<unknown>;
}

export interface Commit {
  /** Stored tables of which rows were written. */
  readonly written: Iterable<ViewTable>;
  readonly changes: readonly CatalogChange[];
}

export class SharedCatalog {
  readonly database: ReplicatedDatabase;
  readonly answers = new Answers();
  readonly turns: Turns;
  readonly traffic: Traffic;
  readonly #clock: Clock;
  readonly #commits = new Mutex();
  readonly #pinned = new Set<Pinned>();
  #writer: DuckDBConnection | null = null;
  #view: CatalogView;
  #moment: Moment = 0;
  /** The COMMIT that DuckDB runs now: others may see it or not until it settles. */
  #committing: Promise<unknown> | null = null;

  private constructor(database: ReplicatedDatabase, clock: Clock, view: CatalogView, writeTransactionMsMax: number) {
    this.database = database;
    this.traffic = new Traffic(clock, writeTransactionMsMax);
    this.#clock = clock;
    this.turns = new Turns(clock);
    this.#view = view;
  }

  /** `writeTransactionMsMax`: older transactions may not commit what they wrote. */
  static async open(database: ReplicatedDatabase, clock: Clock, writeTransactionMsMax: number): Promise<SharedCatalog> {
    const connection = await database.connect();
    try {
      return new SharedCatalog(database, clock, await loadCatalogView(connection, database.name), writeTransactionMsMax);
    } finally {
      connection.closeSync();
    }
  }

  /** What is committed now, for statements outside of a transaction. */
  get view(): CatalogView {
    return this.#view;
  }

  get moment(): Moment {
    return this.#moment;
  }

  /** To be awaited before `pin`: a commit that is being made, but not for long. Null when none is. */
  settled(): Promise<void> | null {
    return this.#committing && this.#orLater(this.#committing);
  }

  /**
   * Takes the present moment for a transaction; null while a commit is being made that hangs (the store does not answer,
   * an image is uploaded): then the transaction has to look for itself.
   */
  pin(transaction: Pinned): { readonly moment: Moment; readonly view: CatalogView } | null {
    if (this.#committing) return null;
    this.#pinned.add(transaction);
    return { moment: this.#moment, view: this.#view };
  }

  /** The transaction has begun in DuckDB, or is over. */
  unpin(transaction: Pinned): void {
    this.#pinned.delete(transaction);
  }

  /**
   * Runs `takeSnapshot`, which fixes what a connection's transaction sees, and resolves to the view that belongs to
   * it, for transactions that could not take a moment. The interleaving to survive: the snapshot is taken inside
   * DuckDB while another session's CREATE TABLE commits, so that neither view is certainly the right one.
   */
  async viewFor(connection: DuckDBConnection, takeSnapshot: () => Promise<unknown>): Promise<CatalogView> {
    const moment = this.#moment;
    const isSettled = this.#committing === null;
    const view = this.#view;
    await takeSnapshot();
    if (isSettled && this.#committing === null && moment === this.#moment) return view;
    return loadCatalogView(connection, this.database.name);
  }

  /**
   * Commits statements that waited for it (deferral.ts) for a transaction that has seen `moment` and done nothing else, on a
   * connection of the lake's own. `judge` may refuse before the COMMIT. Rejects as the statements or the COMMIT would.
   */
  commitDeferred(
    moment: Moment,
    deferred: readonly Deferred[],
    judge: (connection: DuckDBConnection) => Promise<void>,
  ): Promise<{ durable(): Promise<LogPosition> }> {
    const effects = deferred.flatMap((statement) => statement.effects);
    return this.#commits.run(async () => {
      // Its snapshot would be that of its moment: a row changed since is a conflict. An INSERT meets the keys that are there now, as in PostgreSQL.
      for (const { t, table } of effects)
        if (t === 'update' && this.answers.changedAt(table) > moment) throw serializationConflict();
      const writer = await this.#openWriter();
      try {
        await writer.run(`BEGIN TRANSACTION; ${deferred.map(({ sql }) => sql).join('; ')}`);
        await judge(writer);
      } catch (error) {
        await writer.run('ROLLBACK').catch(() => undefined);
        throw error;
      }
      return this.#commit(
        () => this.database.commit(writer),
        (now) => this.answers.carry(now, effects),
      );
    });
  }

  /** A connection that plans as it is told: for single rows the optimizer costs more than all the rest. */
  async #openWriter(): Promise<DuckDBConnection> {
    if (this.#writer) return this.#writer;
    const connection = await this.database.connect();
    await connection.run("SET TimeZone = 'UTC'; SET integer_division = true; PRAGMA disable_optimizer");
    this.#writer = connection;
    return connection;
  }

  /** Nobody uses the lake any more. */
  close(): void {
    this.#writer?.closeSync();
    this.#writer = null;
  }

  /** Runs a commit; others see what it made once it has succeeded. */
  commit<T>({ written, changes }: Commit, commit: () => Promise<T>): Promise<T> {
    return this.#commits.run(() =>
      this.#commit(commit, (now) => {
        this.answers.changed(now, written, changes.length > 0);
        for (const change of changes) this.#view = this.#view.with(change);
      }),
    );
  }

  async #commit<T>(commit: () => Promise<T>, committed: (now: Moment) => void): Promise<T> {
    while (this.#pinned.size > 0) await Promise.all([...this.#pinned].map((transaction) => transaction.materialise()));
    const running = commit();
    this.#committing = running;
    try {
      const result = await running;
      committed(++this.#moment);
      return result;
    } finally {
      this.#committing = null;
    }
  }

  async #orLater(committing: Promise<unknown>): Promise<void> {
    const later = Promise.withResolvers<void>();
    const cancel = this.#clock.after(limits.commitWaitMsMax, later.resolve);
    await Promise.race([committing, later.promise]).catch(() => undefined);
    cancel();
  }
}
