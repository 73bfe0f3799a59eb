/**
 * pg_catalog over a real lake without a pod: the base database as the engine makes it, opened read-only, and a DuckLake
 * in a local directory attached beside it, with a session's search path and facts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Principal } from '../../base/domain.ts';
import type { Column } from '../../base/statement-session.ts';
import { pgCatalog } from '../../catalog/pg/install.ts';
import { pgNames } from '../../catalog/pg/names.ts';
import type { SessionFacts } from '../../catalog/pg/session.ts';
import { createBaseDatabase } from '../../server/engine/base-database.ts';
import { loadExtensions } from '../../server/engine/extensions.ts';
import { registerSessionCall } from '../../server/engine/session-call.ts';

export const ann: Principal = {
  id: 'u1',
  name: 'ann',
  kind: 'user',
  superuser: false,
  rights: new Map([
    ['sales', 'owner'],
    ['other', 'read'],
  ]),
};

export class CatalogLake {
  readonly connection: DuckDBConnection;
  /** True while the lake has no schema `public` of its own. */
  isPublicAlias = true;
  readonly #directory: string;
  readonly #instance: DuckDBInstance;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, directory: string) {
    this.#instance = instance;
    this.connection = connection;
    this.#directory = directory;
  }

  /** Lakes `sales` (in use) and `other`. With `directory` a lake that an earlier one left there. */
  static async open(directory = mkdtempSync(join(tmpdir(), 'catalog-lake-'))): Promise<CatalogLake> {
    const path = await createBaseDatabase(join(directory, 'base'), pgCatalog);
    const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY', threads: '2' });
    const connection = await instance.connect();
    registerSessionCall(connection, () => undefined);
    await loadExtensions(connection, ['ducklake']);
    for (const name of ['sales', 'other']) {
      await connection.run(
        `ATTACH 'ducklake:${join(directory, name)}.db' AS ${name} (READ_WRITE, DATA_PATH '${join(directory, name)}/')`,
      );
    }
    await connection.run("SET search_path = 'sales.main,boilstream.pg'");
    const lake = new CatalogLake(instance, connection, directory);
    await lake.facts();
    return lake;
  }

  /** Tells the catalog other facts of the session. */
  async facts(changed: Partial<SessionFacts> = {}): Promise<void> {
    const facts: SessionFacts = {
      principal: ann,
      database: 'sales',
      processId: 42,
      lakes: ['sales', { name: 'other', owner: 'bob', comment: 'not hers' }],
      searchPath: ['$user', 'public'],
      settings: new Map([
        ['server_version', '15.0 (BoilStream)'],
        ['TimeZone', 'UTC'],
        ['application_name', 'test'],
      ]),
      ...changed,
    };
    for (const statement of pgNames.sessionStatements(facts)) await this.connection.run(statement);
  }

  rewrite(sql: string): string {
    return pgNames.rewrite(sql, {
      lake: 'sales',
      isPublicAlias: (name) => this.isPublicAlias && (name === undefined || name === 'sales'),
    }).sql;
  }

  /** Rows of a client's statement. */
  async rows(sql: string): Promise<unknown[][]> {
    return (await this.connection.runAndReadAll(this.rewrite(sql))).getRowsJson() as unknown[][];
  }

  /** Columns of a client's statement as they are announced. */
  async columns(sql: string): Promise<readonly Column[]> {
    const prepared = await this.connection.prepare(this.rewrite(sql));
    const columns = Array.from({ length: prepared.columnCount }, (_, i) => ({
      name: prepared.columnName(i),
      type: prepared.columnType(i),
    }));
    prepared.destroySync();
    return pgNames.announce(sql, columns);
  }

  /** Closes the instance and opens another on the same lakes. */
  async reopen(): Promise<CatalogLake> {
    this.connection.closeSync();
    this.#instance.closeSync();
    return CatalogLake.open(this.#directory);
  }

  close(): void {
    this.connection.closeSync();
    this.#instance.closeSync();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
