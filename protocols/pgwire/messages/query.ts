/** Query 'Q' and CopyFail 'f': one cstring. Source: PostgreSQL documentation, 54.7. */
import { Body } from '../codec.ts';

/** Body of 'Q' (and of other messages that are one string). Throws protocol_violation or invalid_byte_sequence. */
export function decodeText(bytes: Buffer): string {
  const body = new Body(bytes);
  const text = body.cstring();
  body.end();
  return text;
}
