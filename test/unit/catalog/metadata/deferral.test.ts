/** Promises of commits that wait for COMMIT: whatever is sent, a lake where they do is the same as one where nothing waits. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LakeError } from '../../../../base/errors.ts';
import { type Answer, type Client, keptAnswers, type MetadataLakes, openMetadataLakes } from '../../../support/metadata-lake.ts';
import { SeededRandom } from '../../../support/simulated-clock.ts';
import { scaled } from '../../../support/tier.ts';

let lakes: MetadataLakes;
before(async () => {
  lakes = await openMetadataLakes(['fast', 'slow', 'own', 'lost', 'condemned']);
});
after(() => lakes.close());

const tables = `
  CREATE TABLE "public"."ducklake_snapshot"("snapshot_id" BIGINT PRIMARY KEY, "snapshot_time" TIMESTAMP WITH TIME ZONE, "schema_version" BIGINT, "next_catalog_id" BIGINT, "next_file_id" BIGINT);
  CREATE TABLE "public"."ducklake_snapshot_changes"("snapshot_id" BIGINT PRIMARY KEY, "changes_made" VARCHAR, "author" VARCHAR, "commit_message" VARCHAR, "commit_extra_info" VARCHAR);
  CREATE TABLE "public"."ducklake_table_stats"("table_id" BIGINT, "record_count" BIGINT, "next_row_id" BIGINT, "file_size_bytes" BIGINT);
  CREATE TABLE "public"."ducklake_table_column_stats"("table_id" BIGINT, "column_id" BIGINT, "contains_null" BOOLEAN, "contains_nan" BOOLEAN, "min_value" VARCHAR, "max_value" VARCHAR, "extra_stats" VARCHAR);
  CREATE TABLE "public"."ducklake_inlined_data_1_1"("row_id" BIGINT, "begin_snapshot" BIGINT, "end_snapshot" BIGINT, "s" BYTEA, "d" DECIMAL(10,2));
  CREATE TABLE "public"."ducklake_inlined_data_1_2"("row_id" BIGINT, "begin_snapshot" BIGINT, "end_snapshot" BIGINT, "s" BYTEA, "n" INTEGER);
  CREATE TABLE "public"."ducklake_data_file"("data_file_id" BIGINT PRIMARY KEY, "path" VARCHAR, "record_count" BIGINT, "is_relative" BOOLEAN);
  CREATE TABLE "public"."ducklake_view"("view_id" BIGINT, "sql" VARCHAR, "end_snapshot" BIGINT);
  INSERT INTO "public".ducklake_snapshot VALUES (0, NOW(), 0, 1, 0)`;

const begin = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ';
const copy = (query: string): string => `COPY (${query}) TO STDOUT (FORMAT "binary");`;
const latest =
  copy(`SELECT "snapshot_id", "schema_version", "next_catalog_id", "next_file_id" FROM (SELECT snapshot_id, schema_version, next_catalog_id, next_file_id
			 FROM "public".ducklake_snapshot WHERE snapshot_id = (
			     SELECT MAX(snapshot_id) FROM "public".ducklake_snapshot
			 )) AS __unnamed_subquery `);
const stats = (table: number): string =>
  copy(
    `SELECT "table_id", "record_count", "file_size_bytes", "next_row_id" FROM "public"."ducklake_table_stats" WHERE "table_id" = '${table}'`,
  );
const columns = (table: number): string =>
  copy(
    `SELECT "table_id", "column_id", "contains_null", "contains_nan", "min_value", "max_value", "extra_stats" FROM "public"."ducklake_table_column_stats" WHERE "table_id" = '${table}'`,
  );
const others = [
  copy('SELECT "table_id", "record_count" FROM "public"."ducklake_table_stats" '),
  copy('SELECT "column_id", "min_value" FROM "public"."ducklake_table_column_stats" WHERE "column_id" = \'1\''),
  copy('SELECT "snapshot_id", "changes_made" FROM "public"."ducklake_snapshot_changes" '),
  copy(
    'SELECT "row_id", "begin_snapshot", "s", "d" FROM "public"."ducklake_inlined_data_1_1" WHERE "begin_snapshot" <= \'1000\'',
  ),
];
const columnUpdate = (rows: readonly string[]): string => `
	WITH new_values(tid, cid, new_contains_null, new_contains_nan, new_min, new_max, new_extra_stats) AS (
	VALUES ${rows.join(',')}
	)
	UPDATE "public".ducklake_table_column_stats
	SET contains_null=CAST(new_contains_null AS BOOLEAN), contains_nan=CAST(new_contains_nan AS BOOLEAN), min_value=new_min, max_value=new_max, extra_stats=new_extra_stats
	FROM new_values
	WHERE table_id=tid AND column_id=cid`;

/** What the client sees of a message: tags and bytes, or that it failed. */
async function shown(client: Client, sql: string): Promise<unknown> {
  try {
    return (await client.send(sql)).map(({ tag, bytes }: Answer) => [tag, bytes?.toString('hex')]);
  } catch (error) {
    assert.match(
      (error as LakeError).code,
      /unique_violation|serialization_conflict|in_failed_transaction/,
      `${sql}: ${(error as Error).message}`,
    );
    return 'failed';
  }
}

test('a lake whose commits wait and one where nothing does are the same, whatever is sent', async () => {
  const random = new SeededRandom(Number(process.env['SIMULATION_SEED'] ?? 4));
  const pick = <T>(list: readonly T[]): T => list[random.between(0, list.length - 1)] as T;
  const text = (): string => pick(['NULL', "'1'", "'it''s'", "'ä\u00e9'", "''", "'-5'"]);
  const flag = (): string => pick(['NULL', 'true', 'false']);
  const clients = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const slow = await lakes.client('slow');
      return { fast: await lakes.client('fast'), slow, seen: -1n, isOpen: false, isFailed: false };
    }),
  );
  type Pair = (typeof clients)[number];
  const both = async (pair: Pair, sql: string): Promise<unknown> => {
    const [mine, general] = [await shown(pair.fast, sql), await shown(pair.slow, sql)];
    assert.deepEqual(mine, general, sql);
    return mine;
  };
  await both(clients[0] as Pair, tables);
  // A temporary table makes a session ask DuckDB for everything, at once.
  for (const { slow } of clients) await slow.send('CREATE TEMPORARY TABLE own(i BIGINT)');
  const before = keptAnswers.given;
  let commits = 0;
  let refused = 0;
  const known = new Set<number>();
  for (let step = 0; step < scaled(250, 4_000); step++) {
    const pair = pick(clients);
    if (!pair.isOpen) {
      await both(pair, begin);
      pair.isOpen = true;
      const bytes = (await both(pair, latest)) as [string, string][];
      pair.seen = decodedId(bytes[0]?.[1] ?? '');
      continue;
    }
    const table = random.between(1, 3);
    const what = random.between(0, 9);
    if (what < 5) {
      await both(pair, pick([latest, stats(table), columns(table), pick(others)]));
      continue;
    }
    if (what === 5) {
      await both(pair, pick(['COMMIT', 'ROLLBACK']));
      pair.isOpen = false;
      continue;
    }
    await both(pair, stats(table));
    await both(pair, columns(table));
    const id = pair.seen + 1n;
    const row = (column: number): string => `(${table}, ${column}, ${flag()}, ${flag()}, ${text()}, ${text()}, NULL)`;
    const batch = [
      `INSERT INTO "public".ducklake_snapshot VALUES (${id}, NOW(), ${random.between(0, 3)}, 2, ${random.between(0, 99)})`,
    ];
    if (known.has(table)) {
      batch.push(
        `UPDATE "public".ducklake_table_stats SET record_count=${step}, file_size_bytes=0, next_row_id=${step} WHERE table_id=${table}`,
      );
      batch.push(
        columnUpdate(
          pick(
            [[row(1), row(2)], [row(2)], [row(1), `(${table + 1}, 2, NULL, NULL, 'x', NULL, NULL)`], [row(1), row(1)]].slice(
              0,
              3,
            ),
          ),
        ),
      );
    } else {
      batch.push(`INSERT INTO "public".ducklake_table_stats VALUES (${table}, ${step}, 1, 0)`);
      batch.push(`INSERT INTO "public".ducklake_table_column_stats VALUES ${row(1)},${row(2)}`);
    }
    // Commits of values that fit for certain are made without DuckDB, keys are new or not.
    const isPlain = random.isChosen(0.8);
    if (isPlain) {
      const file = random.isChosen(0.8) ? 1000 + step : 1000 + random.between(0, step);
      batch.push(
        `INSERT INTO "public".ducklake_inlined_data_1_2 VALUES (${step}, ${id}, NULL, '\\x6f6e65', ${random.between(-9, 9)}), (${step}, ${id}, NULL, NULL, NULL)`,
        `INSERT INTO "public".ducklake_data_file VALUES (${file}, ${text()}, ${step}, ${flag()})`,
      );
    } else
      batch.push(
        `INSERT INTO "public".ducklake_inlined_data_1_1 VALUES (${step}, ${id}, NULL, '\\x6f6e65', 1.5), (${step}, ${id}, NULL, NULL, -2)`,
      );
    if (random.isChosen(0.1))
      batch.splice(2, 0, 'DELETE FROM "public".ducklake_table_column_stats WHERE column_id = 2 AND table_id = 3');
    if (random.isChosen(0.1))
      batch.push(`UPDATE "public".ducklake_table_column_stats SET max_value = 'own' WHERE table_id = ${table}`);
    batch.push(`INSERT INTO "public".ducklake_snapshot_changes VALUES (${id}, 'inlined_insert:${table}', NULL, NULL, NULL)`);
    // Where a conflict is met, in the message or at COMMIT, is not promised; that it is, is.
    const sent = await Promise.all([shown(pair.fast, batch.join(';')), shown(pair.slow, batch.join(';'))]);
    if (sent[0] !== 'failed' && sent[1] !== 'failed') assert.deepEqual(sent[0], sent[1]);
    if (random.isChosen(0.15) && !sent.includes('failed')) await both(pair, stats(table));
    const end = random.isChosen(0.85) ? 'COMMIT' : 'ROLLBACK';
    const ended = [await shown(pair.fast, end), await shown(pair.slow, end)].map((seen, i) =>
      sent[i] === 'failed' || seen === 'failed' || JSON.stringify(seen).includes('ROLLBACK') ? 'nothing' : 'committed',
    );
    assert.equal(ended[0], ended[1], `step ${step}: ${end} of ${batch.join(';')}`);
    pair.isOpen = false;
    if (ended[0] === 'committed') {
      commits++;
      known.add(table);
    } else if (end === 'COMMIT') refused++;
  }
  for (const pair of clients) if (pair.isOpen) await both(pair, 'COMMIT');
  for (const name of [
    'ducklake_snapshot_changes',
    'ducklake_table_stats',
    'ducklake_table_column_stats',
    'ducklake_inlined_data_1_1',
    'ducklake_inlined_data_1_2',
    'ducklake_data_file',
  ])
    await both(clients[0] as Pair, `SELECT * FROM "public".${name}`);
  const all = 'SELECT * FROM ducklake_table_column_stats';
  assert.deepEqual(await clients[0]?.fast.rows(all), await clients[0]?.slow.rows(all));
  assert.ok(commits > 15 && refused > 4, `${commits} commits, ${refused} refused`);
  assert.ok(lakes.log.recorded > 5, `${lakes.log.recorded} commits past DuckDB`);
  assert.ok(keptAnswers.given - before > 50, `${keptAnswers.given - before} kept answers`);
});

const decodedId = (hex: string): bigint =>
  Buffer.from(hex, 'hex').readBigInt64BE(Buffer.from(hex, 'hex').indexOf('PGCOPY') + 19 + 6);

test('a commit that waits is seen by its own transaction, and refused with words that DuckLake retries on', async () => {
  const [one, two] = [await lakes.client('own'), await lakes.client('own')];
  await one.send(tables);
  for (const client of [one, two]) {
    await client.send(begin);
    await client.send(latest);
  }
  const commit = (id: number): string =>
    `INSERT INTO "public".ducklake_snapshot VALUES (${id}, NOW(), 1, 1, 1);INSERT INTO "public".ducklake_snapshot_changes VALUES (${id}, 'x', NULL, NULL, NULL)`;
  await one.send(commit(1));
  assert.deepEqual(await one.rows('SELECT max(snapshot_id) FROM ducklake_snapshot'), [[1n]]);
  await one.send('COMMIT');
  await two.send(commit(1)).catch(() => undefined);
  await assert.rejects(
    two.send('COMMIT').then(() => Promise.reject(new Error('it was committed'))),
    /unique|conflict|concurrent|it was committed/i,
  );
  assert.deepEqual(await one.rows('SELECT count(*) FROM ducklake_snapshot'), [[2n]]);
  await two.send('ROLLBACK');
  await two.send(begin);
  await two.send(latest);
  await two.send(commit(2));
  await two.send('ROLLBACK');
  assert.deepEqual(await one.rows('SELECT max(snapshot_id) FROM ducklake_snapshot'), [[1n]]);
});

test('a row that another has changed since is never overwritten, whenever the change came', async () => {
  const [one, two] = [await lakes.client('lost'), await lakes.client('lost')];
  await one.send(tables);
  await one.send('INSERT INTO "public".ducklake_table_stats VALUES (1, 1, 1, 1)');
  const change = 'UPDATE ducklake_table_stats SET file_size_bytes = file_size_bytes + 1 WHERE table_id = 1';
  const batch = (id: number): string =>
    `INSERT INTO "public".ducklake_snapshot VALUES (${id}, NOW(), 1, 1, 1);UPDATE "public".ducklake_table_stats SET record_count=9, file_size_bytes=9, next_row_id=9 WHERE table_id=1`;
  for (const [id, when] of (['before the message', 'between message and COMMIT'] as const).entries()) {
    await one.send(begin);
    await one.send(latest);
    await one.send(stats(1));
    if (id === 0) await two.send(change);
    const sent = await shown(one, batch(id + 1));
    if (id === 1) await two.send(change);
    const ended = await shown(one, 'COMMIT');
    assert.ok(sent === 'failed' || ended === 'failed', when);
    assert.deepEqual(await two.rows('SELECT file_size_bytes FROM ducklake_table_stats'), [[BigInt(id + 2)]], when);
  }
});

test('one who may only read, or said so, writes nothing by waiting', async () => {
  const owner = await lakes.client('condemned');
  await owner.send(tables);
  const reader = await lakes.client('condemned', 'read');
  const batch = `INSERT INTO "public".ducklake_snapshot VALUES (1, NOW(), 1, 1, 1);INSERT INTO "public".ducklake_snapshot_changes VALUES (1, 'x', NULL, NULL, NULL)`;
  await reader.send(begin);
  await assert.rejects(reader.send(batch), { code: 'permission_denied' });
  await owner.send('BEGIN READ ONLY');
  await assert.rejects(owner.send(batch), { code: 'read_only_transaction' });
  await owner.send('ROLLBACK');
  await owner.send(begin);
  await assert.rejects(
    owner
      .send(
        `${batch};INSERT INTO "public".ducklake_view(view_id, sql) VALUES (1, 'SELECT * FROM ducklake_expire_snapshots(''cat'')')`,
      )
      .then(() => owner.send('COMMIT')),
    { code: 'permission_denied' },
  );
});
