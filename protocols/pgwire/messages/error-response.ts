/**
 * ErrorResponse 'E' and NoticeResponse 'N': (field byte, cstring)* and a zero byte. Fields: S and V severity, C
 * SQLSTATE, M message, D detail, H hint, P position. Causes stay in the log. Source: PostgreSQL documentation, 54.8.
 */
import type { LakeError } from '../../../base/errors.ts';
import { sqlStates } from '../errors.ts';
import type { Outbox } from '../outbox.ts';

/** ERROR ends the statement, FATAL the connection. */
export function writeErrorResponse(out: Outbox, error: LakeError, severity: 'ERROR' | 'FATAL' = 'ERROR'): void {
  out.begin(0x45);
  writeFields(out, severity, sqlStates[error.code], error.message);
  if (error.detail !== undefined) out.byte(0x44).cstring(error.detail);
  if (error.hint !== undefined) out.byte(0x48).cstring(error.hint);
  if (error.position !== undefined) out.byte(0x50).cstring(String(error.position));
  out.byte(0).end();
}

/** 'N' NoticeResponse with the fields S, V, C, M and H. */
export function writeNoticeResponse(out: Outbox, severity: string, code: string, message: string, hint?: string): void {
  out.begin(0x4e);
  writeFields(out, severity, code, message);
  if (hint !== undefined) out.byte(0x48).cstring(hint);
  out.byte(0).end();
}

function writeFields(out: Outbox, severity: string, code: string, message: string): void {
  out.byte(0x53).cstring(severity).byte(0x56).cstring(severity).byte(0x43).cstring(code).byte(0x4d).cstring(message);
}
