/** Tables of the current lake; blocks are not counted: rows lie in Parquet files. */
import { type PgView, pg } from '../view.ts';

export const pgStatioUserTables: PgView = {
  name: 'pg_statio_user_tables',
  oid: 12179,
  columns:
    'relid oid, schemaname name, relname name, heap_blks_read int8, heap_blks_hit int8, idx_blks_read int8, idx_blks_hit int8, ' +
    'toast_blks_read int8, toast_blks_hit int8, tidx_blks_read int8, tidx_blks_hit int8',
  values: { relid: 'r.oid', schemaname: 'r.schema_name', relname: 'r.name' },
  from: `${pg('_relation')} r WHERE r.kind = 'r' AND NOT r.is_system AND NOT r.is_temporary`,
};
