import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { connectionStrings } from '../../../../server/admin/connection-strings.ts';

const fields = {
  host: 'localhost',
  port: 5432,
  user: 'alice_x',
  password: 'S3cret',
  database: 'sales',
  caPath: "/home/o'neil/my ca/$HOME/ca.pem",
};

it('quotes paths so that a shell, libpq and DuckDB read them back as they are', () => {
  const strings = connectionStrings(fields);
  // A shell that runs `psql …` with psql replaced by something that prints its arguments and the password.
  const printed = execFileSync(
    'sh',
    ['-c', `psql_() { :; }; ${strings.psql.replace(' psql ', ` sh -c 'printf "%s\\n" "$PGPASSWORD" "$1"' x `)}`],
    { encoding: 'utf8' },
  );
  assert.equal(
    printed,
    `S3cret\nhost=localhost port=5432 dbname=sales user=alice_x sslmode=verify-full sslrootcert='/home/o\\'neil/my ca/$HOME/ca.pem'\n`,
  );
  assert.equal(new URL(strings.uri).searchParams.get('sslrootcert'), fields.caPath);
  assert.match(strings.duckdb_attach, /^ATTACH 'ducklake:postgres:(?:[^']|'')*' AS cat$/, 'one SQL literal');
});

it('encrypts without checking when no CA is known, and brackets IPv6', () => {
  const strings = connectionStrings({ ...fields, host: '::1', caPath: null });
  assert.equal(strings.uri, 'postgresql://alice_x:S3cret@[::1]:5432/sales?sslmode=require');
  assert.ok(strings.duckdb_attach.includes('dbname=sales__catalog') && strings.duckdb_attach.includes('sslmode=require'));
});

it('keeps the password out of the arguments of psql', () => {
  const { psql } = connectionStrings({ ...fields, caPath: null });
  assert.ok(!psql.slice(psql.indexOf(' psql ')).includes('S3cret'));
});
