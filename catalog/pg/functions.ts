/**
 * PostgreSQL's catalog functions as DuckDB macros. Those that ask about the session read its variables (session.ts);
 * those that describe what a lake does not have (indexes, constraints, rules) answer NULL, as PostgreSQL does for oids it
 * does not know. One long table.
 * Source: PostgreSQL 15 documentation, section 9.26 "System Information Functions".
 */
import { arrayOid, pgTypes, displayNames } from '../../base/pg-types.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import { sessionFunctions } from './session-functions.ts';
import { textFunctions } from './text-functions.ts';
import { timeFunctions } from './time-functions.ts';
import { numberFunctions } from './number-functions.ts';
import { pg } from './view.ts';

/** A macro: each string is one overload, `(parameters) AS body`. */
export type PgFunction = readonly [name: string, ...overloads: string[]];

function typeDisplayMap(): string {
  const entries: string[] = [];
  for (const { oid, name, array } of pgTypes.values()) {
    const shown = displayNames[name] ?? name;
    entries.push(`${oid}: ${quoteString(shown)}`);
    if (array !== 0) entries.push(`${arrayOid(oid)}: ${quoteString(`${shown}[]`)}`);
  }
  return `MAP {${entries.join(', ')}}`;
}

/** Every spelling of a type name (`int4`, `integer`, `_int4`, `integer[]`) to its oid. */
function typeOidMap(): string {
  const entries = new Map<string, number>();
  for (const { oid, name, array } of pgTypes.values()) {
    for (const spelling of new Set([name, displayNames[name] ?? name])) {
      entries.set(spelling, oid);
      if (array !== 0) entries.set(`${spelling}[]`, array);
    }
    if (array !== 0) entries.set(`_${name}`, array);
  }
  for (const [spelling, name] of [
    ['int', 'int4'],
    ['decimal', 'numeric'],
    ['string', 'text'],
    ['double', 'float8'],
    ['float', 'float8'],
  ] as const) {
    entries.set(spelling, entries.get(name) as number);
  }
  return `MAP {${[...entries].map(([name, oid]) => `${quoteString(name)}: ${oid}`).join(', ')}}`;
}

/** PostgreSQL's names of types that DuckDB calls otherwise than PostgreSQL in lower case. */
const duckdbNames = `MAP {${Object.entries({
  VARCHAR: 'text',
  '"NULL"': 'unknown',
  DECIMAL: 'numeric',
  HUGEINT: 'numeric',
  UHUGEINT: 'numeric',
  UBIGINT: 'numeric',
  TINYINT: 'smallint',
  UTINYINT: 'smallint',
  USMALLINT: 'integer',
  UINTEGER: 'bigint',
  FLOAT: 'real',
  DOUBLE: 'double precision',
  BLOB: 'bytea',
  TIME: 'time without time zone',
  TIMESTAMP: 'timestamp without time zone',
  TIMESTAMP_S: 'timestamp without time zone',
  TIMESTAMP_MS: 'timestamp without time zone',
  TIMESTAMP_NS: 'timestamp without time zone',
  STRUCT: 'json',
  MAP: 'json',
  UNION: 'json',
})
  .map(([name, shown]) => `${quoteString(name)}: ${quoteString(shown)}`)
  .join(', ')}}`;

const lakesType = 'STRUCT(name VARCHAR, owner VARCHAR, "right" VARCHAR, comment VARCHAR)[]';
const unquoted = (value: string): string =>
  `CASE WHEN starts_with(${value}, '"') THEN replace(${value}[2:-2], '""', '"') ELSE lower(${value}) END`;
/**
 * A value looked up by a macro's argument. The argument's text stands inside the subquery, where a column of the same name
 * would capture it (`pg_table_is_visible(oid)`), so only `_k` and `_v` are visible there.
 */
const lookup = (relation: string, value: string, key: string, argument: string): string =>
  `(SELECT max(q._v) FROM (SELECT ${value} AS _v, ${key} AS _k FROM ${pg(relation)} r) q WHERE q._k = ${argument})`;
const always = (value: string, ...parameters: readonly string[]): string[] => parameters.map((list) => `(${list}) AS ${value}`);

/** A question about one's own right, and the same with the role in front. */
const ownRight = (parameters: string, right: string): string[] => [
  `(${parameters}) AS ${right}`,
  `(role, ${parameters}) AS CASE WHEN ${pg('_is_own_role')}(role) THEN ${right} END`,
];

/** Overloads of a function of key and value pairs: macros have no variable argument lists. */
function pairsOf(name: string): string[] {
  return Array.from({ length: 12 }, (_, count) => {
    const list = Array.from({ length: (count + 1) * 2 }, (_, i) => `argument${i}`).join(', ');
    const arguments_ = Array.from({ length: (count + 1) * 2 }, (_, i) =>
      i % 2 === 0 ? `argument${i}::VARCHAR` : `argument${i}`,
    ).join(', ');
    return `(${list}) AS ${name}(${arguments_})`;
  });
}

/** Functions that views depend on; they must exist before the internal relations. */
export const baseFunctions: readonly PgFunction[] = [
  ['_oid', `(kind, qualifier, name) AS 16384 + (md5_number_lower(kind || '.' || qualifier || '.' || name) % 2147467264)::BIGINT`],
  [
    '_schema_oid',
    `(name) AS CASE name WHEN 'pg_catalog' THEN 11 WHEN 'public' THEN 2200 WHEN 'information_schema' THEN 13000 ELSE ${pg('_oid')}('schema', '', name) END`,
  ],
  ['_role_oid', `(name) AS CASE WHEN name IS NULL OR name = 'boilstream' THEN 10 ELSE ${pg('_oid')}('role', '', name) END`],
  ['_user', `() AS coalesce(getvariable('pg_user')::VARCHAR, 'boilstream')`],
  ['_is_superuser', `() AS coalesce(getvariable('pg_superuser')::BOOLEAN, false)`],
  ['_lakes', `() AS coalesce(CAST(getvariable('pg_lakes') AS ${lakesType}), [])`],
  ['_settings', `() AS coalesce(CAST(getvariable('pg_settings') AS MAP(VARCHAR, VARCHAR)), MAP {})`],
  ['_search_path', `() AS coalesce(CAST(getvariable('pg_search_path') AS VARCHAR[]), ['public'])`],
  ['_lake', `() AS list_filter(${pg('_lakes')}(), lambda l: l.name = current_database())[1]`],
  ['_lake_owner', `() AS ${pg('_role_oid')}(${pg('_lake')}().owner)`],
  ['pg_backend_pid', `() AS coalesce(getvariable('pg_backend_pid')::INTEGER, 0)`],
];

/** `knownOids` are PostgreSQL's own for its catalogs. */
export function functions(knownOids: ReadonlyMap<string, number>): readonly PgFunction[] {
  const known = `MAP {${[...knownOids].map(([name, oid]) => `'${name}': ${oid}`).join(', ')}}`;
  return [
    [
      '_relation_oid',
      `(schema_name, name) AS CASE WHEN schema_name = 'pg_catalog' THEN coalesce(${known}[name], ${pg('_oid')}('relation', schema_name, name)) ELSE ${pg('_oid')}('relation', schema_name, name) END`,
    ],
  ];
}

/** Functions over the views; they are bound when used. */
export const catalogFunctions: readonly PgFunction[] = [
  // What others below use
  [
    'quote_ident',
    `(identifier) AS CASE WHEN regexp_full_match(identifier, '[a-z_][a-z0-9_$]*') AND NOT list_contains(['all','and','any','array','as','asc','both','case','cast','check','collate','column','constraint','create','default','desc','distinct','do','else','end','except','false','fetch','for','foreign','from','grant','group','having','in','initially','intersect','into','lateral','leading','limit','not','null','offset','on','only','or','order','primary','references','returning','select','some','symmetric','table','then','to','trailing','true','union','unique','user','using','variadic','when','where','window','with'], identifier)
      THEN identifier ELSE '"' || replace(identifier, '"', '""') || '"' END`,
  ],
  [
    'pg_get_userbyid',
    `(role_oid) AS coalesce(${lookup('_role', 'name', 'oid', 'role_oid')}, 'unknown (OID=' || role_oid || ')')`,
  ],
  // Types
  [
    'format_type',
    `(type_oid, type_modifier) AS CASE WHEN type_oid IS NULL THEN NULL WHEN type_oid = 0 THEN '-' ELSE coalesce(
      CASE WHEN type_oid IN (1700, 1231) AND type_modifier >= 4 THEN 'numeric(' || ((type_modifier::INTEGER - 4) >> 16)::VARCHAR || ',' || ((type_modifier::INTEGER - 4) & 65535)::VARCHAR || ')' || CASE WHEN type_oid = 1231 THEN '[]' ELSE '' END
           WHEN type_oid IN (1042, 1043) AND type_modifier >= 4 THEN ${typeDisplayMap()}[type_oid] || '(' || (type_modifier - 4)::VARCHAR || ')' END,
      ${typeDisplayMap()}[type_oid::INTEGER], '???') END`,
  ],
  [
    '_regtype_in',
    `(type_name) AS coalesce(TRY_CAST(type_name AS BIGINT), ${typeOidMap()}[lower(regexp_replace(trim(type_name::VARCHAR), '^pg_catalog\\.|"', '', 'g'))], error('type "' || type_name || '" does not exist'))`,
  ],
  ['_regtype_out', `(type_oid) AS ${pg('format_type')}(type_oid, NULL::INTEGER)`],
  // DuckDB's name of the type, as PostgreSQL calls what the client is sent. No look-up in a relation: it may be an aggregate's.
  [
    'pg_typeof',
    `(value) AS coalesce(${duckdbNames}[regexp_extract(typeof(value), '^[A-Z_0-9 ]+')], lower(regexp_extract(typeof(value), '^[A-Z_0-9 ]+'))) || CASE WHEN ends_with(typeof(value), ']') THEN '[]' ELSE '' END`,
  ],
  ['to_regtype', `(type_name) AS ${typeOidMap()}[lower(regexp_replace(trim(type_name::VARCHAR), '^pg_catalog\\.|"', '', 'g'))]`],
  // Relations by name and oid
  [
    '_find_relation',
    `(relation_name) AS (SELECT max(q._oid) FROM (SELECT r.oid AS _oid, r.is_visible AS _visible, r.name AS _name, r.schema_name || '.' || r.name AS _qualified FROM ${pg('_relation')} r) q
      WHERE q._visible AND q._name = ${unquoted('relation_name')}
        OR q._qualified = regexp_replace(regexp_replace(CASE WHEN contains(relation_name, '"') THEN replace(relation_name, '"', '') ELSE lower(relation_name) END, '\\s*\\.\\s*', '.'), '^main\\.', 'public.'))`,
  ],
  [
    '_regclass_in',
    `(relation_name) AS coalesce(TRY_CAST(relation_name AS BIGINT), ${pg('_find_relation')}(relation_name::VARCHAR), CASE WHEN relation_name IS NULL THEN NULL ELSE error('relation "' || relation_name::VARCHAR || '" does not exist') END)`,
  ],
  ['to_regclass', `(relation_name) AS ${pg('_find_relation')}(relation_name::VARCHAR)`],
  [
    '_regclass_out',
    `(relation_oid) AS CASE WHEN relation_oid = 0 THEN '-' ELSE coalesce(${lookup('_relation', `CASE WHEN r.is_visible THEN '' ELSE ${pg('quote_ident')}(r.schema_name) || '.' END || ${pg('quote_ident')}(r.name)`, 'r.oid', 'relation_oid')}, relation_oid::VARCHAR) END`,
  ],
  ['_regnamespace_in', `(of_schema) AS coalesce(TRY_CAST(of_schema AS BIGINT), ${pg('_schema_oid')}(${unquoted('of_schema')}))`],
  ['_regnamespace_out', `(schema_oid) AS coalesce(${lookup('_schema', 'name', 'oid', 'schema_oid')}, schema_oid::VARCHAR)`],
  ['to_regnamespace', `(of_schema) AS ${lookup('_schema', 'oid', 'name', unquoted('of_schema'))}`],
  ['_regrole_in', `(role_name) AS coalesce(TRY_CAST(role_name AS BIGINT), ${pg('_role_oid')}(${unquoted('role_name')}))`],
  ['_regrole_out', `(role_oid) AS ${pg('pg_get_userbyid')}(role_oid)`],
  ...['regproc', 'regprocedure', 'regoper', 'regoperator', 'regconfig', 'regdictionary'].flatMap((type): PgFunction[] => [
    [
      `_${type}_in`,
      `(object_name) AS coalesce(TRY_CAST(object_name AS BIGINT), ${pg('_oid')}('proc', '', regexp_replace(regexp_replace(object_name::VARCHAR, '\\(.*$', ''), '^pg_catalog\\.', '')))`,
    ],
    [
      `_${type}_out`,
      `(object_oid) AS CASE WHEN object_oid = 0 THEN '-' ELSE coalesce(${lookup('pg_proc', 'proname', 'oid', 'object_oid')}, object_oid::VARCHAR) END`,
    ],
  ]),
  ['to_regproc', `(object_name) AS ${lookup('pg_proc', 'oid', 'proname', 'object_name')}`],
  // Visibility
  ['pg_table_is_visible', `(relation_oid) AS ${lookup('_relation', 'is_visible', 'oid', 'relation_oid')}`],
  ...[
    'type',
    'function',
    'operator',
    'opclass',
    'opfamily',
    'collation',
    'conversion',
    'statistics_obj',
    'ts_config',
    'ts_dict',
    'ts_parser',
    'ts_template',
  ].map((kind): PgFunction => [`pg_${kind}_is_visible`, ...always('true', 'object_oid')]),
  // Definitions
  ['pg_get_expr', ...always('expression::VARCHAR', 'expression, relation_oid', 'expression, relation_oid, is_pretty')],
  [
    'pg_get_viewdef',
    ...['of_view', 'of_view, is_pretty'].map(
      (
        parameters,
      ) => `(${parameters}) AS (SELECT max(q._sql) FROM (SELECT regexp_replace(v.sql, '^CREATE VIEW .*? AS ', '', 's') AS _sql, r.oid AS _oid
      FROM duckdb_views() v JOIN ${pg('_relation')} r ON r.database_name = v.database_name AND r.real_schema = v.schema_name AND r.name = v.view_name) q
      WHERE q._oid = coalesce(TRY_CAST(of_view AS BIGINT), ${pg('_find_relation')}(of_view::VARCHAR)))`,
    ),
  ],
  ['pg_get_indexdef', ...always('NULL::VARCHAR', 'index_oid', 'index_oid, column_number, is_pretty')],
  ['pg_get_constraintdef', ...always('NULL::VARCHAR', 'constraint_oid', 'constraint_oid, is_pretty')],
  ['pg_get_ruledef', ...always('NULL::VARCHAR', 'rule_oid', 'rule_oid, is_pretty')],
  ['pg_get_triggerdef', ...always('NULL::VARCHAR', 'trigger_oid', 'trigger_oid, is_pretty')],
  ['pg_get_functiondef', `(function_oid) AS ${lookup('pg_proc', 'prosrc', 'oid', 'function_oid')}`],
  [
    'pg_get_function_arguments',
    `(function_oid) AS ${lookup('pg_proc', "array_to_string(proargnames, ', ')", 'oid', 'function_oid')}`,
  ],
  [
    'pg_get_function_identity_arguments',
    `(function_oid) AS ${lookup('pg_proc', "array_to_string(proargnames, ', ')", 'oid', 'function_oid')}`,
  ],
  ['pg_get_function_result', ...always('NULL::VARCHAR', 'function_oid')],
  ['pg_get_function_sqlbody', ...always('NULL::VARCHAR', 'function_oid')],
  ['pg_get_partkeydef', ...always('NULL::VARCHAR', 'relation_oid')],
  ['pg_get_partition_constraintdef', ...always('NULL::VARCHAR', 'relation_oid')],
  ['pg_get_statisticsobjdef', ...always('NULL::VARCHAR', 'statistics_oid')],
  ['pg_get_statisticsobjdef_columns', ...always('NULL::VARCHAR', 'statistics_oid')],
  ['pg_get_serial_sequence', ...always('NULL::VARCHAR', 'relation_name, column_name')],
  ['pg_get_replica_identity_index', ...always('NULL::BIGINT', 'relation_oid')],
  ['pg_relation_is_publishable', ...always('false', 'relation_oid')],
  ['pg_relation_filenode', ...always('NULL::BIGINT', 'relation_oid')],
  ['pg_tablespace_location', ...always("''", 'tablespace_oid')],
  ['pg_sequence_last_value', ...always('NULL::BIGINT', 'sequence_oid')],
  [
    'pg_get_keywords',
    "() AS TABLE SELECT keyword_name AS word, CASE keyword_category WHEN 'reserved' THEN 'R' WHEN 'column_name' THEN 'C' WHEN 'type_function' THEN 'T' ELSE 'U' END AS catcode FROM duckdb_keywords()",
  ],
  ['pg_options_to_table', '(options) AS TABLE SELECT NULL::VARCHAR AS option_name, NULL::VARCHAR AS option_value WHERE false'],
  ['pg_describe_object', ...always('NULL::VARCHAR', 'class_oid, object_oid, sub_id')],
  // Comments
  [
    'obj_description',
    `(object_oid) AS ${lookup('_comment', 'comment', 'CASE WHEN number = 0 THEN oid END', 'object_oid')}`,
    `(object_oid, catalog_name) AS CASE WHEN catalog_name = 'pg_class' THEN ${lookup('_comment', 'comment', 'CASE WHEN number = 0 THEN oid END', 'object_oid')} END`,
  ],
  [
    'col_description',
    `(relation_oid, column_number) AS ${lookup('_attribute', 'comment', "relation || '.' || number", "relation_oid || '.' || column_number")}`,
  ],
  [
    'shobj_description',
    `(object_oid, catalog_name) AS CASE WHEN catalog_name = 'pg_database' THEN ${lookup('pg_shdescription', 'description', 'objoid', 'object_oid')} END`,
  ],
  // Sizes
  [
    'pg_size_pretty',
    `(bytes) AS CASE WHEN bytes IS NULL THEN NULL WHEN abs(bytes) < 10240 THEN bytes::BIGINT || ' bytes' WHEN abs(bytes) < 10485247 THEN round(bytes / 1024)::BIGINT || ' kB'
      WHEN abs(bytes) < 10736893952 THEN round(bytes / 1048576)::BIGINT || ' MB' WHEN abs(bytes) < 10994579406848 THEN round(bytes / 1073741824)::BIGINT || ' GB' ELSE round(bytes / 1099511627776)::BIGINT || ' TB' END`,
  ],
  // Bytes of data and delete files; rows that are inlined in the catalog take none. `_files` is what DuckLake says of the
  // lake's tables, which the rewriter adds to the call (sizes.ts). DuckLake names a schema by number, of which only main's
  // (0) is known here: two tables of one name in other schemas cannot be told apart, and their size is NULL.
  [
    '_table_size',
    `(of_relation, _files) AS (SELECT max(q._v) FROM (SELECT r.oid AS _k, CASE WHEN count(*) = 1 THEN max(i.f.bytes) END AS _v
        FROM ${pg('_relation')} r JOIN (SELECT unnest(_files) AS f) i ON i.f.name = r.name AND (i.f.schema = 0) = (r.real_schema = 'main')
        WHERE r.database_name = current_database() AND r.kind = 'r' GROUP BY r.oid) q
      WHERE q._k = coalesce(TRY_CAST(of_relation AS BIGINT), ${pg('_find_relation')}(of_relation::VARCHAR)))`,
  ],
  ['pg_table_size', `(relation, _files) AS ${pg('_table_size')}(relation, _files)`],
  ['pg_total_relation_size', `(relation, _files) AS ${pg('_table_size')}(relation, _files)`],
  [
    'pg_relation_size',
    `(relation, _files) AS ${pg('_table_size')}(relation, _files)`,
    `(relation, fork, _files) AS CASE WHEN fork = 'main' THEN ${pg('_table_size')}(relation, _files) ELSE 0 END`,
  ],
  ['pg_indexes_size', ...always('0::BIGINT', 'relation')],
  ['pg_tablespace_size', ...always('NULL::BIGINT', 'tablespace')],
  [
    'pg_database_size',
    `(lake, _files) AS CASE WHEN lake::VARCHAR IN (current_database(), ${pg('_oid')}('database', '', current_database())::VARCHAR)
      THEN coalesce(list_sum(list_transform(_files, lambda f: f.bytes)), 0)::BIGINT END`,
  ],
  // Rights. They are on whole lakes, and only one's own are known: of another role the answer is NULL.
  ['_can_write', `() AS ${pg('_is_superuser')}() OR coalesce(${pg('_lake')}()."right", 'read') <> 'read'`],
  ['_is_own_role', `(role) AS role::VARCHAR IN (${pg('_user')}(), ${pg('_role_oid')}(${pg('_user')}())::VARCHAR)`],
  ...['table', 'any_column'].map(
    (kind): PgFunction => [
      `has_${kind}_privilege`,
      ...ownRight('object, privilege', `regexp_matches(privilege, '^\\s*select', 'i') OR ${pg('_can_write')}()`),
    ],
  ),
  [
    'has_column_privilege',
    ...ownRight('object, column_name, privilege', `regexp_matches(privilege, '^\\s*select', 'i') OR ${pg('_can_write')}()`),
  ],
  [
    'has_schema_privilege',
    ...ownRight('object, privilege', `regexp_matches(privilege, '^\\s*usage', 'i') OR ${pg('_can_write')}()`),
  ],
  [
    '_lake_right',
    `(of_lake) AS list_filter(${pg('_lakes')}(), lambda l: of_lake::VARCHAR IN (l.name, ${pg('_oid')}('database', '', l.name)::VARCHAR))[1]."right"`,
  ],
  [
    'has_database_privilege',
    ...ownRight(
      'object, privilege',
      `coalesce(${pg('_lake_right')}(object) <> 'read' OR NOT regexp_matches(privilege, '^\\s*create', 'i') AND ${pg('_lake_right')}(object) IS NOT NULL, false)`,
    ),
  ],
  ...['function', 'sequence', 'language', 'tablespace', 'type', 'server', 'foreign_data_wrapper', 'parameter'].map(
    (kind): PgFunction => [`has_${kind}_privilege`, ...always('true', 'object, privilege', 'role, object, privilege')],
  ),
  [
    'pg_has_role',
    `(role, privilege) AS role::VARCHAR IN (${pg('_user')}(), ${pg('_role_oid')}(${pg('_user')}())::VARCHAR)`,
    `(member, role, privilege) AS member::VARCHAR = role::VARCHAR`,
  ],
  ['row_security_active', ...always('false', 'relation')],
  // Session
  ['version', `() AS coalesce(getvariable('pg_version')::VARCHAR, 'PostgreSQL 15.0 (BoilStream)')`],
  ['current_user', `() AS ${pg('_user')}()`],
  ['session_user', `() AS ${pg('_user')}()`],
  ['current_role', `() AS ${pg('_user')}()`],
  ['user', `() AS ${pg('_user')}()`],
  ['current_schema', `() AS ${pg('_search_path')}()[1]`],
  [
    'current_schemas',
    `(with_implicit) AS CASE WHEN with_implicit THEN list_concat(['pg_catalog'], ${pg('_search_path')}()) ELSE ${pg('_search_path')}() END`,
  ],
  [
    'current_setting',
    `(setting_name) AS coalesce(${pg('_settings')}()[lower(setting_name)], error('unrecognized configuration parameter "' || setting_name || '"'))`,
    `(setting_name, missing_ok) AS coalesce(${pg('_settings')}()[lower(setting_name)], CASE WHEN missing_ok THEN NULL ELSE error('unrecognized configuration parameter "' || setting_name || '"') END)`,
  ],
  ['pg_my_temp_schema', `() AS ${pg('_schema_oid')}('pg_temp_1')`],
  ['pg_is_other_temp_schema', ...always('false', 'schema_oid')],
  ['pg_is_in_recovery', ...always('false', '')],
  ['pg_is_in_backup', ...always('false', '')],
  ['pg_is_wal_replay_paused', ...always('false', '')],
  ['pg_blocking_pids', ...always('[]::INTEGER[]', 'backend')],
  ['inet_server_addr', ...always('NULL::VARCHAR', '')],
  ['inet_server_port', ...always('NULL::INTEGER', '')],
  ['inet_client_port', ...always('NULL::INTEGER', '')],
  ['getdatabaseencoding', ...always("'UTF8'", '')],
  ['pg_client_encoding', ...always("'UTF8'", '')],
  [
    'pg_encoding_to_char',
    ...always("CASE encoding WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' WHEN 8 THEN 'LATIN1' ELSE '' END", 'encoding'),
  ],
  [
    'pg_char_to_encoding',
    ...always(
      "CASE upper(replace(encoding_name, '-', '')) WHEN 'UTF8' THEN 6 WHEN 'SQLASCII' THEN 0 WHEN 'LATIN1' THEN 8 ELSE -1 END",
      'encoding_name',
    ),
  ],
  ['pg_stat_get_numscans', ...always('0::BIGINT', 'relation_oid')],
  // Text and arrays
  [
    'quote_literal',
    `(literal) AS CASE WHEN contains(literal::VARCHAR, '\\') THEN ' E' ELSE '' END || '''' || replace(replace(literal::VARCHAR, '''', ''''''), '\\', '\\\\') || ''''`,
  ],
  ['quote_nullable', `(literal) AS coalesce(${pg('quote_literal')}(literal), 'NULL')`],
  ['array_upper', ...always('CASE WHEN len(list) > 0 THEN len(list) END', 'list, dimension')],
  ['array_lower', ...always('CASE WHEN len(list) > 0 THEN 1 END', 'list, dimension')],
  ['array_remove', ...always('list_filter(list, lambda x: x IS DISTINCT FROM element)', 'list, element')],
  ['array_ndims', ...always('CASE WHEN len(list) > 0 THEN 1 END', 'list')],
  ['json_build_object', ...pairsOf('json_object')],
  ['jsonb_build_object', ...pairsOf('json_object')],
  ...sessionFunctions,
  ...textFunctions,
  ...numberFunctions,
  ...timeFunctions,
  ['_pg_expandarray', `(list) AS unnest(list_transform(list, lambda x, i: {'x': x, 'n': i}))`],
];
