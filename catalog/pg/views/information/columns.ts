/** Columns of tables and views, with PostgreSQL’s type names. */
import { type PgView, pg } from '../../view.ts';

export const columns: PgView = {
  name: 'columns',
  columns:
    'table_catalog name, table_schema name, table_name name, column_name name, ordinal_position int4, column_default text, is_nullable text, ' +
    'data_type text, character_maximum_length int4, character_octet_length int4, numeric_precision int4, numeric_precision_radix int4, ' +
    'numeric_scale int4, datetime_precision int4, interval_type text, interval_precision int4, character_set_catalog name, ' +
    'character_set_schema name, character_set_name name, collation_catalog name, collation_schema name, collation_name name, ' +
    'domain_catalog name, domain_schema name, domain_name name, udt_catalog name, udt_schema name, udt_name name, scope_catalog name, ' +
    'scope_schema name, scope_name name, maximum_cardinality int4, dtd_identifier name, is_self_referencing text, is_identity text, ' +
    'identity_generation text, identity_start text, identity_increment text, identity_maximum text, identity_minimum text, identity_cycle text, ' +
    'is_generated text, generation_expression text, is_updatable text',
  values: {
    table_catalog: 'current_database()',
    table_schema: 'schema_name',
    table_name: 'table_name',
    column_name: 'name',
    ordinal_position: 'number',
    column_default: 'default_text',
    is_nullable: `CASE WHEN is_not_null THEN 'NO' ELSE 'YES' END`,
    data_type: `CASE WHEN dimensions > 0 THEN 'ARRAY' ELSE ${pg('format_type')}(type_oid, NULL::INTEGER) END`,
    numeric_precision:
      'CASE type_oid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53 WHEN 1700 THEN CASE WHEN typmod >= 4 THEN (typmod - 4) >> 16 END END',
    numeric_precision_radix: 'CASE WHEN type_oid IN (20, 21, 23, 700, 701) THEN 2 WHEN type_oid = 1700 THEN 10 END',
    numeric_scale: 'CASE WHEN type_oid IN (20, 21, 23) THEN 0 WHEN type_oid = 1700 AND typmod >= 4 THEN (typmod - 4) & 65535 END',
    datetime_precision: 'CASE WHEN type_oid = 1082 THEN 0 WHEN type_oid IN (1083, 1114, 1184, 1186, 1266) THEN 6 END',
    udt_catalog: 'current_database()',
    udt_schema: `'pg_catalog'`,
    udt_name: 't.typname',
    dtd_identifier: 'number::VARCHAR',
    is_self_referencing: `'NO'`,
    is_identity: `'NO'`,
    identity_cycle: `'NO'`,
    is_generated: `'NEVER'`,
    is_updatable: `CASE WHEN database_name = 'boilstream' THEN 'NO' ELSE 'YES' END`,
  },
  from: `${pg('_attribute')} LEFT JOIN ${pg('pg_type')} t ON t.oid = type_oid ORDER BY schema_name, table_name, number`,
};
