/** Promises of kept answers: a session is given what DuckDB would say at its moment, whoever commits what meanwhile. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, keptAnswers, type MetadataLakes, openMetadataLakes, someTables } from '../../../support/metadata-lake.ts';
import { SeededRandom } from '../../../support/simulated-clock.ts';

let lakes: MetadataLakes;
before(async () => {
  lakes = await openMetadataLakes(['a', 'b', 'c', 'd', 'e']);
});
after(() => lakes.close());

const begin = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ';
const copy = (query: string): string => `COPY (${query}) TO STDOUT (FORMAT "binary");`;
const latest = copy(
  `SELECT "snapshot_id" FROM (SELECT snapshot_id FROM "public".ducklake_snapshot WHERE snapshot_id = (SELECT MAX(snapshot_id) FROM "public".ducklake_snapshot)) AS __unnamed_subquery `,
);
const stats = copy('SELECT "table_id", "min_value" FROM "public"."ducklake_table_column_stats" WHERE "table_id" = \'1\'');
const snapshot = (id: number): string => `INSERT INTO "public".ducklake_snapshot VALUES (${id}, NOW(), 1, 2, 0)`;
const given = async (client: Client, sql: string): Promise<boolean> => {
  const before = keptAnswers.given;
  await client.send(sql);
  return keptAnswers.given > before;
};

test('an answer is given again until its table changes, and never to a transaction that began before the change', async () => {
  const [one, two] = [await lakes.client('a'), await lakes.client('a')];
  await one.send(someTables);
  await one.send(snapshot(1));
  for (const c of [one, two]) await c.send(begin);
  await one.send(latest);
  await one.send(stats);
  assert.equal(await given(two, latest), true);
  const writer = await lakes.client('a');
  await writer.send(snapshot(2));
  assert.deepEqual(await two.rows(latest), [[1n]], 'its moment is before the commit');
  assert.equal(await given(two, stats), true, 'this table has not changed');
  await two.send('COMMIT');
  await two.send(begin);
  assert.deepEqual(await two.rows(latest), [[2n]]);
  assert.deepEqual(await one.rows(latest), [[1n]]);
  assert.equal(await given(two, latest), true);
});

test('a transaction sees what it has written itself, and a refused one leaves nothing behind', async () => {
  const [one, two] = [await lakes.client('b'), await lakes.client('b')];
  await one.send(someTables);
  await one.send(snapshot(1));
  await one.send(`${begin};${latest}`);
  await one.send('COMMIT');
  await one.send(begin);
  await one.send(snapshot(2));
  assert.deepEqual(await one.rows(latest), [[2n]]);
  await two.send(begin);
  assert.deepEqual(await two.rows(latest), [[1n]]);
  await one.send('ROLLBACK');
  await two.send('COMMIT');
  assert.deepEqual(await two.rows(latest), [[1n]]);
});

test('what depends on more than rows is never given again', async () => {
  const client = await lakes.client('c', 'write');
  await client.send(someTables);
  await client.send(snapshot(1));
  for (const query of [
    'SELECT now() FROM "public".ducklake_snapshot',
    'SELECT current_user FROM "public".ducklake_snapshot',
    'SELECT current_date FROM "public".ducklake_snapshot',
    'SELECT gen_random_uuid() FROM "public".ducklake_snapshot',
    'SELECT ctid, "snapshot_id" FROM "public"."ducklake_snapshot"',
    'SELECT "snapshot_id" FROM "public"."ducklake_snapshot" WHERE snapshot_time < \'tomorrow\'::date',
    'SELECT relname FROM pg_class',
  ]) {
    await client.send(begin);
    await client.send(copy(query)).catch(() => undefined);
    assert.equal(await given(client, copy(query)).catch(() => false), false, query);
    await client.send('COMMIT');
  }
  await client.send(`CREATE TEMPORARY TABLE ducklake_snapshot(snapshot_id BIGINT)`);
  await client.send(begin);
  assert.deepEqual(await client.rows(copy('SELECT snapshot_id FROM ducklake_snapshot')), []);
});

test('a table that is dropped and made again does not answer for the one before', async () => {
  const [one, two] = [await lakes.client('d'), await lakes.client('d')];
  await one.send(someTables);
  await one.send("INSERT INTO ducklake_table_column_stats VALUES (1, 1, NULL, NULL, 'old', NULL, NULL)");
  await two.send(begin);
  await two.send(stats);
  await one.send(
    'DROP TABLE ducklake_table_column_stats; CREATE TABLE ducklake_table_column_stats(table_id BIGINT, min_value VARCHAR)',
  );
  assert.deepEqual(await two.rows(stats), [[1n, 'old']], 'its moment is before the drop');
  await two.send('COMMIT');
  await two.send(begin);
  assert.deepEqual(await two.rows(stats), []);
});

test('whatever sessions do at random, a kept answer is what DuckDB says in a transaction of the same moment', async () => {
  const random = new SeededRandom(Number(process.env['SIMULATION_SEED'] ?? 20));
  const number = (below: number): number => random.between(0, below - 1);
  const admin = await lakes.client('e');
  await admin.send(someTables);
  const before = keptAnswers.given;
  // A temporary table makes a session ask DuckDB for everything.
  const pairs = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const twin = await lakes.client('e');
      await twin.send('CREATE TEMPORARY TABLE own(i BIGINT)');
      return { client: await lakes.client('e'), twin, open: false };
    }),
  );
  let id = 0;
  const changes = (): string =>
    [
      snapshot(++id),
      `INSERT INTO ducklake_table_column_stats VALUES (${number(3)}, ${id}, NULL, NULL, '${id}', NULL, NULL)`,
      `UPDATE ducklake_table_column_stats SET min_value = 'u${id}' WHERE table_id = ${number(3)}`,
      `DELETE FROM ducklake_table_column_stats WHERE column_id = ${number(id + 1)}`,
    ][number(4)] as string;
  for (let step = 0; step < 600; step++) {
    const pair = pairs[number(pairs.length)] as (typeof pairs)[number];
    const { client, twin } = pair;
    const what = number(10);
    if (what === 0 && pair.open) {
      await Promise.all([client.send('COMMIT'), twin.send('COMMIT')]);
      pair.open = false;
    } else if (what === 1) await Promise.all([admin.send(changes()), pairs[number(4)]?.client.session.sync()]);
    else {
      if (!pair.open) await Promise.all([client.send(begin), twin.send(begin)]);
      pair.open = true;
      const sql = [latest, stats, stats.replace("'1'", "'2'"), copy('SELECT count(*) FROM "public".ducklake_snapshot')][
        number(4)
      ] as string;
      const [mine, other] = [await client.send(sql), await twin.send(sql)];
      assert.deepEqual(mine, other, `step ${step}: ${sql}`);
    }
  }
  assert.ok(keptAnswers.given - before > 100, `only ${keptAnswers.given - before} answers were kept ones`);
});
