/**
 * The CatalogView that all sessions on one lake share, kept up to date by the commits that change it. A transaction
 * may only take it if no such commit runs or ran while its own snapshot was taken; otherwise it looks for itself.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ReplicatedDatabase } from '../replicated/ports.ts';
import { loadCatalogView } from './catalog-load.ts';
import type { CatalogChange, CatalogView } from './catalog-view.ts';

export class SharedCatalog {
  readonly database: ReplicatedDatabase;
  #view: CatalogView;
  #version = 0;
  #changing = 0;

  private constructor(database: ReplicatedDatabase, view: CatalogView) {
    this.database = database;
    this.#view = view;
  }

  static async open(database: ReplicatedDatabase): Promise<SharedCatalog> {
    const connection = await database.connect();
    try {
      return new SharedCatalog(database, await loadCatalogView(connection, database.name));
    } finally {
      connection.closeSync();
    }
  }

  /** What is committed now, for statements outside of a transaction. */
  get view(): CatalogView {
    return this.#view;
  }

  /**
   * Runs `takeSnapshot`, which fixes what the connection's transaction sees, and resolves to the view that belongs to
   * it. The interleaving to survive: our snapshot is taken inside DuckDB while another session's CREATE TABLE commits,
   * so that neither the old nor the new view is certainly the right one.
   */
  async viewFor(connection: DuckDBConnection, takeSnapshot: () => Promise<unknown>): Promise<CatalogView> {
    const version = this.#version;
    const isSettled = this.#changing === 0;
    const view = this.#view;
    await takeSnapshot();
    if (isSettled && this.#changing === 0 && version === this.#version) return view;
    return loadCatalogView(connection, this.database.name);
  }

  /** Runs a commit that makes `changes`; they are seen by others once it has succeeded. */
  async commit<T>(changes: readonly CatalogChange[], commit: () => Promise<T>): Promise<T> {
    if (changes.length === 0) return commit();
    this.#changing++;
    try {
      const result = await commit();
      this.#version++;
      for (const change of changes) this.#view = this.#view.with(change);
      return result;
    } finally {
      this.#changing--;
    }
  }
}
