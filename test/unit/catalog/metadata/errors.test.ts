/** DuckLake's client repeats a commit when an error text holds one of four words (durability rule 12). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { toMetadataError } from '../../../../catalog/metadata/errors.ts';
import { type MetadataLakes, openMetadataLakes, someTables } from '../../../support/metadata-lake.ts';

const retryWords = /primary key|unique|conflict|concurrent/i;
const textsOf = (error: LakeError): string => [error.message, error.hint, error.detail].join(' ');

let lakes: MetadataLakes;
before(async () => {
  lakes = await openMetadataLakes(['lake']);
  await (await lakes.client('lake')).send(
    `${someTables} CREATE TABLE ducklake_inlined_data_9_9(row_id BIGINT, "unique_id" BIGINT NOT NULL, concurrent_conflict VARCHAR)`,
  );
});
after(() => lakes.close());

/** What each refused text is answered with; none of them may make a client repeat a commit. */
const refused: readonly (readonly [sql: string, code: string])[] = [
  ['SELECT unique_idd FROM ducklake_inlined_data_9_9', 'undefined_column'],
  ['SELECT * FROM ducklake_unique_conflict', 'undefined_table'],
  ['SELECT * FROM "primary key"', 'undefined_table'],
  ["INSERT INTO ducklake_inlined_data_9_9 VALUES ('concurrent conflict', 1, NULL)", 'invalid_text_representation'],
  ['INSERT INTO ducklake_inlined_data_9_9 VALUES (1, NULL, NULL)', 'not_null_violation'],
  ['INSERT INTO ducklake_inlined_data_9_9("unique") VALUES (1)', 'undefined_column'],
  ['CREATE TABLE ducklake_inlined_data_9_9(unique_id BIGINT)', 'duplicate_table'],
  ['CREATE TABLE ducklake_x("unique" BIGINT, "unique" BIGINT)', 'duplicate_column'],
  ['CREATE TABLE ducklake_x(a "conflict")', 'undefined_object'],
  ['CREATE TABLE conflict(a BIGINT)', 'permission_denied'],
  ['SELECT * FROM concurrent.ducklake_x', 'undefined_schema'],
  ['SELECT conflict(1)', 'undefined_function'],
  ['SELECT 1 concurrent concurrent', 'syntax_error'],
  ['SELECT unique_id AS a FROM ducklake_inlined_data_9_9 GROUP BY concurrent_conflict', 'grouping_error'],
  ['SET "unique" = 1', 'undefined_parameter'],
  ["SELECT CAST('unique' AS BIGINT)", 'invalid_text_representation'],
  ["SELECT '\\xunique'::bytea", 'invalid_text_representation'],
  ['SELECT \'unique\' COLLATE "conflict"', 'undefined_object'],
  ['CREATE UNIQUE INDEX x ON ducklake_snapshot(snapshot_id)', 'feature_not_supported'],
  ['CREATE INDEX CONCURRENTLY x ON ducklake_snapshot(snapshot_id)', 'feature_not_supported'],
  ['SELECT 1/0 WHERE false OR 1 = (SELECT 1 FROM (VALUES (1), (2)) AS "unique"(a))', 'cardinality_violation'],
];

for (const [sql, code] of refused) {
  test(`no retry word in the answer to: ${sql.slice(0, 80)}`, async () => {
    const client = await lakes.client('lake');
    await assert.rejects(client.send(sql), (error) => {
      assert.ok(error instanceof LakeError);
      assert.doesNotMatch(textsOf(error), retryWords);
      assert.equal(error.code, code, error.message);
      return true;
    });
    await client.session.close();
  });
}

test('every other error of DuckDB and of ours is told without them', () => {
  const thrown = [
    new Error('Binder Error: Could not find unique key for conflict target'),
    new Error('IO Error: concurrent access'),
    new Error('FATAL Error: conflict'),
    new Error('INTERRUPT Error: Interrupted! conflict'),
    new Error('Out of Memory Error: unique'),
    new Error('something about a PRIMARY KEY'),
    new LakeError('invalid_argument', 'Conflict', { hint: 'make it UNIQUE', detail: 'Concurrent' }),
    'conflict',
  ];
  for (const error of thrown) assert.doesNotMatch(textsOf(toMetadataError(error)), retryWords, String(error));
});

test('the two that are worth repeating keep them', () => {
  const duplicate = toMetadataError(
    new Error('Constraint Error: Duplicate key "snapshot_id: 5" violates primary key constraint.'),
    'ducklake_snapshot',
  );
  assert.deepEqual(
    [duplicate.code, duplicate.message, duplicate.detail],
    [
      'unique_violation',
      'duplicate key value violates unique constraint "ducklake_snapshot_pkey"',
      'Key (snapshot_id)=(5) already exists.',
    ],
  );
  const atCommit = toMetadataError(
    new Error('TransactionContext Error: Failed to commit: PRIMARY KEY or UNIQUE constraint violation: duplicate key "10"'),
    'ducklake_snapshot',
  );
  assert.equal(atCommit.code, 'unique_violation');
  for (const text of [
    'Conflict on update!',
    'Catalog write-write conflict on create with "x"',
    'Failed to commit: write-write conflict on key',
    'Catalog write-write conflict on alter with "unique"',
  ]) {
    const conflict = toMetadataError(new Error(`TransactionContext Error: ${text}`));
    assert.deepEqual(
      [conflict.code, conflict.message],
      ['serialization_conflict', 'could not serialize access due to concurrent update'],
    );
    assert.match(conflict.detail ?? '', /^Conflict on/, "DuckDB's own word for it");
  }
});
