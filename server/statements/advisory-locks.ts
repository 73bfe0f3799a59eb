/**
 * Advisory locks of one pod: names that sessions agree on, held by a session or by its transaction, exclusively or shared,
 * as often as they were taken. It decides; waiting is the session's (session-calls.ts). Locks of different lakes never
 * meet. Source: PostgreSQL 15 documentation, section 13.3.5 "Advisory Locks".
 */
import { LakeError } from '../../base/errors.ts';

/** Locks one session may hold, each a few hundred bytes. */
export const locksMax = 10_000;

/** Whoever holds locks; compared by identity. `pid` is what pg_locks shows. */
export interface Holder {
  readonly pid: number;
}

export interface Wanted {
  /** `lake`, class and keys in one text. */
  readonly key: string;
  readonly isShared: boolean;
  /** Until the end of the transaction. */
  readonly isTransaction: boolean;
}

export interface HeldLock {
  readonly key: string;
  readonly pid: number;
  readonly isShared: boolean;
  readonly isGranted: boolean;
}

/** How often, by [session | transaction][exclusive | shared]. */
type Counts = [[number, number], [number, number]];

interface Waiter {
  readonly holder: Holder;
  readonly isShared: boolean;
  readonly wake: () => void;
}

interface Lock {
  readonly holders: Map<Holder, Counts>;
  readonly waiters: Set<Waiter>;
}

export class AdvisoryLocks {
  readonly #locks = new Map<string, Lock>();
  readonly #held = new Map<Holder, Set<string>>();

  /** Takes the lock if nobody else holds it in a way that excludes it. Throws limit_exceeded. */
  tryLock(holder: Holder, { key, isShared, isTransaction }: Wanted): boolean {
    const lock = this.#locks.get(key) ?? { holders: new Map<Holder, Counts>(), waiters: new Set<Waiter>() };
    for (const [other, counts] of lock.holders)
      if (other !== holder && (!isShared || counts[0][0] + counts[1][0] > 0)) return false;
    const held = this.#held.get(holder) ?? new Set<string>();
    if (!held.has(key) && held.size >= locksMax)
      throw new LakeError('limit_exceeded', `a session may hold ${locksMax} advisory locks`);
    const counts: Counts = lock.holders.get(holder) ?? [
      [0, 0],
      [0, 0],
    ];
    counts[isTransaction ? 1 : 0][isShared ? 1 : 0]++;
    lock.holders.set(holder, counts);
    this.#locks.set(key, lock);
    held.add(key);
    this.#held.set(holder, held);
    return true;
  }

  /** Gives one hold back; false when the session has none of this kind. */
  unlock(holder: Holder, { key, isShared, isTransaction }: Wanted): boolean {
    const counts = this.#locks.get(key)?.holders.get(holder);
    const kind = counts?.[isTransaction ? 1 : 0];
    if (kind === undefined || kind[isShared ? 1 : 0] === 0) return false;
    kind[isShared ? 1 : 0]--;
    this.#dropped(holder, key);
    return true;
  }

  /** The transaction of the session is over. */
  endTransaction(holder: Holder): void {
    this.#release(holder, [1]);
  }

  /** pg_advisory_unlock_all: what the session holds beyond its transaction. */
  unlockAll(holder: Holder): void {
    this.#release(holder, [0]);
  }

  /** The session is over. */
  leave(holder: Holder): void {
    this.#release(holder, [0, 1]);
  }

  /**
   * Waits for a change of the lock, which may or may not make room; `wake` is called once, unless the returned function was
   * called before. Throws `deadlock` when the one it waits for is, maybe over others, waiting for this session.
   */
  wait(holder: Holder, { key, isShared }: Pick<Wanted, 'key' | 'isShared'>, wake: () => void): () => void {
    const lock = this.#locks.get(key);
    if (lock === undefined) {
      wake();
      return () => undefined;
    }
    if (this.#reaches(key, holder, new Set()))
      throw new LakeError('deadlock', 'deadlock detected', {
        hint: 'Take advisory locks in the same order everywhere.',
        retriable: true,
      });
    const waiter: Waiter = { holder, isShared, wake };
    lock.waiters.add(waiter);
    return () => {
      lock.waiters.delete(waiter);
      this.#forget(key);
    };
  }

  /** Every lock that is held or waited for. */
  list(): HeldLock[] {
    return [...this.#locks].flatMap(([key, { holders, waiters }]) => [
      ...[...holders].flatMap(([{ pid }, counts]) =>
        [false, true]
          .filter((isShared) => counts[0][isShared ? 1 : 0] + counts[1][isShared ? 1 : 0] > 0)
          .map((isShared) => ({ key, pid, isShared, isGranted: true })),
      ),
      ...[...waiters].map(({ holder, isShared }) => ({ key, pid: holder.pid, isShared, isGranted: false })),
    ]);
  }

  /** Whether those who hold `key` wait, directly or over others, for something `holder` holds. */
  #reaches(key: string, holder: Holder, seen: Set<string>): boolean {
    if (seen.has(key)) return false;
    seen.add(key);
    for (const other of this.#locks.get(key)?.holders.keys() ?? []) {
      if (other === holder) continue;
      for (const [waited, { holders, waiters }] of this.#locks) {
        if (![...waiters].some((waiter) => waiter.holder === other)) continue;
        if (holders.has(holder) || this.#reaches(waited, holder, seen)) return true;
      }
    }
    return false;
  }

  #release(holder: Holder, kinds: readonly (0 | 1)[]): void {
    for (const key of [...(this.#held.get(holder) ?? [])]) {
      const counts = this.#locks.get(key)?.holders.get(holder);
      for (const kind of kinds) counts?.[kind].fill(0);
      this.#dropped(holder, key);
    }
  }

  /** Forgets the holder if nothing is left, and tells those who wait. */
  #dropped(holder: Holder, key: string): void {
    const lock = this.#locks.get(key);
    const counts = lock?.holders.get(holder);
    if (lock === undefined || counts === undefined) return;
    if (counts.flat().every((count) => count === 0)) {
      lock.holders.delete(holder);
      const held = this.#held.get(holder);
      held?.delete(key);
      if (held?.size === 0) this.#held.delete(holder);
    }
    // In the order they came: the first takes the lock before the second looks.
    const waiters = [...lock.waiters];
    lock.waiters.clear();
    this.#forget(key);
    for (const { wake } of waiters) wake();
  }

  #forget(key: string): void {
    const lock = this.#locks.get(key);
    if (lock?.holders.size === 0 && lock.waiters.size === 0) this.#locks.delete(key);
  }
}
