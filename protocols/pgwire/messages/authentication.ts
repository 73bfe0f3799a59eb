/**
 * Authentication 'R' (int32 kind, rest) and the client's answers 'p'. Kinds: 0 ok · 3 cleartext password · 10 SASL
 * (mechanism names, zero byte) · 11 SASL continue · 12 SASL final. Source: PostgreSQL documentation, section 54.3.
 */
import { LakeError } from '../../../base/errors.ts';
import { Body } from '../codec.ts';
import type { Outbox } from '../outbox.ts';

const authentication = 0x52;

/** 'R' 0: AuthenticationOk. */
export function writeAuthenticationOk(out: Outbox): void {
  out.begin(authentication).int32(0).end();
}

/** 'R' 3: AuthenticationCleartextPassword. */
export function writeCleartextPasswordRequest(out: Outbox): void {
  out.begin(authentication).int32(3).end();
}

/** 'R' 10: AuthenticationSASL with the mechanisms in order of preference. */
export function writeSasl(out: Outbox, mechanisms: readonly string[]): void {
  out.begin(authentication).int32(10);
  for (const mechanism of mechanisms) out.cstring(mechanism);
  out.byte(0).end();
}

/** 'R' 11: AuthenticationSASLContinue with the server-first-message. */
export function writeSaslContinue(out: Outbox, data: Buffer): void {
  out.begin(authentication).int32(11).bytes(data).end();
}

/** 'R' 12: AuthenticationSASLFinal with the server-final-message. */
export function writeSaslFinal(out: Outbox, data: Buffer): void {
  out.begin(authentication).int32(12).bytes(data).end();
}

/** SASLInitialResponse: mechanism cstring, int32 length (-1 = none), data. */
export function decodeSaslInitialResponse(bytes: Buffer): { readonly mechanism: string; readonly data: Buffer } {
  const body = new Body(bytes);
  const mechanism = body.cstring();
  const length = body.int32();
  if (length < 0) throw new LakeError('protocol_violation', 'SASLInitialResponse without the initial response');
  const data = body.bytes(length);
  body.end();
  return { mechanism, data };
}

/** PasswordMessage: one cstring. */
export function decodePassword(bytes: Buffer): string {
  const body = new Body(bytes);
  const password = body.cstring();
  body.end();
  return password;
}
