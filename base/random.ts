/** Chance as it is handed to rooms, so that a simulator can own it. */
import { randomBytes, randomUUID } from 'node:crypto';

export interface Random {
  /** Cryptographically strong bytes. */
  bytes(count: number): Buffer;
  /** A random UUID v4 in its text form. */
  uuid(): string;
  /** A float in [0, 1), for jitter only. */
  fraction(): number;
}

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  uuid: () => randomUUID(),
  fraction: () => randomBytes(4).readUInt32BE(0) / 2 ** 32,
};
