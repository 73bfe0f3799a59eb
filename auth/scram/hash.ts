/** The hash functions SCRAM runs on here and the four derivations of RFC 5802, section 3. */
import { createHash, createHmac, pbkdf2, pbkdf2Sync } from 'node:crypto';

export type ScramHash = 'sha256' | 'sha512';

/** SASL names, RFC 7677 and draft-melnikov-scram-sha-512. `-PLUS` is the same with channel binding. */
export const mechanismHash: Readonly<Record<string, ScramHash>> = {
  'SCRAM-SHA-256': 'sha256',
  'SCRAM-SHA-256-PLUS': 'sha256',
  'SCRAM-SHA-512': 'sha512',
  'SCRAM-SHA-512-PLUS': 'sha512',
};

export const hashBytes: Readonly<Record<ScramHash, number>> = { sha256: 32, sha512: 64 };

/** What a server keeps instead of a password (RFC 5802, section 3: salt, i, StoredKey, ServerKey). */
export interface Verifier {
  readonly hash: ScramHash;
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** RFC 7677, section 4 asks for 4096 at least; the secrets are random, so more would only cost the clients time. */
export const iterationCountMin = 4096;

/** HMAC(key, text). */
export function hmac(hash: ScramHash, key: Buffer, text: string | Buffer): Buffer {
  return createHmac(hash, key).update(text).digest();
}

/** H(bytes). */
export function digest(hash: ScramHash, bytes: Buffer): Buffer {
  return createHash(hash).update(bytes).digest();
}

/** Derives a verifier off the event loop. `password` is already prepared (see saslprep.ts). Throws RangeError on too few iterations. */
export function deriveVerifier(hash: ScramHash, password: string, salt: Buffer, iterations: number): Promise<Verifier> {
  checkIterations(iterations);
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, hashBytes[hash], hash, (error, salted) => {
      if (error) reject(error);
      else resolve(verifierOf(hash, salted, salt, iterations));
    });
  });
}

/** The same on the calling thread; about a millisecond at 4096 iterations. */
export function deriveVerifierSync(hash: ScramHash, password: string, salt: Buffer, iterations: number): Verifier {
  checkIterations(iterations);
  return verifierOf(hash, pbkdf2Sync(password, salt, iterations, hashBytes[hash], hash), salt, iterations);
}

function checkIterations(iterations: number): void {
  if (!Number.isSafeInteger(iterations) || iterations < iterationCountMin)
    throw new RangeError(`SCRAM needs at least ${iterationCountMin} iterations`);
}

function verifierOf(hash: ScramHash, salted: Buffer, salt: Buffer, iterations: number): Verifier {
  const clientKey = hmac(hash, salted, 'Client Key');
  return { hash, salt, iterations, storedKey: digest(hash, clientKey), serverKey: hmac(hash, salted, 'Server Key') };
}
