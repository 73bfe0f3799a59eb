/** Tables and views. */
import { type PgView, pg } from '../../view.ts';

export const tables: PgView = {
  name: 'tables',
  columns:
    'table_catalog name, table_schema name, table_name name, table_type text, self_referencing_column_name name, reference_generation text, ' +
    'user_defined_type_catalog name, user_defined_type_schema name, user_defined_type_name name, is_insertable_into text, is_typed text, ' +
    'commit_action text',
  values: {
    table_catalog: 'current_database()',
    table_schema: 'schema_name',
    table_name: 'name',
    table_type: `CASE WHEN is_temporary THEN 'LOCAL TEMPORARY' WHEN kind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END`,
    is_insertable_into: `CASE WHEN kind = 'v' OR is_system THEN 'NO' ELSE 'YES' END`,
    is_typed: `'NO'`,
  },
  from: `${pg('_relation')}`,
};
