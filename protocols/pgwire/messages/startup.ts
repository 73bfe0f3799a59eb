/**
 * The packets before a session: int32 length, int32 code, rest; no type byte. SSLRequest 1234,5679 ·
 * GSSENCRequest 1234,5680 · CancelRequest 1234,5678 + int32 process id + key · StartupMessage major,minor +
 * (name cstring, value cstring)* + zero byte. Source: PostgreSQL documentation, sections 54.2 and 54.7.
 */
import { LakeError } from '../../../base/errors.ts';
import { Body } from '../codec.ts';
import type { Outbox } from '../outbox.ts';

export type StartupPacket =
  | { readonly t: 'ssl' }
  | { readonly t: 'gss' }
  | { readonly t: 'cancel'; readonly processId: number; readonly secretKey: Buffer }
  | { readonly t: 'startup'; readonly minor: number; readonly parameters: ReadonlyMap<string, string> };

const sslCode = 80877103;
const gssCode = 80877104;
const cancelCode = 80877102;
/** Newest protocol minor version we speak: 3.2 has cancel keys of variable length. */
export const minorMax = 2;
const cancelKeyBytesMax = 256;

/** Decodes a packet without its length word. Throws protocol_violation, or feature_not_supported for other major versions. */
export function decodeStartupPacket(bytes: Buffer): StartupPacket {
  const body = new Body(bytes);
  const code = body.int32();
  if (code === sslCode || code === gssCode) {
    body.end();
    return { t: code === sslCode ? 'ssl' : 'gss' };
  }
  if (code === cancelCode) {
    const processId = body.int32();
    const key = body.rest();
    if (key.length < 4 || key.length > cancelKeyBytesMax)
      throw new LakeError('protocol_violation', 'invalid length of cancel key');
    return { t: 'cancel', processId, secretKey: Buffer.from(key) };
  }
  const major = code >>> 16;
  const minor = code & 0xffff;
  if (major !== 3) {
    throw new LakeError(
      'feature_not_supported',
      `unsupported frontend protocol ${major}.${minor}: server supports 3.0 to 3.${minorMax}`,
    );
  }
  const parameters = new Map<string, string>();
  for (;;) {
    const name = body.cstring();
    if (name === '') break;
    parameters.set(name, body.cstring());
  }
  body.end();
  return { t: 'startup', minor, parameters };
}

/** NegotiateProtocolVersion 'v': the whole version number we speak (as libpq reads it), and the `_pq_.` options we do not know. */
export function writeNegotiateProtocolVersion(out: Outbox, minor: number, unknownOptions: readonly string[]): void {
  out
    .begin(0x76)
    .int32((3 << 16) | minor)
    .int32(unknownOptions.length);
  for (const name of unknownOptions) out.cstring(name);
  out.end();
}
