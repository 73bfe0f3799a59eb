/** Query 'Q' and CopyFail 'f': one cstring. Source: PostgreSQL documentation, 54.7. */
import { Body } from '../codec.ts';

export function decodeText(bytes: Buffer): string {
  const body = new Body(bytes);
  const text = body.cstring();
  body.end();
  return text;
}
