/**
 * Which sessions are open for whom, so that they end when the right to them does: a revoked or expired credential, a
 * deleted user; and for metadata sessions, whose rights are fixed when they begin, also a changed grant. (SQL
 * sessions follow changed grants by themselves.)
 */
import type { Clock } from '../base/clock.ts';
import type { Principal } from '../base/domain.ts';
import { LakeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

/** A change of the control catalog, as far as it matters here. */
export interface SessionChange {
  readonly t: string;
  readonly userId?: string;
  readonly credentialId?: string;
}

interface Entry {
  readonly principal: Principal;
  readonly kind: 'sql' | 'metadata';
  readonly end: (error: LakeError) => void;
}

export interface LiveSession {
  /** Set when the session was told to end, also before it had fully begun. */
  readonly ended: LakeError | undefined;
  leave(): void;
}

/** How often expiry is looked at: a credential's sessions outlive it by so much at most. */
const sweepMs = 30_000;

export class LiveSessions {
  readonly #entries = new Set<Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** Notes a session; `end` is called once, if at all. Call `leave` when it is over. */
  enter(principal: Principal, kind: 'sql' | 'metadata', end: (error: LakeError) => void): LiveSession {
    const state: { ended: LakeError | undefined } = { ended: undefined };
    const entry: Entry = {
      principal,
      kind,
      end: (error) => {
        if (!this.#entries.delete(entry)) return;
        state.ended = error;
        end(error);
      },
    };
    this.#entries.add(entry);
    return {
      get ended() {
        return state.ended;
      },
      leave: () => void this.#entries.delete(entry),
    };
  }

  /** Ends what durable changes take the ground from. */
  follow(changes: readonly SessionChange[]): void {
    for (const change of changes) {
      for (const entry of [...this.#entries]) {
        const error = reasonFor(change, entry);
        if (error) entry.end(error);
      }
    }
  }

  /** Ends the sessions that a user opened with a password, which was changed. */
  endOfPassword(userId: string): void {
    for (const entry of [...this.#entries]) {
      if (entry.principal.id === userId && entry.principal.credentialId === undefined)
        entry.end(over('the password was changed'));
    }
  }

  /** Looks for expired credentials now and then. `principalOf` answers undefined for those. Returns how to stop. */
  watchExpiry(options: {
    readonly clock: Clock;
    readonly logger: Logger;
    principalOf(who: { readonly credentialId: string }): Promise<Principal | undefined>;
  }): () => void {
    let stop = (): void => {};
    let isStopped = false;
    const sweep = async (): Promise<void> => {
      try {
        const ids = new Set([...this.#entries].flatMap(({ principal }) => principal.credentialId ?? []));
        for (const credentialId of ids) {
          if (await options.principalOf({ credentialId })) continue;
          for (const entry of [...this.#entries])
            if (entry.principal.credentialId === credentialId) entry.end(over('this credential has expired or was revoked'));
        }
      } catch (error) {
        options.logger.warn({ error }, 'expired credentials could not be looked for');
      }
      if (!isStopped) stop = options.clock.after(sweepMs, () => void sweep());
    };
    stop = options.clock.after(sweepMs, () => void sweep());
    return () => {
      isStopped = true;
      stop();
    };
  }
}

function reasonFor(change: SessionChange, { principal, kind }: Entry): LakeError | undefined {
  if (change.t === 'credential-revoked' && change.credentialId === principal.credentialId)
    return over('this credential was revoked');
  if (change.userId !== principal.id) return undefined;
  if (change.t === 'user-deleted') return over('this user was deleted');
  if (change.t === 'grants-changed' && kind === 'metadata') return over('your grants have changed; connect again');
  return undefined;
}

function over(message: string): LakeError {
  return new LakeError('admin_shutdown', `terminating connection: ${message}`);
}
