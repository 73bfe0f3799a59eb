/**
 * The one error class of the product. Codes cross rooms and wires, message texts never do: every protocol maps
 * the closed union below to its own codes (`Record<ErrorCode, …>`), so forgetting one does not compile.
 */

/** Every reason this product refuses or fails, in the words of the domain, independent of any protocol. */
export const errorCodes = [
  // what was asked for is wrong
  'invalid_argument',
  'syntax_error',
  'undefined_table',
  'undefined_column',
  'undefined_function',
  'undefined_schema',
  'undefined_database',
  'undefined_object',
  'undefined_parameter',
  'duplicate_table',
  'duplicate_column',
  'duplicate_schema',
  'duplicate_database',
  'duplicate_object',
  'ambiguous_column',
  'datatype_mismatch',
  'grouping_error',
  'invalid_text_representation',
  'invalid_datetime',
  'numeric_out_of_range',
  'division_by_zero',
  'not_null_violation',
  'unique_violation',
  'check_violation',
  'foreign_key_violation',
  'dependent_objects',
  'feature_not_supported',
  'bad_copy_format',
  'invalid_byte_sequence',
  'too_large',
  'cardinality_violation',
  // who asks
  'permission_denied',
  'invalid_authorization',
  'invalid_password',
  // sessions, statements, portals
  'protocol_violation',
  'undefined_statement',
  'duplicate_statement',
  'undefined_cursor',
  'duplicate_cursor',
  'in_failed_transaction',
  'no_active_transaction',
  'undefined_savepoint',
  'active_transaction',
  'read_only_transaction',
  'query_canceled',
  'idle_timeout',
  'idle_session_timeout',
  'transaction_timeout',
  'admin_shutdown',
  'cannot_connect_now',
  'too_many_connections',
  // contention and outcome
  'serialization_conflict',
  'lock_timeout',
  'deadlock',
  'commit_unknown',
  'fenced',
  'not_leader',
  // resources
  'out_of_memory',
  'disk_full',
  'limit_exceeded',
  'deadline_exceeded',
  // stored things
  'not_found',
  'already_exists',
  'precondition_failed',
  'store_unavailable',
  'store_unsupported',
  'corrupt',
  'config_invalid',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorFields {
  /** What the person can do next; shown as the hint on wires that have one. */
  hint?: string;
  /** Facts beside the message (names, sizes); shown as the detail. Never a secret. */
  detail?: string;
  /** True only when nothing was done and the same request may be sent again. */
  retriable?: boolean;
  /** 1-based character position in the statement text. */
  position?: number;
  /** Goes to the log, never to a client. */
  cause?: unknown;
}

/** An error with a code from the closed union; anything else that is thrown becomes `internal` at the wire. */
export class LakeError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly detail: string | undefined;
  readonly retriable: boolean;
  readonly position: number | undefined;

  constructor(code: ErrorCode, message: string, fields: ErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'LakeError';
    this.code = code;
    this.hint = fields.hint;
    this.detail = fields.detail;
    this.retriable = fields.retriable ?? false;
    this.position = fields.position;
  }
}

/** Funnels anything thrown into a LakeError; what is not one becomes `internal` with the original as its cause. */
export function toLakeError(thrown: unknown): LakeError {
  if (thrown instanceof LakeError) return thrown;
  return new LakeError('internal', 'internal error; the pod log has the cause', { cause: thrown });
}

/** States what must hold at a boundary. A failure is our mistake, never the world's. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new LakeError('internal', `assertion failed: ${message}`);
}
