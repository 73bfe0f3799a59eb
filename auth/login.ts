/**
 * Login to the REST API. In this release only the superadmin has a password to log in with; everyone else uses
 * credentials on the wires, and will have a login in which the password never leaves the client (OPAQUE).
 */
import type { Principal } from '../base/domain.ts';
import { wrong } from './scram/exchange.ts';
import type { Totp } from './mfa/totp.ts';
import type { LoginLimiter } from './rate-limit.ts';
import type { Superadmin } from './superadmin.ts';

export interface LoginAttempt {
  /** Default: the superadmin's. */
  readonly email?: string | undefined;
  readonly password: string;
  readonly mfaCode?: string | undefined;
  readonly address: string;
}

export type LoginOutcome = { readonly t: 'in'; readonly principal: Principal } | { readonly t: 'mfa-needed' };

export interface Login {
  /** Throws invalid_password (whatever was wrong) or limit_exceeded. `mfa-needed` comes only after the right password. */
  attempt(attempt: LoginAttempt): Promise<LoginOutcome>;
}

/** Puts password, one-time code and limits together. */
export function createLogin(options: {
  readonly superadmin: Superadmin;
  readonly limiter: LoginLimiter;
  readonly totp?: Totp | undefined;
  /** Told after each decided login. Must not throw. */
  decided?(outcome: { readonly user: string; readonly remoteAddress: string; readonly ok: boolean }): void;
}): Login {
  const { superadmin, limiter, totp } = options;
  return {
    async attempt({ email = superadmin.email, password, mfaCode, address }) {
      limiter.check(email, address);
      // Deriving the key takes a while: until it is done this counts as a failure, so that many at once gain nothing.
      limiter.failed(email, address);
      const principal = await superadmin.checkPassword(email, password);
      // Guessing codes is guessing too: the right password alone is not forgiven.
      if (principal && totp && mfaCode === undefined) return { t: 'mfa-needed' };
      if (!principal || (totp && !totp.accept(mfaCode as string))) {
        options.decided?.({ user: email, remoteAddress: address, ok: false });
        throw wrong();
      }
      limiter.succeeded(email, address, true);
      options.decided?.({ user: email, remoteAddress: address, ok: true });
      return { t: 'in', principal };
    },
  };
}
