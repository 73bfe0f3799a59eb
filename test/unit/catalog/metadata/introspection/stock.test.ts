/** The texts of a stock client are answered from memory exactly as the general road answers them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, type MetadataLakes, openMetadataLakes, someTables } from '../../../../support/metadata-lake.ts';

let lakes: MetadataLakes;
let client: Client;
before(async () => {
  lakes = await openMetadataLakes(['lake']);
  client = await lakes.client('lake');
  await client.send(
    `${someTables} CREATE SCHEMA metadata_s1; CREATE TABLE "metadata_s1"."ducklake_snapshot"(snapshot_id BIGINT PRIMARY KEY, l BIGINT[], u UUID UNIQUE)`,
  );
});
after(() => lakes.close());

const columnsOf = (condition: string): string => `
SELECT pg_namespace.oid AS namespace_id, relname, relpages, attname,
    pg_type.typname type_name, atttypmod type_modifier, pg_attribute.attndims ndim,
    attnum, pg_attribute.attnotnull AS notnull, NULL constraint_id,
    NULL constraint_type, NULL constraint_key, type_ns.nspname AS type_schema,
    col_desc.description AS column_comment,
    tbl_desc.description AS table_comment
FROM pg_class
JOIN pg_namespace ON relnamespace = pg_namespace.oid
JOIN pg_attribute ON pg_class.oid=pg_attribute.attrelid
JOIN pg_type ON atttypid=pg_type.oid
JOIN pg_namespace type_ns ON pg_type.typnamespace = type_ns.oid
LEFT JOIN pg_description col_desc ON col_desc.objoid=pg_class.oid AND col_desc.objsubid=pg_attribute.attnum
LEFT JOIN pg_description tbl_desc ON tbl_desc.objoid=pg_class.oid AND tbl_desc.objsubid=0
WHERE attnum > 0 AND relkind IN ('r', 'v', 'm', 'f', 'p') ${condition}
UNION ALL
SELECT pg_namespace.oid AS namespace_id, relname, NULL relpages, NULL attname, NULL type_name,
    NULL type_modifier, NULL ndim, NULL attnum, NULL AS notnull,
    pg_constraint.oid AS constraint_id, contype AS constraint_type,
    conkey AS constraint_key, NULL AS type_schema,
    NULL AS column_comment, NULL AS table_comment
FROM pg_class
JOIN pg_namespace ON relnamespace = pg_namespace.oid
JOIN pg_constraint ON (pg_class.oid=pg_constraint.conrelid)
WHERE relkind IN ('r', 'v', 'm', 'f', 'p') AND contype IN ('p', 'u') ${condition}
ORDER BY namespace_id, relname, attnum, constraint_id;
`;

const texts: readonly (readonly [name: string, sql: string, rows: number])[] = [
  [
    'schemas',
    "SELECT oid, nspname\nFROM pg_namespace\nWHERE pg_namespace.nspname IN ('public','metadata_s1')\nORDER BY oid;\n",
    2,
  ],
  ['tables', columnsOf(''), 4 + 5 + 7 + 6 + 3 + 3],
  ['tables of one schema', columnsOf("AND pg_namespace.nspname IN ('metadata_s1')"), 5],
  ['one table', columnsOf("AND pg_namespace.nspname IN ('public')AND relname='ducklake_snapshot'"), 6],
  ['a table that is not there', columnsOf("AND pg_namespace.nspname IN ('public')AND relname='nope'"), 0],
  [
    'enums',
    '\nSELECT n.oid, enumtypid, typname, enumlabel\nFROM pg_enum e\nJOIN pg_type t ON e.enumtypid = t.oid\nJOIN pg_namespace AS n ON (typnamespace=n.oid)\n\nORDER BY n.oid, enumtypid, enumsortorder;\n',
    0,
  ],
  [
    'indexes',
    '\nSELECT pg_namespace.oid, tablename, indexname\nFROM pg_indexes\nJOIN pg_namespace ON (schemaname=nspname)\n\nORDER BY pg_namespace.oid;\n',
    3,
  ],
];

/** The same question in a text that is not recognised. */
const disguised = (sql: string): string =>
  sql
    .replace('SELECT', 'SELECT /* the long way */ ')
    .replaceAll('pg_namespace.oid', '(pg_namespace.oid)')
    .replace(/;\s*$/, ' LIMIT 100000');

for (const [name, sql, count] of texts) {
  test(`${name}: memory and the general road agree`, async () => {
    const [fast] = await client.send(sql);
    const [slow] = await client.send(disguised(sql));
    assert.equal(fast?.rows.length, count);
    const text = (rows: readonly unknown[] | undefined): string[] =>
      (rows ?? []).map((row) => JSON.stringify(row, (_key, value) => (typeof value === 'bigint' ? Number(value) : value)));
    assert.deepEqual(text(fast?.rows).sort(), text(slow?.rows).sort());
    assert.deepEqual(fast?.names, slow?.names);
  });
}

test('rows come by namespace and table, columns before keys, and relpages is 0', async () => {
  const rows = await client.rows(columnsOf(''));
  const keys = rows.map((row) => [row[0], row[1], row[7] ?? 99_999] as [number, string, number]);
  const sorted = [...keys].sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : a[2] - b[2]));
  assert.deepEqual(keys, sorted);
  for (const row of rows) assert.ok(row[2] === 0 || row[2] === null, 'a client that sees pages reads over several connections');
});

test('a table made in an open block is seen by its own session and by no other', async () => {
  const sql = columnsOf("AND pg_namespace.nspname IN ('public')AND relname='ducklake_inlined_data_8_8'");
  const other = await lakes.client('lake');
  await client.send('BEGIN;CREATE TABLE ducklake_inlined_data_8_8(a BIGINT)');
  assert.equal((await client.rows(sql)).length, 1);
  assert.equal((await other.rows(sql)).length, 0);
  await client.send('COMMIT');
  assert.equal((await other.rows(sql)).length, 1);
  const [, , , , , ...more] =
    (await other.rows(
      "SELECT pg_class.oid, relname, pg_class.xmin\nFROM pg_class\nJOIN pg_namespace ON relnamespace = pg_namespace.oid\nWHERE relkind IN ('r', 'v', 'm', 'f', 'p') AND pg_namespace.nspname = 'public'\nORDER BY pg_class.oid;\n",
    )) ?? [];
  assert.equal(more.length, 0);
});

test('the first questions of an attach are answered', async () => {
  assert.match(
    String((await client.rows("SELECT version(), (SELECT COUNT(*) FROM pg_settings WHERE name LIKE 'rds%')"))[0]?.[0]),
    /^PostgreSQL \d+\.\d+/,
  );
  assert.deepEqual(await client.rows("SELECT to_regclass('duckdb_secrets')"), [[null]]);
  assert.deepEqual(await client.rows("SELECT to_regclass('ducklake_snapshot'), to_regclass('metadata_s1.ducklake_snapshot')"), [
    ['ducklake_snapshot', 'metadata_s1.ducklake_snapshot'],
  ]);
  assert.deepEqual(await client.rows('SELECT 1'), [[1]]);
});
