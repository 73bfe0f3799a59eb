/**
 * The DuckDB instance of the replicated databases and how files are attached to it. Nothing but our snapshots may
 * checkpoint: not a threshold, not a large commit, not detaching, not shutting down, since each of them would move
 * commits out of the WAL that is being shipped.
 */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';

export interface InstanceOptions {
  /** DuckDB's memory limit in bytes. */
  readonly memoryBytes: number;
  readonly threads: number;
  /** Where DuckDB may spill. */
  readonly tempDirectory: string;
}

const never = '1000TB';

/** An instance of its own for the replicated databases: no extensions are fetched, memory and threads are bounded. */
export async function createLogInstance(options: InstanceOptions): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(options.memoryBytes / 1_048_576)}MiB`,
    threads: String(options.threads),
    temp_directory: options.tempDirectory,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  await keepFromCheckpointing(instance);
  return instance;
}

/** Applies the settings that the log relies on; also to an instance that was handed in. */
export async function keepFromCheckpointing(instance: DuckDBInstance): Promise<void> {
  const connection = await instance.connect();
  try {
    await connection.run(`SET GLOBAL checkpoint_threshold = '${never}'`);
    await connection.run('SET GLOBAL auto_checkpoint_skip_wal_threshold = 1000000000000000');
    await connection.run('SET GLOBAL wal_autocheckpoint_entries = 0');
    await connection.run('PRAGMA disable_checkpoint_on_shutdown');
  } finally {
    connection.closeSync();
  }
}

/**
 * Attaches `file` as `name`. The row groups are large because a commit that fills one writes its rows into the file
 * and only a pointer into the WAL.
 */
export async function attachFile(connection: DuckDBConnection, file: string, name: string): Promise<void> {
  await connection.run(`ATTACH ${quoteString(file)} AS ${quoteName(name)} (ROW_GROUP_SIZE 2048000, STORAGE_VERSION 'v1.5.0')`);
}

/** Detaches what `attachFile` attached; connections that use it keep it until they close. No checkpoint happens. */
export async function detachFile(connection: DuckDBConnection, name: string): Promise<void> {
  await connection.run(`DETACH ${quoteName(name)}`);
}
