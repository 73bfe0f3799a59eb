/**
 * Counts failed logins per account, per address and per pair of both, in a fixed amount of memory, and says when
 * the next attempt is allowed. Only failures cost anything: a busy client with the right secret is never slowed down.
 */
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';

export interface RateLimits {
  /** Failures of one account from one address in a window. */
  readonly pairMax: number;
  /** Failures from one address (many people may share it behind a gateway). */
  readonly addressMax: number;
  /** Failures of one account from anywhere; high, so that strangers cannot lock somebody out cheaply. */
  readonly accountMax: number;
  readonly windowMs: number;
  /** How many counters are remembered; the least recently failed are forgotten first. */
  readonly countersMax: number;
}

export const rateLimits: RateLimits = { pairMax: 10, addressMax: 200, accountMax: 300, windowMs: 60_000, countersMax: 30_000 };

export class LoginLimiter {
  readonly #clock: Clock;
  readonly #limits: RateLimits;
  /** In order of the last failure, oldest first. */
  readonly #counters = new Map<string, { count: number; until: number }>();

  constructor(clock: Clock, limits: RateLimits = rateLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Throws `limit_exceeded` while too many logins have failed. Call before anything is computed. */
  check(account: string, address: string): void {
    const { pairMax, addressMax, accountMax } = this.#limits;
    const now = this.#clock.monotonic();
    const keys = keysOf(account, address);
    const waits = [
      this.#wait(keys.pair, pairMax, now),
      this.#wait(keys.address, addressMax, now),
      this.#wait(keys.account, accountMax, now),
    ];
    const wait = Math.max(...waits);
    if (wait > 0) {
      throw new LakeError('limit_exceeded', `too many failed logins; try again in ${Math.ceil(wait / 1000)} s`, {
        retriable: true,
      });
    }
  }

  /** Notes a failure. Noted before a slow check begins (and taken back by `succeeded`), many at once count as many. */
  failed(account: string, address: string): void {
    const now = this.#clock.monotonic();
    const keys = keysOf(account, address);
    for (const key of [keys.pair, keys.address, keys.account]) this.#add(key, now);
  }

  /** A success forgives what the pair did wrong before. With `wasNoted`, also the failure that was noted in advance. */
  succeeded(account: string, address: string, wasNoted = false): void {
    const keys = keysOf(account, address);
    this.#counters.delete(keys.pair);
    for (const key of wasNoted ? [keys.address, keys.account] : []) {
      const counter = this.#counters.get(key);
      if (counter) this.#counters.set(key, { ...counter, count: counter.count - 1 });
    }
  }

  /** How many counters are held; never above `countersMax`. */
  get size(): number {
    return this.#counters.size;
  }

  #wait(key: string, max: number, now: number): number {
    const counter = this.#counters.get(key);
    return counter && counter.count >= max && counter.until > now ? counter.until - now : 0;
  }

  #add(key: string, now: number): void {
    const counter = this.#counters.get(key);
    const next =
      counter && counter.until > now
        ? { count: counter.count + 1, until: counter.until }
        : { count: 1, until: now + this.#limits.windowMs };
    this.#counters.delete(key);
    this.#counters.set(key, next);
    while (this.#counters.size > this.#limits.countersMax) this.#counters.delete(this.#counters.keys().next().value as string);
  }
}

/** Names come from strangers: what is kept of them is cut. */
function keysOf(account: string, address: string): { pair: string; address: string; account: string } {
  const who = account.slice(0, 200);
  return { pair: `p\0${who}\0${address}`, address: `a\0${address}`, account: `u\0${who}` };
}
