/**
 * What tables a lake's metadata database has, as an immutable value: sessions of one moment share one view, a
 * transaction that creates tables has its own next one. It answers introspection and resolves names without asking
 * DuckDB. Schema `public` is DuckDB's `main`.
 */
import { LakeError } from '../../base/errors.ts';
import { quoteName } from '../../base/sql-lexer.ts';
import type { ColumnType } from './dialect/types.ts';

export interface ViewColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly notNull: boolean;
}

export interface ViewTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly ViewColumn[];
  /** Keys by column names; the primary key first. */
  readonly keys: readonly { readonly primary: boolean; readonly columns: readonly string[] }[];
}

/** One change of the catalog, as a transaction makes it. */
export type CatalogChange =
  | { readonly t: 'create-table'; readonly table: ViewTable }
  | { readonly t: 'drop-table'; readonly schema: string; readonly name: string }
  | { readonly t: 'rename-table'; readonly schema: string; readonly name: string; readonly to: string }
  | { readonly t: 'set-columns'; readonly schema: string; readonly name: string; readonly columns: readonly ViewColumn[] }
  | { readonly t: 'create-schema'; readonly schema: string }
  | { readonly t: 'drop-schema'; readonly schema: string };

/** The name that PostgreSQL clients use for DuckDB's default schema. */
export const defaultSchema = 'public';

/** DuckDB's name of a schema. */
export function toStoredSchema(schema: string): string {
  return schema === defaultSchema ? 'main' : schema;
}

/** How DuckDB is told about a stored table; `alias` is the database in DuckDB. */
export function storedName(table: Pick<ViewTable, 'schema' | 'name'>, alias: string): string {
  return `${quoteName(alias)}.${quoteName(toStoredSchema(table.schema))}.${quoteName(table.name)}`;
}

export class CatalogView {
  readonly schemas: ReadonlyMap<string, ReadonlyMap<string, ViewTable>>;
  #tables: readonly ViewTable[] | undefined;

  constructor(schemas: ReadonlyMap<string, ReadonlyMap<string, ViewTable>>) {
    this.schemas = schemas;
  }

  static readonly empty = new CatalogView(new Map([[defaultSchema, new Map()]]));

  /** Names compare without case, as DuckDB does. */
  find(schema: string, name: string): ViewTable | undefined {
    return this.schemas.get(schema.toLowerCase())?.get(name.toLowerCase());
  }

  hasSchema(schema: string): boolean {
    return this.schemas.has(schema.toLowerCase());
  }

  /** All tables, by schema and name. */
  get tables(): readonly ViewTable[] {
    this.#tables ??= [...this.schemas.values()].flatMap((tables) => [...tables.values()]);
    return this.#tables;
  }

  /** The view after a change. */
  with(change: CatalogChange): CatalogView {
    const schemas = new Map(this.schemas);
    const key = (change.t === 'create-table' ? change.table.schema : change.schema).toLowerCase();
    if (change.t === 'create-schema') {
      if (!schemas.has(key)) schemas.set(key, new Map());
      return new CatalogView(schemas);
    }
    if (change.t === 'drop-schema') {
      schemas.delete(key);
      return new CatalogView(schemas);
    }
    const tables = new Map(schemas.get(key) ?? []);
    schemas.set(key, tables);
    if (change.t === 'create-table') {
      tables.set(change.table.name.toLowerCase(), change.table);
      return new CatalogView(schemas);
    }
    const old = tables.get(change.name.toLowerCase());
    tables.delete(change.name.toLowerCase());
    if (old && change.t === 'rename-table') tables.set(change.to.toLowerCase(), { ...old, name: change.to });
    if (old && change.t === 'set-columns') tables.set(change.name.toLowerCase(), { ...old, columns: change.columns });
    return new CatalogView(schemas);
  }
}

/** PostgreSQL's `relation … does not exist`. */
export function undefinedTable(schema: string | undefined, name: string): LakeError {
  return new LakeError('undefined_table', `relation "${schema === undefined ? name : `${schema}.${name}`}" does not exist`);
}
