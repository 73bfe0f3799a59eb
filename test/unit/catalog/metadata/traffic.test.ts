/** What maintenance and the users of a lake owe each other (durability rules 14, 15 and 25): each rule with somebody who breaks it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../../../base/clock.ts';
import { limits } from '../../../../catalog/metadata/limits.ts';
import { openMetadataLakes } from '../../../support/metadata-lake.ts';

const files = `CREATE TABLE ducklake_data_file (data_file_id BIGINT PRIMARY KEY, path VARCHAR);
  CREATE TABLE ducklake_delete_file (delete_file_id BIGINT PRIMARY KEY, path VARCHAR);
  CREATE TABLE ducklake_metadata (key VARCHAR, value VARCHAR);
  CREATE TABLE ducklake_files_scheduled_for_deletion (data_file_id BIGINT, path VARCHAR);`;

/** The system's clock with hands that a test can move. */
function movableClock(): { clock: Clock; move(ms: number): void } {
  let moved = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + moved, monotonic: () => systemClock.monotonic() + moved };
  return { clock, move: (ms) => (moved += ms) };
}

test('maintenance does not commit while a user is in a transaction that may write: the user wins', async (t) => {
  const lakes = await openMetadataLakes(['l']);
  t.after(() => lakes.close());
  const user = await lakes.client('l', 'write');
  await user.send(files);
  const maintenance = await lakes.client('l', 'maintenance');
  await user.send('BEGIN; SELECT * FROM ducklake_data_file');
  await assert.rejects(
    maintenance.send("BEGIN; INSERT INTO ducklake_data_file VALUES (1, 'merged'); COMMIT"),
    (error: Error & { code: string }) =>
      error.code === 'lock_timeout' && !/primary key|unique|conflict|concurrent/i.test(error.message),
  );
  await maintenance.send('ROLLBACK');
  await user.send("INSERT INTO ducklake_data_file VALUES (1, 'mine'); COMMIT");
  assert.deepEqual(await user.rows('SELECT path FROM ducklake_data_file'), [['mine']]);
});

test('a user whose commit was refused is waited for until it has come again, but not for ever', async (t) => {
  const { clock, move } = movableClock();
  const lakes = await openMetadataLakes(['l'], clock);
  t.after(() => lakes.close());
  const [first, second] = [await lakes.client('l', 'write'), await lakes.client('l', 'write')];
  await first.send(files);
  const refuse = async (id: number): Promise<void> => {
    await second.send(`BEGIN; INSERT INTO ducklake_data_file VALUES (${id}, 'second')`);
    await first.send(`BEGIN; INSERT INTO ducklake_data_file VALUES (${id}, 'first'); COMMIT`);
    await assert.rejects(second.send('COMMIT'));
    await second.send('ROLLBACK');
  };
  await refuse(1);
  const maintenance = await lakes.client('l', 'maintenance');
  const merge = (id: number) => maintenance.send(`BEGIN; INSERT INTO ducklake_data_file VALUES (${id}, 'merged'); COMMIT`);
  await assert.rejects(merge(10), { code: 'lock_timeout' });
  await maintenance.send('ROLLBACK');
  await second.send("BEGIN; INSERT INTO ducklake_data_file VALUES (2, 'second'); COMMIT");
  await merge(11);
  await refuse(3);
  move(limits.returnMsMax + 1);
  await merge(12);
});

test('maintenance waits a moment for users to end, and who begins meanwhile waits for it', async (t) => {
  const lakes = await openMetadataLakes(['l']);
  t.after(() => lakes.close());
  const [first, second, maintenance] = [
    await lakes.client('l', 'write'),
    await lakes.client('l', 'write'),
    await lakes.client('l', 'maintenance'),
  ];
  await first.send(files);
  await first.send("BEGIN; INSERT INTO ducklake_data_file VALUES (1, 'mine')");
  await maintenance.send("BEGIN; INSERT INTO ducklake_data_file VALUES (2, 'merged')");
  const committed = maintenance.send('COMMIT');
  await sleep(20);
  const sees = second.send('BEGIN; SELECT count(*) FROM ducklake_data_file; COMMIT');
  await sleep(20);
  await first.send('COMMIT');
  await committed;
  assert.deepEqual((await sees)[1]?.rows, [[2n]], 'who was let in afterwards sees what maintenance has made');
});

test('readers by grant and read-only transactions are in nobody’s way', async (t) => {
  const lakes = await openMetadataLakes(['l']);
  t.after(() => lakes.close());
  const writer = await lakes.client('l', 'write');
  await writer.send(files);
  const reader = await lakes.client('l', 'read');
  await reader.send('BEGIN; SELECT * FROM ducklake_data_file');
  await writer.send('BEGIN TRANSACTION READ ONLY; SELECT * FROM ducklake_data_file');
  const maintenance = await lakes.client('l', 'maintenance');
  await maintenance.send("BEGIN; INSERT INTO ducklake_data_file VALUES (1, 'merged'); COMMIT");
  assert.deepEqual(await reader.rows('SELECT count(*) FROM ducklake_data_file'), [[0n]], 'the reader keeps its snapshot');
});

test('a transaction older than its limit may not write, and does not hold maintenance up any more', async (t) => {
  const { clock, move } = movableClock();
  const lakes = await openMetadataLakes(['l'], clock, { writeTransactionMsMax: 60_000 });
  t.after(() => lakes.close());
  const old = await lakes.client('l', 'write');
  await old.send(files);
  await old.send('BEGIN; SELECT * FROM ducklake_data_file');
  move(59_000);
  const traffic = await lakes.sessions.traffic({ id: 'l' });
  assert.ok(clock.now() - (traffic.oldestAt() as number) >= 59_000);
  const maintenance = await lakes.client('l', 'maintenance');
  await assert.rejects(maintenance.send("BEGIN; INSERT INTO ducklake_data_file VALUES (2, 'merged'); COMMIT"));
  await maintenance.send('ROLLBACK');
  move(2_000);
  await maintenance.send("BEGIN; INSERT INTO ducklake_data_file VALUES (2, 'merged'); COMMIT");
  await assert.rejects(
    old.send("INSERT INTO ducklake_data_file VALUES (1, 'old'); COMMIT"),
    (error: Error & { code: string }) =>
      error.code === 'limit_exceeded' && !/primary key|unique|conflict|concurrent/i.test(error.message),
  );
  assert.deepEqual(await old.rows('SELECT path FROM ducklake_data_file'), [['merged']]);
  assert.equal(traffic.oldestAt(), null, 'nobody is left');
});

test('a commit that names a file which is about to be deleted is refused', async (t) => {
  const lakes = await openMetadataLakes(['l']);
  t.after(() => lakes.close());
  const user = await lakes.client('l', 'write');
  await user.send(files);
  const traffic = await lakes.sessions.traffic({ id: 'l' });
  traffic.condemn(new Set(['doomed.parquet']));
  await assert.rejects(
    user.send("BEGIN; INSERT INTO ducklake_data_file VALUES (1, 'a/doomed.parquet'); COMMIT"),
    (error: Error & { code: string }) => error.code === 'precondition_failed',
  );
  await assert.rejects(user.send("INSERT INTO ducklake_delete_file VALUES (1, 'doomed.parquet')"));
  await user.send("INSERT INTO ducklake_data_file VALUES (1, 'a/kept.parquet')");
  traffic.condemn(new Set());
  await user.send("INSERT INTO ducklake_data_file VALUES (2, 'a/doomed.parquet')");
});

test('a stock client may not clean up files that the server looks after, but may where they are its own', async (t) => {
  const lakes = await openMetadataLakes(['l'], systemClock, { dataPath: '/lakes/l/data/' });
  t.after(() => lakes.close());
  const user = await lakes.client('l', 'owner');
  await user.send(files);
  await user.send("INSERT INTO ducklake_metadata VALUES ('data_path', '/lakes/l/data/')");
  const look = 'COPY (SELECT "path" FROM "public"."ducklake_files_scheduled_for_deletion" ) TO STDOUT (FORMAT "binary")';
  await assert.rejects(user.send(look), (error: Error & { code: string }) => error.code === 'permission_denied');
  await user.send('SELECT * FROM ducklake_files_scheduled_for_deletion');
  const maintenance = await lakes.client('l', 'maintenance');
  await maintenance.send(look);
  await user.send("UPDATE ducklake_metadata SET value = '/elsewhere/'");
  await user.send(look);
});
