/** The local files of one open database: DuckDB writes them, the commit path reads them. A cache; the log is what lasts. */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { assert } from '../../base/errors.ts';
import { quoteName } from '../../base/sql-lexer.ts';
import { type ChunkStore, uploadFile } from './chunks.ts';
import type { Chunk } from './control.ts';
import type { DatabaseEngine, StoredImage } from './database.ts';
import { attachFile, detachFile } from './instance.ts';
import { decodeRowChanges, toStatements } from './row-changes.ts';
import { type Cut, Wal } from './wal.ts';

export interface DatabaseFilesOptions {
  readonly instance: DuckDBInstance;
  /** A connection for attaching and detaching. */
  readonly admin: DuckDBConnection;
  readonly uuid: string;
  /** Its alias in the instance. */
  readonly name: string;
  /** The attached file. */
  readonly file: string;
  readonly walEnd: number;
  readonly epoch: number;
  readonly chunks: ChunkStore;
}

export class DatabaseFiles implements DatabaseEngine<DuckDBConnection> {
  readonly #options: DatabaseFilesOptions;
  #wal: Wal;
  /** For commits that were recorded before. */
  #applying: DuckDBConnection | null = null;

  constructor(options: DatabaseFilesOptions) {
    this.#options = options;
    this.#wal = new Wal(options.file, options.walEnd);
  }

  get walEnd(): number {
    return this.#wal.end;
  }

  walSize(): number {
    return this.#wal.size();
  }

  cut(): Cut {
    return this.#wal.cut();
  }

  reader(): (start: number, end: number) => Buffer {
    const wal = this.#wal;
    return (start, end) => wal.read(start, end);
  }

  async connect(closed: () => void): Promise<DuckDBConnection> {
    const connection = await this.#options.instance.connect();
    try {
      await connection.run(`USE ${quoteName(this.#options.name)}`);
    } catch (error) {
      connection.closeSync();
      throw error;
    }
    const close = connection.closeSync.bind(connection);
    let isClosed = false;
    connection.closeSync = () => {
      close();
      if (!isClosed) closed();
      isClosed = true;
    };
    return connection;
  }

  async commit(connection: DuckDBConnection): Promise<void> {
    await connection.run('COMMIT');
  }

  async apply(commits: readonly Buffer[]): Promise<DuckDBConnection> {
    this.#applying ??= await this.#openApplying();
    const statements = toStatements(commits.map(decodeRowChanges), this.#options.name);
    await this.#applying.run(`BEGIN TRANSACTION; ${statements.join('; ')}`);
    return this.#applying;
  }

  async #openApplying(): Promise<DuckDBConnection> {
    const connection = await this.#options.instance.connect();
    // For literals the optimizer costs more than all the rest.
    await connection.run("SET TimeZone = 'UTC'; PRAGMA disable_optimizer");
    return connection;
  }

  async rollback(connection: DuckDBConnection): Promise<void> {
    await connection.run('ROLLBACK');
  }

  async checkpoint(): Promise<void> {
    const connection = await this.#options.instance.connect();
    try {
      await connection.run(`CHECKPOINT ${quoteName(this.#options.name)}`);
    } finally {
      connection.closeSync();
    }
  }

  async store(known: readonly Chunk[]): Promise<StoredImage> {
    const { uuid, name, epoch, chunks } = this.#options;
    assert(!this.#wal.isCheckpointing(), `a checkpoint of ${name} runs outside of its commit lock`);
    const fresh = new Wal(this.#wal.file, 0);
    try {
      fresh.end = fresh.size();
      const upload = { ...chunks, database: uuid, epoch, known };
      const file = await uploadFile(fresh.file, fresh.fileSize(), upload);
      const wal = await uploadFile(fresh.path, fresh.end, upload);
      return {
        file: file.chunks,
        wal: wal.chunks,
        newBytes: file.newBytes + wal.newBytes,
        adopt: () => {
          this.#wal.close();
          this.#wal = fresh;
        },
      };
    } catch (error) {
      fresh.close();
      throw error;
    }
  }

  async park(): Promise<void> {
    const { admin, name } = this.#options;
    this.#endApplying();
    await detachFile(admin, name);
    const { end, bypass } = this.#wal.cut();
    assert(bypass === null && end === this.#wal.size(), `detaching ${name} has changed its files`);
    this.#wal.close();
  }

  async resume(): Promise<void> {
    const { admin, file, name } = this.#options;
    await attachFile(admin, file, name);
    assert(this.#wal.cut().bypass === null, `attaching ${name} has changed its files`);
  }

  close(): void {
    this.#endApplying();
    this.#wal.close();
  }

  #endApplying(): void {
    this.#applying?.closeSync();
    this.#applying = null;
  }
}
