/**
 * The four time-outs of a session: of a statement (57014, the session goes on), of a transaction (25P04), and of waiting for
 * the client inside a transaction (25P03) or outside one (57P05); those three end the session. 0 is none.
 * Source: PostgreSQL 17 documentation, section 19.11.1 "Statement Behavior".
 */
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import type { SessionVars } from './session-vars.ts';

export interface TimeoutOptions {
  readonly vars: SessionVars;
  readonly clock: Clock;
  /** Stops the statement that runs. */
  interrupt(reason: LakeError): void;
  /** Ends the session. */
  terminate(reason: LakeError): void;
}

export class Timeouts {
  readonly #options: TimeoutOptions;
  #stopStatement: (() => void) | null = null;
  #stopTransaction: (() => void) | null = null;

  constructor(options: TimeoutOptions) {
    this.#options = options;
  }

  /** A statement runs, or none does any more. While one does, saying so again changes nothing. */
  statement(runs: boolean): void {
    if (!runs) {
      this.#stopStatement?.();
      this.#stopStatement = null;
      return;
    }
    if (this.#stopStatement !== null) return;
    const { vars, clock, interrupt, terminate } = this.#options;
    const ms = vars.milliseconds('statement_timeout');
    // A statement without a transaction around it is one by itself.
    const transactionMs = this.#stopTransaction === null ? vars.milliseconds('transaction_timeout') : 0;
    if (transactionMs > 0 && (ms === 0 || transactionMs < ms))
      this.#stopStatement = clock.after(transactionMs, () => terminate(transactionOver()));
    else if (ms > 0)
      this.#stopStatement = clock.after(ms, () =>
        interrupt(new LakeError('query_canceled', 'canceling statement due to statement timeout')),
      );
  }

  /** A transaction has begun (its time counts from now), or is over. */
  transaction(isOpen: boolean): void {
    this.#stopTransaction?.();
    this.#stopTransaction = null;
    if (!isOpen) return;
    const { vars, clock, terminate } = this.#options;
    const ms = vars.milliseconds('transaction_timeout');
    if (ms > 0) this.#stopTransaction = clock.after(ms, () => terminate(transactionOver()));
  }

  /** How long the session may wait for its client now. */
  idle(inTransaction: boolean): { readonly ms: number; readonly error: LakeError } | undefined {
    const { vars } = this.#options;
    const ms = vars.milliseconds(inTransaction ? 'idle_in_transaction_session_timeout' : 'idle_session_timeout');
    if (ms === 0) return undefined;
    const error = inTransaction
      ? new LakeError('idle_timeout', 'terminating connection due to idle-in-transaction timeout')
      : new LakeError('idle_session_timeout', 'terminating connection due to idle-session timeout');
    return { ms, error };
  }

  close(): void {
    this.statement(false);
    this.transaction(false);
  }
}

function transactionOver(): LakeError {
  return new LakeError('transaction_timeout', 'terminating connection due to transaction timeout');
}
