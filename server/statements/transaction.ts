/**
 * PostgreSQL's transaction states over DuckDB's: idle, an implicit transaction (several statements of one message), a
 * block (BEGIN), a failed block. A failed block has no DuckDB transaction any more: it is rolled back when it fails, so
 * that it holds nothing while the client makes up its mind.
 */
import { LakeError } from '../../base/errors.ts';
import type { EngineConnection } from '../engine/connection.ts';

export type TransactionState = 'idle' | 'implicit' | 'block' | 'failed';

export class Transaction {
  #state: TransactionState = 'idle';
  #readOnly = false;

  get state(): TransactionState {
    return this.#state;
  }

  get readOnly(): boolean {
    return this.#readOnly;
  }

  /** SET TRANSACTION READ ONLY inside a block. */
  makeReadOnly(): void {
    this.#readOnly = true;
  }

  /** For ReadyForQuery. */
  status(): 'I' | 'T' | 'E' {
    return this.#state === 'block' ? 'T' : this.#state === 'failed' ? 'E' : 'I';
  }

  /** Throws when the statement may not run because the block has failed. */
  checkUsable(): void {
    if (this.#state === 'failed') {
      throw new LakeError(
        'in_failed_transaction',
        'current transaction is aborted, commands ignored until end of transaction block',
      );
    }
  }

  /** Opens a DuckDB transaction, or makes a block of the implicit one that is open. */
  async begin(connection: EngineConnection, kind: 'implicit' | 'block', readOnly: boolean): Promise<void> {
    if (this.#state === 'idle') {
      await connection.run(readOnly ? 'BEGIN TRANSACTION READ ONLY' : 'BEGIN TRANSACTION');
      connection.inTransaction = true;
      this.#readOnly = readOnly;
    }
    this.#state = kind;
  }

  /** Commits; rejects with DuckDB's error, and then nothing of the transaction is left. */
  async commit(connection: EngineConnection): Promise<void> {
    try {
      await connection.run('COMMIT');
    } catch (error) {
      // DuckDB has usually rolled back by itself; where it has not, nothing may be left open.
      await connection.run('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      this.#over(connection);
    }
  }

  async rollback(connection: EngineConnection): Promise<void> {
    const open = this.#state === 'implicit' || this.#state === 'block';
    if (open) await connection.run('ROLLBACK').catch(() => undefined);
    this.#over(connection);
  }

  /** The block has failed: what was done is undone now, the state stays until the client ends the block. */
  async fail(connection: EngineConnection): Promise<void> {
    if (this.#state !== 'block') return;
    this.#state = 'failed';
    await connection.run('ROLLBACK').catch(() => undefined);
    connection.inTransaction = false;
  }

  #over(connection: EngineConnection): void {
    this.#state = 'idle';
    this.#readOnly = false;
    connection.inTransaction = false;
  }
}
