/** The version of a body in a directory store. */
import { hash } from 'node:crypto';

/** The same bytes have the same ETag, as on S3: 128 bits of SHA-256 in hex. */
export function etagOf(body: Uint8Array): string {
  return hash('sha256', body, 'hex').slice(0, 32);
}
