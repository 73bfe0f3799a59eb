/**
 * Where rows of COPY … FROM STDIN go. Binary tuples arrive as chunks and are appended to the table; text and csv lines
 * are split here and go through DuckDB's casts. Everything happens inside the session's transaction, so an abort
 * leaves nothing.
 */
import { DuckDBDataChunk, VARCHAR } from '@duckdb/node-api';
import type { DuckDBAppender, DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { quoteName } from '../../base/sql-lexer.ts';
import type { Column, CopyFormat, CopySink } from '../../base/statement-session.ts';
import { toStoredSchema } from './catalog-view.ts';
import type { ViewColumn } from './catalog-view.ts';
import { CopyLines } from './copy-lines.ts';
import { parseBytea } from './dialect/bytea.ts';
import type { FoundTable } from './dialect/translation.ts';
import { limits } from './limits.ts';

export interface CopyTarget {
  readonly connection: DuckDBConnection;
  readonly alias: string;
  readonly target: FoundTable;
  /** The columns that the client sends, in its order. */
  readonly columns: readonly ViewColumn[];
  /** Their DuckDB types. */
  readonly types: readonly Column[];
  readonly format: CopyFormat;
  /** Turns DuckDB's errors into ours and ends the transaction they broke. */
  readonly guard: <T>(work: () => Promise<T>) => Promise<T>;
  /** Called once, with the number of rows or null for an abort. */
  readonly ended: (rows: number | null) => Promise<void>;
}

/** Decoded binary tuples. A column that the client leaves out gets its default by a staging insert. */
export class ChunkSink implements CopySink {
  readonly accepts = 'chunks';
  readonly columns: readonly Column[];
  readonly #options: CopyTarget;
  #appender: DuckDBAppender | undefined;
  #staging: string | undefined;
  #rows = 0;
  #ended = false;

  constructor(options: CopyTarget) {
    this.#options = options;
    this.columns = options.types;
  }

  async write(): Promise<void> {
    throw new LakeError('internal', 'a chunk sink takes chunks');
  }

  append(chunk: DuckDBDataChunk): Promise<void> {
    return this.#options.guard(async () => {
      this.#appender ??= await this.#open();
      this.#appender.appendDataChunk(chunk);
      this.#appender.flushSync();
      this.#rows += chunk.rowCount;
    });
  }

  async #open(): Promise<DuckDBAppender> {
    const { connection, alias, target, columns } = this.#options;
    const { table } = target;
    const isWhole = columns.length === table.columns.length && columns.every((c, i) => c === table.columns[i]);
    if (isWhole) {
      return target.temporary
        ? connection.createAppender(table.name, 'main', 'temp')
        : connection.createAppender(table.name, toStoredSchema(table.schema), alias);
    }
    this.#staging = stagingName;
    await connection.run(
      `CREATE OR REPLACE TEMPORARY TABLE ${stagingName} AS SELECT ${list(columns)} FROM ${target.sql} LIMIT 0`,
    );
    return connection.createAppender(stagingName, 'main', 'temp');
  }

  finish(): Promise<number> {
    return this.#options.guard(async () => {
      const { connection, target, columns, ended } = this.#options;
      this.#appender?.closeSync();
      this.#appender = undefined;
      if (this.#staging !== undefined) {
        await connection.run(`INSERT INTO ${target.sql} (${list(columns)}) SELECT * FROM temp.main.${this.#staging}`);
        await connection.run(`DROP TABLE temp.main.${this.#staging}`);
      }
      this.#ended = true;
      await ended(this.#rows);
      return this.#rows;
    });
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.#appender?.closeSync();
    } catch {
      // The rows that could not be appended go with the transaction.
    }
    this.#appender = undefined;
    await this.#options.ended(null);
  }
}

const stagingName = '__copy_staging';

function list(columns: readonly ViewColumn[]): string {
  return columns.map((c) => quoteName(c.name)).join(', ');
}

/** Lines of text or csv. */
export class LineSink implements CopySink {
  readonly accepts = 'bytes';
  readonly columns: readonly Column[];
  readonly #options: CopyTarget;
  readonly #lines: CopyLines;
  #pending: (string | null)[][] = [];
  #rows = 0;
  #ended = false;

  constructor(options: CopyTarget) {
    this.#options = options;
    this.columns = options.types;
    this.#lines = new CopyLines(options.format, options.columns.length);
  }

  async append(): Promise<void> {
    throw new LakeError('internal', 'a line sink takes bytes');
  }

  write(data: Buffer): Promise<void> {
    return this.#options.guard(async () => {
      for (const row of this.#lines.push(data)) this.#pending.push(row);
      if (this.#pending.length >= limits.copyRowsPerInsert) await this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const { connection, target, columns } = this.#options;
    for (let from = 0; from < this.#pending.length; from += limits.copyRowsPerInsert) {
      const rows = this.#pending.slice(from, from + limits.copyRowsPerInsert);
      if (rows.length === 0) continue;
      await this.#insert(connection, target, columns, rows);
      this.#rows += rows.length;
    }
    this.#pending = [];
  }

  /** Texts go into a temporary table of texts and from there through the casts of the real one. */
  async #insert(
    connection: DuckDBConnection,
    target: FoundTable,
    columns: readonly ViewColumn[],
    rows: readonly (readonly (string | null)[])[],
  ): Promise<void> {
    const names = columns.map((_, i) => `c${i}`);
    await connection.run(`CREATE OR REPLACE TEMPORARY TABLE ${stagingName} (${names.map((n) => `${n} VARCHAR`).join(', ')})`);
    const chunk = DuckDBDataChunk.create(
      names.map(() => VARCHAR),
      rows.length,
    );
    for (const [i, column] of columns.entries())
      chunk.setColumnValues(
        i,
        rows.map((row): DuckDBValue => stagedText(row[i] ?? null, column)),
      );
    const appender = await connection.createAppender(stagingName, 'main', 'temp');
    appender.appendDataChunk(chunk);
    appender.closeSync();
    const casts = columns.map((c, i) => (c.type.duckdb === 'BLOB' ? `unhex(c${i})` : `CAST(c${i} AS ${c.type.duckdb})`));
    await connection.run(`INSERT INTO ${target.sql} (${list(columns)}) SELECT ${casts.join(', ')} FROM temp.main.${stagingName}`);
    await connection.run(`DROP TABLE temp.main.${stagingName}`);
  }

  finish(): Promise<number> {
    return this.#options.guard(async () => {
      for (const row of this.#lines.end()) this.#pending.push(row);
      await this.#flush();
      this.#ended = true;
      await this.#options.ended(this.#rows);
      return this.#rows;
    });
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#pending = [];
    await this.#options.ended(null);
  }
}

/** A field as the staging table holds it: bytes as hex digits, arrays in DuckDB's brackets, the rest as it came. */
function stagedText(text: string | null, column: ViewColumn): string | null {
  if (text === null) return null;
  if (column.type.duckdb === 'BLOB') return parseBytea(text).toString('hex');
  if (column.type.dimensions > 0 && text.startsWith('{')) return text.replaceAll('{', '[').replaceAll('}', ']');
  return text;
}
