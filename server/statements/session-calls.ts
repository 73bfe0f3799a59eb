/**
 * What statements of a session can ask of it while they run (`session_call`, engine/session-call.ts): the pod's sessions,
 * cancelling and ending them, advisory locks, the clock. A lock that is not free does not stop DuckDB's thread: the
 * statement runs to its end, its answer is thrown away, and it runs again when the lock may be free.
 */
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import { displayName } from '../../base/pg-types.ts';
import type { PreparedName } from '../../base/statement-session.ts';
import type { Asking, Backends } from './backends.ts';
import type { Holder, Wanted } from './advisory-locks.ts';

export interface SessionCallsOptions {
  readonly backends: Backends;
  readonly clock: Clock;
  readonly asking: Asking;
  readonly pid: number;
  readonly address: string;
  /** The lake the session is on: advisory locks are a database's own. */
  lake(): string;
  /** What the session has prepared, by SQL or in the protocol. */
  prepared(): readonly (PreparedName & { readonly fromSql: boolean })[];
  /** set_config: changes a setting and answers its new value. */
  set(name: string, value: string, isLocal: boolean): string;
}

export class SessionCalls {
  readonly #options: SessionCallsOptions;
  readonly #holder: Holder;
  /** The lock that the statement could not have, if there was one. */
  #blocked: Wanted | null = null;
  /** Locks the statement has taken so far; undefined while it may not wait. */
  #taken: Wanted[] | undefined;
  #hasTransactionLocks = false;
  /** What a call threw: DuckDB keeps only its message. */
  #failure: LakeError | null = null;
  /** The session waits for a lock. */
  isWaiting = false;

  constructor(options: SessionCallsOptions) {
    this.#options = options;
    this.#holder = { pid: options.pid };
  }

  /** Answers `session_call`. Throws what the statement fails with. */
  readonly call = (what: string, first: string, second: string): string | null => {
    try {
      return this.#answer(what, first, second);
    } catch (error) {
      this.#failure = error instanceof LakeError ? error : null;
      throw error;
    }
  };

  /** The error that DuckDB's message is about, if it is a call's. */
  failureOf(error: unknown): LakeError | undefined {
    const failure = this.#failure;
    this.#failure = null;
    return failure !== null && error instanceof Error && error.message.includes(failure.message) ? failure : undefined;
  }

  #answer(what: string, first: string, second: string): string | null {
    const { backends, asking, clock } = this.#options;
    switch (what) {
      case 'activity':
        return backends.list(asking);
      case 'cancel':
      case 'terminate':
        return String(backends.signal(asking, Number(first), what));
      case 'prepared':
        return preparedStatements(this.#options.prepared());
      case 'client':
        return this.#options.address;
      case 'set':
      case 'set-local':
        return this.#options.set(first, second, what === 'set-local');
      case 'clock':
        return String(Math.round(clock.now() * 1000));
      case 'started':
        return String(Math.round(backends.startedAt * 1000));
      case 'lock':
        return this.#lock(this.#wanted(first, second));
      case 'try-lock':
        return String(this.#tryLock(this.#wanted(first, second)));
      case 'unlock':
        return String(this.#unlock(this.#wanted(first, second)));
      case 'unlock-all':
        backends.locks.unlockAll(this.#holder);
        return '';
      case 'locks':
        return this.#locks();
      default:
        throw new LakeError('undefined_function', `session_call has no "${what}"`);
    }
  }

  /**
   * Runs a statement that may have to wait for locks, until it did not. `wait` is called with a promise of the moment when
   * it is worth trying again, and rejects when the session is to wait no longer.
   */
  async untilFree<T>(run: () => Promise<T>, wait: (free: Promise<void>) => Promise<void>): Promise<T> {
    const { locks } = this.#options.backends;
    for (;;) {
      this.#taken = [];
      this.#blocked = null;
      let result: T;
      try {
        result = await run();
      } catch (error) {
        this.#giveBack();
        throw error;
      }
      const blocked = this.#blocked as Wanted | null;
      if (blocked === null) {
        this.#taken = undefined;
        return result;
      }
      this.#giveBack();
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = locks.wait(this.#holder, blocked, resolve);
      this.isWaiting = true;
      try {
        await wait(promise);
      } finally {
        this.isWaiting = false;
        stop();
      }
    }
  }

  /** The session's transaction is over. */
  endTransaction(): void {
    if (!this.#hasTransactionLocks) return;
    this.#hasTransactionLocks = false;
    this.#options.backends.locks.endTransaction(this.#holder);
  }

  /** DISCARD ALL. */
  unlockAll(): void {
    this.#options.backends.locks.unlockAll(this.#holder);
  }

  /** The session is over. */
  close(): void {
    this.#options.backends.locks.leave(this.#holder);
  }

  /** `mode` is `exclusive` or `shared`, and `transaction` behind it. */
  #wanted(mode: string, key: string): Wanted {
    return {
      key: `${this.#options.lake()}/${key}`,
      isShared: mode.startsWith('shared'),
      isTransaction: mode.endsWith('transaction'),
    };
  }

  #lock(wanted: Wanted): string {
    if (this.#taken === undefined)
      throw new LakeError(
        'feature_not_supported',
        'pg_advisory_lock must be called by the statement itself, not by a view or function',
      );
    // One lock at a time is waited for; what comes after it in the statement is not even tried.
    if (this.#blocked === null && !this.#tryLock(wanted)) this.#blocked = wanted;
    return '';
  }

  #tryLock(wanted: Wanted): boolean {
    if (!this.#options.backends.locks.tryLock(this.#holder, wanted)) return false;
    if (wanted.isTransaction) this.#hasTransactionLocks = true;
    this.#taken?.push(wanted);
    return true;
  }

  #unlock(wanted: Wanted): boolean {
    return this.#options.backends.locks.unlock(this.#holder, wanted);
  }

  #giveBack(): void {
    for (const wanted of this.#taken ?? []) this.#unlock(wanted);
    this.#taken = undefined;
  }

  /** Rows of pg_locks as JSON, of lakes the session may see. */
  #locks(): string {
    const { backends, asking } = this.#options;
    const rows = backends.locks.list().flatMap(({ key, pid, isShared, isGranted }) => {
      const [, lake, kind, first, second] = /^(.*)\/([12]):(-?\d+)(?:,(-?\d+))?$/.exec(key) ?? [];
      if (lake === undefined || !asking.maySee(lake)) return [];
      const bits = BigInt.asUintN(64, BigInt(first as string));
      const unsigned = (value: string): number => Number(BigInt.asUintN(32, BigInt(value)));
      return [
        {
          datname: lake,
          classid: kind === '1' ? Number(bits >> 32n) : unsigned(first as string),
          objid: kind === '1' ? Number(bits & 0xffff_ffffn) : unsigned(second as string),
          objsubid: Number(kind),
          pid,
          mode: isShared ? 'ShareLock' : 'ExclusiveLock',
          granted: isGranted,
        },
      ];
    });
    return JSON.stringify(rows);
  }
}

/** Oldest first; those of one millisecond are told apart by a microsecond each. */
function preparedStatements(all: readonly (PreparedName & { readonly fromSql: boolean })[]): string {
  let last = 0;
  return JSON.stringify(
    [...all]
      .sort((a, b) => a.since - b.since)
      .map(({ name, sql, parameters, since, fromSql }) => {
        last = Math.max(last + 1, Math.round(since * 1000));
        return {
          name,
          statement: sql,
          prepare_time: last,
          parameter_types: JSON.stringify(parameters.map(displayName)),
          from_sql: fromSql,
        };
      }),
  );
}
