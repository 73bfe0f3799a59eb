/**
 * Who a CancelRequest means. Every session has a process id, unique in its listener, and a random key; both must match,
 * compared in constant time. A request is never answered, right or wrong. Source: PostgreSQL documentation, 54.2.8.
 */
import { timingSafeEqual } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';

export interface CancelKey {
  readonly processId: number;
  readonly secretKey: Buffer;
}

export class CancelRegistry {
  readonly #random: Random;
  readonly #entries = new Map<number, { readonly secretKey: Buffer; cancel: () => void }>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Reserves a key; protocol 3.2 and later take longer ones. `cancel` is what a request does, until `remove`. */
  add(minor: number, cancel: () => void): CancelKey {
    for (let attempt = 0; attempt < 100; attempt++) {
      const processId = this.#random.bytes(4).readUInt32BE(0) & 0x7fffffff;
      if (processId === 0 || this.#entries.has(processId)) continue;
      const secretKey = this.#random.bytes(minor >= 2 ? 32 : 4);
      this.#entries.set(processId, { secretKey, cancel });
      return { processId, secretKey };
    }
    throw new LakeError('limit_exceeded', 'no free session number; try again', { retriable: true });
  }

  remove(processId: number): void {
    this.#entries.delete(processId);
  }

  /** True when the session is one of ours, whether or not the key was right. */
  request(processId: number, secretKey: Buffer): boolean {
    const entry = this.#entries.get(processId);
    if (!entry) return false;
    if (entry.secretKey.length === secretKey.length && timingSafeEqual(entry.secretKey, secretKey)) entry.cancel();
    return true;
  }
}
