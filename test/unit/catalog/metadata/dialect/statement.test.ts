/** What DuckDB is told for what a client wrote. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LakeError } from '../../../../../base/errors.ts';
import { CatalogView } from '../../../../../catalog/metadata/catalog-view.ts';
import type { ViewTable } from '../../../../../catalog/metadata/catalog-view.ts';
import { parseBytea } from '../../../../../catalog/metadata/dialect/bytea.ts';
import { firstWord, readStatement } from '../../../../../catalog/metadata/dialect/statement.ts';
import { parseTid } from '../../../../../catalog/metadata/dialect/tid.ts';
import type { TranslationContext } from '../../../../../catalog/metadata/dialect/translation.ts';
import { typeOfStored } from '../../../../../catalog/metadata/dialect/types.ts';
import { limits } from '../../../../../catalog/metadata/limits.ts';

const column = (name: string, type: string) => ({ name, type: typeOfStored(type), notNull: false });
const table: ViewTable = {
  schema: 'public',
  name: 'ducklake_t',
  columns: [column('a', 'BIGINT'), column('b', 'BLOB'), column('l', 'BIGINT[]')],
  keys: [],
};
const context: TranslationContext = {
  database: 'sales__catalog',
  alias: 'lake_1',
  view: CatalogView.empty.with({ t: 'create-table', table }),
  temporary: new Map(),
  systemRelation: (_schema, name) => (name === 'pg_class' ? 'SELECT 1 AS oid' : undefined),
  sessionFunction: (name) => (name === 'version' ? "'PG'" : undefined),
  tidForm: 'text',
};

function sqlOf(sql: string): string {
  const statement = readStatement(sql, context);
  if (statement.t === 'definition') return statement.definition.sql.join(';');
  return 'sql' in statement ? statement.sql : '';
}

const T = '"lake_1"."main"."ducklake_t"';

const pairs: readonly (readonly [sql: string, told: string])[] = [
  ['select A, "b" from public.ducklake_t T where t.a <= \'5\'', `SELECT "a", "b" FROM ${T} AS "t" WHERE "t"."a" <= '5'`],
  ['SELECT * FROM sales__catalog.public.DUCKLAKE_T', `SELECT * FROM ${T}`],
  [
    'SELECT a FROM ducklake_t WHERE a = \'x\' COLLATE "C" ORDER BY a DESC',
    `SELECT "a" FROM ${T} WHERE "a" = 'x' ORDER BY "a" DESC NULLS FIRST`,
  ],
  ["DELETE FROM \"public\".ducklake_t WHERE ctid IN ('(0,1)','(1,2)')", `DELETE FROM ${T} WHERE rowid IN (0, 1025)`],
  ["SELECT a FROM ducklake_t WHERE ctid = '(0,3)'", `SELECT "a" FROM ${T} WHERE rowid = 2`],
  [
    "INSERT INTO ducklake_t VALUES (1, '\\x00ff', '{1,2}'), (DEFAULT, NULL, ARRAY[3])",
    `INSERT INTO ${T} VALUES (1, unhex('00ff'), CAST('[1,2]' AS BIGINT[])), (DEFAULT, NULL, [3])`,
  ],
  ["INSERT INTO ducklake_t (b) VALUES ('\\x')", `INSERT INTO ${T} ("b") VALUES (''::BLOB)`],
  ["UPDATE ducklake_t SET b = 'ab', a = a + 1", `UPDATE ${T} SET "b" = unhex('6162'), "a" = "a" + 1`],
  [
    'CREATE TABLE ducklake_n(i int, f float, r real, s text, n numeric(5,2), x BYTEA[])',
    'CREATE TABLE "lake_1"."main"."ducklake_n" ("i" INTEGER, "f" DOUBLE, "r" FLOAT, "s" VARCHAR, "n" DECIMAL(5,2), "x" BLOB[])',
  ],
  ['CREATE SCHEMA  IF NOT EXISTS"s one"', 'CREATE SCHEMA "lake_1"."s one"'],
  ['DROP Table  IF EXISTS "public"."ducklake_t"', `DROP TABLE ${T}`],
  ['DROP TABLE IF EXISTS "public"."ducklake_gone"', ''],
  [
    'SELECT - -1, 2 - -3, a -- b\n FROM ducklake_t',
    `SELECT - - 1 AS "?column?", 2 - - 3, "a" FROM ${T}`.replace(' AS "?column?"', ''),
  ],
  ["SELECT 'it''s', E'\\'', $q$it's$q$", "SELECT 'it''s', '''', 'it''s'"],
  ['WITH x(i) AS (VALUES (1)) SELECT i FROM x', 'WITH "x"("i") AS (VALUES (1)) SELECT "i" FROM "x"'],
  [
    'SELECT count(*) FILTER (WHERE a > 1), sum(a) OVER (PARTITION BY b ORDER BY a) FROM ducklake_t',
    `SELECT count(*) FILTER (WHERE "a" > 1) AS "count", sum("a") OVER (PARTITION BY "b" ORDER BY "a" ASC NULLS LAST) AS "sum" FROM ${T}`,
  ],
  [
    'SELECT a FROM ducklake_t WHERE a BETWEEN 1 + 1 AND 5 AND b IS NOT NULL OR NOT a IN (SELECT 1)',
    `SELECT "a" FROM ${T} WHERE "a" BETWEEN 1 + 1 AND 5 AND "b" IS NOT NULL OR NOT "a" IN (SELECT 1)`,
  ],
  ['SELECT a FROM ducklake_t LIMIT ALL OFFSET 2', `SELECT "a" FROM ${T} OFFSET 2`],
  ['SELECT a FROM ducklake_t FETCH FIRST ROW ONLY', `SELECT "a" FROM ${T} LIMIT 1`],
  ['SELECT version()', 'SELECT \'PG\' AS "version"'],
  ['SELECT c.oid FROM pg_catalog.pg_class c', 'SELECT "c"."oid" FROM (SELECT 1 AS oid) AS "c"'],
  ['TABLE ducklake_t', `SELECT * FROM ${T}`],
  ['TRUNCATE TABLE ducklake_t', `DELETE FROM ${T}`],
];

for (const [sql, told] of pairs) {
  test(`tells DuckDB: ${sql.slice(0, 90)}`, () => assert.equal(sqlOf(sql), told));
}

test('what was written once more means the same when it is read once more', () => {
  for (const [sql] of pairs) {
    const once = sqlOf(sql);
    if (!once.startsWith('SELECT "a"') || once.includes('rowid')) continue;
    assert.equal(sqlOf(once.replaceAll('"lake_1"."main".', 'public.')), once);
  }
});

test('any text at all is either translated or refused with a LakeError', () => {
  const pieces = [
    'SELECT',
    'FROM',
    'WHERE',
    'ducklake_t',
    '"',
    "'",
    '(',
    ')',
    ',',
    ';',
    '*',
    '::',
    'ctid',
    'AS',
    'WITH',
    '$$',
    '$1',
    '\\',
    "E'",
    '--',
    '/*',
    '*/',
    '.',
    'IN',
    'CASE',
    'END',
    '[',
    ']',
    '0',
    'a',
    'INSERT INTO',
    'VALUES',
    'COPY',
    'TO STDOUT',
    'CREATE TABLE',
    'NULL',
    '=',
    '\u0000',
    'é',
    '-',
  ];
  let seed = 7;
  const next = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % n;
  };
  for (let i = 0; i < 20_000; i++) {
    const sql = Array.from({ length: 1 + next(14) }, () => pieces[next(pieces.length)]).join(next(3) === 0 ? '' : ' ');
    try {
      firstWord(sql);
      readStatement(sql, context);
    } catch (error) {
      assert.ok(error instanceof LakeError, `${sql}\n${String(error)}`);
      assert.notEqual(error.code, 'internal', sql);
    }
  }
});

test('nesting and length are bounded before the stack and the memory are', () => {
  const deep = `SELECT ${'('.repeat(limits.nestingDepthMax * 10)}1${')'.repeat(limits.nestingDepthMax * 10)}`;
  assert.throws(
    () => sqlOf(deep),
    (error: LakeError) => error.code === 'too_large',
  );
  assert.throws(
    () => sqlOf(`SELECT '${'x'.repeat(limits.statementCharactersMax)}'`),
    (error: LakeError) => error.code === 'too_large',
  );
});

test('tid texts and row ids are one to one', () => {
  assert.equal(parseTid('(0,1)'), 0n);
  assert.equal(parseTid('(0,1024)'), 1023n);
  assert.equal(parseTid('(1,1)'), 1024n);
  assert.equal(parseTid("'(1,1)'"), 1024n, 'a stock client leaves the quotes on');
  assert.equal(parseTid(`(${2 ** 30},1)`), 36_028_797_018_960_000n, 'the first row of an open transaction');
  for (const wrong of ['', '(1)', '(1,2', '1,2', '(-1,2)', '(a,b)', '(99999999999,1)'])
    assert.throws(
      () => parseTid(wrong),
      (error: LakeError) => error.code === 'invalid_text_representation',
      wrong,
    );
});

test('bytea texts are bytes in both of their forms', () => {
  assert.deepEqual([...parseBytea('\\x00fF')], [0, 255]);
  assert.deepEqual([...parseBytea('a\\\\b\\001\\377')], [97, 92, 98, 1, 255]);
  assert.deepEqual([...parseBytea('é')], [0xc3, 0xa9]);
  for (const wrong of ['\\x0', '\\xzz', '\\', '\\9', '\\400'])
    assert.throws(
      () => parseBytea(wrong),
      (error: LakeError) => error.code === 'invalid_text_representation',
      wrong,
    );
});
