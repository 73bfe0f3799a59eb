/** The judge of the kill test must find each kind of damage, or its silence proves nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOf, Ledger, type Told } from '../../chaos/ledger.ts';

function judged(
  told: Told,
  shown: Record<string, number> | null,
  change: { check?: bigint; seenBefore?: boolean } = {},
): string[] {
  const ledger = new Ledger();
  const operation = ledger.begin({ id: 'r1-a-0', round: 1, rows: { chaos_rows: 3, chaos_more: 2 } });
  operation.told = told;
  if (change.seenBefore !== undefined) operation.seen = change.seenBefore;
  const sum = (count: number) =>
    Array.from({ length: count }, (_, n) => BigInt(checkOf('r1-a-0', n))).reduce((a, b) => a + b, change.check ?? 0n);
  const tables = new Map(Object.entries(shown ?? {}).map(([table, rows]) => [table, { rows, check: sum(rows) }]));
  return ledger.judge(shown === null ? new Map() : new Map([['r1-a-0', tables]]), () => true);
}

const whole = { chaos_rows: 3, chaos_more: 2 };

test('the truth is accepted', () => {
  assert.deepEqual(judged('acked', whole), []);
  assert.deepEqual(judged('failed', null), []);
  assert.deepEqual(judged('unknown', whole), []);
  assert.deepEqual(judged('unknown', null), []);
});

test('each kind of damage is found', () => {
  assert.match(judged('acked', null)[0] ?? '', /acknowledged and lost/);
  assert.match(judged('failed', whole)[0] ?? '', /reported as failed/);
  for (const told of ['acked', 'failed', 'unknown'] as const) {
    assert.match(judged(told, { chaos_rows: 3 })[0] ?? '', /half of it/, 'one of two tables');
    assert.match(judged(told, { chaos_rows: 2, chaos_more: 2 })[0] ?? '', /half of it/, 'a row is missing');
    assert.match(judged(told, { chaos_rows: 6, chaos_more: 4 })[0] ?? '', /half of it/, 'written twice');
    assert.match(judged(told, whole, { check: 1n })[0] ?? '', /half of it/, 'a wrong row');
  }
  assert.match(judged('unknown', null, { seenBefore: true })[0] ?? '', /is gone/);
  assert.match(judged('unknown', whole, { seenBefore: false })[0] ?? '', /has appeared/);
  assert.match(
    new Ledger().judge(new Map([['r9-x-1', new Map([['chaos_rows', { rows: 1, check: 0n }]])]]), () => true)[0] ?? '',
    /nobody ever sent it/,
  );
});
