/**
 * Backend messages of a line each: a file of their own would be mostly frame. Source: PostgreSQL documentation,
 * section 54.7 "Message Formats".
 */
import type { Outbox } from '../outbox.ts';

/** 'Z' + I idle, T in a transaction block, E in a failed one. */
export function writeReadyForQuery(out: Outbox, status: 'I' | 'T' | 'E'): void {
  out.begin(0x5a).byte(status.charCodeAt(0)).end();
}

/** 'C' CommandComplete with its tag, e.g. `INSERT 0 3`. */
export function writeCommandComplete(out: Outbox, tag: string): void {
  out.begin(0x43).cstring(tag).end();
}

/** '1' ParseComplete. */
export function writeParseComplete(out: Outbox): void {
  out.begin(0x31).end();
}

/** '2' BindComplete. */
export function writeBindComplete(out: Outbox): void {
  out.begin(0x32).end();
}

/** '3' CloseComplete. */
export function writeCloseComplete(out: Outbox): void {
  out.begin(0x33).end();
}

/** 'n' NoData: the statement returns no rows. */
export function writeNoData(out: Outbox): void {
  out.begin(0x6e).end();
}

/** 's' PortalSuspended: Execute stopped at its row limit. */
export function writePortalSuspended(out: Outbox): void {
  out.begin(0x73).end();
}

/** 'I' EmptyQueryResponse, in place of CommandComplete. */
export function writeEmptyQueryResponse(out: Outbox): void {
  out.begin(0x49).end();
}

/** 't': int16 count, int32 oid each. */
export function writeParameterDescription(out: Outbox, oids: readonly number[]): void {
  out.begin(0x74).int16(oids.length);
  for (const id of oids) out.int32(id);
  out.end();
}

/** 'S' ParameterStatus. */
export function writeParameterStatus(out: Outbox, name: string, value: string): void {
  out.begin(0x53).cstring(name).cstring(value).end();
}

/** 'K': process id and cancel key (4 bytes before protocol 3.2). */
export function writeBackendKeyData(out: Outbox, processId: number, secretKey: Buffer): void {
  out.begin(0x4b).int32(processId).bytes(secretKey).end();
}
