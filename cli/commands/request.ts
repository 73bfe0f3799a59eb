/** Parts of requests that change something. */
import { randomUUID } from 'node:crypto';

/** A new idempotency key: should the request arrive twice, it is done once. */
export function newKey(): { 'idempotency-key': string } {
  return { 'idempotency-key': randomUUID() };
}
