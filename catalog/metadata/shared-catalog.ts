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
import { quoteName } from '../../base/sql-lexer.ts';
import { encodeRowChanges } from '../replicated/row-changes.ts';
import { Answers, keyOf, type Moment } from './answers.ts';
import { loadCatalogView } from './catalog-load.ts';
import { type CatalogChange, type CatalogView, storedName, type ViewTable } from './catalog-view.ts';
import type { Deferred, Effect } from './deferral.ts';
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
  /** Transactions that have written in DuckDB and are not over. */
  readonly #writing = new Set<object>();
  /** The highest values of the keys of tables, where they are known. */
  readonly #highestKeys = new Map<string, bigint>();
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
      const recorded = await this.#record(deferred, effects);
      if (recorded) return recorded;
      const writer = await this.#openWriter();
      const behind = this.database.caughtUp();
      if (behind) await behind;
      for (const { table } of effects) this.#highestKeys.delete(keyOf(table));
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

  /**
   * Makes such a commit without DuckDB, if it is certain that DuckDB would make it: every value fits, keys are higher than all there
   * are, nobody has written in DuckDB and not committed. Null if it is not. Under the commit lock.
   */
  async #record(deferred: readonly Deferred[], effects: readonly Effect[]): Promise<{ durable(): Promise<LogPosition> } | null> {
    const mayStill = (): boolean =>
      this.#writing.size === 0 && !this.traffic.mayNameCondemned(deferred.map(({ table }) => table));
    if (!mayStill() || deferred.some(({ changes }) => changes === null)) return null;
    const keys = await this.#keysAfter(effects);
    if (!keys) return null;
    const now = BigInt(this.#clock.now()) * 1000n;
    const rows = encodeRowChanges(deferred.flatMap(({ changes }) => changes?.(now) ?? []));
    if (rows.length > limits.recordedBytesMax) return null;
    return this.#commit(
      () => this.database.record(rows, mayStill),
      (moment) => {
        for (const [table, highest] of keys) this.#highestKeys.set(table, highest);
        this.answers.carry(moment, effects);
      },
    );
  }

  /** The highest keys after the inserts; null when it is not certain that all of them are new. */
  async #keysAfter(effects: readonly Effect[]): Promise<ReadonlyMap<string, bigint> | null> {
    const after = new Map<string, bigint>();
    for (const effect of effects) {
      const { table } = effect;
      const [key, ...more] = table.keys;
      if (effect.t !== 'insert' || !key) continue;
      const at = table.columns.findIndex(({ name }) => name === key.columns[0]);
      if (more.length > 0 || key.columns.length > 1 || at < 0) return null;
      let highest = after.get(keyOf(table)) ?? (await this.#highestKey(table, key.columns[0] as string));
      for (const row of effect.rows) {
        const value = row[at];
        if (typeof value !== 'object' || value === null || !('number' in value) || !/^\d{1,18}$/.test(value.number)) return null;
        const next = BigInt(value.number);
        if (next <= highest) return null;
        highest = next;
      }
      after.set(keyOf(table), highest);
    }
    return after;
  }

  async #highestKey(table: ViewTable, column: string): Promise<bigint> {
    const known = this.#highestKeys.get(keyOf(table));
    if (known !== undefined) return known;
    const writer = await this.#openWriter();
    const behind = this.database.caughtUp();
    if (behind) await behind;
    const stored = storedName(table, this.database.name);
    const found = await writer.runAndReadAll(`SELECT max(${quoteName(column)})::BIGINT FROM ${stored}`);
    const highest = found.getRows()[0]?.[0];
    return typeof highest === 'bigint' ? highest : -1n;
  }

  /** A transaction is about to write in DuckDB: from now on nothing is committed past DuckDB, and DuckDB has all there is. */
  async startWriting(writer: object): Promise<void> {
    this.#writing.add(writer);
    const behind = this.database.caughtUp();
    if (behind) await behind;
  }

  /** Its transaction is over in DuckDB. */
  endWriting(writer: object): void {
    this.#writing.delete(writer);
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
        if (changes.length > 0) this.#highestKeys.clear();
        else for (const table of written) this.#highestKeys.delete(keyOf(table));
        for (const change of changes) this.#view = this.#view.with(change);
      }),
    );
  }

  /** `commit` may resolve to null: nothing was committed. */
  async #commit<T>(commit: () => Promise<T>, committed: (now: Moment) => void): Promise<T> {
    while (this.#pinned.size > 0) await Promise.all([...this.#pinned].map((transaction) => transaction.materialise()));
    const running = commit();
    this.#committing = running;
    try {
      const result = await running;
      if (result !== null) committed(++this.#moment);
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
