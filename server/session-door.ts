/**
 * What every session on the PostgreSQL port passes between its login and its first statement: it is entered into the
 * register of live sessions, and only then judged once more, so that no revocation falls between the two.
 */
import type { Principal } from '../base/domain.ts';
import { LakeError } from '../base/errors.ts';
import type { SessionHooks, Startup, StatementSession } from '../base/statement-session.ts';
import type { MetadataEndpoint } from './engine/ports.ts';
import type { LiveSessions } from './live-sessions.ts';

export interface DoorOptions {
  readonly live: LiveSessions;
  /** Logins as the authenticator asks for them. */
  readonly logins: { findCredential(userName: string): Promise<{ readonly principal: Principal } | undefined> };
}

/** Opens a SQL session under the register. `open` gets the principal as it is now. */
export async function openFollowed(
  startup: Startup,
  hooks: SessionHooks,
  door: DoorOptions,
  open: (startup: Startup) => Promise<StatementSession>,
): Promise<StatementSession> {
  const live = door.live.enter(startup.principal, 'sql', (error) => hooks.terminate(error));
  try {
    const session = await open({ ...startup, principal: await presentPrincipal(startup, door) });
    const close = session.close.bind(session);
    session.close = async () => {
      live.leave();
      await close();
    };
    if (live.ended) {
      await session.close();
      throw live.ended;
    }
    return session;
  } catch (error) {
    live.leave();
    throw error;
  }
}

/** Issues the token of a relayed metadata session under the register: when the right ends, the token does. `leave` is for its end. */
export async function issueFollowed(
  startup: Startup,
  door: DoorOptions,
  tokens: { issue(principal: Principal): Promise<MetadataEndpoint>; revoke(endpoint: MetadataEndpoint): Promise<void> },
): Promise<{ readonly endpoint: MetadataEndpoint; leave(): void }> {
  let endpoint: MetadataEndpoint | undefined;
  const live = door.live.enter(startup.principal, 'metadata', () => {
    // Revoking ends the session in the worker, which tells the client why.
    if (endpoint) void tokens.revoke(endpoint).catch(() => undefined);
  });
  try {
    endpoint = await tokens.issue(await presentPrincipal(startup, door));
    if (live.ended) {
      await tokens.revoke(endpoint);
      throw live.ended;
    }
    return { endpoint, leave: () => live.leave() };
  } catch (error) {
    live.leave();
    throw error;
  }
}

async function presentPrincipal(startup: Startup, { logins }: DoorOptions): Promise<Principal> {
  const found = await logins.findCredential(startup.parameters.get('user') ?? '');
  if (found?.principal.id !== startup.principal.id || found.principal.credentialId !== startup.principal.credentialId) {
    throw new LakeError('invalid_authorization', 'this login was revoked a moment ago');
  }
  return found.principal;
}
