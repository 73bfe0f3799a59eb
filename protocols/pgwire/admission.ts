/**
 * How many connections there are, and who may be one more. Those that have not logged in are counted in all and per
 * address; sessions are counted against the maximum, a few of which only superusers get.
 */
import { LakeError } from '../../base/errors.ts';
import type { Limits } from './limits.ts';

export class Admission {
  readonly #limits: Limits;
  readonly #perAddress = new Map<string, number>();
  #unauthenticated = 0;
  #sessions = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get sessions(): number {
    return this.#sessions;
  }

  get unauthenticated(): number {
    return this.#unauthenticated;
  }

  /** Counts a new connection; null when there are too many that have not logged in. The result uncounts it, once. */
  enter(address: string): (() => void) | null {
    const here = this.#perAddress.get(address) ?? 0;
    if (this.#unauthenticated >= this.#limits.unauthenticatedMax || here >= this.#limits.unauthenticatedPerAddressMax)
      return null;
    this.#unauthenticated++;
    this.#perAddress.set(address, here + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#unauthenticated--;
      const now = (this.#perAddress.get(address) ?? 1) - 1;
      if (now === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, now);
    };
  }

  /** Counts a session; throws too_many_connections. The result uncounts it, once. */
  open(superuser: boolean): () => void {
    const max = this.#limits.connectionsMax - (superuser ? 0 : this.#limits.superuserConnectionsReserved);
    if (this.#sessions >= max) {
      throw new LakeError('too_many_connections', 'sorry, too many clients already', {
        hint: `This pod takes ${this.#limits.connectionsMax} sessions; close some, or use a connection pool.`,
      });
    }
    this.#sessions++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#sessions--;
    };
  }
}
