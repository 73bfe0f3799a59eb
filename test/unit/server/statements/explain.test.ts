import assert from 'node:assert/strict';
import { test } from 'node:test';
import { significantTokens } from '../../../../base/sql-lexer.ts';
import { parseExplain, planRows } from '../../../../server/statements/explain.ts';

const parse = (sql: string) => parseExplain(sql, significantTokens(sql));

test('the options PostgreSQL has become those DuckDB has', () => {
  for (const [sql, asked] of [
    ['EXPLAIN SELECT 1', 'EXPLAIN (FORMAT text) SELECT 1'],
    ['explain analyze verbose select 1', 'EXPLAIN (ANALYZE, FORMAT text) select 1'],
    ['EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1', 'EXPLAIN (ANALYZE, FORMAT json) SELECT 1'],
    ['EXPLAIN (COSTS off, BUFFERS, VERBOSE false) VALUES (1)', 'EXPLAIN (FORMAT text) VALUES (1)'],
    ['EXPLAIN (ANALYZE false, TIMING on) SELECT 1', 'EXPLAIN (FORMAT text) SELECT 1'],
    ["EXPLAIN (FORMAT 'json') SELECT 1", 'EXPLAIN (FORMAT json) SELECT 1'],
    ['EXPLAIN (SELECT 1)', 'EXPLAIN (FORMAT text) (SELECT 1)'],
  ] as const)
    assert.equal(parse(sql).sql, asked);
  assert.throws(() => parse('EXPLAIN (COST) SELECT 1'), { code: 'syntax_error' });
  assert.throws(() => parse('EXPLAIN (FORMAT xml) SELECT 1'), { code: 'feature_not_supported' });
  assert.throws(() => parse('EXPLAIN'), { code: 'syntax_error' });
});

test("a plan is a column QUERY PLAN: a line a row, or one document with PostgreSQL's keys", () => {
  const text = parse('EXPLAIN SELECT 1');
  assert.deepEqual(
    text.columns.map(({ name }) => name),
    ['QUERY PLAN'],
  );
  assert.deepEqual(planRows(text, ['a\nb\n']), [['a'], ['b']]);
  const json = parse('EXPLAIN (FORMAT json) SELECT 1');
  assert.equal(json.columns[0]?.pgType?.oid, 114);
  const plan = [
    {
      name: 'HASH_JOIN',
      extra_info: {},
      children: [{ name: 'SEQ_SCAN ', extra_info: { Table: 'lake.main.t', Filters: 'i>5', 'Estimated Cardinality': '20' } }],
    },
  ];
  assert.deepEqual(JSON.parse(planRows(json, [JSON.stringify(plan)])[0]?.[0] as string), [
    {
      Plan: {
        'Node Type': 'Hash Join',
        'Plan Rows': 0,
        Plans: [{ 'Node Type': 'Seq Scan', 'Relation Name': 't', 'Plan Rows': 20, Filter: 'i>5' }],
      },
    },
  ]);
  const measured = {
    latency: 0.0023,
    children: [
      {
        operator_name: 'EXPLAIN_ANALYZE',
        children: [{ operator_name: 'PROJECTION', operator_timing: 0.000002, operator_cardinality: 3 }],
      },
    ],
  };
  assert.deepEqual(JSON.parse(planRows(json, [JSON.stringify(measured)])[0]?.[0] as string), [
    {
      Plan: { 'Node Type': 'Projection', 'Plan Rows': 0, 'Actual Total Time': 0.002, 'Actual Rows': 3, 'Actual Loops': 1 },
      'Execution Time': 2.3,
    },
  ]);
});
