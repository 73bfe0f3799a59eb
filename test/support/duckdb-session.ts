/**
 * A StatementSession over a plain DuckDB connection, for tests of the wire: transactions by first word, COPY by a
 * small pattern, no gate and no catalog. What PostgreSQL rules it keeps (failed transactions, implicit ones) are the
 * ones the wire's own behaviour depends on.
 */
import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance, DuckDBPreparedStatement, DuckDBType } from '@duckdb/node-api';
import { DuckDBTypeId, StatementType } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { decodeParameter, duckdbType } from '../../base/pg-parameter.ts';
import { oid, toPgType } from '../../base/pg-types.ts';
import { splitStatements } from '../../base/sql-lexer.ts';
import type {
  Column,
  CopyFormat,
  CopySink,
  Outcome,
  Prepared,
  RawParameter,
  RowStream,
  SessionHooks,
  StatementSession,
} from '../../base/statement-session.ts';

export class DuckdbSession implements StatementSession {
  readonly parameters: ReadonlyMap<string, string> = new Map([
    ['server_version', '15.0'],
    ['server_encoding', 'UTF8'],
    ['client_encoding', 'UTF8'],
    ['DateStyle', 'ISO, MDY'],
    ['TimeZone', 'UTC'],
    ['integer_datetimes', 'on'],
    ['standard_conforming_strings', 'on'],
    ['IntervalStyle', 'postgres'],
  ]);
  readonly #connection: DuckDBConnection;
  readonly #hooks: SessionHooks;
  #status: 'I' | 'T' | 'E' = 'I';
  #implicit = false;
  closed = false;

  constructor(connection: DuckDBConnection, hooks: SessionHooks) {
    this.#connection = connection;
    this.#hooks = hooks;
  }

  static async open(instance: DuckDBInstance, hooks: SessionHooks): Promise<DuckdbSession> {
    return new DuckdbSession(await instance.connect(), hooks);
  }

  transactionStatus(): 'I' | 'T' | 'E' {
    return this.#status;
  }

  split(sql: string): string[] {
    return splitStatements(sql);
  }

  async prepare(sql: string, parameterOids: readonly number[]): Promise<Prepared> {
    if (splitStatements(sql).length === 0) {
      return { parameters: [], columns: null, execute: async () => ({ t: 'empty' }), close: () => undefined };
    }
    if (splitStatements(sql).length > 1)
      throw new LakeError('syntax_error', 'cannot insert multiple commands into a prepared statement');
    this.#checkFailed(sql);
    if (special(sql))
      return { parameters: [], columns: null, execute: () => this.simple(sql, { index: 0, count: 1 }), close: () => undefined };
    // Types given in Parse become casts: DuckDB's prepare takes none. A result column that is a bare parameter of no type is text.
    const cast = (always: boolean): string =>
      sql.replace(/\$(\d+)/g, (whole, n) => {
        const id = parameterOids[Number(n) - 1];
        return id ? `CAST(${whole} AS ${duckdbType(id)})` : always ? `CAST(${whole} AS VARCHAR)` : whole;
      });
    let prepared = await this.#guard(() => this.#connection.prepare(cast(false)));
    try {
      columnsOf(prepared);
    } catch {
      prepared = await this.#guard(() => this.#connection.prepare(cast(true)));
    }
    const parameters = Array.from({ length: prepared.parameterCount }, (_, i) => {
      const given = parameterOids[i] ?? 0;
      if (given !== 0) return given;
      const type = prepared.parameterType(i + 1);
      return (type.typeId as DuckDBTypeId) === DuckDBTypeId.INVALID ? oid.text : toPgType(type).oid;
    });
    if (parameters.length > 0)
      prepared.bind(
        parameters.map(() => null),
        parameters.map(duckdbType),
      );
    const columns = columnsOf(prepared);
    return {
      parameters,
      columns,
      execute: async (values: readonly RawParameter[]) => {
        this.#checkFailed(sql);
        const decoded = values.map((raw) => decodeParameter(raw.oid, raw.format, raw.value));
        prepared.bind(
          decoded.map((one) => one.value),
          decoded.map((one) => one.type),
        );
        return this.#run(sql, prepared);
      },
      close: () => prepared.destroySync(),
    };
  }

  async simple(sql: string, position: { readonly index: number; readonly count: number }): Promise<Outcome> {
    this.#checkFailed(sql);
    const word = special(sql);
    if (word === 'begin' || word === 'commit' || word === 'rollback') return this.#transaction(word);
    if (word === 'terminate') {
      this.#hooks.terminate(new LakeError('admin_shutdown', 'terminating connection due to administrator command'));
      return { t: 'command', tag: 'TERMINATE' };
    }
    if (word === 'notice') {
      this.#hooks.notice('NOTICE', '00000', 'be told');
      return { t: 'command', tag: 'DO' };
    }
    if (word === 'zone') {
      const zone = /'([^']*)'/.exec(sql)?.[1] ?? 'UTC';
      this.#hooks.parameter('TimeZone', zone);
      return { t: 'command', tag: 'SET' };
    }
    if (position.count > 1 && this.#status === 'I' && !this.#implicit) {
      await this.#guard(() => this.#connection.run('BEGIN TRANSACTION'));
      this.#implicit = true;
    }
    if (word === 'copy') return this.#copy(sql);
    return this.#run(sql, await this.#guard(() => this.#connection.prepare(sql)));
  }

  async failed(): Promise<void> {
    if (this.#status === 'T') this.#status = 'E';
    if (this.#implicit || this.#status === 'E') await this.#connection.run('ROLLBACK').catch(() => undefined);
    this.#implicit = false;
  }

  async sync(): Promise<void> {
    if (!this.#implicit) return;
    this.#implicit = false;
    await this.#guard(() => this.#connection.run('COMMIT'));
  }

  async barrier(): Promise<void> {
    // Nothing to wait for.
  }

  cancel(): void {
    this.#connection.interrupt();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#connection.closeSync();
  }

  #checkFailed(sql: string): void {
    if (this.#status === 'E' && special(sql) !== 'rollback' && special(sql) !== 'commit') {
      throw new LakeError(
        'in_failed_transaction',
        'current transaction is aborted, commands ignored until end of transaction block',
      );
    }
  }

  async #transaction(word: 'begin' | 'commit' | 'rollback'): Promise<Outcome> {
    if (word === 'begin') {
      if (this.#status === 'I') await this.#guard(() => this.#connection.run('BEGIN TRANSACTION'));
      this.#status = 'T';
      return { t: 'command', tag: 'BEGIN' };
    }
    const failed = this.#status === 'E';
    if (this.#status === 'T') await this.#guard(() => this.#connection.run(word));
    this.#status = 'I';
    return { t: 'command', tag: failed || word === 'rollback' ? 'ROLLBACK' : 'COMMIT' };
  }

  async #run(sql: string, prepared: DuckDBPreparedStatement): Promise<Outcome> {
    const columns = columnsOf(prepared);
    if (columns) return { t: 'rows', rows: await this.#stream(prepared, columns), tag: (count) => `SELECT ${count}` };
    const result = await this.#guard(() => prepared.run());
    const word = (/\w+/.exec(sql)?.[0] ?? '').toUpperCase();
    if (word === 'INSERT') return { t: 'command', tag: `INSERT 0 ${result.rowsChanged}` };
    return {
      t: 'command',
      tag:
        word === 'UPDATE' || word === 'DELETE'
          ? `${word} ${result.rowsChanged}`
          : (/^\s*(\w+(\s+\w+)?)/.exec(sql)?.[1]?.toUpperCase() ?? ''),
    };
  }

  async #stream(prepared: DuckDBPreparedStatement, columns: readonly Column[]): Promise<RowStream> {
    const result = await this.#guard(() => prepared.stream());
    return {
      columns,
      next: async (): Promise<DuckDBDataChunk | null> => {
        const chunk = await this.#guard(() => result.fetchChunk());
        return chunk && chunk.rowCount > 0 ? chunk : null;
      },
      close: async () => undefined,
    };
  }

  async #copy(sql: string): Promise<Outcome> {
    const format = parseCopyFormat(sql);
    const out = /^\s*copy\s+(?:\(([\s\S]*)\)|(\S+))\s+to\s+stdout/i.exec(sql);
    if (out) {
      const prepared = await this.#guard(() => this.#connection.prepare(out[1] ?? `FROM ${out[2]}`));
      return { t: 'copy-out', format, rows: await this.#stream(prepared, columnsOf(prepared) ?? []) };
    }
    const table = /^\s*copy\s+(\S+)\s+from\s+stdin/i.exec(sql)?.[1];
    if (!table) throw new LakeError('syntax_error', 'COPY as the fake knows it');
    const prepared = await this.#guard(() => this.#connection.prepare(`FROM ${table}`));
    return { t: 'copy-in', format, sink: await this.#sink(table, columnsOf(prepared) ?? [], format) };
  }

  async #sink(table: string, columns: readonly Column[], format: CopyFormat): Promise<CopySink> {
    const chunks: DuckDBDataChunk[] = [];
    const parts: Buffer[] = [];
    return {
      accepts: format.format === 'binary' ? 'chunks' : 'bytes',
      columns,
      write: async (data) => void parts.push(Buffer.from(data)),
      append: async (chunk) => void chunks.push(chunk),
      finish: async () => {
        const appender = await this.#connection.createAppender(table);
        for (const chunk of chunks) appender.appendDataChunk(chunk);
        const lines = Buffer.concat(parts)
          .toString()
          .split('\n')
          .filter((line) => line !== '' && line !== '\\.');
        for (const line of lines) {
          if (line.includes('poison')) throw new LakeError('bad_copy_format', 'invalid input in COPY');
          appender.appendVarchar(line);
          appender.endRow();
        }
        appender.closeSync();
        return lines.length + chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0);
      },
      abort: async () => undefined,
    };
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      const code = /INTERRUPT/.test(message)
        ? 'query_canceled'
        : /division by zero/i.test(message)
          ? 'division_by_zero'
          : /does not exist/.test(message)
            ? 'undefined_table'
            : /^Parser/.test(message)
              ? 'syntax_error'
              : /Conversion|out of range/i.test(message)
                ? 'invalid_text_representation'
                : /onstraint/.test(message)
                  ? 'unique_violation'
                  : 'invalid_argument';
      throw new LakeError(code, code === 'query_canceled' ? 'canceling statement due to user request' : message);
    }
  }
}

type Special = 'begin' | 'commit' | 'rollback' | 'copy' | 'terminate' | 'notice' | 'zone';

function special(sql: string): Special | null {
  const word = /^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase();
  if (word === 'begin' || word === 'start') return 'begin';
  if (word === 'commit' || word === 'end') return 'commit';
  if (word === 'rollback' || word === 'abort') return 'rollback';
  if (word === 'copy' || word === 'terminate' || word === 'notice') return word;
  return /^\s*set\s+timezone/i.test(sql) ? 'zone' : null;
}

function columnsOf(prepared: DuckDBPreparedStatement): Column[] | null {
  const type = prepared.statementType;
  if (type !== StatementType.SELECT && type !== StatementType.EXPLAIN && type !== StatementType.CALL) return null;
  return Array.from({ length: prepared.columnCount }, (_, i) => ({
    name: prepared.columnName(i),
    type: prepared.columnType(i) as DuckDBType,
  }));
}

function parseCopyFormat(sql: string): CopyFormat {
  const options = /\(([^()]*)\)\s*$/.exec(sql)?.[1] ?? '';
  const format = /format\s+"?(text|csv|binary)"?/i.exec(options)?.[1]?.toLowerCase() as CopyFormat['format'] | undefined;
  const csv = format === 'csv';
  return {
    format: format ?? 'text',
    delimiter: /delimiter\s+'(.)'/i.exec(options)?.[1] ?? (csv ? ',' : '\t'),
    nullText: /null\s+'([^']*)'/i.exec(options)?.[1] ?? (csv ? '' : '\\N'),
    header: /header/i.test(options),
    quote: '"',
    escape: '"',
    forceQuote: /force_quote\s+\*/i.test(options) ? 'all' : [],
  };
}
