/** Sessions of the REST API: a login opens one, a token carries it for about an hour, any pod knows it. */
import type { Principal } from '../base/domain.ts';
import type { Random } from '../base/random.ts';
import type { Login, LoginAttempt } from './login.ts';
import type { SessionStore } from './ports.ts';
import { bearerToken, hashToken, mintToken, sessionTtlMs } from './tokens.ts';

export type SessionOutcome =
  | { readonly t: 'in'; readonly token: string; readonly expiresAt: number; readonly principal: Principal }
  | { readonly t: 'mfa-needed' };

export interface Sessions {
  login(attempt: LoginAttempt): Promise<SessionOutcome>;
  find(authorization: string | undefined): Promise<{ readonly principal: Principal; readonly expiresAt: number } | undefined>;
  logout(authorization: string | undefined): Promise<void>;
  /** Ends all sessions of a user: their password was changed. */
  endAll(userId: string): Promise<void>;
  /** Who acts through the pod's local socket: the superadmin, by the permission to open it. */
  local(): Promise<Principal>;
}

const pod = { principal: { id: 'pod', kind: 'pod' } } as const;

/** `superadmin` gives its present principal. */
export function createSessions(options: {
  readonly login: Login;
  readonly store: SessionStore;
  readonly random: Random;
  superadmin(): Promise<Principal>;
}): Sessions {
  const { login, store, random } = options;
  return {
    async login(attempt) {
      const outcome = await login.attempt(attempt);
      if (outcome.t === 'mfa-needed') return outcome;
      const { token, hash } = mintToken(random);
      const opened = await store.execute(
        {
          name: 'open-session',
          args: { userId: outcome.principal.id, tokenHash: hash, ttlMs: sessionTtlMs, address: attempt.address },
        },
        pod,
      );
      return { t: 'in', token, expiresAt: opened['expiresAt'] as number, principal: outcome.principal };
    },
    async find(authorization) {
      const token = bearerToken(authorization);
      return token === undefined ? undefined : store.findSession(hashToken(token));
    },
    async logout(authorization) {
      const token = bearerToken(authorization);
      const session = token === undefined ? undefined : await store.findSession(hashToken(token));
      if (session)
        await store.execute(
          { name: 'close-sessions', args: { userId: session.principal.id, tokenHash: hashToken(token as string) } },
          pod,
        );
    },
    async endAll(userId) {
      await store.execute({ name: 'close-sessions', args: { userId } }, pod);
    },
    local: () => options.superadmin(),
  };
}
