/** Reads a CatalogView out of DuckDB's own catalog, on a connection whose transaction decides what is seen. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteString } from '../../base/sql-lexer.ts';
import { CatalogView, defaultSchema } from './catalog-view.ts';
import type { ViewColumn, ViewTable } from './catalog-view.ts';
import { typeOfStored } from './dialect/types.ts';

/** `database` is the alias in the DuckDB instance; other databases of the instance are never looked into. */
export async function loadCatalogView(connection: DuckDBConnection, database: string): Promise<CatalogView> {
  const of = quoteString(database);
  const schemas = new Map<string, Map<string, ViewTable>>([[defaultSchema, new Map()]]);
  const schemaRows = await connection.runAndReadAll(
    `SELECT schema_name FROM duckdb_schemas() WHERE database_name = ${of} AND NOT internal`,
  );
  for (const [name] of schemaRows.getRows() as string[][]) {
    const shown = name === 'main' ? defaultSchema : (name as string);
    if (!schemas.has(shown.toLowerCase())) schemas.set(shown.toLowerCase(), new Map());
  }
  const keyRows = await connection.runAndReadAll(
    `SELECT schema_name, table_name, constraint_type, array_to_string(constraint_column_names, chr(1)) FROM duckdb_constraints()
     WHERE database_name = ${of} AND constraint_type IN ('PRIMARY KEY', 'UNIQUE') ORDER BY constraint_type`,
  );
  const keys = new Map<string, { primary: boolean; columns: string[] }[]>();
  for (const [schema, table, kind, columns] of keyRows.getRows() as string[][]) {
    const key = `${schema}\u0000${table}`;
    const list = keys.get(key) ?? [];
    list.push({ primary: kind === 'PRIMARY KEY', columns: (columns as string).split('\u0001') });
    keys.set(key, list);
  }
  const columnRows = await connection.runAndReadAll(
    `SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns()
     WHERE database_name = ${of} AND NOT internal ORDER BY schema_name, table_name, column_index`,
  );
  for (const [schema, table, column, type, nullable] of columnRows.getRows() as [string, string, string, string, boolean][]) {
    const shown = schema === 'main' ? defaultSchema : schema;
    const tables = schemas.get(shown.toLowerCase());
    if (!tables) continue;
    const known = tables.get(table.toLowerCase());
    const columns: ViewColumn[] = known ? (known.columns as ViewColumn[]) : [];
    if (!known)
      tables.set(table.toLowerCase(), { schema: shown, name: table, columns, keys: keys.get(`${schema}\u0000${table}`) ?? [] });
    columns.push({ name: column, type: typeOfStored(type), notNull: !nullable });
  }
  return new CatalogView(schemas);
}
