/** Tables, as PostgreSQL’s view of that name. */
import { type PgView, pg } from '../view.ts';

export const pgTables: PgView = {
  name: 'pg_tables',
  oid: 12033,
  columns:
    'schemaname name, tablename name, tableowner name, tablespace name, hasindexes bool, hasrules bool, hastriggers bool, rowsecurity bool',
  values: {
    schemaname: 'schema_name',
    tablename: 'name',
    tableowner: `${pg('pg_get_userbyid')}(owner)`,
    hasindexes: 'false',
    hasrules: 'false',
    hastriggers: 'false',
    rowsecurity: 'false',
  },
  from: `${pg('_relation')} WHERE kind = 'r'`,
};
