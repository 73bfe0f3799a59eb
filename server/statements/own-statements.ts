/**
 * Statements that PostgreSQL sessions know and the engine does not, or not in the same way: transaction control,
 * settings, cursors, prepared statements by SQL, COPY, administration. Each is one method; all go through `run`.
 */
import { LakeError } from '../../base/errors.ts';
import { nameOf, quoteName, type Token, tokenize } from '../../base/sql-lexer.ts';
import { VARCHAR } from '@duckdb/node-api';
import type { Column, CopySink, Outcome, Prepared } from '../../base/statement-session.ts';
import { openCopyIn } from '../engine/copy-in.ts';
import { classify, type Shape, wordAt } from './classify.ts';
import { copyOutSql, parseCopy } from './copy.ts';
import { Cursor, cursorsMax, parseDeclare, parseFetch } from './cursor.ts';
import { checkGate, innerStatement } from './gate.ts';
import type { RunOptions, SqlSession } from './session.ts';
import { parseSavepoint, type SavepointStatement } from './savepoints.ts';
import { parseModes, parseName, parseSet, type TransactionModes } from './set-statement.ts';
import { tagOf } from './tags.ts';

export class OwnStatements {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  /** A statement of the extended protocol: what it will answer is said before it runs. */
  async prepare(sql: string, shape: Shape, admin: unknown): Promise<Prepared> {
    const { core } = this.#session;
    const columns = await this.#columns(sql, shape, admin);
    return {
      parameters: [],
      columns,
      execute: async () => {
        if (shape.road !== 'transaction') core.transaction.checkUsable();
        await core.refresh();
        return this.run(sql, shape, admin, { oids: [], parameters: [], alone: false });
      },
      close: () => undefined,
    };
  }

  async run(sql: string, shape: Shape, admin: unknown, options: RunOptions): Promise<Outcome> {
    if (admin !== null) return this.#admin(admin);
    switch (shape.road) {
      case 'empty':
        return { t: 'empty' };
      case 'transaction':
        return this.#transaction(shape);
      case 'set':
        return this.#set(sql, shape, options);
      case 'reset':
        return this.#reset(shape);
      case 'show':
        return this.#show(shape);
      case 'use':
        return this.#use(shape);
      case 'discard':
        return this.#discard(shape);
      case 'prepare':
        return this.#prepareSql(sql, shape);
      case 'execute':
        return this.#execute(sql, shape, options);
      case 'deallocate':
        return this.#deallocate(shape);
      case 'declare':
        return this.#declare(sql, shape);
      case 'fetch':
        return this.#fetch(shape);
      case 'close':
        return this.#close(shape);
      case 'copy':
        return this.#copy(sql);
      case 'no-op':
        // UNLISTEN has nothing to end, and pools send it with every return of a session.
        if (shape.word !== 'unlisten')
          this.#session.core.hooks.notice(
            'NOTICE',
            '00000',
            `${shape.tag} does nothing here: the pod keeps statistics and files in order by itself`,
          );
        return { t: 'command', tag: shape.tag };
      default:
        throw new LakeError('feature_not_supported', `${shape.tag} is not supported`, { hint: grantHint(shape) });
    }
  }

  async #columns(sql: string, shape: Shape, admin: unknown): Promise<readonly Column[] | null> {
    const { core, dependencies } = this.#session;
    const text = (names: readonly string[]): Column[] => names.map((name) => ({ name, type: VARCHAR }));
    if (admin !== null) {
      const names = dependencies.admin?.columns(admin);
      return names ? text(names) : null;
    }
    if (shape.road === 'fetch' && shape.word === 'fetch') return this.#cursor(parseFetch(shape.tokens).name).columns;
    if (shape.road === 'execute') {
      const known = this.#sqlPrepared(shape);
      if (!known.rows) return null;
      return (await this.#session.plan(sql, { ...shape, rows: true }, [])).columns;
    }
    if (shape.road !== 'show') return null;
    if (wordAt(shape.tokens, 1) === 'tables') return text(['name']);
    if (wordAt(shape.tokens, 1) === 'all') return text(['name', 'setting', 'description']);
    return text([wordAt(shape.tokens, 1) === 'databases' ? 'database_name' : core.vars.spelled(parseName(shape.tokens))]);
  }

  async #admin(statement: unknown): Promise<Outcome> {
    const { core, dependencies } = this.#session;
    if (core.transaction.state === 'block')
      throw new LakeError('active_transaction', 'administrative statements cannot run inside a transaction block', {
        hint: 'COMMIT first.',
      });
    const answer = await (dependencies.admin as NonNullable<typeof dependencies.admin>).run(statement, core.principal);
    if (!answer.rows) return { t: 'command', tag: answer.tag };
    const { columns, rows } = answer.rows;
    return { t: 'rows', rows: await core.textRows(columns, rows), tag: (count) => tagOf(answer.tag, count) };
  }

  async #transaction({ tokens, word }: Shape): Promise<Outcome> {
    const { core } = this.#session;
    const { transaction, connection, hooks } = core;
    const second = wordAt(tokens, 1);
    const savepoint = parseSavepoint(tokens);
    if (savepoint !== null) return this.#savepoint(savepoint);
    if (second === 'prepared') throw twoPhase();
    if (word === 'begin' || word === 'start') {
      const modes = parseModes(tokens, ['transaction', 'work'].includes(second) ? 2 : 1);
      transaction.checkUsable();
      if (transaction.state === 'block') hooks.notice('WARNING', '25001', 'there is already a transaction in progress');
      else await this.#begin(modes);
      return { t: 'command', tag: word === 'begin' ? 'BEGIN' : 'START TRANSACTION' };
    }
    const chain = tokens.some((_, at) => wordAt(tokens, at) === 'and' && wordAt(tokens, at + 1) === 'chain');
    const commit = word === 'commit' || word === 'end';
    const wasBlock = transaction.state === 'block' || transaction.state === 'failed';
    if (!wasBlock) hooks.notice('WARNING', '25P01', 'there is no transaction in progress');
    const modes: TransactionModes = { readOnly: transaction.readOnly };
    const succeeds = commit && transaction.state !== 'failed';
    if (succeeds && transaction.state !== 'idle') {
      try {
        await transaction.commit(connection);
      } catch (error) {
        await core.afterTransaction(false);
        throw this.#session.mapped(error);
      }
    } else await transaction.rollback(connection);
    await core.afterTransaction(succeeds);
    if (chain && wasBlock) await this.#begin(modes);
    return { t: 'command', tag: succeeds ? 'COMMIT' : 'ROLLBACK' };
  }

  async #savepoint({ kind, name }: SavepointStatement): Promise<Outcome> {
    const { core } = this.#session;
    const { transaction, cursors, vars } = core;
    if (kind === 'set') {
      transaction.savepoint({ name, vars: vars.mark(), cursors: new Set(cursors.keys()) });
      return { t: 'command', tag: 'SAVEPOINT' };
    }
    if (kind === 'release') {
      transaction.release(name);
      return { t: 'command', tag: 'RELEASE' };
    }
    const mayMove = vars.get('transaction_isolation').startsWith('read ');
    const savepoint = await transaction.rollbackTo(name, core.connection, mayMove);
    for (const [open, cursor] of [...cursors]) {
      if (savepoint.cursors.has(open)) continue;
      cursors.delete(open);
      await cursor.close();
    }
    const changes = vars.restore(savepoint.vars);
    if (changes.length > 0) {
      await core.applyEnvironment();
      core.report(changes);
    }
    return { t: 'command', tag: 'ROLLBACK' };
  }

  async #begin(modes: TransactionModes): Promise<void> {
    const { core } = this.#session;
    const readOnly = modes.readOnly ?? core.vars.get('default_transaction_read_only') === 'on';
    const fresh = core.transaction.state === 'idle';
    await core.transaction.begin(core.connection, 'block', readOnly);
    if (fresh) core.vars.begin();
    await this.#characterise({
      isolation: modes.isolation ?? core.vars.get('default_transaction_isolation'),
      readOnly,
      deferrable: modes.deferrable ?? core.vars.get('default_transaction_deferrable') === 'on',
    });
  }

  /** What SHOW and current_setting say of the transaction. They are told only when it is another than the last. */
  async #characterise({ isolation, readOnly, deferrable }: TransactionModes): Promise<void> {
    const { core } = this.#session;
    let isChanged = false;
    for (const [name, value] of [
      ['transaction_isolation', isolation],
      ['transaction_read_only', readOnly === undefined ? undefined : readOnly ? 'on' : 'off'],
      ['transaction_deferrable', deferrable === undefined ? undefined : deferrable ? 'on' : 'off'],
    ] as const) {
      if (value === undefined || core.vars.get(name) === value) continue;
      core.vars.set(name, value, true);
      isChanged = true;
    }
    if (isChanged && core.names !== undefined) await core.applyEnvironment();
  }

  async #set(sql: string, shape: Shape, options: RunOptions): Promise<Outcome> {
    const { core } = this.#session;
    const statement = parseSet(shape.tokens);
    switch (statement.t) {
      case 'variable': {
        core.hasTemporaries = true;
        const outcome = await this.#session.runEngine(sql, { ...shape, road: 'engine', rows: false }, options);
        core.plans.clear();
        return outcome;
      }
      case 'role':
        if (statement.value !== null && statement.value !== core.principal.name)
          throw new LakeError('permission_denied', 'a session cannot become another user', { hint: 'Connect as that user.' });
        return { t: 'command', tag: 'SET' };
      case 'transaction': {
        const { modes, session } = statement;
        if (session) {
          if (modes.readOnly !== undefined)
            await this.#assign('default_transaction_read_only', modes.readOnly ? 'on' : 'off', false);
          if (modes.isolation) await this.#assign('default_transaction_isolation', modes.isolation, false);
          if (modes.deferrable !== undefined)
            await this.#assign('default_transaction_deferrable', modes.deferrable ? 'on' : 'off', false);
        } else if (core.transaction.state !== 'block') {
          core.hooks.notice('WARNING', '25P01', 'SET TRANSACTION can only be used in transaction blocks');
        } else {
          if (modes.readOnly === true) core.transaction.makeReadOnly();
          // A transaction that is read only stays so.
          await this.#characterise({ ...modes, readOnly: core.transaction.readOnly });
        }
        return { t: 'command', tag: 'SET' };
      }
    }
    if (statement.local && core.transaction.state !== 'block') {
      core.hooks.notice('WARNING', '25P01', 'SET LOCAL can only be used in transaction blocks');
      return { t: 'command', tag: 'SET' };
    }
    await this.#assign(statement.name, statement.value, statement.local);
    return { t: 'command', tag: 'SET' };
  }

  /** Changes a setting; null is its initial value. */
  async #assign(name: string, value: string | null, local: boolean): Promise<void> {
    const { core } = this.#session;
    const before = core.vars.peek(name);
    const checked = value === null ? core.vars.resetValue(name) : core.vars.check(name, zoneOf(name, value));
    const change = core.vars.set(name, checked, local);
    if (change.name === 'transaction_timeout') this.#session.limitTransaction();
    if (before === checked) return;
    if (change.name === 'TimeZone' || change.name === 'search_path' || core.names !== undefined) {
      try {
        await core.applyEnvironment();
      } catch (error) {
        if (before !== undefined) core.vars.set(name, before, local);
        if (change.name !== 'TimeZone') throw error;
        throw new LakeError('invalid_argument', `invalid value for parameter "TimeZone": "${value}"`, {
          hint: "Use a name such as 'Europe/Berlin' or 'UTC'.",
          cause: error,
        });
      }
    }
    core.report([change]);
  }

  async #reset({ tokens }: Shape): Promise<Outcome> {
    const name = parseName(tokens);
    if (name === 'all') await this.#resetAll();
    else if (name !== 'role' && name !== 'session authorization') await this.#assign(name, null, false);
    return { t: 'command', tag: 'RESET' };
  }

  async #resetAll(): Promise<void> {
    for (const changed of this.#session.core.vars.changed()) await this.#assign(changed, null, false);
  }

  async #show(shape: Shape): Promise<Outcome> {
    const { core } = this.#session;
    const word = wordAt(shape.tokens, 1);
    const tag = (): string => 'SHOW';
    if (word === 'tables' && shape.tokens.length === 2)
      return {
        t: 'rows',
        rows: await core.textRows(
          ['name'],
          (await this.#relations()).map((name) => [name]),
        ),
        tag,
      };
    if (word === 'databases' && shape.tokens.length === 2) {
      return {
        t: 'rows',
        rows: await core.textRows(
          ['database_name'],
          [...core.lease.instance.access.keys()].sort().map((name) => [name]),
        ),
        tag,
      };
    }
    if (word === 'all' && shape.tokens.length === 2) {
      const settings = [...core.vars.all()].sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
      return {
        t: 'rows',
        rows: await core.textRows(
          ['name', 'setting', 'description'],
          settings.map(([name, value]) => [name, value, '']),
        ),
        tag,
      };
    }
    if (word === 'all')
      throw new LakeError('feature_not_supported', 'SHOW ALL TABLES is not available here', {
        hint: 'Use information_schema.tables or \\dt.',
      });
    const name = parseName(shape.tokens);
    const value = core.vars.get(name);
    return { t: 'rows', rows: await core.textRows([core.vars.spelled(name)], [[value]]), tag };
  }

  /** `USE lake`, `USE lake.schema` and `USE schema`: DuckDB's way to say where names are looked for. */
  async #use({ tokens }: Shape): Promise<Outcome> {
    const { core } = this.#session;
    const parts = tokens
      .slice(1)
      .filter((token) => token.kind === 'name' || token.kind === 'quoted-name')
      .map(nameOf);
    const [first, second] = parts;
    if (first === undefined || parts.length > 2)
      throw new LakeError('syntax_error', 'USE needs a lake, a schema, or lake.schema');
    const before = { lake: core.lake, path: core.vars.get('search_path') };
    const isLake = core.rightOn(first) !== undefined;
    if (second !== undefined && !isLake) throw new LakeError('undefined_database', `lake "${first}" does not exist`);
    if (isLake) core.lake = first;
    const schema = second ?? (isLake ? 'public' : first);
    core.vars.set('search_path', quoteName(schema));
    await core.applyEnvironment();
    if (!isLake && !(await this.#schemaExists(schema))) {
      core.lake = before.lake;
      core.vars.set('search_path', before.path);
      await core.applyEnvironment();
      throw new LakeError('undefined_schema', `there is no lake and no schema "${first}"`);
    }
    return { t: 'command', tag: 'USE' };
  }

  async #schemaExists(schema: string): Promise<boolean> {
    const { core } = this.#session;
    if (schema === 'public' && core.isPublicAlias(undefined)) return true;
    return (
      (
        await core.connection.rows('SELECT 1 FROM duckdb_schemas() WHERE database_name = $1 AND schema_name = $2', [
          core.lake ?? '',
          schema,
        ])
      ).length > 0
    );
  }

  /** Tables and views a bare name finds, in order. */
  async #relations(): Promise<string[]> {
    const { core } = this.#session;
    const schemas = core.schemas().map((schema) => (schema === 'public' && core.isPublicAlias(undefined) ? 'main' : schema));
    const found = await core.connection.rows(
      `SELECT name FROM (SELECT database_name, schema_name, table_name AS name FROM duckdb_tables() UNION ALL
         SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal)
       WHERE (database_name = $1 AND list_contains(string_split($2, chr(0)), schema_name)) OR database_name = 'temp' ORDER BY name`,
      [core.lake ?? '', schemas.join('\0')],
    );
    return found.map(([name]) => String(name));
  }

  async #discard({ tokens }: Shape): Promise<Outcome> {
    const { core } = this.#session;
    const what = wordAt(tokens, 1);
    if (!['all', 'plans', 'sequences', 'temp', 'temporary'].includes(what))
      throw new LakeError('syntax_error', 'DISCARD needs ALL, PLANS, SEQUENCES or TEMP');
    if (what === 'all' && core.transaction.state !== 'idle')
      throw new LakeError('active_transaction', 'DISCARD ALL cannot run inside a transaction block');
    core.plans.clear();
    if (what === 'all') {
      for (const cursor of core.cursors.values()) await cursor.close();
      core.cursors.clear();
      await this.#deallocateAll();
      await this.#resetAll();
      this.#session.unlockAll();
    }
    if (what === 'all' || what.startsWith('temp')) {
      if (core.hasTemporaries && core.transaction.state === 'idle') {
        core.hasTemporaries = false;
        await core.replaceConnection();
      }
    }
    return { t: 'command', tag: `DISCARD ${what.toUpperCase()}` };
  }

  async #prepareSql(sql: string, shape: Shape): Promise<Outcome> {
    const { core } = this.#session;
    const name = this.#name(shape.tokens[1]);
    const inner = innerStatement(shape);
    if (name === 'transaction' && shape.tokens[2]?.kind === 'string') throw twoPhase();
    const innerToken = inner === null ? undefined : shape.tokens[inner.at];
    if (innerToken === undefined)
      throw new LakeError('syntax_error', 'syntax error at end of input', { hint: 'PREPARE name AS statement' });
    if (core.sqlPrepared.has(name)) throw new LakeError('duplicate_statement', `prepared statement "${name}" already exists`);
    const text = sql.slice(innerToken.start);
    const innerShape = classify(text);
    if (innerShape.road !== 'engine') throw new LakeError('feature_not_supported', `${innerShape.tag} cannot be prepared`);
    checkGate(innerShape, { lake: core.lake ?? '', rightOn: (lake) => core.rightOn(lake) });
    const types = shape.tokens[2]?.text === '(' ? declaredTypes(sql, shape.tokens) : [];
    core.hasTemporaries = true;
    const outcome = await this.#session.runEngine(
      `PREPARE ${quoteName(name)} AS ${castAll(text, types)}`,
      { ...shape, road: 'engine', rows: false },
      { oids: [], parameters: [], alone: true },
    );
    const { tag, rows, writes } = innerShape;
    core.sqlPrepared.set(name, { tag, rows, writes, sql, since: this.#session.dependencies.clock.now() });
    return outcome;
  }

  async #execute(sql: string, shape: Shape, options: RunOptions): Promise<Outcome> {
    const known = this.#sqlPrepared(shape);
    return this.#session.runEngine(
      sql,
      { ...shape, road: 'engine', tag: known.tag, rows: known.rows, writes: known.writes },
      options,
    );
  }

  #sqlPrepared(shape: Shape): { readonly tag: string; readonly rows: boolean; readonly writes: boolean } {
    const name = this.#name(shape.tokens[1]);
    const known = this.#session.core.sqlPrepared.get(name);
    if (known === undefined) throw new LakeError('undefined_statement', `prepared statement "${name}" does not exist`);
    return known;
  }

  async #deallocate({ tokens }: Shape): Promise<Outcome> {
    const { core } = this.#session;
    const at = wordAt(tokens, 1) === 'prepare' && tokens.length > 2 ? 2 : 1;
    if (wordAt(tokens, at) === 'all') {
      await this.#deallocateAll();
      return { t: 'command', tag: 'DEALLOCATE ALL' };
    }
    const name = this.#name(tokens[at]);
    // A driver may deallocate what it named in the protocol (psqlODBC and psycopg do); those live with the wire.
    if (core.sqlPrepared.delete(name)) await core.connection.run(`DEALLOCATE ${quoteName(name)}`);
    else if (core.hooks.deallocate?.(name) !== true)
      throw new LakeError('undefined_statement', `prepared statement "${name}" does not exist`);
    return { t: 'command', tag: 'DEALLOCATE' };
  }

  async #deallocateAll(): Promise<void> {
    const { core } = this.#session;
    for (const name of core.sqlPrepared.keys()) await core.connection.run(`DEALLOCATE ${quoteName(name)}`).catch(() => undefined);
    core.sqlPrepared.clear();
    core.hooks.deallocate?.(null);
  }

  async #declare(sql: string, shape: Shape): Promise<Outcome> {
    const { core } = this.#session;
    const { name, hold, queryAt } = parseDeclare(shape.tokens);
    if (!hold && core.transaction.state !== 'block')
      throw new LakeError('no_active_transaction', 'DECLARE CURSOR can only be used in transaction blocks', {
        hint: 'BEGIN first, or declare it WITH HOLD.',
      });
    if (core.cursors.has(name)) throw new LakeError('duplicate_cursor', `cursor "${name}" already exists`);
    if (core.cursors.size >= cursorsMax) throw new LakeError('limit_exceeded', `a session may have ${cursorsMax} cursors open`);
    const query = sql.slice(queryAt);
    const inner = classify(query);
    if (inner.road !== 'engine' || !inner.rows || inner.writes) throw new LakeError('syntax_error', 'a cursor needs a query');
    const outcome = await this.#session.runEngine(
      query,
      { ...inner, bounded: false },
      { oids: [], parameters: [], alone: false },
    );
    if (outcome.t !== 'rows') throw new LakeError('syntax_error', 'a cursor needs a query');
    // The statement is over for the clock and for cancel; each FETCH counts for itself.
    this.#session.end();
    core.cursors.set(name, new Cursor(outcome.rows, hold));
    return { t: 'command', tag: 'DECLARE CURSOR' };
  }

  async #fetch(shape: Shape): Promise<Outcome> {
    const { name, count } = parseFetch(shape.tokens);
    const cursor = this.#cursor(name);
    if (shape.word === 'move') return { t: 'command', tag: tagOf('MOVE', await cursor.skip(count)) };
    this.#session.begin();
    const rows = cursor.take(count);
    const guarded = this.#session.guard(cursor.columns, rows, '');
    return { t: 'rows', rows: rows.window ? { ...guarded, window: rows.window } : guarded, tag: (sent) => tagOf('FETCH', sent) };
  }

  async #close(shape: Shape): Promise<Outcome> {
    const { core } = this.#session;
    if (wordAt(shape.tokens, 1) === 'all') {
      for (const cursor of core.cursors.values()) await cursor.close();
      core.cursors.clear();
      return { t: 'command', tag: 'CLOSE CURSOR ALL' };
    }
    const name = this.#name(shape.tokens[1]);
    const cursor = this.#cursor(name);
    core.cursors.delete(name);
    await cursor.close();
    return { t: 'command', tag: 'CLOSE CURSOR' };
  }

  async #copy(sql: string): Promise<Outcome> {
    const { core, dependencies } = this.#session;
    const statement = parseCopy(sql);
    if (statement === null)
      throw new LakeError('permission_denied', 'COPY FROM DATABASE is not allowed in a lake session', {
        hint: 'INSERT INTO … SELECT copies between lakes.',
      });
    if (statement.direction === 'out') {
      const query = copyOutSql(statement);
      const shape = classify(query);
      if (shape.road !== 'engine' || !shape.rows) throw new LakeError('syntax_error', 'COPY (…) TO needs a query');
      checkGate(shape, { lake: core.lake ?? '', rightOn: (lake) => core.rightOn(lake) });
      const outcome = await this.#session.runEngine(query, shape, { oids: [], parameters: [], alone: false });
      if (outcome.t !== 'rows') throw new LakeError('syntax_error', 'COPY (…) TO needs a query');
      return { t: 'copy-out', format: statement.options, rows: outcome.rows };
    }
    this.#session.checkWritable(classify('COPY'));
    core.transaction.noteWrite();
    const table = statement.table ?? [];
    const lake = table.length === 3 ? (table[0] as string) : core.lake;
    if (lake !== null && core.rightOn(lake) === 'read')
      throw new LakeError('permission_denied', `you may only read lake "${lake}"`, {
        hint: `Its owner can GRANT WRITE ON DUCKLAKE ${lake} TO you.`,
      });
    await this.#session.beginImplicit();
    this.#session.begin();
    const named =
      table.length > 1 && table.at(-2) === 'public' && core.isPublicAlias(table.length === 3 ? table[0] : undefined)
        ? { ...statement, table: [...table.slice(0, -2), 'main', table.at(-1) as string] }
        : statement;
    try {
      const sink = await openCopyIn(
        {
          connection: core.connection.native,
          spoolDirectory: core.lease.instance.spoolDirectory,
          random: dependencies.random,
          run: async (text) => {
            this.#session.begin();
            try {
              return await core.connection.run(text);
            } finally {
              this.#session.end();
            }
          },
          mapped: (error) => this.#session.mapped(error),
        },
        named,
      );
      return { t: 'copy-in', format: statement.options, sink: this.#guardSink(sink, sql) };
    } catch (error) {
      this.#session.end();
      throw this.#session.mapped(error, sql);
    }
  }

  /** A sink whose errors are the client's, and that counts as running until it has ended: it can be canceled. */
  #guardSink(sink: CopySink, sql: string): CopySink {
    const session = this.#session;
    const mapped = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (error) {
        throw session.mapped(error, sql);
      }
    };
    return {
      accepts: sink.accepts,
      columns: sink.columns,
      write: (data) => mapped(sink.write(data)),
      append: (chunk) => mapped(sink.append(chunk)),
      finish: () => mapped(sink.finish()).finally(() => session.end()),
      abort: (reason) => mapped(sink.abort(reason)).finally(() => session.end()),
    };
  }

  #cursor(name: string): Cursor {
    const cursor = this.#session.core.cursors.get(name);
    if (cursor === undefined) throw new LakeError('undefined_cursor', `cursor "${name}" does not exist`);
    return cursor;
  }

  #name(token: Token | undefined): string {
    if (token?.kind !== 'name' && token?.kind !== 'quoted-name') throw new LakeError('syntax_error', 'a name is missing');
    return nameOf(token);
  }
}

function twoPhase(): LakeError {
  return new LakeError('feature_not_supported', 'two-phase commit is not supported', {
    hint: 'A transaction is committed or rolled back by its own session: use COMMIT.',
  });
}

function grantHint({ word }: Shape): string {
  return word === 'grant' || word === 'revoke'
    ? 'Rights are given on whole lakes: GRANT READ | WRITE | OWNER ON DUCKLAKE lake TO user.'
    : 'SHOW DUCKLAKES lists the lakes you may use.';
}

/** `SET TIME ZONE 2` means hours east of Greenwich; zone files count the other way round. */
function zoneOf(name: string, value: string): string {
  const hours = /^\s*([+-]?)(\d{1,2})(:00)?\s*$/.exec(value);
  if (!/^time ?zone$/i.test(name) || !hours) return value;
  const number = Number(hours[2]);
  // A bare number counts hours to the east; with minutes it is a POSIX zone, which counts to the west, as `Etc/GMT` does.
  const isWest = (hours[1] === '-') === (hours[3] === undefined);
  return number === 0 ? 'UTC' : `Etc/GMT${isWest ? '+' : '-'}${number}`;
}

/** Types of `PREPARE name (int, text) AS …`, as text between the commas. */
function declaredTypes(sql: string, tokens: readonly Token[]): string[] {
  const types: string[] = [];
  let depth = 0;
  let start = 0;
  for (const token of tokens.slice(2)) {
    if (token.text === '(' && depth++ === 0) start = token.end;
    else if ((token.text === ')' && --depth === 0) || (token.text === ',' && depth === 1)) {
      types.push(sql.slice(start, token.start).trim());
      start = token.end;
      if (depth === 0) break;
    }
  }
  return types;
}

/** Says declared parameter types in the text, where DuckDB looks for them. */
function castAll(sql: string, types: readonly string[]): string {
  if (types.length === 0) return sql;
  return tokenize(sql)
    .map(({ kind, text }) => {
      const type = kind === 'parameter' ? types[Number(text.slice(1)) - 1] : undefined;
      return type === undefined || type.toLowerCase() === 'unknown' ? text : `CAST(${text} AS ${type})`;
    })
    .join('');
}
