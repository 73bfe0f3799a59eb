/**
 * WAL bytes read back from the log, written to where DuckDB will look for them when the database is opened; and the commits
 * behind them that DuckDB has not made yet.
 */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Applied } from './ledger.ts';
import type { WalEntry } from './segment.ts';

const flushBytes = 4 * 1024 * 1024;

/** Path of the file of a database's generation under `localDir`; its WAL stands beside it with `.wal`. */
export function databaseFile(localDir: string, database: string, generation: number): string {
  return join(localDir, `${database}-${generation}.duckdb`);
}

export class RestoredWal {
  readonly #localDir: string;
  readonly #pending = new Map<string, WalEntry[]>();
  #pendingBytes = 0;
  readonly #rows = new Map<string, Buffer[]>();

  constructor(localDir: string) {
    this.#localDir = localDir;
  }

  take(applied: readonly Applied[]): void {
    for (const item of applied) {
      if (item.t === 'rows') {
        const rows = this.#rows.get(item.entry.database);
        if (rows) rows.push(item.entry.bytes);
        else this.#rows.set(item.entry.database, [item.entry.bytes]);
      } else if (item.t === 'wal') {
        this.#rows.delete(item.entry.database);
        const entries = this.#pending.get(item.entry.database);
        if (entries) entries.push(item.entry);
        else this.#pending.set(item.entry.database, [item.entry]);
        this.#pendingBytes += item.entry.bytes.length;
      } else if (item.control.t !== 'create')
        this.#forget(item.control.database, item.control.t === 'base' ? item.control.base.generation - 1 : null);
    }
    if (this.#pendingBytes > flushBytes) this.flush();
  }

  /** Commits of a database, in order, to be made after its WAL is replayed. */
  rowsOf(database: string): readonly Buffer[] {
    return this.#rows.get(database) ?? [];
  }

  /** Forgets everything, written files included. */
  clear(): void {
    this.#rows.clear();
    this.#pending.clear();
    this.#pendingBytes = 0;
    rmSync(this.#localDir, { recursive: true, force: true });
    mkdirSync(this.#localDir, { recursive: true });
  }

  /** Writes what is held in memory. Fsync is not needed: these files are a cache. */
  flush(): void {
    for (const [database, entries] of this.#pending) {
      const fd = openSync(`${databaseFile(this.#localDir, database, (entries[0] as WalEntry).generation)}.wal`, 'a+');
      closeSync(fd);
      const out = openSync(`${databaseFile(this.#localDir, database, (entries[0] as WalEntry).generation)}.wal`, 'r+');
      try {
        const bytes = Buffer.concat(entries.map((entry) => entry.bytes));
        let at = 0;
        while (at < bytes.length) at += writeSync(out, bytes, at, bytes.length - at, (entries[0] as WalEntry).start + at);
      } finally {
        closeSync(out);
      }
    }
    this.#pending.clear();
    this.#pendingBytes = 0;
  }

  /** Bytes of a generation that was replaced, or of a database that was dropped, are not needed. */
  #forget(database: string, generation: number | null): void {
    this.#rows.delete(database);
    const entries = this.#pending.get(database);
    this.#pending.delete(database);
    this.#pendingBytes -= (entries ?? []).reduce((sum, entry) => sum + entry.bytes.length, 0);
    const last = generation ?? entries?.[0]?.generation;
    if (last !== undefined) rmSync(`${databaseFile(this.#localDir, database, last)}.wal`, { force: true });
  }
}
