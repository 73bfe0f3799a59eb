/** Errors as JSON. Codes are those of base/errors.ts; clients branch on them, never on texts. */
import { type ErrorCode, LakeError, toLakeError } from '../../base/errors.ts';

const statusOf: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  syntax_error: 400,
  undefined_table: 404,
  undefined_column: 404,
  undefined_function: 404,
  undefined_schema: 404,
  undefined_database: 404,
  undefined_object: 404,
  undefined_parameter: 400,
  duplicate_table: 409,
  duplicate_column: 409,
  duplicate_schema: 409,
  duplicate_database: 409,
  duplicate_object: 409,
  ambiguous_column: 400,
  datatype_mismatch: 400,
  grouping_error: 400,
  invalid_text_representation: 400,
  invalid_datetime: 400,
  numeric_out_of_range: 400,
  division_by_zero: 400,
  not_null_violation: 409,
  unique_violation: 409,
  check_violation: 409,
  foreign_key_violation: 409,
  dependent_objects: 409,
  feature_not_supported: 400,
  bad_copy_format: 400,
  invalid_byte_sequence: 400,
  too_large: 413,
  cardinality_violation: 400,
  permission_denied: 403,
  invalid_authorization: 401,
  invalid_password: 401,
  protocol_violation: 400,
  undefined_statement: 400,
  duplicate_statement: 400,
  undefined_cursor: 400,
  duplicate_cursor: 400,
  in_failed_transaction: 409,
  no_active_transaction: 409,
  undefined_savepoint: 409,
  active_transaction: 409,
  read_only_transaction: 409,
  query_canceled: 503,
  idle_timeout: 408,
  idle_session_timeout: 408,
  transaction_timeout: 408,
  admin_shutdown: 503,
  cannot_connect_now: 503,
  too_many_connections: 503,
  serialization_conflict: 409,
  lock_timeout: 503,
  deadlock: 409,
  commit_unknown: 504,
  fenced: 503,
  not_leader: 503,
  out_of_memory: 503,
  disk_full: 507,
  limit_exceeded: 429,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  precondition_failed: 409,
  store_unavailable: 503,
  store_unsupported: 500,
  corrupt: 500,
  config_invalid: 500,
  internal: 500,
};

export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint?: string;
    readonly detail?: string;
    readonly request_id: string;
  };
}

/** HTTP status and body of anything thrown; what is not a LakeError tells the client nothing but the request id. */
export function toHttp(
  thrown: unknown,
  requestId: string,
): { readonly status: number; readonly body: ErrorBody; readonly error: LakeError } {
  const error = toLakeError(ofFastify(thrown));
  const { code, message, hint } = error;
  // Details of our own failures are for the log: they may hold stacks.
  const detail = statusOf[code] >= 500 ? undefined : error.detail;
  return {
    status: statusOf[code],
    error,
    body: {
      error: {
        code,
        message,
        ...(hint === undefined ? {} : { hint }),
        ...(detail === undefined ? {} : { detail }),
        request_id: requestId,
      },
    },
  };
}

/** Fastify's own refusals carry a status: bodies that are too large, are no JSON, or have no known type. */
function ofFastify(thrown: unknown): unknown {
  const status = (thrown as { statusCode?: unknown }).statusCode;
  if (thrown instanceof LakeError || typeof status !== 'number' || status < 400 || status > 499) return thrown;
  if (status === 413) return new LakeError('too_large', 'the request body is too large', { cause: thrown });
  return new LakeError('invalid_argument', 'the request cannot be read: send JSON with Content-Type: application/json', {
    cause: thrown,
  });
}
