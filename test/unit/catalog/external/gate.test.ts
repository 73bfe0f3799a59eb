/** What passes to an external metadata server and what does not: DuckLake's own texts on one side, attacks on the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../../../../catalog/external/gate.ts';

test('what a DuckLake client sends passes', () => {
  for (const sql of [
    'SELECT 1',
    '',
    ' ; ',
    'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ;\nSELECT oid, nspname FROM pg_namespace;',
    'COPY (SELECT "snapshot_id" FROM "public"."ducklake_snapshot") TO STDOUT (FORMAT "binary")',
    'COPY "public"."ducklake_column" FROM STDIN (FORMAT BINARY)',
    'CREATE TABLE IF NOT EXISTS "public".ducklake_inlined_data_1_1(row_id BIGINT, s BYTEA)',
    'CREATE LOCAL TEMPORARY TABLE t AS SELECT 1',
    'INSERT INTO ducklake_snapshot_changes VALUES (1, \'created_table:"main"."a;b"\', NULL);WITH n(a) AS (VALUES (1)) UPDATE ducklake_table SET x = a FROM n',
    "INSERT INTO ducklake_inlined_data_1_1 VALUES ('\\x6b61'::bytea, 'C:\\dir\\'); COMMIT",
    "INSERT INTO t VALUES ('it''s; alter role x'), (E'a\\'; drop database x'), ($$; grant all $$)",
    "DELETE FROM ducklake_data_file WHERE ctid IN ('(0,1)')",
    '/* nested /* ; create role x */ */ -- ; alter system\nSELECT 1',
    'DISCARD ALL',
    '(SELECT 1) UNION (SELECT 2)',
    'SET statement_timeout = 0; SET LOCAL search_path TO public',
    'ALTER TABLE ducklake_table ADD COLUMN x INT; DROP TABLE IF EXISTS t',
    'ROLLBACK',
  ])
    assert.equal(refusal(sql), undefined, sql);
});

test('what would reach beyond the tables of the lake does not', () => {
  for (const sql of [
    "ALTER ROLE CURRENT_USER PASSWORD 'mine'",
    'alter user all set search_path = x',
    'ALTER\tDATABASE x SET y = z',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ select 1 $$',
    'CREATE OR REPLACE PROCEDURE p() LANGUAGE sql AS $$ select 1 $$',
    'CREATE DATABASE x',
    'CREATE EXTENSION dblink',
    'CREATE TRIGGER t AFTER INSERT ON x EXECUTE FUNCTION f()',
    'DROP DATABASE boilstream_lake_x WITH (FORCE)',
    'DO $$BEGIN END$$',
    'GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC',
    'REVOKE ALL ON ducklake_table FROM x',
    'LISTEN x',
    "NOTIFY x, 'y'",
    'LOCK TABLE ducklake_snapshot',
    'SET ROLE other',
    'SET "role" = other',
    'SET SESSION ROLE other',
    'SET SESSION AUTHORIZATION other',
    'RESET ALL',
    'SET standard_conforming_strings = off',
    "SET client_encoding = 'SJIS'",
    "PREPARE TRANSACTION 'x'",
    "COMMIT PREPARED 'x'",
    "COPY t TO PROGRAM 'sh'",
    'VACUUM',
    'SELECT 1; /* x */ -- y\n ALTER ROLE x SUPERUSER',
    'SELECT \'a\' ";"; CREATE ROLE x',
    '(((',
    '( ALTER ROLE x)',
  ])
    assert.notEqual(refusal(sql), undefined, sql);
});

// set_config() can change how the server reads strings without the gate seeing a SET: then a backslash hides a quote.
test('a text is judged both ways a server may read its backslashes', () => {
  assert.equal(refusal("SELECT '\\'' ; ALTER ROLE x PASSWORD 'y' --'"), 'ALTER ROLE');
  assert.equal(refusal("SELECT '\\'; ALTER ROLE x --'"), 'ALTER ROLE');
});

test('long and hostile texts are judged in time that grows with their length only', () => {
  const began = performance.now();
  for (const part of ["'", '"', '$', '/*', '--', '$a$', "E'\\", ';', '((', "\\'"]) refusal(part.repeat(200_000));
  refusal(`INSERT INTO t VALUES ${"('\\x6b61', 'text'),".repeat(200_000)}('','')`);
  assert.ok(performance.now() - began < 20_000);
});
