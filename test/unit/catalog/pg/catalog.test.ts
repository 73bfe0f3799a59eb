import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { CatalogLake } from '../../../support/catalog-lake.ts';

let lake: CatalogLake;
before(async () => {
  lake = await CatalogLake.open();
  for (const sql of [
    'CREATE TABLE sales.main.t (a INTEGER NOT NULL, b VARCHAR, c DECIMAL(10,2)[], d STRUCT(x INTEGER), e TIMESTAMPTZ, f HUGEINT DEFAULT 7)',
    'CREATE SCHEMA sales.s2',
    'CREATE TABLE sales.s2."Odd Name" (x INTEGER)',
    'CREATE VIEW sales.s2.v AS SELECT 1 AS one',
    "COMMENT ON TABLE sales.main.t IS 'a table'",
    "COMMENT ON COLUMN sales.main.t.b IS 'a column'",
    'CREATE TABLE other.main.secret (y INTEGER)',
    'CREATE MACRO sales.main.plus(p, q) AS p + q',
  ])
    await lake.connection.run(sql);
});
after(() => lake.close());

const oidOf = async (name: string): Promise<string> => String((await lake.rows(`SELECT '${name}'::regclass::oid`))[0]?.[0]);

test('every query that psql and drivers send runs', async () => {
  const text = await readFile(new URL('client-queries.sql', import.meta.url), 'utf8');
  const queries = text
    .split(/^-- /m)
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)] as const);
  assert.ok(queries.length > 70, `only ${queries.length} queries`);
  const table = await oidOf('t');
  const failures: string[] = [];
  for (const [name, sql] of queries) {
    try {
      await lake.rows(sql.replaceAll(':table', table));
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  assert.deepEqual(failures, []);
});

test('schemas: public for main, none of the system’s internals', async () => {
  assert.deepEqual(await lake.rows('SELECT nspname FROM pg_namespace ORDER BY 1'), [
    ['information_schema'],
    ['pg_catalog'],
    ['pg_temp_1'],
    ['public'],
    ['s2'],
  ]);
  assert.deepEqual(
    await lake.rows("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"),
    [['public'], ['s2']],
  );
});

test('relations of the lake and no other', async () => {
  const rows = await lake.rows(
    "SELECT n.nspname, c.relname, c.relkind, c.relnatts, pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2",
  );
  assert.deepEqual(rows, [
    ['public', 't', 'r', 6, 'ann'],
    ['s2', 'Odd Name', 'r', 1, 'ann'],
    ['s2', 'v', 'v', 1, 'ann'],
  ]);
  for (const sql of [
    'SELECT relname FROM pg_class',
    'SELECT table_name FROM information_schema.tables',
    'SELECT attname FROM pg_attribute',
    'SELECT tablename FROM pg_tables',
    'SELECT nspname FROM pg_namespace',
  ]) {
    const names = (await lake.rows(sql)).flat().map(String);
    assert.ok(
      !names.some((name) => /secret|ducklake|^_|^y$/.test(name)),
      `${sql}: ${names.filter((name) => /secret|ducklake|^_|^y$/.test(name)).join()}`,
    );
  }
});

test('columns with PostgreSQL’s types', async () => {
  const rows = await lake.rows(
    "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attlen, attndims FROM pg_attribute WHERE attrelid = 't'::regclass ORDER BY attnum",
  );
  assert.deepEqual(rows, [
    ['a', 'integer', true, 4, 0],
    ['b', 'text', false, -1, 0],
    ['c', 'numeric(10,2)[]', false, -1, 1],
    ['d', 'json', false, -1, 0],
    ['e', 'timestamp with time zone', false, 8, 0],
    ['f', 'numeric', false, -1, 0],
  ]);
  const columns = await lake.rows(
    "SELECT column_name, ordinal_position, data_type, is_nullable, udt_name FROM information_schema.columns WHERE table_name = 't'",
  );
  assert.deepEqual(columns.slice(0, 3), [
    ['a', 1, 'integer', 'NO', 'int4'],
    ['b', 2, 'text', 'YES', 'text'],
    ['c', 3, 'ARRAY', 'YES', '_numeric'],
  ]);
  assert.deepEqual(await lake.rows("SELECT adnum, pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 't'::regclass"), [
    [6, "'7'"],
  ]);
});

test('every column’s type is a row of pg_type', async () => {
  assert.deepEqual(
    await lake.rows('SELECT attname, atttypid FROM pg_attribute a LEFT JOIN pg_type t ON t.oid = a.atttypid WHERE t.oid IS NULL'),
    [],
  );
  assert.deepEqual(
    await lake.rows(
      'SELECT typname FROM pg_type t WHERE typelem <> 0 AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.oid = t.typelem)',
    ),
    [],
  );
});

test('oids are the same in every instance, and no two things share one', async () => {
  const before = await lake.rows('SELECT oid, relname FROM pg_class ORDER BY 1, 2');
  lake = await lake.reopen();
  assert.deepEqual(await lake.rows('SELECT oid, relname FROM pg_class ORDER BY 1, 2'), before);
  assert.equal(new Set(before.map(([oid]) => oid)).size, before.length);
  assert.deepEqual(await lake.rows("SELECT 'pg_class'::regclass::oid, 'pg_catalog.pg_type'::regclass::oid"), [['1259', '1247']]);
});

test('names and oids turn into each other', async () => {
  assert.deepEqual(
    await lake.rows(`SELECT 't'::regclass, 'public.t'::regclass, 's2."Odd Name"'::regclass, 'int4'::regtype, '_text'::regtype`),
    [['t', 't', 's2."Odd Name"', 'integer', 'text[]']],
  );
  assert.deepEqual(await lake.rows("SELECT to_regclass('nope'), to_regclass('secret'), to_regtype('nope')"), [
    [null, null, null],
  ]);
  await assert.rejects(lake.rows("SELECT 1 WHERE 1 = 'nope'::regclass"), /relation "nope" does not exist/);
});

test('an argument that is called like one of our columns is the caller’s', async () => {
  const rows = await lake.rows(
    "SELECT relname, pg_table_is_visible(oid), obj_description(oid), pg_get_userbyid(relowner) FROM pg_class WHERE relname IN ('t', 'v') ORDER BY 1",
  );
  assert.deepEqual(rows, [
    ['t', true, 'a table', 'ann'],
    ['v', false, null, 'ann'],
  ]);
  assert.deepEqual(
    await lake.rows(
      "SELECT pg_get_userbyid(oid) = name, to_regclass(name) FROM (SELECT oid, rolname AS name FROM pg_roles WHERE rolname = 'ann')",
    ),
    [[true, null]],
  );
});

test('comments are found where \\d+ looks', async () => {
  assert.deepEqual(
    await lake.rows(
      "SELECT obj_description('t'::regclass, 'pg_class'), col_description('t'::regclass, 2), col_description('t'::regclass, 1)",
    ),
    [['a table', 'a column', null]],
  );
});

test('a view shows its definition', async () => {
  assert.deepEqual(await lake.rows("SELECT pg_get_viewdef('s2.v'::regclass), pg_get_viewdef('s2.v'::regclass, true)"), [
    ['SELECT 1 AS one;', 'SELECT 1 AS one;'],
  ]);
});

test('a table of the open transaction is there, and gone after rollback', async () => {
  await lake.connection.run('BEGIN TRANSACTION');
  await lake.connection.run('CREATE TABLE fresh (z INTEGER)');
  assert.deepEqual(await lake.rows("SELECT relname FROM pg_class WHERE relname = 'fresh'"), [['fresh']]);
  await lake.connection.run('ROLLBACK');
  assert.deepEqual(await lake.rows("SELECT relname FROM pg_class WHERE relname = 'fresh'"), []);
});

test('temporary tables are listed as such', async () => {
  await lake.connection.run('CREATE TEMPORARY TABLE scratch (z INTEGER)');
  assert.deepEqual(
    await lake.rows(
      "SELECT n.nspname, relpersistence, pg_table_is_visible(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'scratch'",
    ),
    [['pg_temp_1', 't', true]],
  );
  await lake.connection.run('DROP TABLE temp.scratch');
});

test('a lake with its own schema public shows main as main', async () => {
  await lake.connection.run('CREATE SCHEMA sales.public');
  lake.isPublicAlias = false;
  try {
    await lake.connection.run('CREATE TABLE sales.public.real (z INTEGER)');
    assert.deepEqual(
      await lake.rows("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('main', 'public') ORDER BY 1"),
      [
        ['main', 't'],
        ['public', 'real'],
      ],
    );
    assert.deepEqual(await lake.rows('SELECT * FROM public.real'), []);
  } finally {
    await lake.connection.run('DROP SCHEMA sales.public CASCADE');
    lake.isPublicAlias = true;
  }
});

test('databases are the principal’s lakes, with their owners', async () => {
  assert.deepEqual(
    await lake.rows("SELECT datname, pg_get_userbyid(datdba), shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 1"),
    [
      ['other', 'bob', 'not hers'],
      ['sales', 'ann', null],
    ],
  );
  assert.deepEqual(await lake.rows('SELECT rolname, rolcanlogin, rolsuper FROM pg_roles ORDER BY 1'), [
    ['ann', true, false],
    ['bob', true, false],
    ['boilstream', false, true],
  ]);
});

test('the session is told as PostgreSQL tells it', async () => {
  assert.deepEqual(
    await lake.rows(
      "SELECT version(), current_user, session_user, current_schema(), current_schemas(false), pg_backend_pid(), current_setting('application_name'), current_setting('nope', true), current_database()",
    ),
    [['PostgreSQL 15.0 (BoilStream)', 'ann', 'ann', 'public', ['public'], 42, 'test', null, 'sales']],
  );
  await assert.rejects(lake.rows("SELECT current_setting('nope')"), /unrecognized configuration parameter "nope"/);
  await lake.facts({ searchPath: ['s2'] });
  assert.deepEqual(await lake.rows("SELECT relname FROM pg_class WHERE pg_table_is_visible(oid) AND relname IN ('t', 'v')"), [
    ['v'],
  ]);
  await lake.facts();
});

test('privileges follow the right on the lake', async () => {
  assert.deepEqual(
    await lake.rows(
      "SELECT has_table_privilege('t', 'SELECT'), has_table_privilege('t', 'INSERT'), has_schema_privilege('public', 'CREATE')",
    ),
    [[true, true, true]],
  );
  await lake.facts({
    principal: { id: 'u2', name: 'rae', kind: 'user', superuser: false, rights: new Map([['sales', 'read']]) },
  });
  assert.deepEqual(
    await lake.rows(
      "SELECT has_table_privilege('t', 'SELECT'), has_table_privilege('t', 'INSERT'), has_schema_privilege('public', 'USAGE')",
    ),
    [[true, false, true]],
  );
  assert.deepEqual(
    await lake.rows(
      "SELECT has_database_privilege('sales', 'CONNECT'), has_database_privilege('sales', 'CREATE'), has_database_privilege('nowhere', 'CONNECT'), has_table_privilege('rae', 't', 'INSERT'), has_table_privilege('ann', 't', 'SELECT')",
    ),
    [[true, false, false, false, null]],
    'of another role nothing is known',
  );
  await lake.facts();
});

test('result columns are announced with catalog types', async () => {
  const columns = await lake.columns(
    'SELECT oid, relname, relkind, relname AS other, reltuples, pg_get_userbyid(relowner), relpages AS oid2 FROM pg_class',
  );
  assert.deepEqual(
    columns.map(({ name, pgType }) => [name, pgType?.oid]),
    [
      ['oid', 26],
      ['relname', 19],
      ['relkind', 18],
      ['other', undefined],
      ['reltuples', undefined],
      ['pg_get_userbyid', undefined],
      ['oid2', undefined],
    ],
  );
  assert.deepEqual(
    (await lake.columns('SELECT indkey, indclass FROM pg_index')).map(({ pgType }) => pgType?.oid),
    [22, 30],
  );
  assert.equal((await lake.columns("SELECT 'x' AS oid FROM pg_class"))[0]?.pgType, undefined, 'text called oid is text');
});

test('catalog names that someone else’s table has do not deceive', async () => {
  await lake.connection.run('CREATE TABLE sales.main.pg_roles (rolname VARCHAR)');
  await lake.connection.run("INSERT INTO sales.main.pg_roles VALUES ('intruder')");
  assert.ok(!(await lake.rows('SELECT rolname FROM pg_roles')).flat().includes('intruder'));
  await lake.connection.run('DROP TABLE sales.main.pg_roles');
});

test('row counts and sizes are those DuckLake keeps', async () => {
  await lake.connection.run('CREATE TABLE sales.main.counted AS SELECT i, i % 7 AS j FROM range(5000) t(i)');
  assert.deepEqual(await lake.rows("SELECT c.reltuples FROM pg_class c WHERE c.relname = 'counted'"), [[5000]]);
  const [[table, byOid, fork, other, whole]] = (await lake.rows(
    `SELECT pg_total_relation_size('counted'), pg_table_size('counted'::regclass), pg_relation_size('counted', 'fsm'), pg_table_size('t'), pg_database_size('sales')`,
  )) as [unknown[]];
  assert.ok(Number(table) > 1000, String(table));
  assert.deepEqual([byOid, Number(fork), Number(other)], [table, 0, 0]);
  assert.ok(Number(whole) >= Number(table));
  await lake.connection.run('DROP TABLE sales.main.counted');
});

test('literals arrive as PostgreSQL reads them', async () => {
  const rows = await lake.rows(
    `SELECT hex('\\x00ff5c27'::bytea), '{1,NULL,3}'::int[]::text, '-123456789012.345678'::numeric::text, 1.23456::numeric::text, len('{}'::text[])`,
  );
  assert.deepEqual(rows, [['00FF5C27', '[1, NULL, 3]', '-123456789012.345678', '1.23456', '0']]);
});

test('every column of the catalog belongs to a relation, also what is kept apart for counting', async () => {
  assert.deepEqual(await lake.rows('SELECT attname FROM pg_attribute WHERE attrelid IS NULL'), []);
  assert.deepEqual(await lake.rows("SELECT count(*) FROM pg_class WHERE relname = 'pg_class'"), [['1']]);
  assert.equal(await oidOf('"public" . "t"'), await oidOf('t'));
});
