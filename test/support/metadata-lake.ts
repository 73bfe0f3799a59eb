/**
 * Lakes whose metadata sessions are driven without a wire: a message is split, run, drained and ended as a PostgreSQL
 * listener would. The catalogs lie in plain DuckDB files (fake-replicated-log.ts).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import type { Principal, Right } from '../../base/domain.ts';
import { lakeDatabaseName, maintenanceId } from '../../base/domain.ts';
import type { LakeError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Column, CopyFormat, Outcome, StatementSession } from '../../base/statement-session.ts';
import { decodeCopy } from '../../catalog/metadata/kept-copy.ts';
import { createMetadataSessions } from '../../catalog/metadata/sessions.ts';
import type { MetadataSessions } from '../../catalog/metadata/sessions.ts';
import { createCopyWriter } from '../../protocols/pgwire/copy-out.ts';
import { defaultLimits } from '../../protocols/pgwire/limits.ts';
import { writeCopyDone, writeCopyResponse } from '../../protocols/pgwire/messages/copy-response.ts';
import { BufferPool, Outbox } from '../../protocols/pgwire/outbox.ts';
import { Settings } from '../../protocols/pgwire/settings.ts';
import { type FakeLog, openFakeLog } from './fake-replicated-log.ts';

/** What a message gave: one entry per statement. */
export interface Answer {
  readonly tag: string;
  readonly names: readonly string[];
  /** Type oids that were announced instead of the derived ones. */
  readonly oids: readonly (number | undefined)[];
  readonly rows: readonly (readonly DuckDBValue[])[];
  /** A binary COPY as the wire sends it. */
  readonly bytes?: Buffer;
}

export interface Client {
  readonly session: StatementSession;
  readonly notices: string[];
  readonly terminated: LakeError[];
  /** Runs one simple-query message. The promise rejects with the error that the client would be sent. */
  send(sql: string): Promise<Answer[]>;
  /** The rows of the last statement. */
  rows(sql: string): Promise<readonly (readonly DuckDBValue[])[]>;
}

export interface MetadataLakes {
  readonly log: FakeLog;
  readonly sessions: MetadataSessions;
  /** Opens `<lake>__catalog` with a right, as a pod, or as its maintenance. */
  client(lake: string, right?: Right | 'pod' | 'maintenance'): Promise<Client>;
  close(): Promise<void>;
}

/** Empty lakes with these names. */
export async function openMetadataLakes(
  names: readonly string[],
  clock: Clock = systemClock,
  options: { readonly dataPath?: string; readonly writeTransactionMsMax?: number } = {},
): Promise<MetadataLakes> {
  const directory = mkdtempSync(join(tmpdir(), 'metadata-lakes-'));
  const log = await openFakeLog(directory);
  for (const name of names) await log.create(lakeDatabaseName({ id: name }));
  const sessions = createMetadataSessions({
    log,
    lake: async (name) =>
      names.includes(name) ? { id: name, name, ...(options.dataPath === undefined ? {} : { dataPath: options.dataPath }) } : null,
    ...(options.writeTransactionMsMax === undefined ? {} : { writeTransactionMsMax: options.writeTransactionMsMax }),
    clock,
    logger: silentLogger,
  });
  const clients: Client[] = [];
  return {
    log,
    sessions,
    async client(lake, right = 'pod') {
      const client = await openClient(sessions, lake, right);
      clients.push(client);
      return client;
    },
    async close() {
      for (const { session } of clients) await session.close();
      await log.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function openClient(sessions: MetadataSessions, lake: string, right: Right | 'pod' | 'maintenance'): Promise<Client> {
  const notices: string[] = [];
  const terminated: LakeError[] = [];
  const principal: Principal = {
    id: right === 'maintenance' ? maintenanceId : 'u1',
    name: 'ada',
    kind: right === 'pod' ? 'pod' : 'user',
    superuser: false,
    rights: new Map(right === 'pod' ? [] : [[lake, right === 'maintenance' ? 'owner' : right]]),
  };
  const session = await sessions.open(
    { principal, database: `${lake}__catalog`, parameters: new Map(), remoteAddress: '127.0.0.1', tls: false, processId: 7 },
    {
      notice: (_severity, _code, message) => notices.push(message),
      parameter: () => undefined,
      terminate: (error) => terminated.push(error),
    },
  );
  const send = async (sql: string): Promise<Answer[]> => {
    const answers: Answer[] = [];
    try {
      const statements = session.split(sql);
      for (const [index, statement] of statements.entries()) {
        answers.push(await drain(await session.simple(statement, { index, count: statements.length })));
      }
      await session.sync();
    } catch (error) {
      await session.failed(error as LakeError);
      await session.sync();
      await session.barrier();
      throw error;
    }
    await session.barrier();
    return answers;
  };
  return { session, notices, terminated, send, rows: async (sql) => (await send(sql)).at(-1)?.rows ?? [] };
}

/** The rows of answers that were kept, for those who ask for values. */
const keptRows = new WeakMap<Buffer, Answer>();

/** How many answers were given from what was kept. */
export const keptAnswers = { given: 0 };

async function drain(outcome: Outcome): Promise<Answer> {
  if (outcome.t === 'copy-out-kept') {
    keptAnswers.given++;
    const bytes = outcome.encoded;
    const rows = decodeCopy(bytes)?.rows.map((row) => row.map((field) => field?.toString('hex') ?? null)) ?? [];
    return { ...(keptRows.get(bytes) ?? { tag: `COPY ${outcome.rows}`, names: [], oids: [], rows }), bytes };
  }
  if (outcome.t === 'command') return { tag: outcome.tag, names: [], oids: [], rows: [] };
  if (outcome.t !== 'rows' && outcome.t !== 'copy-out') return { tag: outcome.t, names: [], oids: [], rows: [] };
  const { columns } = outcome.rows;
  const rows: DuckDBValue[][] = [];
  const wire = outcome.t === 'copy-out' && outcome.format.format === 'binary' ? encoder(outcome.format, columns) : null;
  for (let chunk = await outcome.rows.next(); chunk; chunk = await outcome.rows.next()) {
    rows.push(...chunk.getRows());
    wire?.add(chunk);
  }
  await outcome.rows.close();
  const tag = outcome.t === 'rows' ? outcome.tag(rows.length) : `COPY ${rows.length}`;
  const answer = { tag, names: columns.map((c) => c.name), oids: columns.map((c) => c.pgType?.oid), rows };
  const bytes = wire?.end();
  if (!bytes) return answer;
  keptRows.set(bytes, answer);
  if (outcome.t === 'copy-out') outcome.keep?.keep(bytes, rows.length);
  return { ...answer, bytes };
}

/** What a listener would send: CopyOutResponse to CopyDone. */
function encoder(format: CopyFormat, columns: readonly Column[]): { add(chunk: DuckDBDataChunk): void; end(): Buffer } {
  const out = new Outbox(new PassThrough(), new BufferPool(65_536, 1), systemClock, 1_000);
  const writer = createCopyWriter(format, columns, new Settings(), defaultLimits);
  writeCopyResponse(out, 'out', true, columns.length);
  writer.begin(out);
  return {
    add(chunk) {
      writer.load(chunk);
      writer.write(out, 0, chunk.rowCount);
    },
    end() {
      writer.end(out);
      writeCopyDone(out);
      return Buffer.from(out.buffer.subarray(0, out.at));
    },
  };
}

/** A few of DuckLake's tables, as its client creates them. */
export const someTables = `
  CREATE TABLE "public"."ducklake_metadata"("key" VARCHAR NOT NULL, "value" VARCHAR NOT NULL, "scope" VARCHAR, "scope_id" BIGINT);
  CREATE TABLE "public"."ducklake_snapshot"("snapshot_id" BIGINT PRIMARY KEY, "snapshot_time" TIMESTAMP WITH TIME ZONE, "schema_version" BIGINT, "next_catalog_id" BIGINT, "next_file_id" BIGINT);
  CREATE TABLE "public"."ducklake_table_column_stats"("table_id" BIGINT, "column_id" BIGINT, "contains_null" BOOLEAN, "contains_nan" BOOLEAN, "min_value" VARCHAR, "max_value" VARCHAR, "extra_stats" VARCHAR);
  CREATE TABLE "public"."ducklake_inlined_data_1_1"(row_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, s BYTEA, d DECIMAL(10,2), ts VARCHAR);`;
