/**
 * How many connections there are, and who may be one more. Those that have not logged in are counted in all and per
 * address; sessions are counted against the maximum, a few of which only superusers get, and against that of their user.
 */
import type { Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Limits } from './limits.ts';

export class Admission {
  readonly #limits: Limits;
  readonly #perAddress = new Map<string, number>();
  #unauthenticated = 0;
  #sessions = 0;
  readonly #perUser = new Map<string, number>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get sessions(): number {
    return this.#sessions;
  }

  get unauthenticated(): number {
    return this.#unauthenticated;
  }

  /**
   * Counts a new connection; null when there are too many that have not logged in. The result uncounts it, once. With no
   * address (a gateway has not said it yet) it counts among all only.
   */
  enter(address: string | null): (() => void) | null {
    const here = address === null ? 0 : (this.#perAddress.get(address) ?? 0);
    if (this.#unauthenticated >= this.#limits.unauthenticatedMax || here >= this.#limits.unauthenticatedPerAddressMax)
      return null;
    this.#unauthenticated++;
    if (address !== null) this.#perAddress.set(address, here + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#unauthenticated--;
      if (address === null) return;
      const now = (this.#perAddress.get(address) ?? 1) - 1;
      if (now === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, now);
    };
  }

  /** Counts a session; throws too_many_connections. The result uncounts it, once. */
  open({ id, name, superuser }: Pick<Principal, 'id' | 'name' | 'superuser'>): () => void {
    const { connectionsMax, superuserConnectionsReserved, connectionsPerUserMax } = this.#limits;
    if (this.#sessions >= connectionsMax)
      throw new LakeError('too_many_connections', 'sorry, too many clients already', {
        hint: `This pod takes ${connectionsMax} sessions; close some, or use a connection pool.`,
      });
    if (!superuser && this.#sessions >= connectionsMax - superuserConnectionsReserved)
      throw new LakeError('too_many_connections', 'remaining connection slots are reserved for superadmins', {
        hint: `This pod takes ${connectionsMax} sessions; close some, or use a connection pool.`,
      });
    const ofUser = this.#perUser.get(id) ?? 0;
    if (!superuser && ofUser >= connectionsPerUserMax)
      throw new LakeError('too_many_connections', `too many connections for role "${name}"`, {
        hint: `A user may have ${connectionsPerUserMax} sessions on this pod; close some, or use a connection pool.`,
      });
    this.#sessions++;
    this.#perUser.set(id, ofUser + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#sessions--;
      const now = (this.#perUser.get(id) ?? 1) - 1;
      if (now === 0) this.#perUser.delete(id);
      else this.#perUser.set(id, now);
    };
  }
}
