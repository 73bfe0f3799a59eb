/** The judgement that the benchmark page prints: a table that flatters is worse than none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type Measurement, toMarkdown } from '../../bench/report.ts';

const row = (metric: string, target: string, value: number | null, more: Partial<Measurement> = {}): Measurement => ({
  script: 'pg_point',
  metric,
  target,
  value,
  ...more,
});

test('compares medians, not the luckiest round', () => {
  const rounds = [100, 100, 900].map((value) => row('latency_simple_p50', 'postgres', value));
  const [judged] = judge([...rounds, ...[90, 600, 600].map((value) => row('latency_simple_p50', 'boilstream', value))]);
  assert.equal(judged?.ratio, 6);
  assert.equal(judged?.holds, false);
});

test('holds a rate to its lower bound and a latency to its upper one', () => {
  const judged = judge([
    row('latency_simple_p50', 'postgres', 80),
    row('latency_simple_p50', 'boilstream', 400),
    row('rate_simple_16c', 'postgres', 10_000),
    row('rate_simple_16c', 'boilstream', 1_999),
  ]);
  assert.deepEqual(
    judged.map(({ goal, holds }) => [goal.metric, holds]),
    [
      ['latency_simple_p50', true],
      ['rate_simple_16c', false],
    ],
  );
});

test('a round that failed is a miss, however good the others were', () => {
  const [judged] = judge([
    row('sessions_tls_scram_4c', 'postgres', 100),
    row('sessions_tls_scram_4c', 'boilstream', 400),
    row('sessions_tls_scram_4c', 'boilstream', null, { error: 'refused' }),
  ]);
  assert.equal(judged?.holds, false);
  assert.match(toMarkdown(judge([row('sessions_tls_scram_4c', 'boilstream', null, { error: 'refused' })])), /failed: refused/);
});

test('without the peer nothing is said to hold', () => {
  const [judged] = judge([row('rate_simple_16c', 'boilstream', 50_000)]);
  assert.equal(judged?.holds, undefined);
});
