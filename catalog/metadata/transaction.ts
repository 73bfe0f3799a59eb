/**
 * The transaction of one metadata session on its DuckDB connection. PostgreSQL's rules seen from outside: a block goes
 * on until COMMIT or ROLLBACK, an error makes it failed; statements of one message share an implicit transaction.
 * Inside, a transaction takes its moment with the first statement (shared-catalog.ts), DuckDB's own begins when DuckDB is
 * needed, and is rolled back at once when something fails, so that no error is ever sent before it is gone (rule 12).
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { quoteName } from '../../base/sql-lexer.ts';
import type { Answer, Moment } from './answers.ts';
import type { CatalogChange, CatalogView, ViewTable } from './catalog-view.ts';
import type { Deferred } from './deferral.ts';
import { toMetadataError } from './errors.ts';
import { limits } from './limits.ts';
import type { Pinned, SharedCatalog } from './shared-catalog.ts';
import { refuseStoredSql } from './stored-sql.ts';
import type { Turn } from './turns.ts';
import type { Returning, Traveller } from './traffic.ts';

type State =
  /** No transaction. */
  | { readonly t: 'idle' }
  /** Opened by BEGIN (`block`) or by a statement on its own. */
  | { readonly t: 'open'; readonly block: boolean; readonly readOnly: boolean; readonly work: Work | null }
  /** An error happened in a block; DuckDB's transaction is rolled back already. */
  | { readonly t: 'failed' };

/** What DuckDB's transaction has seen and done. */
interface Work {
  view: CatalogView;
  /** The moment it sees; null if only DuckDB's snapshot says what that is. */
  readonly moment: Moment | null;
  /** Set as soon as DuckDB's transaction is begun: settles when it is, rejects when it could not be. */
  begun: Promise<unknown> | null;
  readonly changes: CatalogChange[];
  /** Statements that wait for COMMIT; if there are any, DuckDB has been told of no other. */
  readonly deferred: Deferred[];
  /** True once a stored table or the catalog was written. */
  wrote: boolean;
  /** Stored tables written, to name the constraint when COMMIT finds a duplicate. */
  readonly written: Set<ViewTable>;
}

interface TemporaryTable {
  readonly table: ViewTable;
  readonly dropOnCommit: boolean;
}

/** Who is in the transaction. */
export interface TransactionOwner {
  readonly canWrite: boolean;
  /** The pod's own maintenance: it gives way to everybody else. */
  readonly isMaintenance: boolean;
}

export class Transaction {
  readonly #connection: DuckDBConnection;
  readonly #catalog: SharedCatalog;
  readonly #owner: TransactionOwner;
  /** The open transaction among those on the lake. */
  #traveller: Traveller | null = null;
  #returning: Returning | null = null;
  #state: State = { t: 'idle' };
  /** Temporary tables as the open transaction sees them, and as they were before it. */
  #temporary = new Map<string, TemporaryTable>();
  #temporaryBefore: Map<string, TemporaryTable> | undefined;
  /** True if the last transaction committed what it wrote, or was refused because another was first and will come again. */
  #isLikelyToCommit = false;
  /** How many transactions in a row have written and not been committed. */
  #refusals = 0;
  #turn: Turn | undefined;
  /** True while DuckDB's transaction has written, or is about to. */
  #isWriting = false;
  /** Settles when the last commit is durable; null when there is nothing to wait for. */
  #durable: Promise<unknown> | null = null;

  constructor(connection: DuckDBConnection, catalog: SharedCatalog, owner: TransactionOwner) {
    this.#connection = connection;
    this.#catalog = catalog;
    this.#owner = owner;
  }

  status(): 'I' | 'T' | 'E' {
    if (this.#state.t === 'failed') return 'E';
    return this.#state.t === 'open' && this.#state.block ? 'T' : 'I';
  }

  get isBlock(): boolean {
    return this.#state.t === 'open' && this.#state.block;
  }

  /** True while there is an uncommitted write: it holds other writers off, or waits for a COMMIT that should come soon. */
  get holdsWrites(): boolean {
    const work = this.#state.t === 'open' ? this.#state.work : null;
    return work !== null && (work.wrote || work.deferred.length > 0);
  }

  /** What names mean now: the open transaction's view, or what is committed. */
  get view(): CatalogView {
    return (this.#state.t === 'open' ? this.#state.work?.view : undefined) ?? this.#catalog.view;
  }

  get temporary(): ReadonlyMap<string, ViewTable> {
    return new Map([...this.#temporary].map(([name, { table }]) => [name, table]));
  }

  get hasTemporary(): boolean {
    return this.#temporary.size > 0;
  }

  /** BEGIN. Returns false if there was a block already (PostgreSQL warns). */
  begin(readOnly: boolean): boolean {
    this.assertUsable();
    if (this.#state.t === 'open') {
      const { block } = this.#state;
      this.#state = { ...this.#state, block: true, readOnly };
      return !block;
    }
    this.#state = { t: 'open', block: true, readOnly, work: null };
    return true;
  }

  setReadOnly(readOnly: boolean): void {
    if (this.#state.t === 'open') this.#state = { ...this.#state, readOnly };
  }

  /** Throws 25P02 in a failed block. */
  assertUsable(): void {
    this.#turn?.touch();
    if (this.#state.t === 'failed') {
      throw new LakeError(
        'in_failed_transaction',
        'current transaction is aborted, commands ignored until end of transaction block',
      );
    }
  }

  /** Makes sure that it is decided what the transaction sees (an implicit one if there is no block). */
  async start(): Promise<void> {
    this.assertUsable();
    if (this.#state.t === 'idle') this.#state = { t: 'open', block: false, readOnly: false, work: null };
    if (this.#state.t !== 'open' || this.#state.work !== null) return;
    this.#temporaryBefore = new Map(this.#temporary);
    if (this.#isLikelyToCommit && !this.#state.readOnly) this.#turn = await this.#catalog.turns.take(this.#refusals, this);
    const settled = this.#catalog.settled();
    if (settled) await settled;
    while (this.#catalog.traffic.gate) await this.#catalog.traffic.gate;
    this.#traveller = this.#catalog.traffic.enter(this.#owner.canWrite && !this.#state.readOnly, this.#owner.isMaintenance);
    this.#arrive();
    const pinned = this.#catalog.pin(this.#pin);
    const none = { changes: [], deferred: [], wrote: false, written: new Set<ViewTable>() };
    if (pinned) {
      this.#state = { ...this.#state, work: { ...none, view: pinned.view, moment: pinned.moment, begun: null } };
      return;
    }
    const view = await this.#catalog.viewFor(this.#connection, () => this.#begin());
    this.#state = { ...this.#state, work: { ...none, view, moment: null, begun: Promise.resolve() } };
  }

  /** Makes sure that DuckDB's transaction is open, if there is a transaction; to be called before DuckDB is asked. */
  async materialise(): Promise<void> {
    const work = this.#state.t === 'open' ? this.#state.work : null;
    if (!work) return void (await this.#catalog.database.caughtUp());
    if (work.begun === null) await this.#pin.materialise();
    await work.begun;
    // Something else comes before COMMIT, and has to find what waited.
    if (work.deferred.length > 0) await this.startWriting();
    for (const { sql } of work.deferred.splice(0)) {
      work.wrote = true;
      await this.#connection.run(sql);
    }
  }

  /** To be called before the first statement that writes a stored table in DuckDB's transaction. */
  async startWriting(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    await this.#catalog.startWriting(this);
  }

  /** DuckDB's transaction is over. */
  #endWriting(): void {
    if (this.#isWriting) this.#catalog.endWriting(this);
    this.#isWriting = false;
  }

  /** True if a statement may wait for COMMIT: one that begins a commit, or follows one that waits. */
  mayDefer(begins: boolean): boolean {
    if (this.#state.t !== 'open' || !this.#state.block || this.#state.readOnly || this.hasTemporary) return false;
    const { work } = this.#state;
    if (!work || work.wrote || work.moment === null || this.#owner.isMaintenance) return false;
    return begins || work.deferred.length > 0;
  }

  /** Lets a statement wait, if `mayDefer` says so. Resolves to the number of rows it is going to write; undefined if that is not known. */
  defer(statement: Deferred): number | undefined {
    const work = this.#state.t === 'open' ? this.#state.work : null;
    if (!work || work.moment === null) return undefined;
    const { deferred } = work;
    if (deferred.reduce((sum, { sql }) => sum + sql.length, statement.sql.length) > limits.deferredCharactersMax)
      return undefined;
    let count = 0;
    for (const effect of statement.effects) {
      if (effect.t === 'insert') count += effect.rows.length;
      else {
        const inserted = deferred.some(({ effects }) => effects.some((e) => e.t === 'insert' && e.table === effect.table));
        const found = inserted ? undefined : this.#catalog.answers.countOf(effect, work.moment);
        if (found === undefined) return undefined;
        count += found;
      }
    }
    deferred.push(statement);
    work.written.add(statement.table);
    return count;
  }

  readonly #pin: Pinned = {
    materialise: (): Promise<unknown> => {
      const work = this.#state.t === 'open' ? this.#state.work : null;
      if (work) work.begun ??= this.#begin();
      const unpin = (): void => this.#catalog.unpin(this.#pin);
      return Promise.resolve(work?.begun).then(unpin, unpin);
    },
  };

  /** now() makes DuckDB look into this database's catalog, which is what fixes the snapshot; BEGIN alone does not. */
  async #begin(): Promise<unknown> {
    const behind = this.#catalog.database.caughtUp();
    if (behind) await behind;
    return this.#connection.run('BEGIN TRANSACTION; SELECT now()');
  }

  /** The answer to a text, if it is kept and is what DuckDB would say here. */
  recall(sql: string): Answer | undefined {
    if (this.hasTemporary || this.#state.t === 'failed') return undefined;
    const work = this.#state.t === 'open' ? this.#state.work : null;
    if (!work) return this.#catalog.answers.recall(sql, this.#catalog.view, this.#catalog.moment);
    if (work.wrote || work.deferred.length > 0 || work.moment === null) return undefined;
    return this.#catalog.answers.recall(sql, work.view, work.moment);
  }

  /** What keeps the answer that is being made; undefined if nobody else would get the same. */
  keeper(sql: string, tables: readonly ViewTable[]): ((encoded: Buffer, rows: number) => void) | undefined {
    const work = this.#state.t === 'open' ? this.#state.work : null;
    if (!work || work.wrote || work.deferred.length > 0 || work.moment === null || this.hasTemporary) return undefined;
    const { moment } = work;
    return (encoded, rows) => this.#catalog.answers.keep(sql, { tables, moment, encoded, rows });
  }

  /** To be called before a stored table or the catalog is written. */
  assertWritable(): void {
    if (this.#state.t === 'open' && this.#state.readOnly) {
      throw new LakeError('read_only_transaction', 'cannot write in a read-only transaction');
    }
  }

  wrote(table: ViewTable | undefined, changes: readonly CatalogChange[]): void {
    const work = this.#state.t === 'open' ? this.#state.work : null;
    if (!work) throw new LakeError('internal', 'a write outside of a transaction');
    work.wrote = true;
    if (table) work.written.add(table);
    for (const change of changes) {
      work.changes.push(change);
      work.view = work.view.with(change);
    }
  }

  addTemporary(table: ViewTable, dropOnCommit: boolean): void {
    this.#temporary.set(table.name.toLowerCase(), { table, dropOnCommit });
  }

  dropTemporary(name: string): void {
    this.#temporary.delete(name.toLowerCase());
  }

  /** COMMIT, or the end of an implicit transaction. Resolves when DuckDB has it; `barrier` is for durability. */
  async commit(): Promise<'committed' | 'rolled back' | 'none'> {
    if (this.#state.t === 'failed') {
      this.#state = { t: 'idle' };
      return 'rolled back';
    }
    if (this.#state.t === 'idle') return 'none';
    const { work } = this.#state;
    if (work === null) {
      this.#state = { t: 'idle' };
      return 'committed';
    }
    try {
      await this.#dropOnCommit();
      const deferred = work.deferred.length > 0 ? await this.#commitDeferred(work, work.deferred) : null;
      if (deferred || work.wrote) {
        const { durable } = deferred ?? (await this.#commitOwn(work));
        this.#durable = durable();
        // Whoever asks next gets the rejection; until then it must not count as unhandled.
        this.#durable.catch(() => undefined);
      } else if (work.begun === null) this.#catalog.unpin(this.#pin);
      else {
        await work.begun;
        await this.#connection.run('COMMIT');
      }
      this.#state = { t: 'idle' };
      this.#endWriting();
      this.#temporaryBefore = undefined;
      this.#isLikelyToCommit = work.wrote || work.deferred.length > 0;
      this.#refusals = 0;
      this.#turn?.end(true);
      this.#leave();
      return 'committed';
    } catch (error) {
      await this.rollback();
      const [only, ...more] = [...work.written].filter((table) => table.keys.length > 0);
      throw toMetadataError(error, more.length === 0 ? only?.name : undefined);
    }
  }

  async #commitOwn(work: Work): Promise<{ durable(): Promise<unknown> }> {
    await refuseStoredSql(this.#connection, work.written);
    const { traffic } = this.#catalog;
    if (this.#traveller) await traffic.judge(this.#traveller, this.#connection, work.written);
    const commit = () => this.#catalog.commit(work, () => this.#catalog.database.commit(this.#connection));
    return this.#owner.isMaintenance ? traffic.alone(commit) : commit();
  }

  /** DuckDB's own transaction, if it has begun, has only been looked at. */
  async #commitDeferred(work: Work, deferred: readonly Deferred[]): Promise<{ durable(): Promise<unknown> }> {
    this.#catalog.unpin(this.#pin);
    const { begun } = work;
    work.begun = null;
    if (begun) {
      await begun;
      await this.#connection.run('ROLLBACK');
    }
    const traveller = this.#traveller;
    if (traveller) this.#catalog.traffic.judgeAge(traveller);
    return this.#catalog.commitDeferred(work.moment as Moment, deferred, async (connection) => {
      if (traveller) await this.#catalog.traffic.judge(traveller, connection, work.written);
    });
  }

  async #dropOnCommit(): Promise<void> {
    for (const [name, { table, dropOnCommit }] of [...this.#temporary]) {
      if (!dropOnCommit) continue;
      await this.#connection.run(`DROP TABLE temp.main.${quoteName(table.name)}`);
      this.#temporary.delete(name);
    }
  }

  /** ROLLBACK, whatever the state. Never throws: a connection that cannot roll back is of no more use and is closed by its owner. */
  async rollback(): Promise<boolean> {
    const had = this.#state.t;
    const work = this.#state.t === 'open' ? this.#state.work : null;
    this.#state = { t: 'idle' };
    if (work) await this.#undo(work);
    return had !== 'idle';
  }

  /** An error: DuckDB's transaction ends now; a block is failed until the client ends it. */
  async fail(): Promise<void> {
    if (this.#state.t !== 'open') return;
    const { block, work } = this.#state;
    this.#state = block ? { t: 'failed' } : { t: 'idle' };
    if (work !== null) await this.#undo(work);
  }

  /** Whoever was refused has come again, or does not come. */
  #arrive(): void {
    if (this.#returning) this.#catalog.traffic.returned(this.#returning);
    this.#returning = null;
  }

  #leave(): void {
    this.#turn?.end();
    this.#turn = undefined;
    if (this.#traveller) this.#catalog.traffic.leave(this.#traveller);
    this.#traveller = null;
  }

  async #undo(work: Work): Promise<void> {
    this.#isLikelyToCommit = work.wrote || work.deferred.length > 0;
    this.#refusals = this.#isLikelyToCommit ? this.#refusals + 1 : 0;
    this.#arrive();
    if (this.#isLikelyToCommit && !this.#owner.isMaintenance) this.#returning = this.#catalog.traffic.expect();
    this.#leave();
    if (this.#temporaryBefore) this.#temporary = this.#temporaryBefore;
    this.#temporaryBefore = undefined;
    this.#catalog.unpin(this.#pin);
    if (work.begun === null) return;
    try {
      await work.begun;
      await this.#connection.run('ROLLBACK');
    } catch {
      // DuckDB has no transaction any more: a refused COMMIT or a broken statement ended it.
    } finally {
      this.#endWriting();
    }
  }

  /** Drops all temporary tables (DISCARD). Only outside of a transaction. */
  async discardTemporary(): Promise<void> {
    for (const { table } of this.#temporary.values())
      await this.#connection.run(`DROP TABLE IF EXISTS temp.main.${quoteName(table.name)}`);
    this.#temporary.clear();
  }

  /**
   * Resolves when everything this session has shown is durable; null if it is. Rejects (again and again) when that
   * cannot be known any more: then nothing may leave, not even an error.
   */
  barrier(): Promise<void> | null {
    const own = this.#durable;
    const seen = this.#catalog.database.barrier();
    if (!own) return seen;
    return Promise.all([own, seen]).then(() => {
      if (this.#durable === own) this.#durable = null;
    });
  }
}
