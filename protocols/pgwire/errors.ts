/** SQLSTATE of every error code. Drivers branch on these: 40001 is retried, 23505 is a conflict, 57014 a cancel. Source: PostgreSQL, appendix A. */
import type { ErrorCode } from '../../base/errors.ts';

export const sqlStates: Readonly<Record<ErrorCode, string>> = {
  invalid_argument: '22023', syntax_error: '42601', undefined_table: '42P01', undefined_column: '42703', undefined_function: '42883',
  undefined_schema: '3F000', undefined_database: '3D000', undefined_object: '42704', undefined_parameter: '42P02',
  duplicate_table: '42P07', duplicate_column: '42701', duplicate_schema: '42P06', duplicate_database: '42P04',
  duplicate_object: '42710', ambiguous_column: '42702', datatype_mismatch: '42804', grouping_error: '42803',
  invalid_text_representation: '22P02', invalid_datetime: '22007', numeric_out_of_range: '22003', division_by_zero: '22012',
  not_null_violation: '23502', unique_violation: '23505', check_violation: '23514', foreign_key_violation: '23503',
  dependent_objects: '2BP01', feature_not_supported: '0A000', bad_copy_format: '22P04', invalid_byte_sequence: '22021',
  too_large: '54000', cardinality_violation: '21000',
  permission_denied: '42501', invalid_authorization: '28000', invalid_password: '28P01',
  protocol_violation: '08P01', undefined_statement: '26000', duplicate_statement: '42P05', undefined_cursor: '34000',
  duplicate_cursor: '42P03', in_failed_transaction: '25P02', no_active_transaction: '25P01', active_transaction: '25001',
  read_only_transaction: '25006', query_canceled: '57014', idle_timeout: '25P03', admin_shutdown: '57P01',
  cannot_connect_now: '57P03', too_many_connections: '53300',
  serialization_conflict: '40001', lock_timeout: '55P03', commit_unknown: '08007', fenced: '57P01', not_leader: '57P01',
  out_of_memory: '53200', disk_full: '53100', limit_exceeded: '54000', deadline_exceeded: '57014',
  not_found: '42704', already_exists: '42710', precondition_failed: '40001', store_unavailable: '58030', store_unsupported: '0A000',
  corrupt: 'XX001', config_invalid: 'F0000', internal: 'XX000',
};
