/** Promises of a metadata session, driven by the texts that a stock DuckDB sends. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { LakeError } from '../../../../base/errors.ts';
import { type Client, type MetadataLakes, openMetadataLakes, someTables } from '../../../support/metadata-lake.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

let lakes: MetadataLakes;
let client: Client;
const clock = new SimulatedClock();
let lakeNumber = 0;
const names = Array.from({ length: 40 }, (_, i) => `lake${i}`);

before(async () => {
  lakes = await openMetadataLakes(names, clock);
});
after(() => lakes.close());
beforeEach(async () => {
  client = await lakes.client(name(++lakeNumber));
  await client.send(someTables);
});

function name(number: number): string {
  return names[number] as string;
}

const another = (right: 'pod' | 'read' | 'write' | 'owner' = 'pod'): Promise<Client> => lakes.client(name(lakeNumber), right);
const snapshot = (id: number): string => `INSERT INTO "public".ducklake_snapshot VALUES (${id}, NOW(), 1, 2, 0)`;
const begin = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ';
const code = (expected: string) => (error: LakeError) =>
  error.code === expected || assert.fail(`${error.code}: ${error.message}`);

test('commits a message of several statements as one', async () => {
  const answers = await client.send(
    `${snapshot(1)};${snapshot(2)};UPDATE "public".ducklake_snapshot SET schema_version = 7 WHERE snapshot_id IN (1, 2)`,
  );
  assert.deepEqual(
    answers.map((a) => a.tag),
    ['INSERT 0 1', 'INSERT 0 1', 'UPDATE 2'],
  );
  await assert.rejects(client.send(`${snapshot(3)};${snapshot(3)}`), code('unique_violation'));
  assert.deepEqual(await client.rows('SELECT snapshot_id FROM ducklake_snapshot ORDER BY 1'), [[1n], [2n]]);
});

test('keeps a block until it ends, and fails it at the first error', async () => {
  await client.send(begin);
  assert.equal(client.session.transactionStatus(), 'T');
  await client.send(snapshot(1));
  assert.deepEqual(await (await another()).rows('SELECT * FROM ducklake_snapshot'), [], 'nobody sees what is not committed');
  await assert.rejects(client.send('SELECT nope FROM ducklake_snapshot'), code('undefined_column'));
  assert.equal(client.session.transactionStatus(), 'E');
  await assert.rejects(client.send('SELECT 1'), code('in_failed_transaction'));
  await assert.rejects(client.send(snapshot(2)), code('in_failed_transaction'));
  assert.equal((await client.send('COMMIT')).at(-1)?.tag, 'ROLLBACK');
  assert.equal(client.session.transactionStatus(), 'I');
  assert.deepEqual(await client.rows('SELECT * FROM ducklake_snapshot'), []);
});

test('shows one snapshot for the whole of a block, tables included', async () => {
  await client.send(`${begin};SELECT oid, nspname FROM pg_namespace ORDER BY oid`);
  const other = await another();
  await other.send(`${snapshot(1)};CREATE TABLE "public".ducklake_inlined_data_2_1(row_id BIGINT)`);
  assert.deepEqual(await client.rows('SELECT * FROM ducklake_snapshot'), []);
  await assert.rejects(client.send('SELECT * FROM ducklake_inlined_data_2_1'), code('undefined_table'));
  await client.send('ROLLBACK');
  assert.deepEqual(await client.rows('SELECT * FROM ducklake_inlined_data_2_1'), []);
});

test('undoes tables that a rolled back block made', async () => {
  await client.send(
    `${begin};CREATE TABLE "public".ducklake_inlined_data_3_1(row_id BIGINT);INSERT INTO ducklake_inlined_data_3_1 VALUES (1)`,
  );
  assert.deepEqual(await client.rows('SELECT * FROM ducklake_inlined_data_3_1'), [[1n]]);
  await client.send('ROLLBACK');
  await assert.rejects(client.rows('SELECT * FROM ducklake_inlined_data_3_1'), code('undefined_table'));
});

test('a rival commit of the same snapshot is 23505 with the words that DuckLake retries on', async () => {
  const other = await another();
  await client.send(`${begin};${snapshot(1)}`);
  await other.send(`${begin};${snapshot(1)}`);
  await client.send('COMMIT');
  await assert.rejects(
    other.send('COMMIT'),
    (error: LakeError) =>
      error.code === 'unique_violation' &&
      error.message === 'duplicate key value violates unique constraint "ducklake_snapshot_pkey"',
  );
  assert.equal(other.session.transactionStatus(), 'I', 'a refused COMMIT ends the block');
  await assert.rejects(other.send(snapshot(1)), (error: LakeError) => error.detail === 'Key (snapshot_id)=(1) already exists.');
});

test('a lost update is 40001, sent when the transaction is gone already', async () => {
  await client.send("INSERT INTO ducklake_metadata VALUES ('a', '1', NULL, NULL)");
  const other = await another();
  await client.send(`${begin};UPDATE ducklake_metadata SET value = '2'`);
  await assert.rejects(
    other.send(`${begin};${snapshot(9)};UPDATE ducklake_metadata SET value = '3'`),
    code('serialization_conflict'),
  );
  assert.equal(other.session.transactionStatus(), 'E');
  // What the loser wrote before is gone although it has not said ROLLBACK yet: nothing holds the winner off.
  await client.send(`${snapshot(9)};COMMIT`);
  assert.deepEqual(await client.rows('SELECT value FROM ducklake_metadata'), [['2']]);
});

test('answers nothing, not even an error, before what it shows is durable', async () => {
  const other = await another();
  let release = (): void => undefined;
  lakes.log.hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  const told: string[] = [];
  const committed = client.send(snapshot(1)).then(() => told.push('commit'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const read = other.rows('SELECT snapshot_id FROM ducklake_snapshot').then(() => told.push('read'));
  const failed = (await another()).send(snapshot(1)).catch(() => told.push('error'));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(told, []);
  lakes.log.hold = undefined;
  release();
  await Promise.all([committed, read, failed]);
  assert.deepEqual(told.sort(), ['commit', 'error', 'read']);
});

test('a grant for reading reads and does nothing else', async () => {
  await client.send(snapshot(1));
  const reader = await another('read');
  assert.deepEqual(await reader.rows('SELECT snapshot_id FROM ducklake_snapshot'), [[1n]]);
  const writes = [
    snapshot(2),
    'DELETE FROM ducklake_snapshot',
    'UPDATE ducklake_snapshot SET schema_version = 1',
    'TRUNCATE ducklake_snapshot',
    'DROP TABLE ducklake_snapshot',
    'CREATE TABLE ducklake_x(a INT)',
    'CREATE SCHEMA s',
    'ALTER TABLE ducklake_snapshot ADD COLUMN x INT',
    'COPY ducklake_snapshot FROM STDIN (FORMAT BINARY)',
    'WITH x(a) AS (VALUES (1)) UPDATE ducklake_snapshot SET schema_version = 2 FROM x',
    'CREATE TEMPORARY TABLE t(a INT)',
    'INSERT INTO ducklake_snapshot SELECT * FROM ducklake_snapshot RETURNING *',
  ];
  for (const sql of writes) await assert.rejects(reader.send(sql), code('permission_denied'), sql);
  assert.deepEqual(await client.rows('SELECT count(*) FROM ducklake_snapshot'), [[1n]]);
  await assert.rejects(client.send(`BEGIN READ ONLY;${snapshot(3)}`), code('read_only_transaction'));
});

test('opens nothing for somebody who has no right, and says the same for a lake that is not there', async () => {
  const principal = {
    id: 'u',
    name: 'eve',
    kind: 'user' as const,
    superuser: false,
    rights: new Map([[name(lakeNumber), 'read' as const]]),
  };
  const hooks = { notice: () => undefined, parameter: () => undefined, terminate: () => undefined };
  const open = (database: string) =>
    lakes.sessions.open({ principal, database, parameters: new Map(), remoteAddress: '', tls: false, processId: 1 }, hooks);
  const texts: string[] = [];
  for (const database of [`${name(0)}__catalog`, 'nowhere__catalog', name(lakeNumber)]) {
    await assert.rejects(open(database), (error: LakeError) => {
      texts.push(error.message.replace(database, 'X'));
      return error.code === 'undefined_database';
    });
  }
  assert.equal(new Set(texts).size, 1);
  await (await open(`${name(lakeNumber)}__catalog`)).close();
});

test('ends a writer that falls silent for 10 seconds, and leaves readers alone', async () => {
  const reader = await another();
  await reader.send(`${begin};SELECT * FROM ducklake_snapshot`);
  await client.send(`${begin};${snapshot(1)}`);
  await clock.run(clock.monotonic() + 9_000);
  await client.send('SELECT 1');
  await clock.run(clock.monotonic() + 9_999);
  assert.equal(client.terminated.length, 0);
  await clock.run(clock.monotonic() + 1);
  // The rollback before it is DuckDB's, in real time.
  for (let waited = 0; client.terminated.length === 0 && waited < 200; waited++)
    await new Promise((resolve) => setTimeout(resolve, 25));
  assert.equal(client.terminated[0]?.code, 'idle_timeout');
  await assert.rejects(client.send('COMMIT'), code('idle_timeout'));
  await reader.send('COMMIT');
  assert.deepEqual(reader.terminated, []);
  assert.deepEqual(await reader.rows('SELECT * FROM ducklake_snapshot'), []);
});

test('reads bytea as PostgreSQL writes it, wherever it meets a bytea column', async () => {
  await client.send(
    `INSERT INTO "public".ducklake_inlined_data_1_1 VALUES (0, 1, NULL, '\\x6b61', 1.50, '\\x6b61'), (1, 1, NULL, 'k\\\\\\001', 2, NULL), (2, 1, NULL, NULL, NULL, NULL)`,
  );
  const stored = await client.rows('SELECT octet_length(s), ts FROM ducklake_inlined_data_1_1 ORDER BY row_id');
  assert.deepEqual(stored, [
    [2n, '\\x6b61'],
    [3n, null],
    [null, null],
  ]);
  assert.deepEqual(await client.rows(`SELECT row_id FROM ducklake_inlined_data_1_1 WHERE "s" = '\\x6B61'::BYTEA`), [[0n]]);
  assert.deepEqual(
    await client.rows(`SELECT row_id FROM ducklake_inlined_data_1_1 WHERE "s" IN ('\\x6B61'::BYTEA, '\\x00'::BYTEA)`),
    [[0n]],
  );
  await client.send(`UPDATE ducklake_inlined_data_1_1 SET s = '\\x' WHERE row_id = 0`);
  assert.deepEqual(await client.rows('SELECT octet_length(s) FROM ducklake_inlined_data_1_1 WHERE row_id = 0'), [[0n]]);
  await assert.rejects(
    client.send(`INSERT INTO ducklake_inlined_data_1_1(s) VALUES ('\\x6')`),
    code('invalid_text_representation'),
  );
});

test('names rows by ctid, both ways, also those of the open transaction', async () => {
  await client.send(`${snapshot(1)};${snapshot(2)}`);
  await client.send(`${begin};${snapshot(3)}`);
  const [shown] = await client.send('SELECT snapshot_id, ctid FROM ducklake_snapshot ORDER BY 1');
  assert.deepEqual(shown?.names, ['snapshot_id', 'ctid']);
  assert.equal(shown?.oids[1], 27);
  const tids = (shown?.rows ?? []).map((row) => String(row[1]));
  assert.equal(tids.length, 3);
  for (const tid of tids) assert.match(tid, /^\(\d+,\d+\)$/);
  assert.equal(
    (await client.send(`DELETE FROM "public".ducklake_snapshot WHERE ctid IN ('${tids[0]}','${tids[2]}')`))[0]?.tag,
    'DELETE 2',
  );
  assert.deepEqual(await client.rows(`SELECT snapshot_id FROM ducklake_snapshot WHERE ctid = '${tids[1]}'`), [[2n]]);
  await client.send('COMMIT');
  assert.deepEqual(
    await client.rows(`SELECT snapshot_id FROM ducklake_snapshot WHERE ctid BETWEEN '(0,0)'::tid AND '(1000,0)'::tid`),
    [[2n]],
  );
});

test('gives ctid as six bytes to a binary COPY', async () => {
  await client.send(`${snapshot(1)};${snapshot(2)}`);
  const [copied] = await client.send(
    'COPY (SELECT "snapshot_id", ctid FROM "public"."ducklake_snapshot" WHERE ("snapshot_id" >= \'0\' AND "snapshot_id" <= \'3\')) TO STDOUT (FORMAT "binary");',
  );
  const bytes = (copied?.rows ?? []).map((row) => Buffer.from((row[1] as { bytes: Uint8Array }).bytes).toString('hex'));
  assert.deepEqual(bytes, ['000000000001', '000000000002']);
});

test('updates from a temporary table by ctid and drops it with the commit', async () => {
  await client.send("INSERT INTO ducklake_metadata VALUES ('a', '1', NULL, NULL), ('b', '2', NULL, NULL)");
  await client.send(
    `${begin};CREATE LOCAL TEMPORARY TABLE "update_data_1-2"("value" VARCHAR, __page_id_string VARCHAR) ON COMMIT DROP;`,
  );
  await client.send(`INSERT INTO "update_data_1-2" VALUES ('new', '''(0,2)''')`);
  const [updated] = await client.send(
    `UPDATE "public"."ducklake_metadata" SET "value" = "update_data_1-2"."value" FROM "update_data_1-2" WHERE "ducklake_metadata".ctid=__page_id_string::TID`,
  );
  assert.equal(updated?.tag, 'UPDATE 1');
  await client.send('COMMIT');
  assert.deepEqual(await client.rows('SELECT key, value FROM ducklake_metadata ORDER BY key'), [
    ['a', '1'],
    ['b', 'new'],
  ]);
  await assert.rejects(client.send('SELECT * FROM "update_data_1-2"'), code('undefined_table'));
  await client.send(`${begin};CREATE LOCAL TEMPORARY TABLE "update_data_1-2"(v VARCHAR) ON COMMIT DROP;COMMIT`);
});

test('updates from a list of values as DuckLake writes it', async () => {
  await client.send("INSERT INTO ducklake_table_column_stats VALUES (1, 1, false, NULL, '1', '5', NULL)");
  await client.send(`
WITH new_values(tid, cid, new_contains_null, new_contains_nan, new_min, new_max, new_extra_stats) AS (
VALUES (1, 1, true, NULL, '0', '9', NULL),(1, 2, NULL, NULL, NULL, NULL, NULL)
)
UPDATE "public".ducklake_table_column_stats
SET contains_null=CAST(new_contains_null AS BOOLEAN), contains_nan=CAST(new_contains_nan AS BOOLEAN), min_value=new_min, max_value=new_max, extra_stats=new_extra_stats
FROM new_values
WHERE table_id=tid AND column_id=cid;
`);
  assert.deepEqual(await client.rows('SELECT contains_null, min_value, max_value FROM ducklake_table_column_stats'), [
    [true, '0', '9'],
  ]);
});

test('copies text in, and nothing of a copy that was broken off', async () => {
  const copy = async (sql: string, data: string, end: 'finish' | 'abort') => {
    const outcome = await client.session.simple(sql, { index: 0, count: 1 });
    assert.equal(outcome.t, 'copy-in');
    if (outcome.t !== 'copy-in') return 0;
    for (const byte of Buffer.from(data)) await outcome.sink.write(Buffer.of(byte));
    if (end === 'abort') {
      await outcome.sink.abort('test');
      return 0;
    }
    const rows = await outcome.sink.finish();
    await client.session.sync();
    return rows;
  };
  const sql = 'COPY ducklake_inlined_data_1_1 (row_id, s, d, ts) FROM STDIN';
  assert.equal(await copy(sql, '1\t\\\\x6b61\t1.5\ta\\tb\n2\t\\N\t\\N\t\\N\n', 'finish'), 2);
  await copy(sql, '3\t\\N\t\\N\tlost\n', 'abort');
  await assert.rejects(copy(sql, '4\tx\n', 'finish'), code('bad_copy_format'));
  assert.equal(
    await copy(
      'COPY ducklake_inlined_data_1_1 (row_id, ts) FROM STDIN (FORMAT csv, HEADER)',
      'row_id,ts\n5,"a ""quoted""\nline"\n6,\n',
      'finish',
    ),
    2,
  );
  assert.deepEqual(await client.rows('SELECT row_id, octet_length(s), ts FROM ducklake_inlined_data_1_1 ORDER BY row_id'), [
    [1n, 2n, 'a\tb'],
    [2n, null, null],
    [5n, null, 'a "quoted"\nline'],
    [6n, null, null],
  ]);
});

test('prepares with parameters and describes what it returns', async () => {
  await client.send(`${snapshot(1)};${snapshot(2)}`);
  const prepared = await client.session.prepare(
    'SELECT snapshot_id, schema_version AS v FROM ducklake_snapshot WHERE snapshot_id = $1',
    [20],
  );
  assert.deepEqual(prepared.parameters, [20]);
  assert.deepEqual(
    prepared.columns?.map((c) => c.name),
    ['snapshot_id', 'v'],
  );
  const outcome = await prepared.execute([{ oid: 20, format: 0, value: Buffer.from('2') }]);
  assert.equal(outcome.t, 'rows');
  if (outcome.t === 'rows') assert.deepEqual((await outcome.rows.next())?.getRows(), [[2n, 1n]]);
  await client.session.sync();
  const text = await client.session.prepare('SELECT snapshot_id FROM ducklake_snapshot WHERE snapshot_id = $1', []);
  assert.deepEqual(text.parameters, [20], 'an open parameter takes the type of what it is compared with');
  const none = await client.session.prepare('BEGIN', []);
  assert.equal(none.columns, null);
});

test('remembers settings and refuses what would change the answers', async () => {
  await client.send(
    "SET application_name = 'x'; SET extra_float_digits TO 3; SET SESSION statement_timeout = 0; SET client_encoding TO 'UTF8'; SET my.own = 'a'",
  );
  assert.deepEqual(await client.rows('SHOW application_name'), [['x']]);
  assert.deepEqual(await client.rows('SHOW my.own'), [['a']]);
  assert.deepEqual(await client.rows("SELECT current_setting('TimeZone')"), [['UTC']]);
  for (const sql of [
    "SET TimeZone = 'Europe/Helsinki'",
    "SET client_encoding = 'LATIN1'",
    "SET search_path = 'other'",
    "SET DateStyle = 'German'",
  ]) {
    await assert.rejects(client.send(sql), code('feature_not_supported'), sql);
  }
  await assert.rejects(client.send('SET threads = 1'), code('undefined_parameter'));
  await client.send('DISCARD ALL');
});

test('follows PostgreSQL where DuckDB would differ', async () => {
  assert.deepEqual(
    await client.rows(
      "SELECT 7 / 2, 'a%' LIKE 'a\\%', 1 - -1, E'a\\nb', $$it's$$, CAST('2020-01-01 00:00:00' AS timestamptz) = '2020-01-01 00:00:00+00'",
    ),
    [[3, true, 2, 'a\nb', "it's", true]],
  );
  await client.send("INSERT INTO ducklake_metadata VALUES ('a', '1', NULL, NULL), ('b', '2', 'x', 1)");
  assert.deepEqual(await client.rows('SELECT scope FROM ducklake_metadata ORDER BY scope DESC'), [[null], ['x']]);
  const [names] = await client.send(
    'SELECT count(*), 1, value::bigint, now() IS NOT NULL, upper(key) FROM ducklake_metadata GROUP BY value, key LIMIT ALL',
  );
  assert.deepEqual(names?.names, ['count', '?column?', 'value', '?column?', 'upper']);
});

test('warns like PostgreSQL about blocks that are not there', async () => {
  await client.send('COMMIT');
  await client.send('ROLLBACK');
  await client.send('BEGIN; BEGIN');
  assert.deepEqual(client.notices, [
    'there is no transaction in progress',
    'there is no transaction in progress',
    'there is already a transaction in progress',
  ]);
  await client.send('ROLLBACK');
  for (const sql of ['SAVEPOINT a', "SET TRANSACTION SNAPSHOT 'x'", 'RELEASE a', 'ROLLBACK TO a'])
    await assert.rejects(client.send(sql), code('feature_not_supported'), sql);
});

test('an empty text is an empty query', async () => {
  assert.deepEqual(client.session.split(' ; -- nothing\n /* here */ ;'), []);
});

test('the rest of a result that another statement pushed aside is an error, never an early end', async () => {
  await client.send(
    `INSERT INTO ducklake_metadata VALUES ${Array.from({ length: 5_000 }, (_, i) => `('k${i}', 'v', NULL, NULL)`).join(',')}`,
  );
  const outcome = await client.session.simple('SELECT key FROM ducklake_metadata', { index: 0, count: 2 });
  assert.equal(outcome.t, 'rows');
  if (outcome.t !== 'rows') return;
  assert.ok(await outcome.rows.next());
  await client.session.simple('SELECT count(*) FROM ducklake_metadata', { index: 1, count: 2 });
  await assert.rejects(outcome.rows.next(), code('feature_not_supported'));
});

test('a large answer is streamed although the same question had a small one before', async () => {
  const question = (key: string): string => `SELECT key FROM ducklake_metadata WHERE value = '${key}'`;
  await client.send("INSERT INTO ducklake_metadata VALUES ('a', 'few', NULL, NULL)");
  assert.equal((await client.rows(question('few'))).length, 1);
  await client.send(
    `INSERT INTO ducklake_metadata VALUES ${Array.from({ length: 5_000 }, (_, i) => `('k${i}', 'many', NULL, NULL)`).join(',')}`,
  );
  for (let i = 0; i < 3; i++) assert.equal((await client.rows(question('many'))).length, 5_000);
});
