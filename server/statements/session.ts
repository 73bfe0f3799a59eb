/**
 * The SQL session on a lake: PostgreSQL's session semantics over DuckDB's SQL. Each statement is classified by its first
 * words, checked by the gate, and takes its road: most go to the engine, the rest (transactions, settings, cursors, COPY,
 * administration) to a file of their own. Fulfils base/statement-session.ts.
 */
import type { DuckDBMaterializedResult } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { splitStatements, withPlainSpaces } from '../../base/sql-lexer.ts';
import type {
  Column,
  Outcome,
  Prepared,
  RawParameter,
  RowStream,
  SessionHooks,
  Startup,
  StatementSession,
} from '../../base/statement-session.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Engine } from '../engine/engine.ts';
import { KeptRows } from '../engine/read.ts';
import { type Activity, Backends } from './backends.ts';
import { bindParameters } from './bind.ts';
import { classify, type Shape } from './classify.ts';
import { announcedName } from './column-name.ts';
import { SessionCore } from './core.ts';
import { DeeperArray } from './deeper-arrays.ts';
import { asAlterView, withoutCascade, withSequences } from './definitions.ts';
import { toStatementError } from './errors.ts';
import { type Explain, parseExplain, planRows } from './explain.ts';
import { checkGate } from './gate.ts';
import { OwnStatements } from './own-statements.ts';
import type { Plan } from './plans.ts';
import type { Admin, PgNames } from './ports.ts';
import { measured } from './profiling.ts';
import { SessionCalls } from './session-calls.ts';
import { SessionVars } from './session-vars.ts';
import { startupVars } from './startup.ts';
import { StatementHistory } from './statement-history.ts';
import { tagOf } from './tags.ts';
import { Timeouts } from './timeouts.ts';

export interface SessionDependencies {
  readonly engine: Engine;
  readonly admin?: Admin | undefined;
  readonly names?: PgNames | undefined;
  /** Initial values of settings where they differ from the table's (session-vars.ts); RESET goes back to them. */
  readonly defaults?: Readonly<Record<string, string>> | undefined;
  /** The sessions of the pod; absent: the session is alone. */
  readonly backends?: Backends | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Statement texts whose classification is remembered, for all sessions; texts longer than this are looked at each time. */
const shapesMax = 1000;
const shapeTextMax = 2048;
const shapes = new Map<string, Shape>();

/**
 * Opens a SQL session on the lake that `startup.database` names (`postgres` is the principal's default lake). Throws
 * undefined_database, undefined_parameter, too_many_connections; DuckDB's errors are mapped.
 */
export async function openStatementSession(
  startup: Startup,
  hooks: SessionHooks,
  dependencies: SessionDependencies,
): Promise<StatementSession> {
  const access = await dependencies.engine.lakes.of(startup.principal);
  const names = access.map(({ lake }) => lake.name);
  const { principal, database } = startup;
  const anyLake = database === 'postgres' || database === '';
  if (!anyLake && !names.includes(database)) {
    throw new LakeError('undefined_database', `database "${database}" does not exist`, {
      hint:
        names.length > 0
          ? `You may connect to: ${names.join(', ')}.`
          : 'You have no grant on any lake yet; connect to "postgres" to create one.',
    });
  }
  const vars = new SessionVars({
    ...dependencies.defaults,
    ...startupVars(startup.parameters),
    session_authorization: principal.name,
    is_superuser: principal.superuser ? 'on' : 'off',
  });
  const late: { core?: SessionCore } = {};
  const backends = dependencies.backends ?? new Backends(dependencies.clock.now());
  const calls = new SessionCalls({
    backends,
    clock: dependencies.clock,
    pid: startup.processId,
    asking: { principal, maySee: (lake) => late.core?.rightOn(lake) !== undefined },
    address: startup.remoteAddress,
    lake: () => late.core?.lake ?? '',
    prepared: () => [
      ...(hooks.prepared?.() ?? []).map((one) => ({ ...one, fromSql: false })),
      ...[...(late.core?.sqlPrepared ?? [])].map(([name, { sql, since }]) => ({
        name,
        sql,
        since,
        parameters: [],
        fromSql: true,
      })),
    ],
    set: (name, value, isLocal) => (late.core as SessionCore).setLater(name, value, isLocal),
  });
  const core = await SessionCore.open({
    engine: dependencies.engine,
    call: calls.call,
    names: dependencies.names,
    startup,
    hooks,
    vars,
    lakes: anyLake
      ? [...names].sort((a, b) => Number(b === principal.defaultLake) - Number(a === principal.defaultLake))
      : [database],
    anyLake,
  });
  late.core = core;
  return new SqlSession(core, dependencies, { backends, calls, startup });
}

export interface RunOptions {
  readonly oids: readonly number[];
  readonly parameters: readonly RawParameter[];
  /** Nothing of the same message follows, so DuckDB's own transaction around the statement is enough. */
  readonly alone: boolean;
  /** The columns the client was told, if it was. */
  readonly described?: readonly Column[] | null;
  /** How many of its array parameters turned out to have more dimensions than planned. */
  readonly deepened?: number;
}

export class SqlSession implements StatementSession {
  readonly core: SessionCore;
  readonly dependencies: SessionDependencies;
  readonly parameters: ReadonlyMap<string, string>;
  readonly #own: OwnStatements;
  #interruption: LakeError | null = null;
  /** Statements that have begun and whose rows have not ended. */
  #active = 0;
  readonly #timeouts: Timeouts;
  readonly #calls: SessionCalls;
  readonly #history: StatementHistory;
  readonly #leave: () => void;
  #stopWaiting: ((reason: LakeError) => void) | null = null;

  constructor(
    core: SessionCore,
    dependencies: SessionDependencies,
    { backends, calls, startup }: { readonly backends: Backends; readonly calls: SessionCalls; readonly startup: Startup },
  ) {
    this.core = core;
    this.dependencies = dependencies;
    this.parameters = core.vars.reported();
    this.#own = new OwnStatements(this);
    this.#timeouts = new Timeouts({
      vars: core.vars,
      clock: dependencies.clock,
      interrupt: (reason) => this.interrupt(reason),
      terminate: (reason) => core.hooks.terminate(reason),
    });
    core.transaction.onChange = (isOpen) => this.#timeouts.transaction(isOpen);
    core.onTransactionEnd = () => calls.endTransaction();
    this.#calls = calls;
    this.#history = new StatementHistory(dependencies.clock);
    this.#leave = backends.enter({
      pid: startup.processId,
      principal: core.principal,
      address: startup.remoteAddress,
      backendStart: dependencies.clock.now(),
      activity: () => this.#activity(),
      cancel: () => this.cancel(),
      terminate: (reason) => core.hooks.terminate(reason),
    });
  }

  transactionStatus(): 'I' | 'T' | 'E' {
    return this.core.transaction.status();
  }

  split(sql: string): string[] {
    if (sql.includes('\0')) throw new LakeError('invalid_byte_sequence', 'a statement may not contain a zero byte');
    return splitStatements(sql);
  }

  async prepare(sql: string, parameterOids: readonly number[]): Promise<Prepared> {
    this.#interruption = null;
    const shape = shapeOf(sql);
    const admin = await this.#enter(sql, shape);
    if (admin !== null || (shape.road !== 'engine' && shape.road !== 'explain' && shape.road !== 'call'))
      return this.#own.prepare(sql, shape, admin);
    try {
      const plan = await this.plan(sql, shape, parameterOids);
      const columns =
        shape.road === 'explain'
          ? parseExplain(sql, shape.tokens).columns
          : shape.rows || shape.road !== 'engine'
            ? plan.columns
            : null;
      return {
        parameters: plan.parameters,
        columns,
        execute: async (parameters) => {
          this.#interruption = null;
          this.#history.began(sql, this.core.transaction.state === 'idle');
          this.core.transaction.checkUsable();
          await this.core.refresh();
          // Rights may have changed since Parse; only CALL's are the gate's to judge.
          if (shape.road === 'call') this.#checkGate(shape);
          return this.runEngine(sql, shape, { oids: parameterOids, parameters, alone: false, described: columns });
        },
        close: () => undefined,
      };
    } catch (error) {
      throw this.mapped(error, sql);
    }
  }

  async simple(sql: string, position: { readonly index: number; readonly count: number }): Promise<Outcome> {
    this.#interruption = null;
    const shape = shapeOf(sql);
    this.#history.began(sql, this.core.transaction.state === 'idle');
    const admin = await this.#enter(sql, shape);
    const options: RunOptions = { oids: [], parameters: [], alone: position.index === position.count - 1 };
    if (admin === null && (shape.road === 'engine' || shape.road === 'explain' || shape.road === 'call'))
      return this.runEngine(sql, shape, options);
    return this.#own.run(sql, shape, admin, options);
  }

  /** What every statement must pass. Resolves to the administrative statement, if it is one. */
  async #enter(sql: string, shape: Shape): Promise<unknown> {
    if (shape.road !== 'transaction') this.core.transaction.checkUsable();
    await this.core.applyPending();
    await this.core.refresh();
    const admin = adminWords.has(shape.word) ? (this.dependencies.admin?.parse(sql) ?? null) : null;
    if (admin === null) this.#checkGate(shape);
    return admin;
  }

  #checkGate(shape: Shape): void {
    checkGate(shape, { lake: this.core.lake ?? '', rightOn: (lake) => this.core.rightOn(lake) });
  }

  /** The text as DuckDB gets it, planned; kept for the next time where that pays. */
  async plan(sql: string, shape: Shape, oids: readonly number[]): Promise<Plan> {
    const { core } = this;
    const serial = shape.temporary ? withSequences(sql, shape) : null;
    // One that a table still needs stays as it is; making that table again is what fails then.
    for (const sequence of serial?.before ?? []) await core.connection.run(sequence).catch(() => undefined);
    const lake = core.lake ?? '';
    const definition = withoutCascade(sql, shape);
    if (definition !== null) core.hooks.notice('NOTICE', '00000', definition.notice);
    const text = serial?.sql ?? definition?.sql ?? (shape.road === 'explain' ? parseExplain(sql, shape.tokens).sql : sql);
    const rewritten = core.names?.rewrite(text, { lake, isPublicAlias: (name) => core.isPublicAlias(name) });
    const keep =
      shape.road === 'engine' && (shape.rows || shape.tag === 'INSERT' || shape.tag === 'UPDATE' || shape.tag === 'DELETE');
    const announce = rewritten?.isCatalog
      ? (columns: readonly Column[]) => core.names?.announce(sql, columns) ?? columns
      : undefined;
    // What the client did not declare, the text may: `$1::oid[]`.
    const cast = rewritten?.parameters ?? [];
    const declared =
      cast.length === 0 ? oids : Array.from({ length: Math.max(oids.length, cast.length) }, (_, i) => oids[i] || cast[i] || 0);
    return core.plans.get(core.connection, plainSpaces(rewritten?.sql ?? text), declared, keep, announce);
  }

  /** Runs a statement in DuckDB. */
  async runEngine(sql: string, shape: Shape, options: RunOptions): Promise<Outcome> {
    const { core } = this;
    if (shape.writes) this.checkWritable(shape);
    this.begin();
    try {
      if (shape.writes && !options.alone) await this.beginImplicit();
      if (shape.temporary) core.hasTemporaries = true;
      const plan = await this.plan(sql, shape, options.oids);
      if (shape.writes || shape.road === 'call') core.transaction.noteWrite();
      if (plan.parameters.length > 0) {
        if (options.parameters.length !== plan.parameters.length)
          throw new LakeError('invalid_argument', 'there is no parameter $1', {
            hint: 'Parameters need the extended protocol (a prepared statement).',
          });
        bindParameters(plan, options.parameters, (micros) => core.offsetOf(micros));
      }
      const rows = shape.rows || shape.road !== 'engine';
      const maySleep = waitingWords.test(sql);
      if (rows && !shape.bounded && !shape.writes && shape.road !== 'explain' && !maySleep) {
        const stream = await core.connection.stream(plan.prepared, !plan.kept);
        const columns = this.#checkColumns(plan, stream.result, options);
        return { t: 'rows', rows: this.guard(columns, stream, sql), tag: (count) => tagOf(shape.tag, count) };
      }
      const run = (): Promise<DuckDBMaterializedResult> => core.connection.execute(plan.prepared);
      const execute = maySleep ? () => this.#calls.untilFree(run, (free) => this.#wait(free)) : run;
      const result = shape.road === 'explain' ? await measured(core.connection, execute) : await execute();
      if (shape.bounded) await core.applyPending();
      if (shape.road === 'explain') return await this.#explained(parseExplain(sql, shape.tokens), plan, result);
      if (rows) {
        const columns = this.#checkColumns(plan, result, options);
        if (!plan.kept) plan.prepared.destroySync();
        return { t: 'rows', rows: this.guard(columns, new KeptRows(result), sql), tag: (count) => tagOf(shape.tag, count) };
      }
      // CREATE TABLE AS answers its count as a row, not as rows changed.
      const changed = shape.tag === 'SELECT' ? countOf(result) : result.rowsChanged;
      if (!plan.kept) plan.prepared.destroySync();
      this.end();
      return { t: 'command', tag: tagOf(shape.tag, changed) };
    } catch (error) {
      this.end();
      const view = asAlterView(sql, shape, error);
      if (view !== null) return this.runEngine(view, shape, options);
      const { deepened = 0 } = options;
      if (error instanceof DeeperArray && deepened < options.parameters.length)
        return this.runEngine(error.deepen(sql), shape, { ...options, deepened: deepened + 1 });
      throw this.mapped(error, sql);
    }
  }

  async #explained(explain: Explain, plan: Plan, result: DuckDBMaterializedResult): Promise<Outcome> {
    const plans = Array.from({ length: result.chunkCount }, (_, i) => result.getChunk(i).getRows())
      .flat()
      .map((row) => String(row.at(-1)));
    plan.prepared.destroySync();
    const rows = await this.core.textRows(
      explain.columns.map(({ name }) => name),
      planRows(explain, plans),
    );
    return { t: 'rows', rows: this.guard(explain.columns, rows, ''), tag: () => 'EXPLAIN' };
  }

  async failed(_error: LakeError): Promise<void> {
    const { core } = this;
    const { transaction } = core;
    if (transaction.state === 'block') {
      await transaction.fail(core.connection);
      // With a savepoint the block may go on; then its settings and cursors do.
      if (!transaction.hasSavepoints) await this.core.afterTransaction(false);
    } else if (transaction.state === 'implicit') {
      await transaction.rollback(core.connection);
      await this.core.afterTransaction(false);
    }
  }

  async sync(): Promise<void> {
    const { transaction } = this.core;
    // A cursor or portal that waits for its client is no statement that runs: its time goes on with the next fetch.
    if (this.#active > 0) this.#timeouts.statement(false);
    if (transaction.state !== 'implicit') return;
    try {
      await transaction.commit(this.core.connection);
    } catch (error) {
      await this.core.afterTransaction(false);
      throw this.mapped(error);
    }
    await this.core.afterTransaction(true);
  }

  /** A commit resolves only after the lake's catalog has it durable, and reads see nothing that is not: nothing is left to wait for. */
  async barrier(): Promise<void> {}

  cursorColumns(name: string): readonly Column[] | undefined {
    return this.core.cursors.get(name)?.columns;
  }

  idleLimit(): { readonly ms: number; readonly error: LakeError } | undefined {
    return this.#timeouts.idle(this.core.transaction.status() !== 'I');
  }

  /** `transaction_timeout` was set: it counts for the transaction that is open too. */
  limitTransaction(): void {
    this.#timeouts.transaction(this.core.transaction.status() === 'T');
  }

  async rest(): Promise<void> {
    if (this.#active === 0) await this.core.rest();
  }

  cancel(): void {
    this.interrupt(new LakeError('query_canceled', 'canceling statement due to user request'));
  }

  /** Stops what runs now; whoever waits for it gets `reason`. Between statements it does nothing. */
  interrupt(reason: LakeError): void {
    if (this.#active === 0) return;
    this.#interruption ??= reason;
    this.#stopWaiting?.(this.#interruption);
    this.core.connection.interrupt(reason);
  }

  async close(): Promise<void> {
    this.#leave();
    this.#calls.close();
    this.#stopWaiting?.(new LakeError('query_canceled', 'the connection is gone'));
    this.#timeouts.close();
    await this.core.close();
  }

  /** Opens the transaction that statements of one message share, unless one is open. */
  async beginImplicit(): Promise<void> {
    if (this.core.transaction.state !== 'idle') return;
    await this.core.transaction.begin(this.core.connection, 'implicit', false);
    this.core.vars.begin();
  }

  checkWritable(shape: Shape): void {
    const { core } = this;
    const readOnly =
      core.transaction.state === 'idle' ? core.vars.get('default_transaction_read_only') === 'on' : core.transaction.readOnly;
    if (readOnly && !shape.temporary)
      throw new LakeError('read_only_transaction', `cannot execute ${shape.tag} in a read-only transaction`);
  }

  /** A statement begins: its time counts from here. */
  begin(): void {
    this.#active++;
    this.#timeouts.statement(true);
  }

  /** It has ended, with all its rows. */
  end(): void {
    if (this.#active > 0) this.#active--;
    if (this.#active > 0) return;
    this.#timeouts.statement(false);
    this.#history.ended();
    if (this.core.transaction.state === 'idle') this.#calls.endTransaction();
  }

  /** DISCARD ALL. */
  unlockAll(): void {
    this.#calls.unlockAll();
  }

  /** Waits until a lock may be free, no longer than `lock_timeout`, and until the statement is interrupted. */
  async #wait(free: Promise<void>): Promise<void> {
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const ms = this.core.vars.milliseconds('lock_timeout');
    const stopTimer =
      ms > 0
        ? this.dependencies.clock.after(ms, () =>
            reject(new LakeError('lock_timeout', 'canceling statement due to lock timeout', { retriable: true })),
          )
        : undefined;
    this.#stopWaiting = reject;
    try {
      await Promise.race([free, stopped]);
    } finally {
      this.#stopWaiting = null;
      stopTimer?.();
    }
  }

  #activity(): Activity {
    const { core } = this;
    const status = core.transaction.status();
    const state =
      this.#active > 0
        ? 'active'
        : status === 'I'
          ? 'idle'
          : status === 'T'
            ? 'idle in transaction'
            : 'idle in transaction (aborted)';
    return {
      database: core.lake ?? 'postgres',
      applicationName: core.vars.get('application_name'),
      state,
      ...this.#history.shown(state === 'idle'),
      wait: this.#calls.isWaiting ? ['Lock', 'advisory'] : state === 'active' ? null : ['Client', 'ClientRead'],
    };
  }

  /** An error for the client; an interruption is told as what it was. */
  mapped(error: unknown, sql?: string): LakeError {
    const mapped = this.#calls.failureOf(error) ?? toStatementError(error, sql);
    return mapped.code === 'query_canceled' && this.#interruption !== null ? this.#interruption : mapped;
  }

  /** A stream that ends the statement when it ends, and whose errors are the client's. */
  guard(columns: readonly Column[], inner: Pick<RowStream, 'next' | 'close'>, sql: string): RowStream {
    let ended = false;
    const finish = (): void => {
      if (ended) return;
      ended = true;
      this.end();
    };
    return {
      columns,
      next: async () => {
        try {
          if (!ended) this.#timeouts.statement(true);
          const chunk = await inner.next();
          if (chunk === null) finish();
          return chunk;
        } catch (error) {
          finish();
          throw this.mapped(error, sql);
        }
      },
      close: async () => {
        finish();
        await inner.close();
      },
    };
  }

  /** DuckDB may have planned again for changed tables: what the client was told must still hold. */
  #checkColumns(plan: Plan, result: ResultColumns, options: RunOptions): readonly Column[] {
    const same =
      plan.columns.length === result.columnCount &&
      plan.columns.every((column, i) => column.type.typeId === result.columnTypeId(i));
    if (same) return plan.columns;
    const now: Column[] = Array.from({ length: result.columnCount }, (_, i) => ({
      name: announcedName(result.columnName(i)),
      type: result.columnType(i),
    }));
    if (plan.parameters.length === 0) {
      this.core.plans.forget(plan);
      if (options.described)
        throw new LakeError('feature_not_supported', 'cached plan must not change result type', {
          hint: 'Prepare the statement again.',
        });
    }
    return now;
  }
}

function countOf(result: DuckDBMaterializedResult): number {
  if (result.chunkCount === 0 || result.columnCount === 0) return result.rowsChanged;
  return Number(result.getChunk(0).getColumnVector(0).getItem(0) ?? 0);
}

type ResultColumns = Pick<Plan['prepared'], 'columnCount' | 'columnName' | 'columnType'> & {
  columnTypeId(index: number): number;
};

/** Functions that may have to wait for another session. */
const waitingWords = /pg_advisory_(?:xact_)?lock/i;

const adminWords: ReadonlySet<string> = new Set(['create', 'drop', 'alter', 'grant', 'revoke', 'show']);

function shapeOf(sql: string): Shape {
  const known = shapes.get(sql);
  if (known) return known;
  const shape = classify(sql);
  if (sql.length <= shapeTextMax) {
    if (shapes.size >= shapesMax) shapes.clear();
    shapes.set(sql, shape);
  }
  return shape;
}

/** The gate reads these characters as spaces; DuckDB must not find another way to read them. */
function plainSpaces(sql: string): string {
  return /[\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/.test(sql) ? withPlainSpaces(sql) : sql;
}
