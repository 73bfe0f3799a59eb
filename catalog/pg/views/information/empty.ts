/** Relations of information_schema that a lake has nothing for: constraints, triggers, domains, sequences, foreign tables. */
import type { PgView } from '../../view.ts';

const columns: readonly (readonly [name: string, columns: string])[] = [
  ['administrable_role_authorizations', 'grantee name, role_name name, is_grantable text'],
  ['applicable_roles', 'grantee name, role_name name, is_grantable text'],
  [
    'attributes',
    'udt_catalog name, udt_schema name, udt_name name, attribute_name name, ordinal_position int4, attribute_default text, is_nullable text, ' +
      'data_type text, character_maximum_length int4, character_octet_length int4, character_set_catalog name, character_set_schema name, ' +
      'character_set_name name, collation_catalog name, collation_schema name, collation_name name, numeric_precision int4, ' +
      'numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, interval_type text, interval_precision int4, ' +
      'attribute_udt_catalog name, attribute_udt_schema name, attribute_udt_name name, scope_catalog name, scope_schema name, scope_name name, ' +
      'maximum_cardinality int4, dtd_identifier name, is_derived_reference_attribute text',
  ],
  [
    'check_constraint_routine_usage',
    'constraint_catalog name, constraint_schema name, constraint_name name, specific_catalog name, specific_schema name, specific_name name',
  ],
  ['check_constraints', 'constraint_catalog name, constraint_schema name, constraint_name name, check_clause text'],
  [
    'collation_character_set_applicability',
    'collation_catalog name, collation_schema name, collation_name name, character_set_catalog name, character_set_schema name, ' +
      'character_set_name name',
  ],
  ['collations', 'collation_catalog name, collation_schema name, collation_name name, pad_attribute text'],
  ['column_column_usage', 'table_catalog name, table_schema name, table_name name, column_name name, dependent_column name'],
  [
    'column_domain_usage',
    'domain_catalog name, domain_schema name, domain_name name, table_catalog name, table_schema name, table_name name, column_name name',
  ],
  [
    'column_options',
    'table_catalog name, table_schema name, table_name name, column_name name, option_name name, option_value text',
  ],
  [
    'column_privileges',
    'grantor name, grantee name, table_catalog name, table_schema name, table_name name, column_name name, privilege_type text, is_grantable text',
  ],
  [
    'column_udt_usage',
    'udt_catalog name, udt_schema name, udt_name name, table_catalog name, table_schema name, table_name name, column_name name',
  ],
  [
    'constraint_column_usage',
    'table_catalog name, table_schema name, table_name name, column_name name, constraint_catalog name, constraint_schema name, ' +
      'constraint_name name',
  ],
  [
    'constraint_table_usage',
    'table_catalog name, table_schema name, table_name name, constraint_catalog name, constraint_schema name, constraint_name name',
  ],
  ['data_type_privileges', 'object_catalog name, object_schema name, object_name name, object_type text, dtd_identifier name'],
  [
    'domain_constraints',
    'constraint_catalog name, constraint_schema name, constraint_name name, domain_catalog name, domain_schema name, domain_name name, ' +
      'is_deferrable text, initially_deferred text',
  ],
  [
    'domain_udt_usage',
    'udt_catalog name, udt_schema name, udt_name name, domain_catalog name, domain_schema name, domain_name name',
  ],
  [
    'domains',
    'domain_catalog name, domain_schema name, domain_name name, data_type text, character_maximum_length int4, character_octet_length int4, ' +
      'character_set_catalog name, character_set_schema name, character_set_name name, collation_catalog name, collation_schema name, ' +
      'collation_name name, numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, interval_type text, ' +
      'interval_precision int4, domain_default text, udt_catalog name, udt_schema name, udt_name name, scope_catalog name, scope_schema name, ' +
      'scope_name name, maximum_cardinality int4, dtd_identifier name',
  ],
  [
    'element_types',
    'object_catalog name, object_schema name, object_name name, object_type text, collection_type_identifier name, data_type text, ' +
      'character_maximum_length int4, character_octet_length int4, character_set_catalog name, character_set_schema name, character_set_name name, ' +
      'collation_catalog name, collation_schema name, collation_name name, numeric_precision int4, numeric_precision_radix int4, ' +
      'numeric_scale int4, datetime_precision int4, interval_type text, interval_precision int4, domain_default text, udt_catalog name, ' +
      'udt_schema name, udt_name name, scope_catalog name, scope_schema name, scope_name name, maximum_cardinality int4, dtd_identifier name',
  ],
  [
    'foreign_data_wrapper_options',
    'foreign_data_wrapper_catalog name, foreign_data_wrapper_name name, option_name name, option_value text',
  ],
  [
    'foreign_data_wrappers',
    'foreign_data_wrapper_catalog name, foreign_data_wrapper_name name, authorization_identifier name, library_name text, ' +
      'foreign_data_wrapper_language text',
  ],
  ['foreign_server_options', 'foreign_server_catalog name, foreign_server_name name, option_name name, option_value text'],
  [
    'foreign_servers',
    'foreign_server_catalog name, foreign_server_name name, foreign_data_wrapper_catalog name, foreign_data_wrapper_name name, ' +
      'foreign_server_type text, foreign_server_version text, authorization_identifier name',
  ],
  [
    'foreign_table_options',
    'foreign_table_catalog name, foreign_table_schema name, foreign_table_name name, option_name name, option_value text',
  ],
  [
    'foreign_tables',
    'foreign_table_catalog name, foreign_table_schema name, foreign_table_name name, foreign_server_catalog name, foreign_server_name name',
  ],
  [
    'key_column_usage',
    'constraint_catalog name, constraint_schema name, constraint_name name, table_catalog name, table_schema name, table_name name, ' +
      'column_name name, ordinal_position int4, position_in_unique_constraint int4',
  ],
  [
    'parameters',
    'specific_catalog name, specific_schema name, specific_name name, ordinal_position int4, parameter_mode text, is_result text, ' +
      'as_locator text, parameter_name name, data_type text, character_maximum_length int4, character_octet_length int4, ' +
      'character_set_catalog name, character_set_schema name, character_set_name name, collation_catalog name, collation_schema name, ' +
      'collation_name name, numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, interval_type text, ' +
      'interval_precision int4, udt_catalog name, udt_schema name, udt_name name, scope_catalog name, scope_schema name, scope_name name, ' +
      'maximum_cardinality int4, dtd_identifier name, parameter_default text',
  ],
  [
    'referential_constraints',
    'constraint_catalog name, constraint_schema name, constraint_name name, unique_constraint_catalog name, unique_constraint_schema name, ' +
      'unique_constraint_name name, match_option text, update_rule text, delete_rule text',
  ],
  [
    'role_column_grants',
    'grantor name, grantee name, table_catalog name, table_schema name, table_name name, column_name name, privilege_type text, is_grantable text',
  ],
  [
    'role_routine_grants',
    'grantor name, grantee name, specific_catalog name, specific_schema name, specific_name name, routine_catalog name, routine_schema name, ' +
      'routine_name name, privilege_type text, is_grantable text',
  ],
  [
    'role_udt_grants',
    'grantor name, grantee name, udt_catalog name, udt_schema name, udt_name name, privilege_type text, is_grantable text',
  ],
  [
    'role_usage_grants',
    'grantor name, grantee name, object_catalog name, object_schema name, object_name name, object_type text, privilege_type text, ' +
      'is_grantable text',
  ],
  [
    'routine_column_usage',
    'specific_catalog name, specific_schema name, specific_name name, routine_catalog name, routine_schema name, routine_name name, ' +
      'table_catalog name, table_schema name, table_name name, column_name name',
  ],
  [
    'routine_privileges',
    'grantor name, grantee name, specific_catalog name, specific_schema name, specific_name name, routine_catalog name, routine_schema name, ' +
      'routine_name name, privilege_type text, is_grantable text',
  ],
  [
    'routine_routine_usage',
    'specific_catalog name, specific_schema name, specific_name name, routine_catalog name, routine_schema name, routine_name name',
  ],
  [
    'routine_sequence_usage',
    'specific_catalog name, specific_schema name, specific_name name, routine_catalog name, routine_schema name, routine_name name, ' +
      'sequence_catalog name, sequence_schema name, sequence_name name',
  ],
  [
    'routine_table_usage',
    'specific_catalog name, specific_schema name, specific_name name, routine_catalog name, routine_schema name, routine_name name, ' +
      'table_catalog name, table_schema name, table_name name',
  ],
  [
    'sequences',
    'sequence_catalog name, sequence_schema name, sequence_name name, data_type text, numeric_precision int4, numeric_precision_radix int4, ' +
      'numeric_scale int4, start_value text, minimum_value text, maximum_value text, increment text, cycle_option text',
  ],
  [
    'table_constraints',
    'constraint_catalog name, constraint_schema name, constraint_name name, table_catalog name, table_schema name, table_name name, ' +
      'constraint_type text, is_deferrable text, initially_deferred text, enforced text, nulls_distinct text',
  ],
  [
    'transforms',
    'udt_catalog name, udt_schema name, udt_name name, specific_catalog name, specific_schema name, specific_name name, group_name name, ' +
      'transform_type text',
  ],
  [
    'triggered_update_columns',
    'trigger_catalog name, trigger_schema name, trigger_name name, event_object_catalog name, event_object_schema name, event_object_table name, ' +
      'event_object_column name',
  ],
  [
    'triggers',
    'trigger_catalog name, trigger_schema name, trigger_name name, event_manipulation text, event_object_catalog name, event_object_schema name, ' +
      'event_object_table name, action_order int4, action_condition text, action_statement text, action_orientation text, action_timing text, ' +
      'action_reference_old_table name, action_reference_new_table name, action_reference_old_row name, action_reference_new_row name, ' +
      'created timestamptz',
  ],
  [
    'udt_privileges',
    'grantor name, grantee name, udt_catalog name, udt_schema name, udt_name name, privilege_type text, is_grantable text',
  ],
  [
    'usage_privileges',
    'grantor name, grantee name, object_catalog name, object_schema name, object_name name, object_type text, privilege_type text, ' +
      'is_grantable text',
  ],
  [
    'user_defined_types',
    'user_defined_type_catalog name, user_defined_type_schema name, user_defined_type_name name, user_defined_type_category text, ' +
      'is_instantiable text, is_final text, ordering_form text, ordering_category text, ordering_routine_catalog name, ' +
      'ordering_routine_schema name, ordering_routine_name name, reference_type text, data_type text, character_maximum_length int4, ' +
      'character_octet_length int4, character_set_catalog name, character_set_schema name, character_set_name name, collation_catalog name, ' +
      'collation_schema name, collation_name name, numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, ' +
      'datetime_precision int4, interval_type text, interval_precision int4, source_dtd_identifier name, ref_dtd_identifier name',
  ],
  [
    'user_mapping_options',
    'authorization_identifier name, foreign_server_catalog name, foreign_server_name name, option_name name, option_value text',
  ],
  ['user_mappings', 'authorization_identifier name, foreign_server_catalog name, foreign_server_name name'],
  [
    'view_column_usage',
    'view_catalog name, view_schema name, view_name name, table_catalog name, table_schema name, table_name name, column_name name',
  ],
  [
    'view_routine_usage',
    'table_catalog name, table_schema name, table_name name, specific_catalog name, specific_schema name, specific_name name',
  ],
  [
    'view_table_usage',
    'view_catalog name, view_schema name, view_name name, table_catalog name, table_schema name, table_name name',
  ],
];

export const emptyInformationViews: readonly PgView[] = columns.map(([name, text]) => ({ name, columns: text }));
