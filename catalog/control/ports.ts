/** What the control catalog needs handed in, besides the replicated log, clock and chance. Types only. */

/** SCRAM verifier as it is stored (RFC 5802, section 3). */
export interface StoredVerifier {
  readonly hash: 'sha256' | 'sha512';
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** Makes what is stored instead of a secret: one verifier per hash. */
export interface VerifierMaker {
  verifiersOf(secret: string): Promise<readonly StoredVerifier[]>;
}

/** Seals what must be readable again, under the cluster's key (auth/seal.ts). */
export interface Sealer {
  readonly keyId: string;
  seal(purpose: string, plain: Uint8Array): Buffer;
  open(purpose: string, sealed: Uint8Array): Buffer;
  keyIdOf(sealed: Uint8Array): string;
}
