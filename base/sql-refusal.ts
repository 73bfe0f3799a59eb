/**
 * Functions and relations of DuckDB that a client's SQL may not name. Lists, not patterns; a test compares them with what
 * the engine really has, so a new DuckDB with a new table function fails the build until someone has judged it.
 * The statement gate asks for every statement. The metadata server must ask for the SQL of every view and macro that is
 * stored in a lake, whoever stores it: a view's text runs with the rights of those who read it.
 */
import { LakeError } from './errors.ts';
import { nameOf, significantTokens, type Token } from './sql-lexer.ts';

/** Table functions that compute from their arguments or read what the session may see. Every other one is refused. */
export const allowedTableFunctions: ReadonlySet<string> = new Set([
  'generate_series',
  'range',
  'unnest',
  'repeat',
  'repeat_row',
  'json_each',
  'json_tree',
  'histogram',
  'histogram_values',
  'summary',
  'icu_calendar_names',
  'pg_timezone_names',
  'test_all_types',
  'duckdb_keywords',
  // read-only looks at a lake's history
  'ducklake_snapshots',
  'ducklake_table_info',
  'ducklake_table_insertions',
  'ducklake_table_deletions',
  'ducklake_table_changes',
  'ducklake_current_snapshot',
  'ducklake_last_committed_snapshot',
  'ducklake_options',
  'ducklake_settings',
]);

/** Table functions that change a lake. Only as `CALL` in a statement of its own, never inside a query or a view. */
export const maintenanceFunctions: ReadonlySet<string> = new Set([
  'ducklake_expire_snapshots',
  'ducklake_cleanup_old_files',
  'ducklake_delete_orphaned_files',
  'ducklake_merge_adjacent_files',
  'ducklake_rewrite_data_files',
  'ducklake_flush_inlined_data',
  'ducklake_set_option',
  'ducklake_set_commit_message',
  'ducklake_commit',
  'ducklake_add_data_files',
]);

/** The same as methods of a lake: `CALL sales.set_commit_message(…)`. */
export const maintenanceMethods: ReadonlySet<string> = new Set(
  [...maintenanceFunctions].map((name) => name.slice('ducklake_'.length)),
);

/** Of those, what a writer may call as `CALL`; the others are the lake owner's. `set_commit_message` belongs to the transaction. */
export const writerMaintenance: ReadonlySet<string> = new Set([
  'ducklake_set_commit_message',
  'ducklake_flush_inlined_data',
  'ducklake_merge_adjacent_files',
]);

/** Refused for everyone: reads files, memory, secrets, settings or logs, evaluates strings as SQL, or reaches into the metadata. */
export const refusedFunctions: ReadonlySet<string> = new Set([
  // files and URLs
  'read_csv',
  'read_csv_auto',
  'read_parquet',
  'parquet_scan',
  'parquet_metadata',
  'parquet_schema',
  'parquet_file_metadata',
  'parquet_kv_metadata',
  'parquet_full_metadata',
  'parquet_bloom_probe',
  'read_json',
  'read_json_auto',
  'read_json_objects',
  'read_json_objects_auto',
  'read_ndjson',
  'read_ndjson_auto',
  'read_ndjson_objects',
  'read_ndjson_objects_auto',
  'read_text',
  'read_blob',
  'read_duckdb',
  'read_postgres_binary',
  'sniff_csv',
  'glob',
  'read_xlsx',
  'read_avro',
  'iceberg_scan',
  'delta_scan',
  'sqlite_scan',
  'mysql_scan',
  'st_read',
  // addresses in this process's memory, and ways around the catalog
  'arrow_scan',
  'arrow_scan_dumb',
  'pandas_scan',
  'python_map_function',
  'seq_scan',
  'index_scan',
  // SQL in strings
  'query',
  'query_table',
  'json_execute_serialized_sql',
  'sql_auto_complete',
  'check_peg_parser',
  'enable_peg_parser',
  'disable_peg_parser',
  // the metadata databases
  'postgres_query',
  'postgres_execute',
  'postgres_scan',
  'postgres_scan_pushdown',
  'postgres_attach',
  'postgres_configure_pool',
  'pg_clear_cache',
  'ducklake_scan',
  'ducklake_list_files',
  // secrets, settings, other sessions, logs
  'duckdb_secrets',
  'which_secret',
  'duckdb_secret_types',
  'getenv',
  'duckdb_settings',
  'duckdb_databases',
  'duckdb_logs',
  'duckdb_log_contexts',
  'duckdb_logs_parsed',
  'duckdb_external_file_cache',
  'duckdb_temporary_files',
  'duckdb_memory',
  'duckdb_connection_count',
  'duckdb_approx_database_count',
  'duckdb_prepared_statements',
  'duckdb_profiling_settings',
  'duckdb_extensions',
  'duckdb_optimizers',
  'duckdb_table_sample',
  'duckdb_dependencies',
  'enable_logging',
  'disable_logging',
  'truncate_duckdb_logs',
  'write_log',
  'parse_duckdb_log_message',
  'enable_profiling',
  'disable_profiling',
  'sleep_ms',
  'current_query_id',
  'current_transaction_id',
  'current_connection_id',
  'txid_current',
  // whatever shows every attached catalog, the hidden ones included
  'duckdb_columns',
  'duckdb_tables',
  'duckdb_views',
  'duckdb_schemas',
  'duckdb_constraints',
  'duckdb_indexes',
  'duckdb_sequences',
  'duckdb_functions',
  'duckdb_types',
  'duckdb_coordinate_systems',
  'duckdb_variables',
  'pragma_database_list',
  // pragmas as functions
  'pragma_storage_info',
  'pragma_metadata_info',
  'pragma_database_size',
  'pragma_user_agent',
  'pragma_platform',
  'pragma_show',
  'pragma_table_info',
  'pragma_collations',
  'pragma_version',
  'checkpoint',
  'force_checkpoint',
  'test_vector_types',
]);

/** Catalogs that hold a lake's metadata inside an engine begin like this; the rest is random. */
export const metadataCatalogPrefix = '__ducklake_metadata_';

/** What stands in front of a name that is a relation and not a call, though `(` follows it. */
const beforeRelation: ReadonlySet<string> = new Set(['into', 'table', 'view', 'exists', 'references']);

/**
 * Throws `permission_denied` with what works instead when the text names something from the lists above. `calledAt` is
 * the index of a maintenance function that the statement may call (`CALL`), if it is one.
 */
export function refuseNames(tokens: readonly Token[], calledAt = -1): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (token.kind === 'string') {
      if (isFileSource(tokens, i)) throw fileRefusal(token.start);
      continue;
    }
    if (token.kind !== 'name' && token.kind !== 'quoted-name') continue;
    const name = nameOf(token).toLowerCase();
    if (name.startsWith(metadataCatalogPrefix)) {
      throw new LakeError('permission_denied', 'the metadata of a lake is not reachable by SQL', {
        hint: "Connect to the database <lake>__catalog with DuckDB: ATTACH 'ducklake:postgres:dbname=<lake>__catalog …'.",
        position: token.start + 1,
      });
    }
    if (name.startsWith('duckdb_') && refusedFunctions.has(name)) throw refusal(name, token.start);
    if (tokens[i + 1]?.text !== '(') continue;
    if (refusedFunctions.has(name) && !isRelation(tokens, i)) throw refusal(name, token.start);
    if (
      i !== calledAt &&
      (maintenanceFunctions.has(name) || (maintenanceMethods.has(name) && tokens[i - 1]?.text === '.')) &&
      !isRelation(tokens, i)
    ) {
      throw new LakeError('permission_denied', `${name} changes a lake and may not be part of a query`, {
        hint: `Use CALL ${name}(…) as a statement of its own.`,
        position: token.start + 1,
      });
    }
  }
}

/** For SQL that is stored (views, macros): the reason why it may not be, or null. */
export function storedSqlRefusal(sql: string): LakeError | null {
  try {
    refuseNames(significantTokens(sql));
    return null;
  } catch (error) {
    return error as LakeError;
  }
}

/** `INSERT INTO a.query (x)` or `CREATE TABLE query (x int)`: the name is a relation's. */
function isRelation(tokens: readonly Token[], at: number): boolean {
  let first = at;
  while (tokens[first - 1]?.text === '.' && first >= 2) first -= 2;
  const before = tokens[first - 1];
  return before?.kind === 'name' && beforeRelation.has(before.text.toLowerCase());
}

/** `FROM 'x.csv'`, `JOIN 'x.parquet'`, `DESCRIBE 'x'`: DuckDB reads a string there as a file. */
function isFileSource(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1];
  if (before?.kind !== 'name') return false;
  const word = before.text.toLowerCase();
  if (word === 'join' || word === 'summarize' || word === 'describe') return true;
  if (word !== 'from') return false;
  // extract(year from '…'), substring('…' from '…'), trim(both from '…') and the like are no sources.
  let depth = 0;
  for (let i = at - 2; i >= 0; i--) {
    const text = (tokens[i] as Token).text;
    if (text === ')') depth++;
    else if (text === '(' && depth-- === 0) {
      const name = tokens[i - 1];
      return !(
        name?.kind === 'name' && ['extract', 'substring', 'trim', 'overlay', 'position'].includes(name.text.toLowerCase())
      );
    }
  }
  return true;
}

function fileRefusal(start: number): LakeError {
  return new LakeError('permission_denied', 'files and URLs are not readable in a lake session', {
    hint: fileHint,
    position: start + 1,
  });
}

/** What works instead of reading a file on the server. */
export const fileHint =
  "Load a local file with psql's \\copy table FROM 'file.csv' CSV HEADER, or ATTACH the lake from your own DuckDB (ducklake:postgres:dbname=<lake>__catalog) and read the file there.";

function refusal(name: string, start: number): LakeError {
  const reads = /^(read_|parquet|sniff|glob|.*_scan$)/.test(name);
  const hint = reads
    ? fileHint
    : name.startsWith('duckdb_')
      ? 'Use information_schema or pg_catalog; settings are shown by SHOW ALL.'
      : 'Write the query itself instead of handing it to a function.';
  return new LakeError('permission_denied', `function ${name} is not available here`, { hint, position: start + 1 });
}
