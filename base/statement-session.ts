/**
 * The contract between a wire that carries SQL statements and whatever executes them (the lake engine on the main
 * thread, the metadata sessions in the worker). Types only. The wire knows messages, formats and portal rules; it
 * never knows SQL. One StatementSession lives behind each client connection. Calls on it are strictly one after the
 * other, except `cancel()` and `close()`, which may come at any time.
 */
import type { DuckDBDataChunk, DuckDBType } from '@duckdb/node-api';
import type { Principal } from './domain.ts';
import type { LakeError } from './errors.ts';

/** A result column. The wire derives type oid, size and both formats from `type` unless `pgType` overrides them. */
export interface Column {
  readonly name: string;
  readonly type: DuckDBType;
  /** What to announce instead of the type derived from `type` (regclass, name, oid, bytea for VARCHAR …). */
  readonly pgType?: { readonly oid: number; readonly typmod?: number };
  /** Where the column comes from, if it is a plain table column (RowDescription's table oid and attnum). */
  readonly tableOid?: number;
  readonly columnNumber?: number;
}

/** A parameter as it came in Bind. */
export interface RawParameter {
  /** Type oid from Parse, or what `Prepared.parameters` resolved for it. */
  readonly oid: number;
  readonly format: 0 | 1;
  /** null is SQL NULL. Valid only during the call. */
  readonly value: Buffer | null;
}

/**
 * Rows of a running query, pulled chunk by chunk: nobody pulls, nothing is computed (back-pressure). The wire asks for one
 * chunk ahead of the one it writes, never for two at once; a chunk stays valid while the next is made.
 */
export interface RowStream {
  readonly columns: readonly Column[];
  /** Only part of the chunks' rows are meant (FETCH): send `count` rows, beginning `skip` rows into the first chunk. */
  readonly window?: { readonly skip: number; readonly count: number };
  /** The next chunk (up to 2,048 rows), or null at the end. Throws LakeError. */
  next(): Promise<DuckDBDataChunk | null>;
  /** Ends the query early and frees it; idempotent. */
  close(): Promise<void>;
}

/** Options of COPY as the wire must apply them. */
export interface CopyFormat {
  readonly format: 'text' | 'csv' | 'binary';
  readonly delimiter: string;
  readonly nullText: string;
  readonly header: boolean;
  readonly quote: string;
  readonly escape: string;
  readonly forceQuote: 'all' | readonly string[];
}

/** Where the data of COPY … FROM STDIN goes. `bytes` sinks take CopyData bodies as they come, `chunks` sinks take decoded binary tuples. */
export interface CopySink {
  readonly accepts: 'bytes' | 'chunks';
  readonly columns: readonly Column[];
  /** Resolves when more may be sent (back-pressure). The buffer is only valid during the call unless copied. */
  write(data: Buffer): Promise<void>;
  append(chunk: DuckDBDataChunk): Promise<void>;
  /** All data came: applies it and resolves to the number of rows. */
  finish(): Promise<number>;
  /** CopyFail or a broken connection: nothing of it may remain. */
  abort(reason: string): Promise<void>;
}

/** What executing a statement gives. `tag` is the CommandComplete text, e.g. `SELECT 5`, `INSERT 0 3`. */
export type Outcome =
  | { readonly t: 'rows'; readonly rows: RowStream; tag(rowCount: number): string }
  | { readonly t: 'command'; readonly tag: string }
  | {
      readonly t: 'copy-out';
      readonly format: CopyFormat;
      readonly rows: RowStream;
      /** Who wants to have the answer as it was sent, from CopyOutResponse to CopyDone, if it has at most `bytesMax` bytes. */
      readonly keep?: { readonly bytesMax: number; keep(encoded: Buffer, rowCount: number): void };
    }
  /** What `keep` of an earlier COPY was given: sent again as it is. */
  | { readonly t: 'copy-out-kept'; readonly encoded: Buffer; readonly rows: number }
  /** COPY TO STDOUT already encoded by the engine; each buffer holds whole rows, `rowEnds` their ends. */
  | {
      readonly t: 'copy-out-bytes';
      readonly format: CopyFormat;
      readonly columns: readonly Column[];
      next(): Promise<{ data: Buffer; rowEnds: Uint32Array | number[] } | null>;
      close(): Promise<void>;
    }
  | { readonly t: 'copy-in'; readonly format: CopyFormat; readonly sink: CopySink }
  | { readonly t: 'empty' };

/** A parsed statement. The wire keeps it under the client's statement name and closes it. */
export interface Prepared {
  /** Parameter type oids, one per `$n`; 0 never stands here. */
  readonly parameters: readonly number[];
  /** Columns if it returns rows, null if not. */
  readonly columns: readonly Column[] | null;
  /** Runs it. The wire has checked the count of parameters. */
  execute(parameters: readonly RawParameter[]): Promise<Outcome>;
  close(): void;
}

export interface StatementSession {
  /** ParameterStatus values to announce after authentication, in order. */
  readonly parameters: ReadonlyMap<string, string>;
  /** For ReadyForQuery: idle, in a transaction block, in a failed one. */
  transactionStatus(): 'I' | 'T' | 'E';
  /** Splits a simple-query text into statements; throws syntax_error. An empty array is an empty query. */
  split(sql: string): string[];
  /** Parses one statement. `parameterOids` come from Parse, 0 or missing = unspecified. Throws LakeError. */
  prepare(sql: string, parameterOids: readonly number[]): Promise<Prepared>;
  /**
   * Runs one statement of a simple query. `last` is false while others follow in the same message (they share an
   * implicit transaction, as in PostgreSQL). A session may answer several result sets only through several calls.
   */
  simple(sql: string, position: { readonly index: number; readonly count: number }): Promise<Outcome>;
  /** Columns of an open SQL cursor (DECLARE), which drivers describe as a portal of that name; undefined when there is none. */
  cursorColumns?(name: string): readonly Column[] | undefined;
  /** An error was sent to the client: a transaction block becomes failed, an implicit one is rolled back. */
  failed(error: LakeError): Promise<void>;
  /** Sync, or the end of a simple query: commits the implicit transaction, if any. Nothing is acknowledged before this resolves. */
  sync(): Promise<void>;
  /**
   * Waits until all that the answer shows is durable (the barrier). Called before any CommandComplete, ErrorResponse
   * or ReadyForQuery leaves; must be cheap when there is nothing to wait for.
   */
  barrier(): Promise<void>;
  /**
   * How long (ms) the client may leave the session waiting for its next message after ReadyForQuery, and what it is told
   * when that is over; undefined: for ever.
   */
  idleLimit?(): { readonly ms: number; readonly error: LakeError } | undefined;
  /** The client has said nothing for a while: gives back what can be made again for its next statement. Never rejects. */
  rest?(): Promise<void>;
  /** Interrupts what runs now (CancelRequest, timeout). Never throws. */
  cancel(): void;
  /** The connection is gone: roll back, free everything. */
  close(): Promise<void>;
}

/** A statement that stays prepared under a name. */
export interface PreparedName {
  readonly name: string;
  readonly sql: string;
  /** Type oids. */
  readonly parameters: readonly number[];
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Things a session tells the client outside of answers. */
export interface SessionHooks {
  notice(severity: 'NOTICE' | 'WARNING' | 'INFO', code: string, message: string, hint?: string): void;
  /** A reported parameter changed (client_encoding, TimeZone, DateStyle, application_name …). */
  parameter(name: string, value: string): void;
  /**
   * SQL says DEALLOCATE: lets go of the statement that the client prepared by Parse under this name, or of all (null), for
   * both kinds share one set of names. False when there is none.
   */
  deallocate?(name: string | null): boolean;
  /** The statements that the client prepared by Parse under a name, oldest first. */
  prepared?(): readonly PreparedName[];
  /** Ends the connection with this error as soon as the wire allows. */
  terminate(error: LakeError): void;
}

export interface Startup {
  readonly principal: Principal;
  readonly database: string;
  /** All startup parameters as sent (user, database, application_name, options, …). */
  readonly parameters: ReadonlyMap<string, string>;
  readonly remoteAddress: string;
  readonly tls: boolean;
  /** This session's cancel key as BackendKeyData announces it. */
  readonly processId: number;
}
