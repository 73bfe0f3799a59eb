/**
 * While the store fails, answers that show what is not durable yet are held, and so would every statement be that comes
 * after them: people would look at a prompt that says nothing. So what begins in such a time is refused, with the reason.
 * Nothing of it was done; what was begun before goes on waiting.
 */
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import type { StatementSession } from '../base/statement-session.ts';
import type { MainCalls } from './worker-protocol.ts';

/** A store that fails for less than this (ms) is waited for without a word. */
const patienceMs = 3_000;
/** Statements that end or look after a session; they must not be refused. */
const always = /^\s*(commit|end|rollback|abort|close|deallocate|discard|set|reset|show)\b/i;

export class StoreTrouble {
  readonly #clock: Clock;
  #trouble: { readonly since: number; readonly refusal: Parameters<MainCalls['storeTrouble']>[0] & object } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What the metadata worker says about the store. */
  set(refusal: Parameters<MainCalls['storeTrouble']>[0]): void {
    this.#trouble = refusal === null ? null : { since: this.#trouble?.since ?? this.#clock.monotonic(), refusal };
  }

  /** Throws `disk_full` or `store_unavailable` when the store has been failing for a while. */
  check(): void {
    if (this.#trouble === null || this.#clock.monotonic() - this.#trouble.since < patienceMs) return;
    const { code, message, hint } = this.#trouble.refusal;
    throw new LakeError(code, message, { retriable: true, ...(hint === undefined ? {} : { hint }) });
  }

  /** Waits for a session to open, but no longer than the store is trusted; one that opens after all is closed. */
  async whileOpening<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
    let isOver = false;
    const watch = async (): Promise<never> => {
      while (!isOver) {
        this.check();
        await this.#clock.sleep(patienceMs / 10, { unref: true });
      }
      return new Promise<never>(() => {});
    };
    try {
      return await Promise.race([opening, watch()]);
    } catch (error) {
      void opening.then((late) => late.close()).catch(() => undefined);
      throw error;
    } finally {
      isOver = true;
    }
  }

  /** The session, refusing new statements while the store fails. */
  guard(session: StatementSession): StatementSession {
    const { prepare, simple } = session;
    session.prepare = async (sql, oids) => {
      if (!always.test(sql)) this.check();
      return prepare.call(session, sql, oids);
    };
    session.simple = async (sql, position) => {
      if (!always.test(sql)) this.check();
      return simple.call(session, sql, position);
    };
    return session;
  }
}
