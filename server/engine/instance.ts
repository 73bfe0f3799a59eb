/**
 * One locked-down DuckDB instance for one set of grants: its lakes attached through metadata sessions, a read-only base
 * database, a spool directory of its own. After it is open nothing can be attached to it: when the grants change,
 * sessions move to another instance and this one is closed with its last session. A lake that cannot be attached (its
 * metadata damaged, not made yet, or out of reach) is left out and named; the others must not suffer from it.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import { metadataCatalogPrefix } from '../../base/sql-refusal.ts';
import { attachLakeSql, metadataSecretSql } from './attach.ts';
import { loadExtensions } from './extensions.ts';
import { InstanceKeys } from './instance-keys.ts';
import { lockdownStatements } from './lockdown.ts';
import type { DataKeys, LakeAccess, MetadataEndpoint } from './ports.ts';
import { registerSessionCall, type SessionCall } from './session-call.ts';

export interface InstanceOptions {
  readonly access: readonly LakeAccess[];
  readonly endpoint: MetadataEndpoint;
  readonly dataKeys: DataKeys | undefined;
  readonly basePath: string;
  /** Directory of this pod's engine; the instance makes its own below it. */
  readonly directory: string;
  readonly memoryBytes: number;
  readonly threads: number;
  readonly spillBytesMax: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class EngineInstance {
  /** The lakes that are attached. */
  readonly access: ReadonlyMap<string, LakeAccess>;
  /** The lakes that could not be, with DuckDB's reason. */
  readonly unavailable: ReadonlyMap<string, { readonly one: LakeAccess; readonly reason: unknown }>;
  /** Where COPY may leave bytes for this instance to read. Only this instance may open it; the name cannot be guessed. */
  readonly spoolDirectory: string;
  /** Lakes with a schema `public` of their own, where that name is no alias of `main`. */
  readonly ownPublic: ReadonlySet<string>;
  readonly memoryBytes: number;
  readonly #directory: string;
  readonly #instance: DuckDBInstance;
  readonly #keys: InstanceKeys | undefined;
  /** Who answers, by connection. */
  readonly #calls: Map<number, SessionCall>;

  private constructor(
    instance: DuckDBInstance,
    options: InstanceOptions,
    made: {
      directory: string;
      spoolDirectory: string;
      ownPublic: Set<string>;
      unavailable: Unavailable;
      keys: InstanceKeys | undefined;
      calls: Map<number, SessionCall>;
    },
  ) {
    this.#instance = instance;
    this.#keys = made.keys;
    this.#calls = made.calls;
    this.#keys?.follow(() => instance.connect());
    this.#directory = made.directory;
    this.spoolDirectory = made.spoolDirectory;
    this.ownPublic = made.ownPublic;
    this.memoryBytes = options.memoryBytes;
    this.unavailable = made.unavailable;
    this.access = new Map(
      options.access.filter(({ lake }) => !made.unavailable.has(lake.name)).map((one) => [one.lake.name, one]),
    );
  }

  /** Opens, attaches what can be attached, and locks. Throws what DuckDB says (the caller maps it); nothing is left behind then. */
  static async open(options: InstanceOptions): Promise<EngineInstance> {
    const directory = join(options.directory, `instance-${options.random.bytes(12).toString('hex')}`);
    const spoolDirectory = `${join(directory, 'spool')}/`;
    const spillDirectory = `${join(directory, 'spill')}/`;
    for (const made of [spoolDirectory, spillDirectory]) mkdirSync(made, { recursive: true, mode: 0o700 });
    const instance = await DuckDBInstance.create(options.basePath, {
      access_mode: 'READ_ONLY',
      threads: String(options.threads),
      memory_limit: `${Math.floor(options.memoryBytes / (1 << 20))}MiB`,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_persistent_secrets: 'false',
    });
    const { dataKeys: source, clock, log } = options;
    const failed = (lake: string, error: unknown): void =>
      log.warn({ lake, err: error }, 'there are no new keys for the object store; the old ones stay in use');
    const keys = source && new InstanceKeys({ source, clock, failed });
    try {
      const connection = await instance.connect();
      const calls = new Map<number, SessionCall>();
      registerSessionCall(connection, (id) => calls.get(id));
      const prepared = await prepare(connection, options, { spoolDirectory, spillDirectory, keys });
      connection.closeSync();
      return new EngineInstance(instance, options, { directory, spoolDirectory, keys, calls, ...prepared });
    } catch (error) {
      instance.closeSync();
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** A new connection of this instance. The caller closes it. */
  connect(): Promise<DuckDBConnection> {
    return this.#instance.connect();
  }

  /** Who answers the `session_call`s of a connection; the returned function is for its end. */
  answer(connection: DuckDBConnection, call: SessionCall): () => void {
    const id = Number(connection.clientContext.connectionId);
    this.#calls.set(id, call);
    return () => void this.#calls.delete(id);
  }

  /** Frees memory and files. No connection may be open any more. */
  close(): void {
    this.#keys?.close();
    this.#instance.closeSync();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

type Unavailable = Map<string, { readonly one: LakeAccess; readonly reason: unknown }>;

/**
 * Tells whether a lake can be attached now, in an instance that is thrown away. Never throws.
 */
export async function canAttach(one: LakeAccess, endpoint: MetadataEndpoint): Promise<boolean> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: '128MiB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_persistent_secrets: 'false',
  });
  try {
    const connection = await instance.connect();
    await loadExtensions(connection, ['ducklake', 'postgres_scanner', 'httpfs']);
    await connection.run(metadataSecretSql('metadata', endpoint));
    const metadataCatalog = `${metadataCatalogPrefix}probe`;
    await connection.run(attachLakeSql({ lake: one.lake, readOnly: true, secret: 'metadata', metadataCatalog }));
    connection.closeSync();
    return true;
  } catch {
    return false;
  } finally {
    instance.closeSync();
  }
}

/** Loads, attaches and locks. Resolves to the lakes that have a schema `public` of their own, and to those left out. */
async function prepare(
  connection: DuckDBConnection,
  options: InstanceOptions,
  { keys, ...directories }: { spoolDirectory: string; spillDirectory: string; keys: InstanceKeys | undefined },
): Promise<{ ownPublic: Set<string>; unavailable: Unavailable }> {
  await loadExtensions(connection, ['ducklake', 'postgres_scanner', 'httpfs']);
  // Each session's reads come through one PostgreSQL connection of this pool; without room it would connect anew each time.
  await connection.run('SET pg_pool_max_connections = 32');
  await connection.run("SET pg_pool_health_check_query = ''");
  // httpfs checks certificates with one of its two clients only, unless it is told.
  await connection.run('SET GLOBAL enable_server_cert_verification = true');
  const unguessable = (): string => options.random.bytes(16).toString('hex');
  const secret = `metadata_${unguessable()}`;
  await connection.run(metadataSecretSql(secret, options.endpoint));
  const unavailable: Unavailable = new Map();
  for (const one of options.access) {
    const { lake, right } = one;
    const metadataCatalog = `${metadataCatalogPrefix}${unguessable()}`;
    try {
      await keys?.add(connection, one, `data_${unguessable()}`);
      await connection.run(attachLakeSql({ lake, readOnly: right === 'read', secret, metadataCatalog }));
    } catch (reason) {
      unavailable.set(lake.name, { one, reason });
      await connection.run(`DETACH DATABASE IF EXISTS ${quoteName(metadataCatalog)}`);
    }
  }
  const allowedDirectories = [...options.access.map(({ lake }) => lake.dataPath), directories.spoolDirectory];
  for (const statement of lockdownStatements({
    allowedDirectories,
    spillDirectory: directories.spillDirectory,
    spillBytesMax: options.spillBytesMax,
  })) {
    await connection.run(statement);
  }
  const attached = options.access.filter(({ lake }) => !unavailable.has(lake.name));
  const names = attached.map(({ lake }) => quoteString(lake.name));
  if (names.length === 0) return { ownPublic: new Set(), unavailable };
  const found = await connection.run(
    `SELECT DISTINCT database_name FROM duckdb_schemas() WHERE schema_name = 'public' AND database_name IN (${names.join(', ')})`,
  );
  return { ownPublic: new Set((await found.getRows()).map(([name]) => String(name))), unavailable };
}
