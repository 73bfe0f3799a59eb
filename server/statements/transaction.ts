/**
 * PostgreSQL's transaction states over DuckDB's: idle, an implicit transaction (several statements of one message), a
 * block (BEGIN), a failed block. A failed block has no DuckDB transaction any more: it is rolled back when it fails, so
 * that it holds nothing while the client makes up its mind. Only one with a savepoint keeps it, if DuckDB does: most
 * errors found before a statement runs leave DuckDB's transaction usable, the others end it.
 */
import { LakeError } from '../../base/errors.ts';
import type { EngineConnection } from '../engine/connection.ts';
import { type Savepoint, Savepoints } from './savepoints.ts';

export type TransactionState = 'idle' | 'implicit' | 'block' | 'failed';

export class Transaction {
  #state: TransactionState = 'idle';
  #readOnly = false;
  /** Statements that wrote, or tried to. */
  #writes = 0;
  /** Failed, but DuckDB's transaction is still there. */
  #held = false;
  readonly #savepoints = new Savepoints();
  /** Told when a transaction of DuckDB's begins and when it is over. */
  onChange: (isOpen: boolean) => void = () => undefined;

  get state(): TransactionState {
    return this.#state;
  }

  get readOnly(): boolean {
    return this.#readOnly;
  }

  /** Whether a failed block may be gone on with by ROLLBACK TO. */
  get hasSavepoints(): boolean {
    return !this.#savepoints.isEmpty;
  }

  /** A statement of this transaction is about to write. */
  noteWrite(): void {
    this.#writes++;
  }

  /** SAVEPOINT. Throws no_active_transaction, in_failed_transaction, limit_exceeded. */
  savepoint(savepoint: Omit<Savepoint, 'writes'>): void {
    this.checkUsable();
    if (this.#state !== 'block') throw outsideBlock('SAVEPOINT');
    this.#savepoints.set({ ...savepoint, writes: this.#writes });
  }

  /** RELEASE SAVEPOINT. Throws no_active_transaction, in_failed_transaction, undefined_savepoint. */
  release(name: string): void {
    this.checkUsable();
    if (this.#state !== 'block') throw outsideBlock('RELEASE SAVEPOINT');
    this.#savepoints.release(name);
  }

  /**
   * ROLLBACK TO SAVEPOINT: the block goes on as it was there. Possible when nothing was written since, and DuckDB's
   * transaction is still there or may be begun anew (nothing written at all, and `mayMove`: the isolation level allows
   * later statements to see later commits). Throws no_active_transaction, undefined_savepoint, feature_not_supported.
   */
  async rollbackTo(name: string, connection: EngineConnection, mayMove: boolean): Promise<Savepoint> {
    if (this.#state !== 'block' && this.#state !== 'failed') throw outsideBlock('ROLLBACK TO SAVEPOINT');
    const savepoint = this.#savepoints.find(name);
    if (this.#writes > savepoint.writes)
      throw new LakeError('feature_not_supported', `cannot roll back to savepoint "${name}": rows were written after it`, {
        hint: 'The engine undoes whole transactions only: ROLLBACK, then repeat what came before the savepoint.',
      });
    if (this.#state === 'failed' && !this.#held) {
      if (this.#writes > 0 || !mayMove)
        throw new LakeError(
          'feature_not_supported',
          `cannot roll back to savepoint "${name}": the error ended the engine's transaction`,
          {
            hint: 'ROLLBACK and repeat the transaction. One that has written nothing can go on if it was begun with ISOLATION LEVEL READ COMMITTED.',
          },
        );
      await connection.run(this.#readOnly ? 'BEGIN TRANSACTION READ ONLY' : 'BEGIN TRANSACTION');
      connection.inTransaction = true;
      this.onChange(true);
    }
    this.#held = false;
    this.#state = 'block';
    this.#savepoints.keepUpTo(name);
    return savepoint;
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
      this.#writes = 0;
      this.onChange(true);
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
    const open = this.#state === 'implicit' || this.#state === 'block' || this.#held;
    if (open) await connection.run('ROLLBACK').catch(() => undefined);
    this.#over(connection);
  }

  /**
   * The block has failed: what was done is undone now, the state stays until the client ends the block. With a savepoint
   * it is left as it is, if DuckDB lets it go on.
   */
  async fail(connection: EngineConnection): Promise<void> {
    if (this.#state !== 'block') return;
    this.#state = 'failed';
    this.#held =
      this.hasSavepoints &&
      (await connection.run('SELECT 1').then(
        () => true,
        () => false,
      ));
    if (this.#held) return;
    this.onChange(false);
    await connection.run('ROLLBACK').catch(() => undefined);
    connection.inTransaction = false;
  }

  #over(connection: EngineConnection): void {
    this.#state = 'idle';
    this.#readOnly = false;
    this.#writes = 0;
    this.#held = false;
    this.#savepoints.clear();
    connection.inTransaction = false;
    this.onChange(false);
  }
}

function outsideBlock(what: string): LakeError {
  return new LakeError('no_active_transaction', `${what} can only be used in transaction blocks`, { hint: 'BEGIN first.' });
}
