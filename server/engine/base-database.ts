/**
 * The database file every instance starts from, opened READ_ONLY. It holds the pg_catalog views and nothing else. Being
 * read-only it gives tenants that share an instance no place to leave a table, view or macro for one another: what is
 * not in a lake can only be temporary, and temporary things belong to one connection.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { BaseCatalog } from './ports.ts';
import { registerSessionCall } from './session-call.ts';

/** Name of the base database inside an instance: its file name without extension. */
export const baseDatabaseName = 'boilstream';

/** Makes the file anew (whatever a former process left is removed) and returns its path. */
export async function createBaseDatabase(directory: string, catalog: BaseCatalog | undefined): Promise<string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${baseDatabaseName}.duckdb`);
  rmSync(path, { force: true });
  rmSync(`${path}.wal`, { force: true });
  const instance = await DuckDBInstance.create(path, {
    threads: '1',
    memory_limit: '256MiB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    // The catalog's macros and views name it; each instance has its own that answers.
    registerSessionCall(connection, () => undefined);
    await catalog?.create(connection);
    await connection.run('CHECKPOINT');
    connection.closeSync();
  } finally {
    instance.closeSync();
  }
  return path;
}
