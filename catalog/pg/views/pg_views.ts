/** Views, as PostgreSQL’s view of that name. */
import { type PgView, pg } from '../view.ts';

export const pgViews: PgView = {
  name: 'pg_views',
  oid: 12028,
  columns: 'schemaname name, viewname name, viewowner name, definition text',
  values: {
    schemaname: 'schema_name',
    viewname: 'name',
    viewowner: `${pg('pg_get_userbyid')}(owner)`,
    definition: `${pg('pg_get_viewdef')}(oid)`,
  },
  from: `${pg('_relation')} WHERE kind = 'v'`,
};
