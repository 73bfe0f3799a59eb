/**
 * The superadmin's login: e-mail address and the password in a file, on the wires (SCRAM) and on the REST API. The verifiers are
 * derived at start and whenever the file changes, and live in memory only. Everyone else logs in with credentials.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Principal } from '../base/domain.ts';
import { LakeError } from '../base/errors.ts';
import type { CredentialSource, FoundCredential } from './ports.ts';
import { deriveVerifier, type Verifier } from './scram/hash.ts';
import { preparePassword } from './scram/saslprep.ts';
import type { VerifierMaker } from './verifier-maker.ts';

export interface SuperadminOptions {
  readonly email: string;
  readonly verifiers: VerifierMaker;
  /** Who the superadmin is at this moment (rights change with the lakes). */
  principal(): Promise<Principal | undefined>;
  /** Logins of everyone else. */
  readonly credentials: CredentialSource;
  /** False when a one-time code is asked for at login: SCRAM cannot carry one, so the password alone must not open the wires. */
  readonly isWireLoginAllowed: boolean;
}

export interface Superadmin extends CredentialSource {
  readonly email: string;
  /** Takes a (new) password; logins with the former one fail from then on. Throws `config_invalid` on an empty one. */
  setPassword(fileText: string): Promise<void>;
  /** For the REST login: the principal, or undefined when address or password are wrong. Takes as long either way. */
  checkPassword(email: string, password: string): Promise<Principal | undefined>;
}

/** One line end at the end of the file belongs to the editor, not to the password. */
export function passwordOfFile(text: string): string {
  const password = text.replace(/\r?\n$/, '');
  if (password.length < 8 || password.length > 1024 || /[\r\n\0]/.test(password)) {
    throw new LakeError('config_invalid', 'the superadmin password must be one line of 8 to 1024 characters', {
      hint: 'It lies in the file that BOILSTREAM_SUPERADMIN_PASSWORD_PATH names.',
    });
  }
  return password;
}

/** Without a password (setPassword) nobody gets in. */
export function createSuperadmin(options: SuperadminOptions): Superadmin {
  const email = options.email.toLowerCase();
  let verifiers: readonly Verifier[] = [];
  return {
    email,
    async setPassword(fileText) {
      verifiers = await options.verifiers.verifiersOf(passwordOfFile(fileText));
    },
    async checkPassword(claimed, password) {
      const [verifier] = verifiers;
      if (!verifier) return undefined;
      const derived = await deriveVerifier(verifier.hash, preparePassword(password), verifier.salt, verifier.iterations);
      const isRight = timingSafeEqual(derived.storedKey, verifier.storedKey);
      return isRight && claimed.toLowerCase() === email ? options.principal() : undefined;
    },
    async findCredential(userName): Promise<FoundCredential | undefined> {
      if (userName.toLowerCase() !== email) return options.credentials.findCredential(userName);
      const principal = verifiers.length === 0 || !options.isWireLoginAllowed ? undefined : await options.principal();
      return principal && { verifiers, principal };
    },
  };
}
