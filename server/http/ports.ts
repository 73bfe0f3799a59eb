/** What the HTTP servers need handed in. Types only; main.ts passes what fulfils them. */
import type { Principal } from '../../base/domain.ts';

/** Logins and sessions of the REST API (auth room and control catalog). */
export interface SessionPort {
  /** Checks the password (and one-time code) and opens a session. Throws invalid_password or limit_exceeded. */
  login(attempt: {
    readonly email?: string | undefined;
    readonly password: string;
    readonly mfaCode?: string | undefined;
    readonly address: string;
  }): Promise<
    | { readonly t: 'in'; readonly token: string; readonly expiresAt: number; readonly principal: Principal }
    | { readonly t: 'mfa-needed' }
  >;
  /** Whose session the Authorization header carries; undefined = none or over. */
  find(authorization: string | undefined): Promise<{ readonly principal: Principal; readonly expiresAt: number } | undefined>;
  logout(authorization: string | undefined): Promise<void>;
  /** Who acts through the local socket. */
  local(): Promise<Principal>;
}

export interface PodStatus {
  readonly node: string;
  readonly version: string;
  readonly state: 'starting' | 'ready' | 'draining';
  readonly uptime_seconds: number;
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number } | null>>;
  readonly sessions: number;
  readonly log: { readonly epoch: number; readonly seq: number } | null;
}

export interface PodPort {
  status(): Promise<PodStatus>;
  /** Reasons why no traffic should come now; empty = ready. Must be cheap. */
  notReady(): readonly string[];
  /** Refuses new sessions and waits for running work, at most `timeoutMs`; resolves to how many sessions were cut off. */
  drain(timeoutMs: number | undefined): Promise<{ readonly unfinished: number }>;
  /** Ends the process in order; called after the answer to a drain was sent. */
  stop(): void;
}

export interface TlsMaterial {
  pem(): { readonly cert: string; readonly key: string };
  onReload(listener: () => void): void;
}
