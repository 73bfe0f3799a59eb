/**
 * The settings that make an instance safe to run strangers' SQL, in the order in which they must be set. After the last
 * one DuckDB refuses to open files outside the allowed directories, to load extensions, to attach PostgreSQL databases
 * and to change settings. The statement gate stands in front of this, never instead of it.
 */
import { quoteString } from '../../base/sql-lexer.ts';

export interface LockdownOptions {
  /** Prefixes the instance may read and write: data of its lakes, its own spool directory. Absolute, ending in `/`. */
  readonly allowedDirectories: readonly string[];
  readonly spillDirectory: string;
  readonly spillBytesMax: number;
}

/** Statements that lock an instance down. Run them after everything was loaded and attached. */
export function lockdownStatements(options: LockdownOptions): string[] {
  return [
    `SET temp_directory = ${quoteString(options.spillDirectory)}`,
    `SET max_temp_directory_size = '${Math.floor(options.spillBytesMax / (1 << 20))}MiB'`,
    'SET allow_community_extensions = false',
    'SET autoinstall_known_extensions = false',
    'SET autoload_known_extensions = false',
    `SET allowed_directories = [${options.allowedDirectories.map(quoteString).join(', ')}]`,
    // A session's own time zone, and which metrics are taken of its statements, are settings of its connection; nothing else
    // may change after the lock.
    "SET allowed_configs = ['TimeZone', 'custom_profiling_settings']",
    'SET enable_external_access = false',
    'SET lock_configuration = true',
  ];
}
