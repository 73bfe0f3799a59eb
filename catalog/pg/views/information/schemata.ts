/** Schemas of the current lake. */
import { type PgView, pg } from '../../view.ts';

export const schemata: PgView = {
  name: 'schemata',
  columns:
    'catalog_name name, schema_name name, schema_owner name, default_character_set_catalog name, default_character_set_schema name, ' +
    'default_character_set_name name, sql_path text',
  values: {
    catalog_name: 'current_database()',
    schema_name: 'name',
    schema_owner: `${pg('pg_get_userbyid')}(owner)`,
  },
  from: `${pg('_schema')} WHERE name <> 'pg_temp_1'`,
};
