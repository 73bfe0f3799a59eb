import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announcedName } from '../../../../server/statements/column-name.ts';

test('an unnamed call is announced by the name of its function', () => {
  for (const [spelled, announced] of [
    ['count_star()', 'count'],
    ['sum(x)', 'sum'],
    ['"version"()', 'version'],
    ["string_agg(a, ')')", 'string_agg'],
    ['max("a ( b")', 'max'],
    ['COALESCE(NULL, 1)', 'coalesce'],
    ['row_number() OVER (PARTITION BY a ORDER BY b)', 'row_number'],
    ['count_star() FILTER (WHERE (x > 1))', 'count'],
    ["main.date_part('epoch', now())", 'extract'],
    ["main.timezone('UTC', t)", 'timezone'],
    ['boilstream.pg.pg_get_userbyid(10)', 'pg_get_userbyid'],
  ] as const)
    assert.equal(announcedName(spelled), announced);
});

test('an expression has no name, a cast that of what is cast or of its type', () => {
  for (const [spelled, announced] of [
    ['1', '?column?'],
    ["'it''s'", '?column?'],
    ['(1 + 1)', '?column?'],
    ['(a AND (b OR c))', '?column?'],
    ['(SELECT 1)', '?column?'],
    ["CASE  WHEN ((1 = 1)) THEN ('a') ELSE 'b' END", 'case'],
    ['(ARRAY[1, 2])', 'array'],
    ['CAST(x AS INTEGER)', 'x'],
    ['CAST(t."a b" AS VARCHAR)', 'a b'],
    ['CAST(sum(x) AS DECIMAL(10, 2))', 'sum'],
    ['CAST(\'2024-01-01\' AS "DATE")', 'date'],
    ['CAST((1 + 1) AS BIGINT)', 'int8'],
    ["CAST('t' AS BOOLEAN)", 'bool'],
    ['CAST(CAST(1 AS INTEGER) AS VARCHAR)', 'int4'],
  ] as const)
    assert.equal(announcedName(spelled), announced);
});

test('what is no single expression keeps its name', () => {
  for (const name of ['celsius', 'f(a) + g(b)', "'a)'b", 'Sum of (x)', 'f(', '"f()', 'x1', '', 'a b)', 'Total (EUR)'])
    assert.equal(announcedName(name), name);
});
