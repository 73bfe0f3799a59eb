/** Macros of the current lake. */
import { type PgView, pg } from '../../view.ts';

export const routines: PgView = {
  name: 'routines',
  columns:
    'specific_catalog name, specific_schema name, specific_name name, routine_catalog name, routine_schema name, routine_name name, ' +
    'routine_type text, module_catalog name, module_schema name, module_name name, udt_catalog name, udt_schema name, udt_name name, ' +
    'data_type text, character_maximum_length int4, character_octet_length int4, character_set_catalog name, character_set_schema name, ' +
    'character_set_name name, collation_catalog name, collation_schema name, collation_name name, numeric_precision int4, ' +
    'numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, interval_type text, interval_precision int4, ' +
    'type_udt_catalog name, type_udt_schema name, type_udt_name name, scope_catalog name, scope_schema name, scope_name name, ' +
    'maximum_cardinality int4, dtd_identifier name, routine_body text, routine_definition text, external_name text, external_language text, ' +
    'parameter_style text, is_deterministic text, sql_data_access text, is_null_call text, sql_path text, schema_level_routine text, ' +
    'max_dynamic_result_sets int4, is_user_defined_cast text, is_implicitly_invocable text, security_type text, to_sql_specific_catalog name, ' +
    'to_sql_specific_schema name, to_sql_specific_name name, as_locator text, created timestamptz, last_altered timestamptz, ' +
    'new_savepoint_level text, is_udt_dependent text, result_cast_from_data_type text, result_cast_as_locator text, ' +
    'result_cast_char_max_length int4, result_cast_char_octet_length int4, result_cast_char_set_catalog name, result_cast_char_set_schema name, ' +
    'result_cast_char_set_name name, result_cast_collation_catalog name, result_cast_collation_schema name, result_cast_collation_name name, ' +
    'result_cast_numeric_precision int4, result_cast_numeric_precision_radix int4, result_cast_numeric_scale int4, ' +
    'result_cast_datetime_precision int4, result_cast_interval_type text, result_cast_interval_precision int4, ' +
    'result_cast_type_udt_catalog name, result_cast_type_udt_schema name, result_cast_type_udt_name name, result_cast_scope_catalog name, ' +
    'result_cast_scope_schema name, result_cast_scope_name name, result_cast_maximum_cardinality int4, result_cast_dtd_identifier name',
  values: {
    specific_catalog: 'current_database()',
    specific_schema: 'n.nspname',
    specific_name: `p.proname || '_' || p.oid`,
    routine_catalog: 'current_database()',
    routine_schema: 'n.nspname',
    routine_name: 'p.proname',
    routine_type: `'FUNCTION'`,
    routine_body: `'SQL'`,
    routine_definition: 'p.prosrc',
    external_language: `'SQL'`,
    is_deterministic: `'NO'`,
    security_type: `'INVOKER'`,
  },
  from: `${pg('pg_proc')} p JOIN ${pg('pg_namespace')} n ON n.oid = p.pronamespace WHERE p.oid <> 0 AND n.oid <> 11`,
};
