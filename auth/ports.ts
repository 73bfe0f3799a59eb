/** What logins need from the rest of the pod. Types only; main.ts hands in what fulfils them. */
import type { Principal } from '../base/domain.ts';

/** A verifier as it comes from the control catalog (over a thread boundary: bytes may be plain Uint8Array). */
export interface StoredVerifier {
  readonly hash: 'sha256' | 'sha512';
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** A login name that can be used now. */
export interface FoundCredential {
  readonly verifiers: readonly StoredVerifier[];
  /** Wall-clock milliseconds after which it is not accepted; absent = no end. */
  readonly expiresAt?: number | undefined;
  readonly principal: Principal;
}

export interface CredentialSource {
  /** The live credential with this login name, or undefined (unknown, revoked, expired: the same). */
  findCredential(userName: string): Promise<FoundCredential | undefined>;
}

/** Where sessions of the REST API are kept: the control catalog. */
export interface SessionStore {
  execute(
    command: { readonly name: string; readonly args: unknown },
    by: { readonly principal: { readonly id: string; readonly kind: 'pod' } },
  ): Promise<Record<string, unknown>>;
  findSession(tokenHash: string): Promise<{ readonly principal: Principal; readonly expiresAt: number } | undefined>;
}
