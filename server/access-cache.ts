/**
 * What each principal may use, kept until the control catalog changes: a new session then costs no question to the
 * metadata worker. Changes reach this cache before the command that made them is answered.
 */
import type { Principal } from '../base/domain.ts';
import type { LakeAccess } from './engine/ports.ts';

/** Principals that are remembered; a few hundred bytes each. */
const entriesMax = 10_000;

export class AccessCache {
  readonly #ask: (principal: Principal) => Promise<readonly LakeAccess[]>;
  readonly #entries = new Map<string, Promise<readonly LakeAccess[]>>();

  constructor(ask: (principal: Principal) => Promise<readonly LakeAccess[]>) {
    this.#ask = ask;
  }

  /** The lakes the principal may use now, with the right on each. */
  of(principal: Principal): Promise<readonly LakeAccess[]> {
    const key = `${principal.id} ${principal.credentialId ?? ''}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const asked = this.#ask(principal);
    if (this.#entries.size >= entriesMax) this.#entries.clear();
    this.#entries.set(key, asked);
    // An answer that was asked for before a change is not kept after it, because `clear` has removed it already.
    asked.catch(() => {
      if (this.#entries.get(key) === asked) this.#entries.delete(key);
    });
    return asked;
  }

  /** Call on every change of lakes, users, grants or credentials, before others act on it. */
  clear(): void {
    this.#entries.clear();
  }
}
