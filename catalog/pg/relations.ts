/**
 * The relations behind the views: schemas, tables, columns, roles and comments of the current lake in our own words,
 * computed from what DuckDB says in the session's transaction (a table made a moment ago is there). Their names begin
 * with `_` and are not listed. Oids are hashes of names: the same in every session and on every pod.
 */
import { countedSchema, pg } from './view.ts';

/** Lakes attached to an instance are DuckDB databases; so are temporary tables and our own base database. */
const shownSchema = `CASE c.database_name WHEN 'boilstream' THEN CASE c.schema_name WHEN 'pg' THEN 'pg_catalog' WHEN 'info' THEN 'information_schema' END
  WHEN 'temp' THEN 'pg_temp_1'
  ELSE CASE WHEN c.schema_name = 'main' AND NOT p.has_public THEN 'public' ELSE c.schema_name END END`;
/** A lake with a schema `public` of its own keeps it, and `main` is shown as `main`. */
const publicFlag =
  "(SELECT count(*) > 0 AS has_public FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name = 'public') p";
const ofThisLake = `c.database_name IN (current_database(), 'temp', 'boilstream') AND c.schema_name NOT IN ('pg_catalog', 'information_schema')
  AND NOT (c.database_name = 'boilstream' AND c.schema_name = '${countedSchema}')`;

/** SQL of the internal views, in order of dependency. `knownOids` are PostgreSQL's own for its catalogs. */
export function internalRelations(knownOids: ReadonlyMap<string, number>): readonly (readonly [name: string, sql: string])[] {
  const known = `MAP {${[...knownOids].map(([name, oid]) => `'${name}': ${oid}`).join(', ')}}`;
  return [
    [
      '_schema',
      `
      SELECT ${pg('_schema_oid')}(name) AS oid, name, CASE WHEN name IN ('pg_catalog', 'information_schema', 'pg_temp_1') THEN 10 ELSE ${pg('_lake_owner')}() END AS owner
      FROM (SELECT unnest(['pg_catalog', 'information_schema', 'pg_temp_1']) AS name
            UNION ALL SELECT ${shownSchema} FROM duckdb_schemas() c, ${publicFlag}
            WHERE c.database_name = current_database() AND c.schema_name NOT IN ('pg_catalog', 'information_schema'))`,
    ],
    [
      '_relation',
      `
      SELECT CASE WHEN schema_name = 'pg_catalog' THEN coalesce(${known}[name], ${pg('_oid')}('relation', schema_name, name)) ELSE ${pg('_oid')}('relation', schema_name, name) END AS oid,
        name, ${pg('_schema_oid')}(schema_name) AS namespace, schema_name, database_name, real_schema,
        CASE WHEN database_name = 'boilstream' THEN CASE WHEN ${known}[name] IS NOT NULL AND ${known}[name] < 12000 THEN 'r' ELSE 'v' END WHEN is_view THEN 'v' ELSE 'r' END AS kind,
        CASE WHEN database_name = 'boilstream' THEN 10 ELSE ${pg('_lake_owner')}() END AS owner, column_count,
        database_name = 'temp' AS is_temporary, database_name = 'boilstream' AS is_system,
        database_name <> current_database() AND schema_name <> 'information_schema' OR list_contains(${pg('_search_path')}(), schema_name) AS is_visible
      FROM (SELECT c.database_name, c.schema_name AS real_schema, ${shownSchema} AS schema_name, c.table_name AS name, count(*) AS column_count, bool_or(v.name IS NOT NULL) AS is_view
            FROM duckdb_columns() c
              LEFT JOIN (SELECT database_name AS lake, schema_name AS schema, view_name AS name FROM duckdb_views()) v ON v.lake = c.database_name AND v.schema = c.schema_name
                AND v.name = c.table_name,
                ${publicFlag}
            WHERE ${ofThisLake} AND (c.database_name <> 'boilstream' OR NOT starts_with(c.table_name, '_'))
            GROUP BY ALL)`,
    ],
    [
      '_attribute',
      `
      SELECT ${pg('_relation_oid')}(schema_name, table_name) AS relation, column_name AS name, column_index::SMALLINT AS number,
        CASE WHEN suffix <> '' THEN t.array_oid ELSE t.oid END AS type_oid, CASE WHEN suffix <> '' THEN -1 ELSE t.size END AS type_size,
        length(suffix) - length(replace(suffix, '[', '')) AS dimensions,
        CASE WHEN base = 'DECIMAL' THEN (regexp_extract(data_type, '\\((\\d+),', 1)::INTEGER << 16 | regexp_extract(data_type, ',\\s*(\\d+)\\)', 1)::INTEGER) + 4 ELSE -1 END AS typmod,
        NOT is_nullable AS is_not_null, nullif(column_default, 'NULL') AS default_text, CASE WHEN t.oid IN (19, 25, 1042, 1043) THEN 100 ELSE 0 END AS collation_oid,
        comment, schema_name, table_name, database_name, data_type
      FROM (SELECT c.*, regexp_extract(c.data_type, '^[A-Z][A-Z0-9_ ]*') AS base, regexp_extract(c.data_type, '(\\[\\d*\\])+$') AS suffix,
              c.real_schema AS schema_name
            FROM (SELECT c.* EXCLUDE (schema_name), ${shownSchema} AS real_schema FROM duckdb_columns() c, ${publicFlag}
                  WHERE ${ofThisLake} AND (c.database_name <> 'boilstream' OR NOT starts_with(c.table_name, '_'))) c)
        LEFT JOIN ${pg('_duckdb_type')} t ON t.name = CASE WHEN base IN (SELECT name FROM ${pg('_duckdb_type')}) THEN base ELSE '' END`,
    ],
    [
      '_role',
      `
      SELECT ${pg('_role_oid')}(name) AS oid, name, bool_or(is_superuser) AS is_superuser, bool_or(can_login) AS can_login
      FROM (SELECT 'boilstream' AS name, true AS is_superuser, false AS can_login
            UNION ALL SELECT ${pg('_user')}(), ${pg('_is_superuser')}(), true
            UNION ALL SELECT lake.owner, false, true FROM (SELECT unnest(${pg('_lakes')}()) AS lake))
      WHERE name IS NOT NULL GROUP BY name`,
    ],
    [
      '_comment',
      `
      SELECT ${pg('_relation_oid')}(${shownSchema}, c.table_name) AS oid, 0 AS number, c.comment FROM duckdb_tables() c, ${publicFlag} WHERE ${ofThisLake} AND c.comment IS NOT NULL
      UNION ALL SELECT ${pg('_relation_oid')}(${shownSchema}, c.view_name), 0, c.comment FROM duckdb_views() c, ${publicFlag} WHERE ${ofThisLake} AND c.comment IS NOT NULL
      UNION ALL SELECT relation, number, comment FROM ${pg('_attribute')} WHERE comment IS NOT NULL`,
    ],
  ];
}
