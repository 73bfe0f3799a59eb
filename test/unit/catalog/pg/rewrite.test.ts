import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pgNames } from '../../../../catalog/pg/names.ts';

const rewrite = (sql: string, isPublicAlias = true): string =>
  pgNames.rewrite(sql, { lake: 'sales', isPublicAlias: (lake) => isPublicAlias && (lake === undefined || lake === 'sales') }).sql;

/** Where something was taken away, space may stay. */
const plain = (sql: string): string =>
  sql
    .replace(/\s+/g, ' ')
    .replace(/ (?=\))/g, '')
    .trim();

const cases: readonly [what: string, from: string, to: string][] = [
  [
    'a backslash in a pattern escapes',
    "select 1 where a like 'x\\_%' and b like 'y_' and c not ilike 'z\\%' escape '!'",
    "select 1 where a like 'x\\_%' ESCAPE '\\' and b like 'y_' and c not ilike 'z\\%' escape '!'",
  ],
  [
    'literals DuckDB would read as something else',
    "select '\\x00ff'::bytea, '{1,NULL}'::int[], '{\"a,b\",c}'::text[], '-1.2345'::numeric, 1.25::numeric, E'\\\\x01'::bytea",
    "select from_hex('00ff'), ['1', NULL]::int[], ['a,b', 'c']::text[], '-1.2345'::DECIMAL(38, 4), 1.25::DECIMAL(38, 2), from_hex('01')",
  ],
  [
    'literals it reads as PostgreSQL does stay',
    "select '\\x00ff'::text, '[1,2]'::int[], 1.2345::numeric(5,3), 'NaN'::numeric, '{1}', x::numeric, 'abc'::bytea",
    "select '\\x00ff'::text, '[1,2]'::int[], 1.2345::numeric(5,3), 'NaN'::numeric, '{1}', x::numeric, 'abc'::bytea",
  ],
  [
    'functions in a catalog are names where they are shown or made text, and oids where they are compared',
    'select t.typinput, typreceive as r, (select typsend from pg_type limit 1) from pg_type t where typinput <> 0 and typoutput::text = $1',
    'select boilstream.pg._regproc_out(t.typinput) AS typinput, boilstream.pg._regproc_out(typreceive) as r, (select typsend from boilstream.pg.pg_type limit 1) from boilstream.pg.pg_type t where typinput <> 0 and boilstream.pg._regproc_out(typoutput)::text = $1',
  ],
  [
    'rows are counted where they are asked for',
    'select c.reltuples from pg_catalog.pg_class c, pg_class',
    'select c.reltuples from boilstream.counted.pg_class c, boilstream.counted.pg_class',
  ],
  [
    'sizes get the files of the lake',
    "select pg_table_size('t')",
    "select boilstream.pg.pg_table_size('t', (SELECT list({'name': i.table_name, 'schema': i.schema_id, 'bytes': i.file_size_bytes + i.delete_file_size_bytes}) FROM ducklake_table_info('sales') i))",
  ],
  ['qualified relations', 'select c.oid from pg_catalog.pg_class c', 'select c.oid from boilstream.pg.pg_class c'],
  [
    'bare relations, after FROM, JOIN and a comma',
    'select 1 from pg_class, pg_type t join pg_namespace n on true, pg_am',
    'select 1 from boilstream.pg.pg_class, boilstream.pg.pg_type t join boilstream.pg.pg_namespace n on true, boilstream.pg.pg_am',
  ],
  [
    'column references keep their table',
    'select pg_class.oid, pg_catalog.pg_class.relname from pg_class',
    'select pg_class.oid, boilstream.pg.pg_class.relname from boilstream.pg.pg_class',
  ],
  [
    'information_schema',
    'select tables.table_name from information_schema.tables',
    'select tables.table_name from boilstream.info.tables',
  ],
  [
    'the current lake in front',
    'select 1 from sales.information_schema.tables, sales.pg_catalog.pg_class',
    'select 1 from boilstream.info.tables, boilstream.pg.pg_class',
  ],
  [
    'our functions and DuckDB’s',
    'select pg_catalog.pg_get_userbyid(1), pg_catalog.lower(x) from pg_class',
    'select boilstream.pg.pg_get_userbyid(1), lower(x) from boilstream.pg.pg_class',
  ],
  [
    'OPERATOR and COLLATE',
    "select 1 where a OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default",
    "select 1 where a ~ ('(?s).*(?:' || '^(t)$' || ').*')",
  ],
  [
    'a regular expression matches anywhere',
    "select 1 from pg_class where n !~ '^pg_' and m ~* $1::text",
    "select 1 from boilstream.pg.pg_class where n !~ ('(?s).*(?:' || '^pg_' || ').*') and m ~ ('(?is).*(?:' || $1::text || ').*')",
  ],
  [
    'LIKE operators stay',
    "select 1 from pg_class where n ~~ 'a' and n !~~* 'b'",
    "select 1 from boilstream.pg.pg_class where n ~~ 'a' and n !~~* 'b'",
  ],
  [
    'a name as regclass is an oid where it is compared',
    "select 1 from pg_class where oid = 't'::regclass and x = $1::pg_catalog.regclass",
    "select 1 from boilstream.pg.pg_class where oid = boilstream.pg._regclass_in('t') and x = boilstream.pg._regclass_in($1)",
  ],
  [
    'and the name where it is shown',
    "select 't'::regclass, 'int4'::regtype::oid",
    "select boilstream.pg._regclass_out(boilstream.pg._regclass_in('t')), boilstream.pg._regtype_in('int4') AS oid",
  ],
  [
    'an oid column as regclass is a name',
    'select c.oid::pg_catalog.regclass::pg_catalog.text, (a.b)::regtype from x',
    'select boilstream.pg._regclass_out(c.oid), boilstream.pg._regtype_out((a.b)) from x',
  ],
  [
    'array literals of more dimensions, and with bounds',
    "select '{{1,2},{3,4}}'::int[], '[0:1]={a,b}'::text[], '{{a}}'::text[][]",
    "select [['1', '2'], ['3', '4']]::int[][], ['a', 'b']::text[], [['a']]::text[][]",
  ],
  [
    'zones as short as PostgreSQL writes them',
    "select '2000-01-01 00:00+2'::timestamptz, '00:00:01.5-03:30'::timetz, '2000-01-01'::timestamptz",
    "select '2000-01-01 00:00:00+02'::timestamptz, '00:00:01.5-03:30'::timetz, '2000-01-01'::timestamptz",
  ],
  [
    'the oid of a type by pg_typeof',
    'select pg_typeof($1)::oid',
    'select boilstream.pg._regtype_in(boilstream.pg.pg_typeof($1)) AS pg_typeof',
  ],
  [
    'a name that is put together, as regclass, is looked up',
    "select has_table_privilege((n || '.' || t)::regclass, 'select') from pg_class",
    "select boilstream.pg.has_table_privilege(boilstream.pg._regclass_in((n || '.' || t)), 'select') from boilstream.pg.pg_class",
  ],
  [
    'a function of one value in FROM is a row',
    "select s[1] from x, string_to_array('a', ',') s where pg_x",
    "select s[1] from x, (SELECT boilstream.pg.string_to_array('a', ',') AS s) s where pg_x",
  ],
  [
    'format of a literal template is put together',
    "select format('%I.%s!', a, lower(b))",
    "select ('' || boilstream.pg._format_argument('I', ( a)::VARCHAR) || '.' || boilstream.pg._format_argument('s', ( lower(b))::VARCHAR) || '!') AS format",
  ],
  [
    'CAST',
    "select CAST('t' AS regclass), CAST(x AS pg_catalog.int4) from pg_class",
    "select (boilstream.pg._regclass_out(boilstream.pg._regclass_in('t'))), CAST(x AS int4) from boilstream.pg.pg_class",
  ],
  [
    'types of pg_catalog',
    'select a::pg_catalog.text, b::pg_catalog.name, c::pg_catalog."char" from t',
    'select a::text, b::varchar, c::varchar from t',
  ],
  [
    'array literals',
    "select 1 from pg_class where a = any('{r,v}') and b = '{0}' and c = '{a,\"b,c\",NULL}'::pg_catalog.text[]",
    "select 1 from boilstream.pg.pg_class where a = any(['r', 'v']) and b = [0] and c = ['a', 'b,c', NULL]::text[]",
  ],
  [
    'set-returning functions name their column',
    'select x from pg_catalog.unnest(a) x, generate_series(1, 2) AS s where pg_is_in_recovery()',
    'select x from unnest(a) x(x), generate_series(1, 2) AS s(s) where boilstream.pg.pg_is_in_recovery()',
  ],
  [
    'but not in a select list',
    'select unnest(i.indkey) AS attnum, generate_subscripts(i.indkey, 1) AS ord from pg_index i',
    'select unnest(i.indkey) AS attnum, generate_subscripts(i.indkey, 1) AS ord from boilstream.pg.pg_index i',
  ],
  [
    'public is main',
    'select public.t.a from public.t join sales.public.u on true',
    'select main.t.a from main.t join sales.main.u on true',
  ],
  ['public as a schema', 'create schema if not exists public', 'create schema if not exists main'],
  ['another lake’s public is its own', 'select 1 from other.public.t', 'select 1 from other.public.t'],
  ['temporary tables', 'select 1 from pg_temp.t', 'select 1 from temp.t'],
];
for (const [what, from, to] of cases) test(what, () => assert.equal(plain(rewrite(from)), to));

test('strings, comments and quoted text are left alone', () => {
  for (const sql of [
    "select 'pg_catalog.pg_class', $$public.t$$ -- pg_class\n/* public.t */",
    'select public from t',
    'select a.public from t a',
    "select E'\\'public.t' from t",
  ])
    assert.equal(rewrite(sql), sql);
});

test('a lake with a schema public of its own keeps it', () => {
  assert.equal(rewrite('select 1 from public.t', false), 'select 1 from public.t');
});

test('ordinary statements come back as the same string', () => {
  for (const sql of ['select 1', 'insert into t values (1)', "select * from t where x = 'a'"]) assert.equal(rewrite(sql), sql);
});

test('arbitrary text never throws and never loses a token that is not a catalog name', () => {
  const words = [
    'pg_class',
    'pg_catalog',
    '.',
    '(',
    ')',
    ',',
    '::',
    'regclass',
    "'a'",
    '"b"',
    'public',
    'operator',
    'collate',
    '~',
    '*',
    '!',
    'cast',
    'as',
    'from',
    'select',
    '[',
    ']',
    '$1',
    '{',
    '/*',
    '--',
    "'",
    'unnest',
  ];
  let seed = 1;
  const next = (): number => (seed = (seed * 48271) % 2147483647);
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: next() % 14 }, () => words[next() % words.length]).join(next() % 2 ? ' ' : '');
    assert.equal(typeof rewrite(text), 'string');
  }
});

test('says which parameters are cast to types DuckDB does not know apart', () => {
  const of = (sql: string): readonly number[] => pgNames.rewrite(sql, { lake: 'sales', isPublicAlias: () => true }).parameters;
  assert.deepEqual(
    of('select 1 from pg_type where oid = any($1::oid[]) and typname = $3::name and typlen = $2::int4'),
    [1028, 0, 19],
  );
  assert.deepEqual(of('select $1::oid'), [], 'only where the catalog is asked');
});

test('to_char with a format written out is asked of strftime, except in what is stored', () => {
  assert.equal(
    rewrite("select to_char(x, 'YYYY-MM') from t"),
    "select boilstream.pg._to_char_plain(x, 'YYYY-MM', '%Y-%m') AS to_char from t",
  );
  assert.equal(
    rewrite("select 1 where to_char(x, 'FM990.0') = '1.0'"),
    "select 1 where boilstream.pg._to_char_numeric(x, 'FM990.0') = '1.0'",
  );
  for (const sql of [
    "select to_char(x, 'Month') from t",
    'select to_char(x, f) from t',
    "create view v as select to_char(x, 'YYYY') from t",
  ])
    assert.equal(rewrite(sql), sql);
});

test('spellings of PostgreSQL in any statement', () => {
  for (const [sql, rewritten] of [
    [
      'select json_agg(x order by y) filter (where z) from t',
      'select to_json(list(x order by y) filter (where z)) AS json_agg from t',
    ],
    ["select to_date(a, 'YYYYMMDD') as d", "select CAST(strptime(a, '%Y%m%d') AS DATE) as d"],
    ["select substring(a from 'o+')", "select boilstream.pg._substring(a , 'o+')"],
    ["select 1 where a similar to '%b'", "select 1 where a similar to boilstream.pg._similar('%b')"],
    [
      "select * from generate_series('2024-01-01', '2024-01-02', '1 day') d",
      "select * from generate_series(TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-02', INTERVAL '1 day') d(d)",
    ],
  ] as const)
    assert.equal(rewrite(sql), rewritten);
  assert.throws(() => rewrite("select to_date(a, 'J')"), { code: 'feature_not_supported' });
});

test('a moment with a zone is written as DuckDB reads it, with its own seconds', () => {
  for (const [literal, read] of [
    // Seconds were taken for minutes, and ':00' was appended to them.
    ['2024-03-05 14:00:00+02', '2024-03-05 14:00:00+02'],
    ['2024-03-05T14:00:00Z', '2024-03-05T14:00:00+00'],
    ['2024-03-05 14:00:00.123456-08', '2024-03-05 14:00:00.123456-08'],
    ['2024-03-05 14:00+2', '2024-03-05 14:00:00+02'],
    ['2024-03-05 14:00:01+05:30', '2024-03-05 14:00:01+05:30'],
    ['2024-03-05', '2024-03-05'],
  ] as const)
    assert.equal(rewrite(`select '${literal}'::timestamptz`), `select '${read}'::timestamptz`);
});
