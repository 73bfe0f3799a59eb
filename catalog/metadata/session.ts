/**
 * One client on `<lake>__catalog`: reads its statements, runs them on a DuckDB connection of its own, and answers as a
 * PostgreSQL server with DuckLake's tables in it would. Every text is translated first (dialect/); DuckDB never sees
 * what a client wrote.
 */
import { INTEGER, VARCHAR } from '@duckdb/node-api';
import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBResult } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import { maintenanceId } from '../../base/domain.ts';
import { decodeParameter } from '../../base/pg-parameter.ts';
import { oid, toPgType } from '../../base/pg-types.ts';
import { splitStatements } from '../../base/sql-lexer.ts';
import type {
  Column,
  Outcome,
  Prepared,
  RawParameter,
  SessionHooks,
  Startup,
  StatementSession,
} from '../../base/statement-session.ts';
import { ChunkSink, LineSink } from './copy-in.ts';
import { isControl, readControl } from './dialect/control.ts';
import type { Control } from './dialect/control.ts';
import { firstWord, readStatement, writtenTable } from './dialect/statement.ts';
import type { Statement, Told } from './dialect/statement.ts';
import type { Shape, TranslationContext } from './dialect/translation.ts';
import { beginsCommit, deferInsert, deferUpdate, mayInsertLater } from './deferral.ts';
import { describedColumns, rememberColumns } from './descriptions.ts';
import { toMetadataError } from './errors.ts';
import { sessionFunction } from './introspection/session-functions.ts';
import type { SessionFacts } from './introspection/session-functions.ts';
import { answerStock, mayBeStock } from './introspection/stock.ts';
import { systemRelation } from './introspection/system-relations.ts';
import { limits } from './limits.ts';
import { Plans } from './plans.ts';
import { ResultRows, toColumns } from './result-rows.ts';
import { answerSecrets, mayAskForSecrets, secretsColumns } from './secrets-table.ts';
import type { SessionKeys } from './secrets-table.ts';
import { Settings } from './settings.ts';
import type { SharedCatalog } from './shared-catalog.ts';
import { oneRow } from './static-rows.ts';
import { Transaction } from './transaction.ts';

export interface SessionOptions {
  readonly startup: Startup;
  readonly hooks: SessionHooks;
  readonly catalog: SharedCatalog;
  readonly connection: DuckDBConnection;
  /** False for a grant that may only read: then nothing but reading happens, whatever the SQL. */
  readonly canWrite: boolean;
  /** Keys to the lake's data files, offered as `duckdb_secrets`; undefined: there is no such table. */
  readonly keys?: SessionKeys | undefined;
  /** Where this server puts the lake's files, and cleans them up; undefined when it does neither. */
  readonly dataPath: string | undefined;
  readonly clock: Clock;
  /** Called once when the session is over. */
  readonly onClose: () => void;
}

/** DuckLake's table of files that no snapshot names any more. */
const scheduledFiles = 'ducklake_files_scheduled_for_deletion';

const selectTag = (count: number): string => `SELECT ${count}`;

export class MetadataSession implements StatementSession {
  readonly #options: SessionOptions;
  readonly #connection: DuckDBConnection;
  readonly #transaction: Transaction;
  readonly #settings: Settings;
  readonly #facts: SessionFacts;
  readonly #plans: Plans;
  /** The rows handed out last. */
  #open: ResultRows | undefined;
  #stopIdleTimer: (() => void) | undefined;
  /** The piece of work that runs now, or the last one; never rejects. */
  #current: Promise<unknown> = Promise.resolve();
  #running = 0;
  /** Why nothing is executed any more. */
  #ended: LakeError | undefined;
  #closed = false;

  constructor(options: SessionOptions) {
    const { startup, catalog, connection } = options;
    this.#options = options;
    this.#connection = connection;
    const isMaintenance = startup.principal.id === maintenanceId;
    this.#transaction = new Transaction(connection, catalog, { canWrite: options.canWrite, isMaintenance });
    this.#plans = new Plans(connection);
    this.#settings = new Settings(startup.principal.name, startup.parameters);
    this.#facts = {
      database: startup.database,
      user: startup.principal.name,
      processId: startup.processId,
      settings: this.#settings,
    };
  }

  get parameters(): ReadonlyMap<string, string> {
    return this.#settings.announced;
  }

  transactionStatus(): 'I' | 'T' | 'E' {
    return this.#transaction.status();
  }

  split(sql: string): string[] {
    return splitStatements(sql);
  }

  simple(sql: string, position: { readonly index: number; readonly count: number }): Promise<Outcome> {
    return this.#guarded(undefined, () => this.#run(sql, position.count > 1));
  }

  prepare(sql: string, parameterOids: readonly number[]): Promise<Prepared> {
    return this.#guarded(undefined, () => this.#prepare(sql, parameterOids));
  }

  async failed(): Promise<void> {
    await this.#transaction.fail();
  }

  async sync(): Promise<void> {
    if (this.#transaction.status() === 'I') await this.#guarded(undefined, () => this.#transaction.commit());
  }

  async barrier(): Promise<void> {
    const waiting = this.#transaction.barrier();
    if (waiting) await waiting;
  }

  cancel(): void {
    if (this.#closed || this.#running === 0) return;
    this.#connection.interrupt();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended ??= new LakeError('admin_shutdown', 'the session is closed');
    this.#stopIdleTimer?.();
    if (this.#running > 0) this.#connection.interrupt();
    // A COMMIT that waits for its turn must not find its connection rolled back or gone: what runs ends first.
    await this.#current;
    await this.#transaction.rollback();
    this.#plans.close();
    this.#connection.closeSync();
    this.#options.onClose();
  }

  /**
   * Runs a piece of work of the client: while it runs the session is not idle; when it fails, the transaction is
   * rolled back before the error is told.
   */
  #guarded<T>(table: string | undefined, work: () => Promise<T>): Promise<T> {
    const running = this.#guard(table, work);
    if (this.#running <= 1) this.#current = running.catch(() => undefined);
    return running;
  }

  async #guard<T>(table: string | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#ended) throw this.#ended;
    this.#stopIdleTimer?.();
    this.#running++;
    try {
      return await work();
    } catch (error) {
      await this.#transaction.fail();
      throw toMetadataError(error, table);
    } finally {
      this.#running--;
      if (this.#running === 0) this.#startIdleTimer();
    }
  }

  /** Rule 25: a writer that falls silent makes every other writer fail, so it is ended. */
  #startIdleTimer(): void {
    if (this.#closed || !this.#transaction.holdsWrites) return;
    this.#stopIdleTimer = this.#options.clock.after(limits.idleAfterWriteMsMax, () => {
      const error = new LakeError(
        'idle_timeout',
        'terminating connection: a transaction that has written was idle for too long',
        {
          hint: `Commit within ${limits.idleAfterWriteMsMax / 1000} seconds of the last statement.`,
        },
      );
      this.#ended = error;
      this.#current = this.#transaction.rollback().then(() => this.#options.hooks.terminate(error));
    });
  }

  async #run(sql: string, isOneOfMany: boolean): Promise<Outcome> {
    const word = firstWord(sql);
    if (word === '') return { t: 'empty' };
    this.#open?.supersede();
    if (isControl(word)) return this.#control(readControl(sql));
    this.#transaction.assertUsable();
    const { keys } = this.#options;
    if (keys && mayAskForSecrets(sql)) return { t: 'rows', rows: await answerSecrets(sql, keys), tag: selectTag };
    if (sql === 'SELECT 1') return { t: 'rows', rows: oneRow(['?column?'], INTEGER, [1]), tag: selectTag };
    if (isOneOfMany || this.#transaction.isBlock) await this.#transaction.start();
    if (mayBeStock(sql)) {
      const rows = answerStock(sql, this.#transaction.view);
      if (rows) return { t: 'rows', rows, tag: selectTag };
    }
    if (sql.includes(scheduledFiles)) await this.#refuseCleanup(sql);
    const kept = this.#transaction.recall(sql);
    if (kept) return { t: 'copy-out-kept', encoded: kept.encoded, rows: kept.rows };
    const deferred = isOneOfMany ? this.#defer(sql) : undefined;
    if (deferred) return deferred;
    const statement = readStatement(sql, this.#context());
    const outcome = await this.#execute(statement, []);
    if (outcome.t !== 'copy-out' || statement.t !== 'copy-out' || !statement.fixed) return outcome;
    const keep = this.#transaction.keeper(sql, statement.fixed);
    return keep ? { ...outcome, keep: { bytesMax: limits.answerBytesMax, keep } } : outcome;
  }

  /**
   * Rule 14: a stock client's cleanup and orphan functions delete files that a restore or a transaction of somebody else may
   * need. Both begin with this table; it is shown to them only where the files are the client's own business.
   */
  async #refuseCleanup(sql: string): Promise<void> {
    const { startup, dataPath } = this.#options;
    if (dataPath === undefined || startup.principal.kind === 'pod' || startup.principal.id === maintenanceId) return;
    if (!/^COPY \(SELECT /.test(sql)) return;
    await this.#transaction.materialise();
    const stored = await this.#connection.runAndReadAll("SELECT value FROM ducklake_metadata WHERE key = 'data_path'");
    if (stored.getRows()[0]?.[0] !== dataPath) return;
    throw new LakeError(
      'permission_denied',
      'permission denied to clean up the files of a ducklake that this server looks after',
      {
        hint: 'Files that no snapshot names are deleted by background maintenance, when no restore and no transaction can need them: boilstream-admin ducklakes show.',
      },
    );
  }

  /** The answer to a statement of DuckLake's commit, which then waits for COMMIT; undefined if it has to go the general road. */
  #defer(sql: string): Outcome | undefined {
    const transaction = this.#transaction;
    if (!this.#options.canWrite || !transaction.mayDefer(beginsCommit(sql))) return undefined;
    const update = deferUpdate(sql, transaction.view, this.#options.catalog.database.name);
    if (update) {
      const count = transaction.defer(update);
      return count === undefined ? undefined : { t: 'command', tag: `UPDATE ${count}` };
    }
    if (firstWord(sql) !== 'insert') return undefined;
    const statement = readStatement(sql, this.#context());
    if (statement.t !== 'change' || !statement.rows || statement.rows.length > limits.deferredRowsMax) return undefined;
    const { table, temporary } = statement.target;
    if (temporary || !mayInsertLater(table)) return undefined;
    const count = transaction.defer(deferInsert(statement.sql, statement.target.sql, table, statement.rows));
    return count === undefined ? undefined : { t: 'command', tag: `INSERT 0 ${count}` };
  }

  #context(): TranslationContext {
    const { view, temporary } = this.#transaction;
    const facts = this.#facts;
    return {
      database: facts.database,
      alias: this.#options.catalog.database.name,
      view,
      temporary,
      systemRelation: (schema, name) =>
        systemRelation(schema, name, view, { database: facts.database, user: facts.user, settings: this.#settings.all }),
      sessionFunction: (name, args) => sessionFunction(name, args, facts, view),
      tidForm: 'text',
    };
  }

  /** Runs a translated statement, with values for its `$n` if it has any. */
  async #execute(statement: Statement, values: readonly DuckDBBinding[]): Promise<Outcome> {
    await this.#transaction.materialise();
    switch (statement.t) {
      case 'query': {
        const result = await this.#stream(statement, values);
        const columns = toColumns(result.columnNames(), result.columnTypes(), statement.items);
        return { t: 'rows', rows: this.#rows(result, columns, statement.shape), tag: selectTag };
      }
      case 'copy-out': {
        const result = await this.#stream(statement, values);
        const columns = toColumns(result.columnNames(), result.columnTypes(), statement.items);
        return { t: 'copy-out', format: statement.format, rows: this.#rows(result, columns, statement.shape) };
      }
      case 'change':
        return this.#change(statement, values);
      case 'truncate':
        await this.#startWrite(statement);
        await this.#connection.run(statement.sql);
        return { t: 'command', tag: 'TRUNCATE TABLE' };
      case 'definition':
        return this.#define(statement);
      default:
        return this.#copyIn(statement);
    }
  }

  /** Rows of the connection's newest result. */
  #rows(result: DuckDBResult, columns: readonly Column[], shape?: Shape): ResultRows {
    const ended = shape === undefined ? undefined : (count: number): void => this.#plans.answered(shape, count);
    this.#open = new ResultRows({ result, columns, guard: (work) => this.#guarded(undefined, work), ended });
    return this.#open;
  }

  async #stream({ sql, shape }: Told, values: readonly DuckDBBinding[]): Promise<DuckDBResult> {
    if (values.length === 0) {
      if (!shape) return this.#connection.stream(sql);
      if (shape.literalCount === 0) return (await this.#plans.constant(shape)).stream();
      return this.#plans.isSmall(shape) ? this.#connection.run(sql) : this.#connection.stream(sql);
    }
    const prepared = await this.#connection.prepare(sql);
    try {
      bind(prepared, values);
      return await prepared.stream();
    } finally {
      prepared.destroySync();
    }
  }

  /** Checks rights and opens the transaction in which a stored table is written. */
  async #startWrite(statement: Statement): Promise<void> {
    const table = writtenTable(statement);
    if (!this.#options.canWrite) {
      throw new LakeError('permission_denied', `permission denied: the grant on "${this.#facts.database}" is for reading only`, {
        hint: 'Ask the owner of the lake: GRANT WRITE ON DUCKLAKE … TO ….',
      });
    }
    await this.#transaction.start();
    await this.#transaction.materialise();
    const isTemporary = table === undefined && statement.t !== 'definition';
    if (isTemporary || (statement.t === 'definition' && statement.definition.changes.length === 0)) return;
    this.#transaction.assertWritable();
    await this.#transaction.startWriting();
    this.#transaction.wrote(table, []);
  }

  async #change(statement: Extract<Statement, { t: 'change' }>, values: readonly DuckDBBinding[]): Promise<Outcome> {
    const { verb, returning, target } = statement;
    return this.#guarded(target.table.name, async () => {
      await this.#startWrite(statement);
      const result = await this.#materialise(statement, values);
      const tag = (count: number): string => (verb === 'INSERT' ? `INSERT 0 ${count}` : `${verb} ${count}`);
      if (returning === null) return { t: 'command', tag: tag(result.rowsChanged) };
      const columns = toColumns(result.columnNames(), result.columnTypes(), returning);
      return { t: 'rows', rows: this.#rows(result, columns), tag };
    });
  }

  async #materialise({ sql }: Told, values: readonly DuckDBBinding[]): Promise<DuckDBResult> {
    if (values.length === 0) return this.#connection.run(sql);
    const prepared = await this.#connection.prepare(sql);
    try {
      bind(prepared, values);
      return await prepared.run();
    } finally {
      prepared.destroySync();
    }
  }

  async #define(statement: Extract<Statement, { t: 'definition' }>): Promise<Outcome> {
    const { definition } = statement;
    await this.#startWrite(statement);
    for (const sql of definition.sql) await this.#connection.run(sql);
    if (definition.changes.length > 0) this.#transaction.wrote(undefined, definition.changes);
    if (definition.temporary?.t === 'create')
      this.#transaction.addTemporary(definition.temporary.table, definition.temporary.dropOnCommit);
    if (definition.temporary?.t === 'drop') this.#transaction.dropTemporary(definition.temporary.name);
    if (definition.notice !== undefined) this.#options.hooks.notice('NOTICE', '00000', definition.notice);
    return { t: 'command', tag: definition.tag };
  }

  async #copyIn(statement: Extract<Statement, { t: 'copy-in' }>): Promise<Outcome> {
    const { target, columns, format } = statement;
    await this.#startWrite(statement);
    const shape = await this.#connection.prepare(
      `SELECT ${columns.map((c) => `"${c.name.replaceAll('"', '""')}"`).join(', ')} FROM ${target.sql}`,
    );
    const types = columns.map((c, i): Column => ({ name: c.name, type: shape.columnType(i) }));
    shape.destroySync();
    const options = {
      connection: this.#connection,
      alias: this.#options.catalog.database.name,
      target,
      columns,
      types,
      format,
      guard: <T>(work: () => Promise<T>) => this.#guarded(target.table.name, work),
      ended: async (rows: number | null) => {
        if (rows === null) await this.#transaction.fail();
      },
    };
    return { t: 'copy-in', format, sink: format.format === 'binary' ? new ChunkSink(options) : new LineSink(options) };
  }

  async #control(control: Control): Promise<Outcome> {
    const transaction = this.#transaction;
    const { hooks } = this.#options;
    switch (control.t) {
      case 'begin':
        if (!transaction.begin(control.readOnly)) hooks.notice('WARNING', '25001', 'there is already a transaction in progress');
        return { t: 'command', tag: control.tag };
      case 'commit': {
        const end = await transaction.commit();
        if (end === 'none') hooks.notice('WARNING', '25P01', 'there is no transaction in progress');
        if (control.chain) transaction.begin(false);
        return { t: 'command', tag: end === 'rolled back' ? 'ROLLBACK' : 'COMMIT' };
      }
      case 'rollback':
        if (!(await transaction.rollback())) hooks.notice('WARNING', '25P01', 'there is no transaction in progress');
        if (control.chain) transaction.begin(false);
        return { t: 'command', tag: 'ROLLBACK' };
      default:
        transaction.assertUsable();
        return this.#sessionControl(control);
    }
  }

  async #sessionControl(control: Control): Promise<Outcome> {
    switch (control.t) {
      case 'set': {
        const changed = this.#settings.set(control.name, control.value);
        if (changed) this.#options.hooks.parameter(changed.name, changed.value);
        return { t: 'command', tag: 'SET' };
      }
      case 'set-transaction':
        this.#transaction.setReadOnly(control.readOnly);
        return { t: 'command', tag: 'SET' };
      case 'show':
        return this.#show(control.name);
      case 'discard':
        if (control.what === 'all' && this.#transaction.isBlock)
          throw new LakeError('active_transaction', 'DISCARD ALL cannot run inside a transaction block');
        if (this.#transaction.hasTemporary && !this.#transaction.isBlock) await this.#transaction.discardTemporary();
        return { t: 'command', tag: `DISCARD ${control.what.toUpperCase()}` };
      default:
        return { t: 'command', tag: control.t === 'nothing' ? control.tag : '' };
    }
  }

  #show(name: string): Outcome {
    if (name === 'all') {
      const rows = [...this.#settings.all].map(([key, value]) => `${key} = ${value}`);
      return { t: 'rows', rows: oneRow(['settings'], VARCHAR, [rows.join('\n')]), tag: () => 'SHOW' };
    }
    const setting = this.#settings.get(name);
    return { t: 'rows', rows: oneRow([setting.name], VARCHAR, [setting.value]), tag: () => 'SHOW' };
  }

  async #prepare(sql: string, parameterOids: readonly number[]): Promise<Prepared> {
    const word = firstWord(sql);
    const none: Prepared = {
      parameters: [],
      columns: null,
      execute: () => this.simple(sql, { index: 0, count: 2 }),
      close: () => undefined,
    };
    if (word === '') return { ...none, execute: async () => ({ t: 'empty' }) };
    if (isControl(word)) {
      const control = readControl(sql);
      const columns = control.t === 'show' ? [{ name: control.name, type: VARCHAR }] : null;
      return { ...none, columns };
    }
    this.#transaction.assertUsable();
    if (this.#options.keys && mayAskForSecrets(sql)) return { ...none, columns: secretsColumns(sql) };
    if (this.#transaction.isBlock) await this.#transaction.start();
    const { view } = this.#transaction;
    const known = describedColumns(view, sql);
    if (known !== undefined) return { ...none, columns: known };
    const stock = mayBeStock(sql) ? answerStock(sql, this.#transaction.view) : undefined;
    if (stock) return { ...none, columns: stock.columns };
    const statement = readStatement(sql, this.#context());
    if (statement.t !== 'query' && statement.t !== 'change') return none;
    await this.#transaction.materialise();
    const shape = await this.#connection.prepare(statement.sql);
    try {
      const parameters = Array.from({ length: statement.parameterCount }, (_, i) => parameterOid(shape, i + 1, parameterOids[i]));
      const items = statement.t === 'query' ? statement.items : statement.returning;
      const names = Array.from({ length: shape.columnCount }, (_, i) => shape.columnName(i));
      const types = names.map((_, i) => shape.columnType(i));
      const columns = items === null ? null : toColumns(names, types, items);
      if (parameters.length === 0) {
        // Temporary tables are the session's own: what a text means then is nobody else's business.
        if (statement.shape && !this.#transaction.hasTemporary) rememberColumns(view, sql, columns);
        return { ...none, columns };
      }
      return { ...none, parameters, columns, execute: (raw) => this.#executePrepared(sql, raw) };
    } finally {
      shape.destroySync();
    }
  }

  /** The text is translated again: between Parse and Execute the tables may have changed. */
  #executePrepared(sql: string, raw: readonly RawParameter[]): Promise<Outcome> {
    return this.#guarded(undefined, async () => {
      this.#open?.supersede();
      const values = raw.map((p) => decodeParameter(p.oid, p.format, p.value));
      await this.#transaction.start();
      return this.#execute(readStatement(sql, this.#context()), values);
    });
  }
}

type DuckDBBinding = ReturnType<typeof decodeParameter>;

function bind(prepared: DuckDBPreparedStatement, values: readonly DuckDBBinding[]): void {
  for (const [i, { value, type }] of values.entries()) prepared.bindValue(i + 1, value, type);
}

function parameterOid(prepared: DuckDBPreparedStatement, index: number, given: number | undefined): number {
  if (given !== undefined && given !== 0) return given;
  try {
    const { oid: id } = toPgType(prepared.parameterType(index));
    return id === oid.unknown ? oid.text : id;
  } catch {
    return oid.text;
  }
}
