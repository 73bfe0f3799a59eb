import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutLiterals } from '../../../server/statement-log.ts';

test('what is shown of a statement has no literal of any spelling, no comment, and an end', () => {
  for (const [sql, shown] of [
    ["SELECT  'a''b',\n\t1.5e3, $1", 'SELECT ?, ?, $1'],
    ["SELECT E'a\\'b' || x'ff' || $q$ ' $q$ FROM \"T t\"", 'SELECT ? || ? || ? FROM "T t"'],
    ['SELECT 1 -- one\n + /* two /* three */ */ 2;', 'SELECT ? + ?;'],
    ["INSERT INTO t VALUES ('never closed", 'INSERT INTO t VALUES (?'],
    ['', ''],
  ] as const)
    assert.equal(withoutLiterals(sql), shown);
  const long = withoutLiterals(`SELECT ${'column_name, '.repeat(1000)} 'secret'`);
  assert.ok(long.length < 2100 && long.endsWith(' …') && !long.includes('secret'));
  const cut = withoutLiterals(`SELECT '${'secret '.repeat(10_000)}'`);
  assert.equal(cut, 'SELECT ? …');
});
