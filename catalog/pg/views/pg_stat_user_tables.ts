/** Tables of the current lake as monitoring tools list them. Live rows are those of DuckLake's statistics, told to statements that ask for them; activity is not counted per table. */
import { type PgView, pg } from '../view.ts';

export const pgStatUserTables: PgView = {
  name: 'pg_stat_user_tables',
  columns:
    'relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, ' +
    'n_tup_del int8, n_tup_hot_upd int8, n_live_tup int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum timestamptz, ' +
    'last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze timestamptz, vacuum_count int8, autovacuum_count int8, analyze_count int8, autoanalyze_count int8',
  values: { relid: 'r.oid', schemaname: 'r.schema_name', relname: 'r.name' },
  from: `${pg('_relation')} r WHERE r.kind = 'r' AND NOT r.is_system AND NOT r.is_temporary`,
  counted: {
    values: { n_live_tup: 'counts.rows', n_dead_tup: '0' },
    from: `${pg('_relation')} r JOIN (SELECT database_name AS lake, schema_name AS schema, table_name AS table_name, estimated_size AS rows FROM duckdb_tables()) counts
      ON counts.lake = r.database_name AND counts.schema = r.real_schema AND counts.table_name = r.name AND NOT r.is_system AND NOT r.is_temporary`,
  },
};
