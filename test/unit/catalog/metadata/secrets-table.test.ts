/** What a client may ask of `duckdb_secrets`, and what it is answered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectStoreSecret } from '../../../../catalog/metadata/duckdb-secret.ts';
import { answerSecrets, mayAskForSecrets, secretsColumns } from '../../../../catalog/metadata/secrets-table.ts';

const secret: ObjectStoreSecret = {
  name: 'boilstream_lake',
  scope: 's3://lakes/a/',
  keyId: 'K',
  secret: 'S',
  region: 'us-east-1',
  useTls: true,
  pathStyle: false,
};

async function rows(sql: string): Promise<unknown[][]> {
  assert.ok(mayAskForSecrets(sql));
  const answer = await answerSecrets(sql, async () => [secret]);
  assert.deepEqual(answer.columns, secretsColumns(sql));
  const chunk = await answer.next();
  return chunk ? chunk.getRows() : [];
}

test('the texts of a stock DuckDB 1.5 are answered', async () => {
  assert.deepEqual(await rows("SELECT to_regclass('duckdb_secrets')"), [['duckdb_secrets']]);
  for (const [sql, is] of [
    ['SELECT secret_name, serialized_secret FROM duckdb_secrets', true],
    ["SELECT secret_name, serialized_secret FROM duckdb_secrets WHERE LOWER(secret_type) = 's3'", true],
    ["SELECT secret_name, serialized_secret FROM duckdb_secrets WHERE LOWER(secret_type) = 'r2'", false],
  ] as [string, boolean][]) {
    // The bytes are compared where a client reads them (test/compat/s3-lake.test.ts): a chunk made here does not give them back.
    assert.deepEqual(
      (await rows(sql)).map(([name]) => name),
      is ? ['boilstream_lake'] : [],
    );
  }
  const byName = (name: string) => rows(`SELECT serialized_secret FROM duckdb_secrets WHERE secret_name = '${name}'`);
  assert.equal((await byName('boilstream_lake')).length, 1);
  assert.equal((await byName('another')).length, 0);
});

test('people may look too', async () => {
  assert.deepEqual(await rows('select secret_name, secret_type from public.duckdb_secrets;'), [['boilstream_lake', 's3']]);
  assert.equal((await rows('SELECT * FROM duckdb_secrets'))[0]?.length, 3);
  assert.deepEqual(await rows('SELECT count(*) FROM duckdb_secrets'), [[1n]]);
});

test('whatever else names it is refused, and asks for no keys', async () => {
  for (const sql of [
    'DELETE FROM duckdb_secrets',
    "INSERT INTO duckdb_secrets (secret_name, secret_type, serialized_secret) VALUES ('a', 's3', E'\\\\x00')",
    'CREATE TABLE IF NOT EXISTS duckdb_secrets (secret_name VARCHAR PRIMARY KEY)',
    'SELECT d.serialized_secret::INTEGER FROM duckdb_secrets d',
    'COPY (SELECT * FROM duckdb_secrets) TO STDOUT',
    'SELECT missing FROM duckdb_secrets',
    'SELECT * FROM duckdb_secrets; DELETE FROM ducklake_snapshot',
  ]) {
    const keys = async (): Promise<never> => assert.fail('keys were asked for');
    await assert.rejects(answerSecrets(sql, keys), { code: 'permission_denied' }, sql);
  }
});
