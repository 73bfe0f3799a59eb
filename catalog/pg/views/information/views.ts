/** Views and their definitions. */
import { type PgView, pg } from '../../view.ts';

export const informationViews: PgView = {
  name: 'views',
  columns:
    'table_catalog name, table_schema name, table_name name, view_definition text, check_option text, is_updatable text, ' +
    'is_insertable_into text, is_trigger_updatable text, is_trigger_deletable text, is_trigger_insertable_into text',
  values: {
    table_catalog: 'current_database()',
    table_schema: 'schema_name',
    table_name: 'name',
    view_definition: `${pg('pg_get_viewdef')}(oid)`,
    check_option: `'NONE'`,
    is_updatable: `'NO'`,
    is_insertable_into: `'NO'`,
    is_trigger_updatable: `'NO'`,
    is_trigger_deletable: `'NO'`,
    is_trigger_insertable_into: `'NO'`,
  },
  from: `${pg('_relation')} WHERE kind = 'v' AND NOT is_system`,
};
