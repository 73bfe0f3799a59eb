/**
 * What a SQL session consists of, shared by the files that carry out its statements: its connection and hold on an
 * instance, settings, plans, cursors, transaction. It knows how to move to another instance when the lakes change.
 * Over 300 lines: connecting, resting, moving and closing are one life of one connection.
 */
import { catalogSuffix, type Principal, type Right } from '../../base/domain.ts';
import { assert, LakeError } from '../../base/errors.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import type { RowStream, SessionHooks, Startup } from '../../base/statement-session.ts';
import { TimeZone } from '../../base/time-zone.ts';
import { baseDatabaseName } from '../engine/base-database.ts';
import type { EngineConnection } from '../engine/connection.ts';
import type { Engine } from '../engine/engine.ts';
import type { Lease } from '../engine/pool.ts';
import type { SessionCall } from '../engine/session-call.ts';
import type { Cursor } from './cursor.ts';
import { toStatementError } from './errors.ts';
import { Plans } from './plans.ts';
import type { PgNames } from './ports.ts';
import { withoutMetrics } from './profiling.ts';
import { schemasOf, setSearchPath } from './search-path.ts';
import type { Change, SessionVars } from './session-vars.ts';
import { textRows } from './text-rows.ts';
import { Transaction } from './transaction.ts';

export interface CoreOptions {
  readonly engine: Engine;
  readonly names: PgNames | undefined;
  readonly startup: Startup;
  readonly hooks: SessionHooks;
  readonly vars: SessionVars;
  /** The lakes the session may be on, the first that is attached is taken; empty for a principal that has none yet. */
  readonly lakes: readonly string[];
  /** The session is on none rather than refused when none of them can be attached. */
  readonly anyLake: boolean;
  /** Answers what statements ask of the session while they run. */
  readonly call?: SessionCall | undefined;
}

const rank: Readonly<Record<Right, number>> = { read: 1, write: 2, owner: 3 };

export class SessionCore {
  readonly principal: Principal;
  readonly vars: SessionVars;
  readonly hooks: SessionHooks;
  readonly plans = new Plans();
  readonly transaction = new Transaction();
  readonly cursors = new Map<string, Cursor>();
  /** Called when a transaction of the session is over. */
  onTransactionEnd: () => void = () => undefined;
  /** Statements PREPAREd by SQL: their tags and whether they write, by name. */
  readonly sqlPrepared = new Map<
    string,
    { readonly tag: string; readonly rows: boolean; readonly writes: boolean; readonly sql: string; readonly since: number }
  >();
  /** Something lives in the DuckDB connection only (temporary tables, variables): it cannot simply be replaced. */
  hasTemporaries = false;
  /** The lake `USE` chose. */
  lake: string | null;
  readonly #engine: Engine;
  readonly #names: PgNames | undefined;
  readonly #startup: Startup;
  readonly #call: SessionCall | undefined;
  readonly #stopListening: () => void;
  /** Made for the first statement, and given back when the client says nothing for a while. */
  #connection: EngineConnection | null = null;
  #lease: Lease;
  #stale = false;
  /** Settings changed by functions, not yet told to DuckDB and the client. */
  readonly #pending: { readonly change: Change; readonly before: string | undefined }[] = [];
  #zone = new TimeZone('UTC');
  #closed = false;

  private constructor(options: CoreOptions, lease: Lease) {
    this.#engine = options.engine;
    this.#names = options.names;
    this.#startup = options.startup;
    this.#call = options.call;
    this.principal = options.startup.principal;
    this.vars = options.vars;
    this.hooks = options.hooks;
    this.lake = options.lakes.find((name) => lease.instance.access.has(name)) ?? null;
    this.#lease = lease;
    this.#stopListening = options.engine.lakes.onChange(() => {
      this.#stale = true;
    });
  }

  static async open(options: CoreOptions): Promise<SessionCore> {
    const lease = await options.engine.pool.lease(options.startup.principal).catch((error: unknown) => {
      throw toStatementError(error);
    });
    const core = new SessionCore(options, lease);
    try {
      if (core.lake === null && !options.anyLake) throw whyUnavailable(lease, options.lakes[0] as string);
      // A zone that only the engine can judge is judged before the client is let in.
      if (!knownZones.has(options.vars.get('TimeZone'))) await core.connect();
      return core;
    } catch (error) {
      await core.close();
      throw error;
    }
  }

  /** There is one after `refresh` (or `connect`), until the session rests. */
  get connection(): EngineConnection {
    assert(this.#connection !== null, 'a statement runs on a connection');
    return this.#connection;
  }

  /** Makes the session's connection if it has none. */
  async connect(): Promise<void> {
    if (this.#connection !== null) return;
    assert(!this.#closed, 'a session that is closed runs nothing');
    this.#connection = await this.#engine.connection(this.#lease, this.#call).catch((error: unknown) => {
      throw toStatementError(error);
    });
    await this.applyEnvironment();
  }

  /** Gives the connection back if nothing lives in it that could not be made again. */
  async rest(): Promise<void> {
    const connection = this.#connection;
    if (connection === null || this.hasTemporaries || this.cursors.size > 0 || this.sqlPrepared.size > 0) return;
    if (this.transaction.state !== 'idle') return;
    this.#connection = null;
    this.plans.clear();
    await connection.close(new LakeError('query_canceled', 'the session rests'));
  }

  get lease(): Lease {
    return this.#lease;
  }

  get names(): PgNames | undefined {
    return this.#names;
  }

  rightOn(lake: string): Right | undefined {
    return this.#lease.instance.access.get(lake)?.right;
  }

  isPublicAlias(lake: string | undefined): boolean {
    const name = lake ?? this.lake;
    return name !== null && this.#lease.instance.access.has(name) && !this.#lease.instance.ownPublic.has(name);
  }

  /** Seconds east of UTC at a local time, in the session's zone. */
  offsetOf(localMicros: bigint): number {
    return this.#zone.offsetAtLocal(Number(localMicros));
  }

  /** Makes the connection look as the settings say: search path, time zone, what catalog functions read. Plans are made anew. */
  async applyEnvironment(): Promise<void> {
    const zone = this.vars.get('TimeZone');
    const path = await this.#searchPath();
    // While the lake is in the path every function name is looked for in it first, which asks its catalog: the facts go
    // before it.
    const statements = [
      ...withoutMetrics,
      `SET TimeZone = ${quoteString(zone)}`,
      `SET search_path = '${baseDatabaseName}.main'`,
      ...this.#facts(),
      ...path,
    ];
    try {
      await this.connection.run(statements.join(';'));
    } catch (error) {
      throw toStatementError(error);
    }
    if (knownZones.size < zonesKeptMax) knownZones.add(zone);
    this.#zone = new TimeZone(zone);
    this.plans.clear();
  }

  /** A setting that a function of a query changes: it counts for the statements after this one. */
  setLater(name: string, value: string, isLocal: boolean): string {
    const checked = this.vars.check(name, value);
    // Local to a transaction that is this statement alone: over before anyone can see it.
    if (isLocal && this.transaction.state === 'idle') return checked;
    const before = this.vars.peek(name);
    if (before !== checked) this.#pending.push({ change: this.vars.set(name, checked, isLocal), before });
    return checked;
  }

  /** Makes what `setLater` changed hold. Throws invalid_argument for a time zone there is not, which then is as it was. */
  async applyPending(): Promise<void> {
    if (this.#pending.length === 0) return;
    const changed = this.#pending.splice(0);
    try {
      await this.applyEnvironment();
    } catch (error) {
      for (const { change, before } of changed.reverse()) if (before !== undefined) this.vars.set(change.name, before, false);
      await this.applyEnvironment();
      throw new LakeError('invalid_argument', 'a value that set_config was given is not valid', {
        hint: "SET says which: a time zone is a name such as 'Europe/Berlin' or 'UTC'.",
        cause: error,
      });
    }
    this.report(changed.map(({ change }) => change));
  }

  /** Tells the client about settings that changed, if they are reported ones. */
  report(changes: readonly Change[]): void {
    for (const { name, value, reported } of changes) if (reported) this.hooks.parameter(name, value);
  }

  /**
   * Before a statement: if lakes or grants changed, moves the session to an instance that has the present ones. A session
   * with temporary things stays where it is unless it lost a right; a transaction that lost one cannot go on.
   */
  async refresh(): Promise<void> {
    if (this.#connection === null) await this.connect();
    if (!this.#stale) return;
    const { key, access } = await this.#engine.pool.keyOf(this.principal);
    if (key === this.#lease.key) {
      this.#stale = false;
      return;
    }
    const present = new Map(access.map((one) => [one.lake.name, one]));
    const lost = [...this.#lease.instance.access.values()].some(({ lake, right }) => {
      const now = present.get(lake.name);
      return now === undefined || now.lake.id !== lake.id || rank[now.right] < rank[right];
    });
    // A failed block shows nothing any more, and must be left with ROLLBACK.
    if (this.transaction.state === 'failed') return;
    if (this.transaction.state !== 'idle' || this.cursors.size > 0) {
      if (lost)
        throw new LakeError('permission_denied', 'your grants changed while the transaction was open', {
          hint: 'ROLLBACK and begin again.',
        });
      return;
    }
    if (this.hasTemporaries && !lost) return;
    if (this.lake !== null && !present.has(this.lake)) {
      const error = new LakeError('admin_shutdown', `database "${this.lake}" was dropped or your grant on it was taken back`);
      this.hooks.terminate(error);
      throw error;
    }
    await this.replaceConnection();
    this.#stale = false;
  }

  /** A new connection on the instance of the present grants; everything temporary of the old one is gone. */
  async replaceConnection(): Promise<void> {
    const next = await this.#engine.connect(this.principal, this.#call).catch((error: unknown) => {
      throw toStatementError(error);
    });
    if (this.lake !== null && !next.lease.instance.access.has(this.lake)) {
      const error = whyUnavailable(next.lease, this.lake);
      await next.connection.close(error);
      next.lease.release();
      throw error;
    }
    this.plans.clear();
    this.sqlPrepared.clear();
    const { connection, lease } = { connection: this.connection, lease: this.#lease };
    this.#connection = next.connection;
    this.#lease = next.lease;
    if (this.hasTemporaries)
      this.hooks.notice(
        'WARNING',
        '01000',
        'temporary tables, views and variables of this session are gone: lakes or grants changed',
      );
    this.hasTemporaries = false;
    await connection.close(new LakeError('query_canceled', 'the session moved'));
    lease.release();
    await this.applyEnvironment();
  }

  /** The transaction is over: cursors without HOLD and settings of it go with it. */
  async afterTransaction(committed: boolean): Promise<void> {
    this.onTransactionEnd();
    for (const [name, cursor] of [...this.cursors]) {
      if (cursor.hold && committed) continue;
      this.cursors.delete(name);
      await cursor.close();
    }
    const changes = this.vars.end(committed);
    if (changes.length === 0) return;
    await this.applyEnvironment();
    this.report(changes);
  }

  /** Rolls back, closes and lets go; idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    for (const cursor of this.cursors.values()) await cursor.close().catch(() => undefined);
    this.plans.clear();
    await this.#connection?.close(new LakeError('query_canceled', 'the connection is gone'));
    this.#lease.release();
  }

  /** Rows of text we made ourselves (SHOW and the like). */
  textRows(columns: readonly string[], rows: readonly (readonly (string | null)[])[]): Promise<RowStream> {
    return textRows(this, columns, rows);
  }

  /** Schemas that do not exist are passed over, as PostgreSQL does; `public` is `main`. */
  async #searchPath(): Promise<string[]> {
    const { lake } = this;
    if (lake === null) return [];
    const set = (schemas: readonly string[]): string =>
      setSearchPath(schemas, { lake, isPublicAlias: this.isPublicAlias(undefined), hasCatalog: this.#names !== undefined });
    const wanted = this.schemas().filter((schema) => schema !== 'pg_catalog' && schema !== '$user');
    if (wanted.length === 1 && wanted[0] === 'public') return [set(['public'])];
    const known: string[] = [];
    for (const schema of wanted) {
      await this.connection.run(set([schema])).then(
        () => known.push(schema),
        () => undefined,
      );
    }
    return [set(known.length === 0 ? ['main'] : known)];
  }

  /** The schemas of search_path as the client wrote them, in order. */
  schemas(): string[] {
    return schemasOf(this.vars.get('search_path'));
  }

  #facts(): readonly string[] {
    if (!this.#names) return [];
    return this.#names.sessionStatements({
      principal: this.principal,
      database: this.lake ?? this.#startup.database,
      processId: this.#startup.processId,
      lakes: [...this.#lease.instance.access.values()].map(({ lake, right }) => ({ name: lake.name, owner: lake.owner, right })),
      searchPath: this.schemas(),
      settings: this.vars.all(),
    });
  }
}

/** Time zones that an engine has taken: most sessions have one of few. */
const knownZones = new Set<string>();
const zonesKeptMax = 1000;

/** Why a lake that the principal may use is not attached. */
function whyUnavailable(lease: Lease, lake: string): LakeError {
  const found = lease.instance.unavailable.get(lake);
  const error = found && toStatementError(found.reason);
  if (error?.retriable || error?.code === 'store_unavailable') return error;
  return new LakeError(
    'cannot_connect_now',
    `the catalog of ducklake "${lake}" cannot be opened: ${error?.message ?? 'it is not there'}`,
    {
      hint: `Attach "${lake}${catalogSuffix}" with DuckDB to fill or repair it, or restore or drop the ducklake; your other lakes are not concerned.`,
      cause: found?.reason,
    },
  );
}
