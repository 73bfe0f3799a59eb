/** What is stored instead of a secret: one SCRAM verifier for each hash that clients may choose. */
import type { Random } from '../base/random.ts';
import { saltBytes } from './scram/authenticator.ts';
import { deriveVerifier, iterationCountMin, type Verifier } from './scram/hash.ts';
import { preparePassword } from './scram/saslprep.ts';

export interface VerifierMaker {
  /** SHA-256 and SHA-512, each with a salt of its own; about 3 ms of a pool thread. */
  verifiersOf(secret: string): Promise<readonly Verifier[]>;
}

/** `iterations`: PBKDF2 rounds that clients have to do at each login. */
export function createVerifierMaker(random: Random, iterations = iterationCountMin): VerifierMaker {
  return {
    verifiersOf(secret) {
      const prepared = preparePassword(secret);
      return Promise.all(
        (['sha256', 'sha512'] as const).map((hash) => deriveVerifier(hash, prepared, random.bytes(saltBytes), iterations)),
      );
    },
  };
}
