/**
 * One lock per directory store, held by the kernel: it is gone when its holder dies, in whatever container or
 * process-id namespace that was, so there is no stale lock to recover from (a pid file cannot promise that).
 * Node has no file locks of its own; SQLite's are POSIX record locks, and an empty SQLite file is only its lock.
 */
import { accessSync, constants } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import { Mutex } from '../base/mutex.ts';
import { lockWaitMsMax } from './limits.ts';

const sqliteBusy = 5;

export class DirectoryLock {
  readonly #path: string;
  readonly #clock: Clock;
  /** Threads of this process share the kernel's lock, so they are kept in order before it is asked. */
  readonly #mutex = new Mutex();
  #database: DatabaseSync | null = null;
  #configured = false;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Runs `work` while nobody else, in any process, runs under this lock. `store_unavailable` (nothing done) after 10 s of waiting. */
  hold<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#mutex.run(async () => {
      await this.#acquire(signal);
      try {
        return await work();
      } finally {
        this.#database?.exec('ROLLBACK');
      }
    });
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
  }

  async #acquire(signal: AbortSignal | undefined): Promise<void> {
    this.#database ??= this.#open();
    const start = this.#clock.monotonic();
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 20)) {
      try {
        // Nothing is ever written to it, so it needs no journal and works on a full disk. (Setting this takes the lock too.)
        if (!this.#configured) this.#database.exec('PRAGMA journal_mode=OFF');
        this.#configured = true;
        this.#database.exec('BEGIN EXCLUSIVE');
        return;
      } catch (thrown) {
        if ((thrown as { errcode?: number }).errcode !== sqliteBusy) throw this.#toFileError(thrown);
        if (this.#clock.monotonic() - start > lockWaitMsMax) {
          throw new LakeError(
            'store_unavailable',
            `another process has held the lock ${this.#path} for ${lockWaitMsMax / 1000} s; nothing was written`,
            {
              retriable: true,
              hint: 'Find out which process has this file open and stop it if it hangs.',
            },
          );
        }
        await this.#clock.sleep(waitMs, signal === undefined ? {} : { signal });
      }
    }
  }

  #open(): DatabaseSync {
    try {
      return new DatabaseSync(this.#path, { timeout: 0 });
    } catch (thrown) {
      throw this.#toFileError(thrown);
    }
  }

  /** SQLite says only "unable to open" or "disk I/O error"; asking the file system itself gives the reason. */
  #toFileError(thrown: unknown): unknown {
    try {
      accessSync(this.#path, constants.R_OK | constants.W_OK);
      return thrown;
    } catch (reason) {
      return reason;
    }
  }
}
