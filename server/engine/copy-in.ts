/**
 * COPY … FROM STDIN into a table: what the client sends is spooled to a private file with an unguessable name while it
 * arrives, and DuckDB's parallel CSV reader inserts it on the session's own connection, so it belongs to the session's
 * transaction. Large loads go in segments: one is inserted while the next is received, so that the disk holds two at
 * most. The engine never reads from a slow client: a segment is complete before a query touches it.
 * Binary tuples come decoded from the wire and go through an appender into a temporary table.
 */
import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import type { Column, CopySink } from '../../base/statement-session.ts';
import { type CopyStatement, relationSql } from './copy-statement.ts';
import { copyInError } from './copy-errors.ts';
import { copyInput, isDatetime } from './copy-input.ts';
import { RowFilter } from './copy-rows.ts';
import { Spool } from './copy-spool.ts';

/** What COPY FROM needs from the session it runs in. */
export interface CopyInHost {
  /** The session's connection; a transaction is open on it (a load may take several statements). */
  readonly connection: DuckDBConnection;
  /** Directory of the instance's spool: inside its `allowed_directories`, private to this process (0700). */
  readonly spoolDirectory: string;
  readonly random: Random;
  /** Runs a statement on the connection, admitted and cancellable; resolves to rows changed; rejects with DuckDB's error as it is. */
  run(sql: string): Promise<number>;
  /** What the client is told of an error that is not about the data (a constraint, a conflict, a cancel). */
  mapped?(error: unknown): LakeError;
  /** Bytes of the first and of the longest segment; default 8 and 128 MiB. For tests. */
  readonly segmentBytesMin?: number;
  readonly segmentBytesMax?: number;
}

/**
 * Each segment becomes a Parquet file, so the first is small (DuckDB works while the rest is received) and each that
 * follows may be twice as long: a load has a few files more than if it were inserted at once, however long it is.
 */
const segmentBytesMin = 8 * 1024 * 1024;
const segmentBytesMax = 128 * 1024 * 1024;

/**
 * Opens the sink of a `COPY … FROM STDIN`. The caller has checked that the principal may write the table and that
 * `gateSql(statement)` passes. Throws undefined_table, undefined_column or feature_not_supported; DuckDB's own errors pass.
 */
export async function openCopyIn(host: CopyInHost, statement: CopyStatement): Promise<CopySink> {
  const columns = await targetColumns(host.connection, statement);
  if (statement.options.format === 'binary') return new ChunkSink(host, statement, columns);
  return new ByteSink(host, statement, columns);
}

/** The columns the data fills, in order, with the table's types. */
async function targetColumns(connection: DuckDBConnection, statement: CopyStatement): Promise<Column[]> {
  const list = statement.columns?.map(quoteName).join(', ') ?? '*';
  const prepared = await connection.prepare(`SELECT ${list} FROM ${relationSql(statement)}`);
  try {
    const columns: Column[] = [];
    for (let i = 0; i < prepared.columnCount; i++) columns.push({ name: prepared.columnName(i), type: prepared.columnType(i) });
    return columns;
  } finally {
    prepared.destroySync();
  }
}

function insertSql(statement: CopyStatement, columns: readonly Column[], source: string): string {
  const names = columns.map((column) => quoteName(column.name)).join(', ');
  const where = statement.where === null ? '' : ` WHERE (${statement.where}\n)`;
  return `INSERT INTO ${relationSql(statement)} (${names}) SELECT ${names} FROM ${source}${where}`;
}

class ByteSink implements CopySink {
  readonly accepts = 'bytes';
  readonly columns: readonly Column[];
  readonly #host: CopyInHost;
  readonly #statement: CopyStatement;
  readonly #filter: RowFilter;
  #spool: Spool | null = null;
  /** The insert of the segment before; at most one at a time. */
  #inserting: Promise<void> = Promise.resolve();
  #isInserting = false;
  /** Bytes from which a segment is cut as soon as DuckDB is free for it. */
  #cutBytes: number;
  readonly #segmentBytesMax: number;
  #failure: unknown;
  #rows = 0;
  #over = false;

  constructor(host: CopyInHost, statement: CopyStatement, columns: readonly Column[]) {
    this.#host = host;
    this.#statement = statement;
    this.columns = columns;
    this.#segmentBytesMax = host.segmentBytesMax ?? segmentBytesMax;
    this.#cutBytes = Math.min(host.segmentBytesMin ?? segmentBytesMin, this.#segmentBytesMax);
    this.#filter = new RowFilter(
      statement.options,
      columns.map((column) => column.name),
      { hasDates: columns.some(({ type }) => isDatetime(type)) },
    );
  }

  async write(data: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      for (const piece of this.#filter.feed(data)) await this.#store(piece);
    } catch (error) {
      await this.#discard(error);
      throw error;
    }
  }

  append(): Promise<void> {
    throw new LakeError('internal', 'this COPY takes bytes');
  }

  async finish(): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      for (const piece of this.#filter.end()) await this.#store(piece);
      await this.#cut();
      await this.#inserting;
      if (this.#failure !== undefined) throw this.#failure;
      this.#over = true;
      return this.#rows;
    } catch (error) {
      await this.#discard(error);
      throw error;
    }
  }

  async abort(reason: string): Promise<void> {
    if (!this.#over) await this.#discard(new LakeError('query_canceled', `COPY from stdin failed: ${reason}`));
  }

  async #store(piece: Buffer): Promise<void> {
    this.#spool ??= await Spool.create(this.#host.spoolDirectory, this.#host.random);
    await this.#spool.write(piece);
    const { bytes } = this.#spool;
    if (bytes < this.#cutBytes || (this.#isInserting && bytes < this.#segmentBytesMax)) return;
    this.#cutBytes = Math.min(this.#cutBytes * 2, this.#segmentBytesMax);
    await this.#cut();
  }

  /** Ends the segment and inserts it in the background, after the one before. */
  async #cut(): Promise<void> {
    const spool = this.#spool;
    if (!spool) return;
    this.#spool = null;
    await spool.end();
    await this.#inserting;
    if (this.#failure !== undefined) {
      await spool.remove();
      throw this.#failure;
    }
    this.#isInserting = true;
    this.#inserting = this.#insert(spool).then(
      () => {
        this.#isInserting = false;
      },
      (error: unknown) => {
        this.#isInserting = false;
        this.#failure ??= error;
      },
    );
  }

  async #insert(spool: Spool): Promise<void> {
    try {
      const source = copyInput(quoteString(spool.path), this.#statement.options, this.columns, this.#filter.dialect);
      this.#rows += await this.#host.run(insertSql(this.#statement, this.columns, source));
    } catch (error) {
      const context = {
        table: (this.#statement.table as readonly string[]).at(-1) as string,
        columns: this.columns,
        linesBefore: this.#rows + (this.#statement.options.header ? 1 : 0),
      };
      const told = copyInError(error, context);
      throw told instanceof LakeError ? told : (this.#host.mapped?.(told) ?? told);
    } finally {
      await spool.remove();
    }
  }

  async #discard(error: unknown): Promise<void> {
    this.#over = true;
    this.#failure ??= error;
    await this.#inserting;
    const spool = this.#spool;
    this.#spool = null;
    await spool?.remove();
  }
}

class ChunkSink implements CopySink {
  readonly accepts = 'chunks';
  readonly columns: readonly Column[];
  readonly #host: CopyInHost;
  readonly #statement: CopyStatement;
  readonly #table: string;
  #appender: DuckDBAppender | null = null;
  #over = false;

  constructor(host: CopyInHost, statement: CopyStatement, columns: readonly Column[]) {
    this.#host = host;
    this.#statement = statement;
    this.columns = columns;
    this.#table = `copy_${host.random.bytes(12).toString('hex')}`;
  }

  write(): Promise<void> {
    throw new LakeError('internal', 'this COPY takes chunks');
  }

  async append(chunk: DuckDBDataChunk): Promise<void> {
    this.#appender ??= await this.#open();
    this.#appender.appendDataChunk(chunk);
  }

  async finish(): Promise<number> {
    this.#over = true;
    const appender = this.#appender;
    if (!appender) return 0;
    try {
      appender.closeSync();
      return await this.#host.run(insertSql(this.#statement, this.columns, `temp.main.${this.#table}`));
    } catch (error) {
      throw this.#host.mapped?.(error) ?? error;
    } finally {
      await this.#drop();
    }
  }

  async abort(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    if (!this.#appender) return;
    try {
      this.#appender.closeSync();
    } catch {
      // An appender closes with an error when its rows were refused; they go with the table either way.
    }
    await this.#drop();
  }

  async #open(): Promise<DuckDBAppender> {
    const names = this.columns.map((column) => quoteName(column.name)).join(', ');
    await this.#host.run(`CREATE TEMPORARY TABLE ${this.#table} AS SELECT ${names} FROM ${relationSql(this.#statement)} LIMIT 0`);
    return await this.#host.connection.createAppender(this.#table, 'main', 'temp');
  }

  async #drop(): Promise<void> {
    this.#appender = null;
    // In a failed transaction the drop is refused, and the rollback takes the table with it.
    await this.#host.run(`DROP TABLE IF EXISTS temp.main.${this.#table}`).catch(() => 0);
  }
}
