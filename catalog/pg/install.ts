/**
 * Makes pg_catalog and information_schema in the base database that every engine instance starts from. Nothing in it
 * belongs to a lake: each view reads what DuckDB says about the session's current database when it is asked.
 */
import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteName } from '../../base/sql-lexer.ts';
import { baseFunctions, catalogFunctions, functions, type PgFunction } from './functions.ts';
import { internalRelations } from './relations.ts';
import type { CatalogNames } from './rewrite.ts';
import { duckdbTypeSql } from './types.ts';
import { catalogSchema, countedSchema, createViewSql, informationSchema } from './view.ts';
import { views } from './views/index.ts';
import { informationSchemaViews } from './views/information/index.ts';

const knownOids: ReadonlyMap<string, number> = new Map(views.flatMap(({ name, oid }) => (oid ? [[name, oid] as const] : [])));

/** Types PostgreSQL has and statements cast to; sessions find them through their search path. */
const typeAliases: Readonly<Record<string, string>> = {
  name: 'VARCHAR',
  jsonb: 'JSON',
  xid: 'BIGINT',
  cid: 'BIGINT',
  inet: 'VARCHAR',
  cidr: 'VARCHAR',
  citext: 'VARCHAR',
  int2vector: 'SMALLINT[]',
  oidvector: 'BIGINT[]',
};

/** All statements, in order. They are run in a database named `boilstream`. */
export function pgCatalogStatements(): string[] {
  const relations = internalRelations(knownOids);
  return [
    `CREATE SCHEMA ${catalogSchema}`,
    `CREATE SCHEMA ${informationSchema}`,
    `CREATE SCHEMA ${countedSchema}`,
    ...Object.entries(typeAliases).map(([name, type]) => `CREATE TYPE ${catalogSchema}.${quoteName(name)} AS ${type}`),
    ...[...baseFunctions, ...functions(knownOids)].map(createMacroSql),
    `CREATE VIEW ${catalogSchema}._duckdb_type AS ${duckdbTypeSql()}`,
    ...relations.map(([name, sql]) => `CREATE VIEW ${catalogSchema}.${name} AS ${sql}`),
    ...views.filter(({ name }) => name !== 'pg_views' && name !== 'pg_tables').map((view) => createViewSql(view, catalogSchema)),
    ...views.flatMap(({ counted, ...view }) =>
      counted
        ? [createViewSql({ ...view, from: counted.from, values: { ...view.values, ...counted.values } }, countedSchema)]
        : [],
    ),
    ...catalogFunctions.map(createMacroSql),
    ...views.filter(({ name }) => name === 'pg_views' || name === 'pg_tables').map((view) => createViewSql(view, catalogSchema)),
    ...informationSchemaViews.map((view) => createViewSql(view, informationSchema)),
  ];
}

function createMacroSql([name, ...overloads]: PgFunction): string {
  return `CREATE MACRO ${catalogSchema}.${quoteName(name)}${overloads.join(', ')}`;
}

/** The base database's contents; fulfils the engine's `BaseCatalog`. */
export const pgCatalog = {
  version: createHash('sha256').update(pgCatalogStatements().join(';')).digest('hex'),
  async create(connection: DuckDBConnection): Promise<void> {
    // One transaction, so that the file is written once.
    await connection.run('BEGIN TRANSACTION');
    for (const statement of pgCatalogStatements()) await connection.run(statement);
    await connection.run('COMMIT');
  },
};

/** What rewriteNames has to know of our names. */
export const catalogNames: CatalogNames = {
  relations: new Set(views.map(({ name }) => name)),
  informationRelations: new Set(informationSchemaViews.map(({ name }) => name)),
  functions: new Set([...baseFunctions, ...catalogFunctions].map(([name]) => name)),
};
