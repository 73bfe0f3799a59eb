/** Macros of the current lake, and the type functions that drivers look up to tell arrays from other types. */
import { typeFunctionNames } from '../types.ts';
import { type PgView, pg } from '../view.ts';

export const pgProc: PgView = {
  name: 'pg_proc',
  oid: 1255,
  columns:
    'oid oid!, proname name!, pronamespace oid!, proowner oid!, prolang oid!, procost float4!, prorows float4!, provariadic oid!, prosupport regproc!, prokind char!, ' +
    'prosecdef bool!, proleakproof bool!, proisstrict bool!, proretset bool!, provolatile char!, proparallel char!, pronargs int2!, pronargdefaults int2!, prorettype oid!, ' +
    'proargtypes oidvector!, proallargtypes oid[], proargmodes char[], proargnames text[], proargdefaults pg_node_tree, protrftypes oid[], prosrc text!, probin text, ' +
    'prosqlbody pg_node_tree, proconfig text[], proacl aclitem[]',
  values: {
    oid: 'oid',
    proname: 'name',
    pronamespace: 'namespace',
    proowner: 'owner',
    prolang: '14',
    procost: '1',
    prokind: "'f'",
    proretset: 'is_table',
    provolatile: "'v'",
    proparallel: "'u'",
    pronargs: 'len(parameters)',
    prorettype: '25',
    proargtypes: 'list_transform(parameters, lambda p: 25)',
    proargnames: 'parameters',
    prosrc: 'source',
  },
  from: `(SELECT ${pg('_oid')}('proc', '', name) AS oid, name, 11 AS namespace, 10 AS owner, false AS is_table, []::VARCHAR[] AS parameters, name AS source
      FROM (SELECT unnest(['array_subscript_handler', ${typeFunctionNames()
        .map((name) => `'${name}'`)
        .join(', ')}]) AS name)
    UNION ALL SELECT ${pg('_oid')}('proc', f.schema_name, f.function_name), f.function_name, ${pg('_schema_oid')}(CASE WHEN f.schema_name = 'main' AND NOT p.has_public THEN 'public' ELSE f.schema_name END),
      ${pg('_lake_owner')}(), f.function_type = 'table_macro', f.parameters, f.macro_definition
      FROM duckdb_functions() f, (SELECT count(*) > 0 AS has_public FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name = 'public') p
      WHERE f.database_name = current_database() AND f.function_type IN ('macro', 'table_macro') AND NOT f.internal)`,
};
