/** What sessions of a pod see of one another and do to one another, through the SQL that asks for it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EnginePod, type TestSession } from '../../../support/engine-pod.ts';

let pod: EnginePod;
let ann: TestSession;
let also: TestSession;
let ben: TestSession;
let cem: TestSession;

before(async () => {
  pod = await EnginePod.start();
  await pod.createLake('sales');
  await pod.createLake('archive');
  pod.grant('ann', 'sales', 'owner');
  pod.grant('ben', 'sales', 'read');
  pod.grant('cem', 'archive', 'read');
  ann = await pod.session('ann', 'sales', { application_name: 'reports' });
  also = await pod.session('ann', 'sales');
  ben = await pod.session('ben', 'sales');
  cem = await pod.session('cem', 'archive');
});
after(() => pod.stop());

const one = async (session: TestSession, sql: string): Promise<unknown> => (await session.rows(sql))[0]?.[0];
const pidOf = async (session: TestSession): Promise<number> => Number(await one(session, 'SELECT pg_backend_pid()'));

test('pg_stat_activity shows own sessions whole, others on the same lake as being there, and no others', async () => {
  await also.send('BEGIN');
  await also.send('SELECT 42');
  const shown = await ann.rows(
    `SELECT state, query, application_name, client_addr, xact_start <= query_start, backend_start <= now(), wait_event FROM pg_stat_activity WHERE pid = ${await pidOf(also)}`,
  );
  await also.send('ROLLBACK');
  assert.equal(shown.length, 1);
  assert.deepEqual(shown[0]?.slice(0, 1), ['idle in transaction']);
  assert.match(String(shown[0]?.[1]), /pg_backend_pid/);
  assert.deepEqual(shown[0]?.slice(2), ['', '127.0.0.1', true, true, 'ClientRead']);
  assert.deepEqual(await ann.rows('SELECT usename, state, query FROM pg_stat_activity WHERE usename <> current_user'), [
    ['ben', null, '<insufficient privilege>'],
  ]);
  assert.deepEqual(await cem.rows('SELECT DISTINCT usename, datname FROM pg_stat_activity'), [['cem', 'archive']]);
  const mine = 'SELECT query, state, application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()';
  assert.deepEqual(await ann.rows(mine), [[mine, 'active', 'reports']]);
});

test('pg_cancel_backend stops a statement of the own user, and is refused for others', async () => {
  const pid = await pidOf(also);
  const slow = also.error('SELECT count(*) FROM range(100000000000)');
  while ((await one(ann, `SELECT state FROM pg_stat_activity WHERE pid = ${pid}`)) !== 'active');
  const refused = await ben.error(`SELECT pg_cancel_backend(${pid})`);
  assert.equal(refused.code, 'permission_denied');
  assert.match(refused.message, /must be the same user/);
  assert.equal(await one(cem, `SELECT pg_cancel_backend(${pid})`), false, 'what one may not see is not there');
  assert.equal(await one(ann, `SELECT pg_cancel_backend(${pid})`), true);
  assert.equal((await slow).code, 'query_canceled');
  assert.equal(await one(also, 'SELECT 1'), 1);
  assert.equal(await one(ann, 'SELECT pg_cancel_backend(1)'), false);
});

test('pg_terminate_backend tells the session to end', async () => {
  assert.equal(await one(ann, `SELECT pg_terminate_backend(${await pidOf(also)})`), true);
  assert.deepEqual(
    also.terminated.map(({ code }) => code),
    ['admin_shutdown'],
  );
  assert.equal((await ben.error(`SELECT pg_terminate_backend(${await pidOf(ann)})`)).code, 'permission_denied');
  assert.deepEqual(ann.terminated, []);
});

test('an advisory lock keeps the next one waiting until it is given back', async () => {
  await ann.send('SELECT pg_advisory_lock(42)');
  assert.equal(await one(ben, 'SELECT pg_try_advisory_lock(42)'), false);
  const waiting = ben.rows('SELECT pg_advisory_lock(42), 7');
  while ((await one(ann, 'SELECT count(*) FROM pg_locks WHERE NOT granted')) !== 1n);
  assert.equal(await one(cem, 'SELECT count(*) FROM pg_locks'), 0n);
  assert.equal(await one(cem, 'SELECT pg_try_advisory_lock(42)'), true, 'locks of another lake are other locks');
  assert.equal(await one(ann, 'SELECT pg_advisory_unlock(42)'), true);
  assert.deepEqual(await waiting, [['', 7]]);
  assert.equal(await one(ben, 'SELECT pg_advisory_unlock(42)'), true);
});

test('waiting ends with lock_timeout, with a cancel, and with the deadlock it would make', async () => {
  await ann.send('SELECT pg_advisory_lock(1)');
  await ben.send('SELECT pg_advisory_lock(2)');
  await ben.send("SET lock_timeout = '50ms'");
  assert.equal((await ben.error('SELECT pg_advisory_lock(1)')).code, 'lock_timeout');
  await ben.send('RESET lock_timeout');
  const waiting = ben.error('SELECT pg_advisory_lock(1)');
  while ((await one(ann, 'SELECT count(*) FROM pg_locks WHERE NOT granted')) !== 1n);
  assert.equal((await ann.error('SELECT pg_advisory_lock(2)')).code, 'deadlock');
  ben.session.cancel();
  assert.equal((await waiting).code, 'query_canceled');
  await ann.send('SELECT pg_advisory_unlock_all()');
  await ben.send('DISCARD ALL');
  assert.equal(await one(ann, 'SELECT count(*) FROM pg_locks'), 0n);
});

test('a lock of the transaction ends with it, one that could not be had takes no other with it', async () => {
  await ann.send('BEGIN; SELECT pg_advisory_xact_lock(5)');
  assert.equal(await one(ben, 'SELECT pg_try_advisory_xact_lock(5)'), false);
  await ann.send('ROLLBACK');
  assert.equal(await one(ben, 'SELECT pg_try_advisory_xact_lock(5)'), true);
  assert.equal(await one(ann, 'SELECT count(*) FROM pg_locks'), 0n, 'a statement by itself is its transaction');
  await ann.send('SELECT pg_advisory_lock(9)');
  const waiting = ben.rows('SELECT pg_advisory_lock(8), pg_advisory_lock(9)');
  while ((await one(ann, 'SELECT count(*) FROM pg_locks WHERE NOT granted')) !== 1n);
  assert.equal(await one(ann, 'SELECT pg_try_advisory_lock(8)'), true, 'while it waits it holds nothing of this statement');
  await ann.send('SELECT pg_advisory_unlock_all()');
  await waiting;
  assert.equal(await one(ann, 'SELECT count(*) FROM pg_locks'), 2n);
});

test('clock_timestamp goes on inside a transaction, now() does not', async () => {
  await ann.send('BEGIN');
  const [first] = await ann.rows('SELECT clock_timestamp()::VARCHAR, now()::VARCHAR');
  while ((await one(ann, 'SELECT clock_timestamp()::VARCHAR')) === first?.[0]);
  assert.equal(await one(ann, 'SELECT now()::VARCHAR'), first?.[1]);
  await ann.send('ROLLBACK');
});
