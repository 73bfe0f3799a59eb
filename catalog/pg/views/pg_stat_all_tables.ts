/** Tables of the current lake and of the catalog, as monitoring tools list them; see pg_stat_user_tables. */
import { type PgView, pg } from '../view.ts';
import { pgStatUserTables } from './pg_stat_user_tables.ts';

export const pgStatAllTables: PgView = {
  ...pgStatUserTables,
  name: 'pg_stat_all_tables',
  oid: 12142,
  from: `${pg('_relation')} r WHERE r.kind = 'r'`,
};
