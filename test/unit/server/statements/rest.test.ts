/** A session whose client is silent gives its engine connection back, unless something lives in it, and nobody can tell afterwards. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { oid } from '../../../../base/pg-types.ts';
import type { SqlSession } from '../../../../server/statements/session.ts';
import { EnginePod, type TestSession } from '../../../support/engine-pod.ts';

let pod: EnginePod;
let session: TestSession;

before(async () => {
  pod = await EnginePod.start();
  await pod.createLake('sales');
  pod.grant('ada', 'sales', 'owner');
});
beforeEach(async () => {
  session = await pod.session('ada', 'sales');
});
after(() => pod.stop());

const hasConnection = (): boolean => {
  try {
    return (session.session as SqlSession).core.connection !== null;
  } catch {
    return false;
  }
};
const rest = async (): Promise<void> => session.session.rest?.();

test('settings, the search path and what the protocol prepared are there after a rest', async () => {
  await session.send(
    "CREATE SCHEMA IF NOT EXISTS apart; CREATE OR REPLACE TABLE apart.t AS SELECT 7 AS i; SET search_path = apart; SET TimeZone = 'Asia/Tokyo'",
  );
  const prepared = await session.session.prepare('SELECT i + $1 FROM t', [oid.int4]);
  await session.session.sync();
  assert.ok(hasConnection());
  await rest();
  assert.ok(!hasConnection(), 'the connection is given back');
  await session.session.sync();
  const outcome = await prepared.execute([{ oid: oid.int4, format: 0, value: Buffer.from('5') }]);
  assert.equal(outcome.t, 'rows');
  if (outcome.t !== 'rows') return;
  assert.deepEqual((await outcome.rows.next())?.getRows(), [[12]]);
  await outcome.rows.close();
  await session.session.sync();
  await rest();
  assert.deepEqual(await session.rows('SHOW TimeZone'), [['Asia/Tokyo']]);
  await rest();
  assert.deepEqual(
    await session.rows("SELECT current_setting('TimeZone'), extract(hour FROM TIMESTAMPTZ '2026-01-01 00:00:00+00')"),
    [['Asia/Tokyo', 9n]],
  );
});

test('a transaction, a cursor, a temporary table and a statement PREPAREd by SQL keep the connection', async () => {
  for (const [begin, use, end] of [
    ['BEGIN; CREATE TABLE kept AS SELECT 1 AS i', 'SELECT i FROM kept', 'ROLLBACK'],
    ['BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT', 'FETCH 1 FROM c', 'CLOSE c'],
    ['PREPARE p AS SELECT 1', 'EXECUTE p', 'DEALLOCATE p'],
    ['CREATE TEMP TABLE kept_temporarily AS SELECT 1 AS i', 'SELECT i FROM kept_temporarily', 'SELECT 1'],
  ] as const) {
    await session.send(begin);
    await rest();
    assert.ok(hasConnection(), begin);
    assert.deepEqual(await session.rows(use), [[1]], use);
    await session.send(end);
  }
});

test('a rest, an error and the end may come at any time between statements', async () => {
  await rest();
  assert.equal((await session.error('SELEC 1')).code, 'syntax_error');
  await rest();
  await rest();
  assert.equal((await session.error('SELECT * FROM nowhere')).code, 'undefined_table');
  await rest();
  session.session.cancel();
  await session.session.close();
  await rest();
  await session.session.close();
});
