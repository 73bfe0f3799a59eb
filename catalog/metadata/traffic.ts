/**
 * The transactions that are open on one lake, and what maintenance and they owe each other. DuckLake writes nothing to the
 * catalog before it commits, so a transaction that will delete rows looks like one that reads until its last moment;
 * if files were merged under it, its commit would be refused. So maintenance commits only while nobody is in a
 * transaction that may write, and its deletions look at the oldest one that is open (durability rules 14 and 15).
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import { limits } from './limits.ts';

export interface Traveller {
  /** Wall clock and monotonic milliseconds of its beginning. */
  readonly since: number;
  readonly began: number;
  readonly mayWrite: boolean;
  readonly isMaintenance: boolean;
}

/** Someone who was refused and comes again; `until` is monotonic. */
export interface Returning {
  readonly until: number;
}

export class Traffic {
  readonly #returning = new Set<Returning>();
  readonly #clock: Clock;
  readonly #writeTransactionMsMax: number;
  readonly #open = new Set<Traveller>();
  /** Names of files that are about to be deleted: no commit may register them. */
  #condemned: ReadonlySet<string> = new Set();
  #gate: Promise<void> | null = null;
  #left: (() => void) | null = null;

  constructor(clock: Clock, writeTransactionMsMax: number) {
    this.#clock = clock;
    this.#writeTransactionMsMax = writeTransactionMsMax;
  }

  /** To be awaited before `enter`, again and again until it is null. */
  get gate(): Promise<void> | null {
    return this.#gate;
  }

  enter(mayWrite: boolean, isMaintenance: boolean): Traveller {
    const traveller = { since: this.#clock.now(), began: this.#clock.monotonic(), mayWrite, isMaintenance };
    this.#open.add(traveller);
    return traveller;
  }

  leave(traveller: Traveller): void {
    this.#open.delete(traveller);
    this.#left?.();
  }

  /**
   * Its commit was refused because another was first. DuckLake ends the transaction, sleeps and comes again with what it read
   * at the beginning: a merge in between would make the second refusal final. So it counts as if it were still there.
   */
  expect(): Returning {
    const returning = { until: this.#clock.monotonic() + limits.returnMsMax };
    this.#returning.add(returning);
    return returning;
  }

  /** It has come, or never will. */
  returned(returning: Returning): void {
    this.#returning.delete(returning);
    this.#left?.();
  }

  /** Since when the oldest transaction of a user has been open (wall clock); null when there is none. */
  oldestAt(): number | null {
    let oldest: number | null = null;
    for (const { since, isMaintenance } of this.#open) if (!isMaintenance && (oldest === null || since < oldest)) oldest = since;
    return oldest;
  }

  get condemned(): ReadonlySet<string> {
    return this.#condemned;
  }

  /** From now on no commit may name one of these files (by the last part of their paths). */
  condemn(names: ReadonlySet<string>): void {
    this.#condemned = names;
  }

  /**
   * Judges a transaction that has written, before its COMMIT. Throws, without a word that DuckLake retries on: `limit_exceeded`
   * when it is older than the files of such transactions are kept, `precondition_failed` when it names a condemned file.
   */
  async judge(traveller: Traveller, connection: DuckDBConnection, written: Iterable<{ readonly name: string }>): Promise<void> {
    this.judgeAge(traveller);
    if (!this.mayNameCondemned(written)) return;
    const names = [...this.#condemned].map(quoteString).join(', ');
    const found = await connection.runAndReadAll(
      `SELECT path FROM (SELECT path FROM ducklake_data_file UNION ALL SELECT path FROM ducklake_delete_file) WHERE regexp_extract(path, '[^/]*$') IN (${names}) LIMIT 1`,
    );
    const [row] = found.getRows();
    if (row)
      throw new LakeError('precondition_failed', `the file ${String(row[0])} is being cleaned up, as no snapshot named it`, {
        hint: 'The transaction was rolled back. Write the data again.',
      });
  }

  /** Throws `limit_exceeded` when a transaction is older than the files of such transactions are kept. */
  judgeAge(traveller: Traveller): void {
    const age = this.#clock.monotonic() - traveller.began;
    if (age > this.#writeTransactionMsMax)
      throw new LakeError(
        'limit_exceeded',
        `a transaction older than ${Math.round(this.#writeTransactionMsMax / 1000)} s may not write: files that it wrote may have been cleaned up`,
        { hint: 'It was rolled back. Commit earlier, or raise BOILSTREAM_WRITE_TRANSACTION_MAX.' },
      );
  }

  /** True if a commit into these tables has to be looked through for condemned files. */
  mayNameCondemned(written: Iterable<{ readonly name: string }>): boolean {
    return this.#condemned.size > 0 && [...written].some(({ name }) => namesFiles.has(name.toLowerCase()));
  }

  /**
   * Runs the COMMIT of maintenance while nobody else is in a transaction that may write. Waits a moment for that, in which
   * others cannot begin; then throws `lock_timeout`, and nothing was done.
   */
  async alone<T>(commit: () => Promise<T>): Promise<T> {
    while (this.#gate) await this.#gate;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    try {
      if (!(await this.#isQuiet())) throw new LakeError('lock_timeout', 'maintenance gives way to users of the ducklake');
      return await commit();
    } finally {
      this.#gate = null;
      resolve();
    }
  }

  /** Those that are too old to write are in nobody's way. */
  #isBusy(): boolean {
    const now = this.#clock.monotonic();
    for (const returning of this.#returning) if (returning.until <= now) this.#returning.delete(returning);
    if (this.#returning.size > 0) return true;
    return [...this.#open].some(
      ({ mayWrite, isMaintenance, began }) => mayWrite && !isMaintenance && now - began <= this.#writeTransactionMsMax,
    );
  }

  async #isQuiet(): Promise<boolean> {
    if (!this.#isBusy()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const cancel = this.#clock.after(limits.quiesceMsMax, () => resolve(false));
    this.#left = () => {
      if (!this.#isBusy()) resolve(true);
    };
    try {
      return await promise;
    } finally {
      cancel();
      this.#left = null;
    }
  }
}

/** DuckLake's tables whose rows make a file part of the lake. */
const namesFiles: ReadonlySet<string> = new Set(['ducklake_data_file', 'ducklake_delete_file']);
