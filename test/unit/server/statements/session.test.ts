/** PostgreSQL's session semantics on a lake: transactions, settings, cursors, parameters, tags, errors that drivers branch on. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { arrayOid, oid } from '../../../../base/pg-types.ts';
import type { Outcome, RawParameter } from '../../../../base/statement-session.ts';
import { EnginePod, type TestSession } from '../../../support/engine-pod.ts';

let pod: EnginePod;
let session: TestSession;

before(async () => {
  pod = await EnginePod.start();
  await pod.createLake('sales');
  await pod.createLake('archive');
  pod.grant('ada', 'sales', 'owner');
  pod.grant('ada', 'archive', 'read');
  session = await pod.session('ada', 'sales');
});
beforeEach(async () => {
  session.notices.length = 0;
  session.reported.length = 0;
  await session.send('ROLLBACK').catch(() => undefined);
  await session.send('CREATE OR REPLACE TABLE t(i INTEGER, s VARCHAR)');
  session.notices.length = 0;
});
after(() => pod.stop());

const count = async (): Promise<unknown> => (await session.rows('SELECT count(*) FROM t'))[0]?.[0];
const text = (value: string, id: number = oid.text): RawParameter => ({ oid: id, format: 0, value: Buffer.from(value) });

/** Runs a prepared statement to its end without Sync. */
async function execute(sql: string, oids: number[], parameters: RawParameter[]): Promise<{ tag: string; rows: unknown[][] }> {
  const prepared = await session.session.prepare(sql, oids);
  const outcome: Outcome = await prepared.execute(
    parameters.map((one, i) => ({ ...one, oid: prepared.parameters[i] as number })),
  );
  if (outcome.t === 'command') return { tag: outcome.tag, rows: [] };
  if (outcome.t !== 'rows') throw new Error(outcome.t);
  const rows: unknown[][] = [];
  for (let chunk = await outcome.rows.next(); chunk !== null; chunk = await outcome.rows.next()) rows.push(...chunk.getRows());
  await outcome.rows.close();
  return { tag: outcome.tag(rows.length), rows };
}

test("command tags are PostgreSQL's", async () => {
  const tags: [string, string][] = [
    ["INSERT INTO t VALUES (1, 'a'), (2, 'b')", 'INSERT 0 2'],
    ["UPDATE t SET s = 'c' WHERE i = 1", 'UPDATE 1'],
    ['DELETE FROM t WHERE i = 1', 'DELETE 1'],
    ['SELECT * FROM t', 'SELECT 1'],
    ['TABLE t', 'SELECT 1'],
    ['WITH a AS (SELECT 1) SELECT * FROM a', 'SELECT 1'],
    ['CREATE TABLE u AS SELECT * FROM range(5)', 'SELECT 5'],
    ['ALTER TABLE u ADD COLUMN z INTEGER', 'ALTER TABLE'],
    ['CREATE VIEW w AS SELECT 1 AS x', 'CREATE VIEW'],
    ['DROP VIEW w', 'DROP VIEW'],
    ['DROP TABLE u', 'DROP TABLE'],
    ['CREATE SCHEMA x', 'CREATE SCHEMA'],
    ['DROP SCHEMA x', 'DROP SCHEMA'],
    ['CREATE TEMP TABLE tmp(i INT)', 'CREATE TABLE'],
    ["COMMENT ON TABLE t IS 'hello'", 'COMMENT'],
    ['BEGIN', 'BEGIN'],
    ['COMMIT', 'COMMIT'],
    ['START TRANSACTION', 'START TRANSACTION'],
    ['END', 'COMMIT'],
    ['SET application_name = x', 'SET'],
    ['SHOW application_name', 'SHOW'],
    ['EXPLAIN SELECT 1', 'EXPLAIN'],
    ['VALUES (1), (2)', 'SELECT 2'],
    ['', ''],
    ['-- nothing', ''],
  ];
  for (const [sql, tag] of tags) assert.equal(await session.tag(sql), tag, sql);
});

test('a message of several statements is one transaction', async () => {
  assert.equal((await session.error("INSERT INTO t VALUES (1, 'a'); SELECT nope")).code, 'undefined_column');
  assert.equal(await count(), 0n);
  await session.send("INSERT INTO t VALUES (1, 'a'); INSERT INTO t VALUES (2, 'b')");
  assert.equal(await count(), 2n);
  assert.equal(session.session.transactionStatus(), 'I');
});

test('BEGIN inside a message makes a block of what came before it', async () => {
  await session.send("INSERT INTO t VALUES (1, 'a'); BEGIN; INSERT INTO t VALUES (2, 'b')");
  assert.equal(session.session.transactionStatus(), 'T');
  await session.send('ROLLBACK');
  assert.equal(await count(), 0n);
});

test('COMMIT inside a message commits what came before it', async () => {
  await session.error("INSERT INTO t VALUES (1, 'a'); COMMIT; INSERT INTO t VALUES (2, 'b'); SELECT nope");
  assert.deepEqual(session.notices, ['WARNING 25P01 there is no transaction in progress']);
  assert.equal(await count(), 1n);
});

test('statements of one pipeline are one transaction until Sync', async () => {
  await execute("INSERT INTO t VALUES (1, 'a')", [], []);
  await execute("INSERT INTO t VALUES (2, 'b')", [], []);
  const other = await pod.session('ada', 'sales');
  assert.deepEqual(await other.rows('SELECT count(*) FROM t'), [[0n]]);
  await session.session.sync();
  assert.deepEqual(await other.rows('SELECT count(*) FROM t'), [[2n]]);
  await other.close();
  await execute("INSERT INTO t VALUES (3, 'c')", [], []);
  await session.session.failed(new LakeError('syntax_error', 'something else in the pipeline'));
  await session.session.sync();
  assert.equal(await count(), 2n);
});

test('a failed block refuses everything until it ends, and its COMMIT is a ROLLBACK', async () => {
  await session.send("BEGIN; INSERT INTO t VALUES (1, 'a')");
  await session.error('SELECT nope');
  assert.equal(session.session.transactionStatus(), 'E');
  assert.equal((await session.error('SELECT 1')).code, 'in_failed_transaction');
  await assert.rejects(session.session.prepare('SELECT 1', []), { code: 'in_failed_transaction' });
  assert.equal((await session.error('BEGIN')).code, 'in_failed_transaction');
  assert.equal(await session.tag('COMMIT'), 'ROLLBACK');
  assert.equal(session.session.transactionStatus(), 'I');
  assert.equal(await count(), 0n);
});

test('BEGIN in a block and COMMIT outside one are warnings', async () => {
  await session.send('BEGIN');
  await session.send('BEGIN');
  await session.send('COMMIT');
  await session.send('COMMIT');
  assert.deepEqual(session.notices, [
    'WARNING 25001 there is already a transaction in progress',
    'WARNING 25P01 there is no transaction in progress',
  ]);
});

test('a read-only transaction writes nothing, whichever way it was said', async () => {
  for (const begin of [
    'BEGIN READ ONLY',
    'START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY',
    'BEGIN; SET TRANSACTION READ ONLY',
  ]) {
    await session.send(begin);
    assert.equal((await session.error('DELETE FROM t')).code, 'read_only_transaction', begin);
    await session.send('ROLLBACK');
  }
  await session.send('SET default_transaction_read_only = on');
  assert.equal((await session.error('DELETE FROM t')).code, 'read_only_transaction');
  await session.send('SET default_transaction_read_only = off');
});

test('a reader of a lake is told who can give more', async () => {
  const error = await session.error('CREATE TABLE archive.main.x(i INT)');
  assert.equal(error.code, 'permission_denied');
  assert.match(error.hint ?? '', /GRANT/);
});

test('two writers of the same rows: one of them gets a serialization conflict', async () => {
  await session.send("INSERT INTO t SELECT range, 'x' FROM range(100)");
  const other = await pod.session('ada', 'sales');
  await session.send('BEGIN; DELETE FROM t WHERE i < 50');
  await other.send('BEGIN; DELETE FROM t WHERE i < 60');
  await session.send('COMMIT');
  const error = await other.error('COMMIT');
  assert.equal(error.code, 'serialization_conflict');
  assert.equal(other.session.transactionStatus(), 'I');
  assert.equal(await count(), 50n);
  await other.close();
});

test('a block goes back to a savepoint after which nothing was written', async () => {
  const name = await session.rows('SHOW application_name');
  await session.send('BEGIN');
  await session.send("INSERT INTO t VALUES (1, 'before')");
  assert.equal(await session.tag('SAVEPOINT one'), 'SAVEPOINT');
  await session.send("SET LOCAL application_name = 'inside'");
  await session.send('DECLARE c CURSOR FOR SELECT 1');
  assert.equal((await session.error('SELECT * FROM nowhere')).code, 'undefined_table');
  assert.equal(session.session.transactionStatus(), 'E');
  assert.equal((await session.error('SELECT 1')).code, 'in_failed_transaction');
  assert.equal(await session.tag('ROLLBACK TO SAVEPOINT one'), 'ROLLBACK');
  assert.equal(session.session.transactionStatus(), 'T');
  assert.deepEqual(await session.rows('SHOW application_name'), name);
  assert.equal((await session.error('FETCH c')).code, 'undefined_cursor');
  await session.send('ROLLBACK TO one');
  assert.equal(await session.tag('RELEASE one'), 'RELEASE');
  assert.equal((await session.error('RELEASE one')).code, 'undefined_savepoint');
  await session.send('ROLLBACK');
  assert.equal(await count(), 0n);
});

test('what was written before a savepoint is committed after an error behind it', async () => {
  await session.send('BEGIN');
  await session.send("INSERT INTO t VALUES (1, 'kept')");
  await session.send('SAVEPOINT a; SAVEPOINT b');
  await session.error('INSERT INTO nowhere VALUES (1)');
  await session.send('ROLLBACK TO a');
  assert.equal((await session.error('ROLLBACK TO b')).code, 'undefined_savepoint');
  await session.send('ROLLBACK TO a');
  assert.equal(await session.tag('COMMIT'), 'COMMIT');
  assert.deepEqual(await session.rows('SELECT s FROM t'), [['kept']]);
});

test('a rollback to a savepoint that would have to undo rows is refused, and nothing is committed', async () => {
  for (const write of ["INSERT INTO t VALUES (2, 'after')", 'CREATE TABLE later (i INTEGER)']) {
    await session.send("BEGIN; INSERT INTO t VALUES (1, 'before'); SAVEPOINT one");
    await session.send(write);
    const error = await session.error('ROLLBACK TO one');
    assert.equal(error.code, 'feature_not_supported');
    assert.match(error.message, /rows were written after it/);
    assert.equal(await session.tag('COMMIT'), 'ROLLBACK');
    assert.equal(await count(), 0n);
  }
});

test('an error that ends the transaction of the engine can be survived by one that has only read, under READ COMMITTED', async () => {
  const broken = "SELECT CAST('x' AS INTEGER)";
  await session.send('BEGIN; SAVEPOINT one');
  await session.error(`${broken} FROM range(2)`);
  const error = await session.error('ROLLBACK TO one');
  assert.equal(error.code, 'feature_not_supported');
  await session.send('ROLLBACK');
  await session.send('BEGIN ISOLATION LEVEL READ COMMITTED; SAVEPOINT one');
  await session.error(`${broken} FROM range(2)`);
  await session.send("ROLLBACK TO one; INSERT INTO t VALUES (1, 'x')");
  assert.equal(await session.tag('COMMIT'), 'COMMIT');
  assert.equal(await count(), 1n);
});

test('savepoints outside a block, wrong ones, and two-phase commit are errors', async () => {
  for (const [sql, code] of [
    ['SAVEPOINT one', 'no_active_transaction'],
    ['RELEASE one', 'no_active_transaction'],
    ['ROLLBACK TO one', 'no_active_transaction'],
    ['BEGIN; ROLLBACK TO one', 'undefined_savepoint'],
    ['ROLLBACK; BEGIN; SAVEPOINT one two', 'syntax_error'],
    ["ROLLBACK; BEGIN; PREPARE TRANSACTION 'x'", 'feature_not_supported'],
    ["ROLLBACK; COMMIT PREPARED 'x'", 'feature_not_supported'],
  ] as const)
    assert.equal((await session.error(sql)).code, code, sql);
});

test('settings are set, shown, reported and reset; unknown ones do not exist', async () => {
  await session.send("SET TIME ZONE 'Asia/Tokyo'");
  assert.deepEqual(session.reported, ['TimeZone=Asia/Tokyo']);
  assert.deepEqual(await session.rows('SHOW timezone'), [['Asia/Tokyo']]);
  assert.deepEqual(await session.rows("SELECT CAST(TIMESTAMPTZ '2020-01-01 00:00:00+00' AS VARCHAR)"), [
    ['2020-01-01 09:00:00+09'],
  ]);
  await session.send('RESET timezone');
  assert.deepEqual(await session.rows('SHOW TimeZone'), [['UTC']]);
  assert.equal((await session.error("SET timezone = 'Mars/Olympus'")).code, 'invalid_argument');
  assert.deepEqual(await session.rows('SHOW TimeZone'), [['UTC']]);
  assert.equal((await session.error('SET nope = 1')).code, 'undefined_parameter');
  assert.equal((await session.error('SHOW nope')).code, 'undefined_parameter');
  assert.equal((await session.error('SET server_version = 1')).code, 'permission_denied');
  assert.equal((await session.error('SET statement_timeout = banana')).code, 'invalid_argument');
  assert.equal((await session.error("SET client_encoding = 'LATIN1'")).code, 'feature_not_supported');
  await session.send("SET my.var = 'x'");
  assert.deepEqual(await session.rows('SHOW my.var'), [['x']]);
  assert.ok((await session.rows('SHOW ALL')).length > 30);
  await session.send('RESET ALL');
});

test('a transaction says what it was begun as, and is that no longer when it is over', async () => {
  const session = await pod.session('ada', 'sales');
  const said = "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')";
  await session.send('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY');
  assert.deepEqual(await session.rows(said), [['serializable', 'on']]);
  await session.send('COMMIT');
  assert.deepEqual(await session.rows(said), [['repeatable read', 'off']]);
  await session.send('SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN');
  assert.deepEqual(await session.rows(said), [['read committed', 'off']]);
  await session.send('ROLLBACK');
  await session.close();
});

test('SERIAL counts in a temporary table, from one again in the next of its name', async () => {
  const session = await pod.session('ada', 'sales');
  for (const values of ["('a'), ('b')", "('c'), ('d')"]) {
    await session.send('CREATE TEMP TABLE counted (id SERIAL PRIMARY KEY, v TEXT, "N" bigserial)');
    await session.send(`INSERT INTO counted (v) VALUES ${values}`);
    assert.deepEqual(await session.rows('SELECT id, "N" FROM counted ORDER BY id'), [
      [1, 1n],
      [2, 2n],
    ]);
    await session.send('DROP TABLE counted');
  }
  await session.close();
});

test('a zone by number counts to the east, with minutes to the west; DateStyle keeps its order', async () => {
  const session = await pod.session('ada', 'sales');
  for (const [value, offset] of [
    ['-2', -2],
    ["'+3'", 3],
    ["'-02:00'", 2],
    ["'+02:00'", -2],
  ] as const) {
    await session.send(`SET TimeZone TO ${value}`);
    assert.deepEqual(await session.rows("SELECT date_part('timezone_hour', TIMESTAMPTZ '2000-01-01 00:00:00+00')"), [
      [BigInt(offset)],
    ]);
  }
  for (const [value, shown] of [
    ['SQL, DMY', 'SQL, DMY'],
    ['german', 'German, DMY'],
    ['ymd, postgres', 'Postgres, YMD'],
    ['iso', 'ISO, MDY'],
  ]) {
    await session.send(`SET DateStyle TO '${value}'`);
    assert.deepEqual(await session.rows('SHOW DateStyle'), [[shown]]);
  }
  assert.equal((await session.error("SET DateStyle TO 'roman'")).code, 'invalid_argument');
  await session.close();
});

test('settings of a transaction go with it', async () => {
  await session.send("BEGIN; SET LOCAL timezone = 'Asia/Tokyo'");
  assert.deepEqual(await session.rows('SHOW timezone'), [['Asia/Tokyo']]);
  await session.send('COMMIT');
  assert.deepEqual(await session.rows('SHOW timezone'), [['UTC']]);
  await session.send("BEGIN; SET timezone = 'Asia/Tokyo'; ROLLBACK");
  assert.deepEqual(await session.rows('SHOW timezone'), [['UTC']]);
  await session.send("BEGIN; SET timezone = 'Asia/Tokyo'; COMMIT");
  assert.deepEqual(await session.rows('SHOW timezone'), [['Asia/Tokyo']]);
  await session.send('RESET ALL');
});

test('startup parameters and options are settings', async () => {
  const other = await pod.session('ada', 'sales', {
    application_name: 'psql',
    options: '-c statement_timeout=5s --extra-float-digits=3',
    DateStyle: 'ISO',
  });
  assert.equal(other.session.parameters.get('application_name'), 'psql');
  assert.deepEqual(await other.rows('SHOW statement_timeout'), [['5s']]);
  assert.deepEqual(await other.rows('SHOW extra_float_digits'), [['3']]);
  await other.close();
  await assert.rejects(pod.session('ada', 'sales', { nope: '1' }), { code: 'undefined_parameter' });
});

test('an unknown database is refused, `postgres` is the first lake', async () => {
  await assert.rejects(pod.session('ada', 'nope'), { code: 'undefined_database' });
  const other = await pod.session('ada', 'postgres');
  assert.deepEqual(await other.rows('SELECT current_database()'), [['sales']]);
  await other.close();
});

test('a statement that takes too long is canceled, and the session goes on', async () => {
  await session.send('SET statement_timeout = 100');
  const error = await session.error('SELECT count(*) FROM range(1000000000) a, range(1000) b');
  assert.equal(error.code, 'query_canceled');
  assert.match(error.message, /statement timeout/);
  await session.send('RESET statement_timeout');
  assert.deepEqual(await session.rows('SELECT 1'), [[1]]);
});

// DuckDB ends an interrupted stream as if it were complete: rows would be missing and nobody would know.
test('a canceled stream ends in an error, never as if it were complete', async () => {
  const outcome = await session.session.simple('SELECT * FROM range(100000000)', { index: 0, count: 1 });
  assert.equal(outcome.t, 'rows');
  if (outcome.t !== 'rows') return;
  await outcome.rows.next();
  session.session.cancel();
  await assert.rejects(
    async () => {
      while ((await outcome.rows.next()) !== null);
    },
    { code: 'query_canceled', message: 'canceling statement due to user request' },
  );
  await outcome.rows.close();
  assert.deepEqual(await session.rows('SELECT 1'), [[1]]);
});

test('cancel between statements does nothing', async () => {
  session.session.cancel();
  assert.deepEqual(await session.rows('SELECT 1'), [[1]]);
});

test('an error in the middle of a stream is an error', async () => {
  await assert.rejects(
    session.send("SELECT CASE WHEN range = 500000 THEN error('stop') ELSE range END FROM range(1000000)"),
    LakeError,
  );
  assert.deepEqual(await session.rows('SELECT 1'), [[1]]);
});

test('nothing is computed ahead of a reader that does not read, and a reader that goes away frees the query', async () => {
  const outcome = await session.session.simple('SELECT * FROM range(100000000000)', { index: 0, count: 1 });
  if (outcome.t !== 'rows') throw new Error(outcome.t);
  const before = process.memoryUsage().rss;
  await outcome.rows.next();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(process.memoryUsage().rss - before < 64 << 20);
  await outcome.rows.close();
  assert.deepEqual(pod.engine.admission.load, { running: 0, waiting: 0 });
  assert.deepEqual(await session.rows('SELECT 1'), [[1]]);
});

test('cursors give their rows in steps, between other statements, to the end', async () => {
  await session.send('BEGIN');
  assert.equal(await session.tag('DECLARE c CURSOR FOR SELECT * FROM range(5000)'), 'DECLARE CURSOR');
  assert.deepEqual(await session.rows('FETCH 2 FROM c'), [[0n], [1n]]);
  assert.equal(await session.tag('MOVE 2045 IN c'), 'MOVE 2045');
  assert.deepEqual(await session.rows('FETCH FORWARD 3 FROM c'), [[2047n], [2048n], [2049n]]);
  await session.send('SELECT count(*) FROM t');
  assert.deepEqual(await session.rows('FETCH NEXT FROM c'), [[2050n]]);
  assert.equal((await session.rows('FETCH ALL FROM c')).length, 2949);
  assert.equal(await session.tag('FETCH 1 FROM c'), 'FETCH 0');
  assert.equal(await session.tag('CLOSE c'), 'CLOSE CURSOR');
  assert.equal((await session.error('FETCH 1 FROM c')).code, 'undefined_cursor');
  await session.send('ROLLBACK');
  assert.equal((await session.error('DECLARE d CURSOR FOR SELECT 1')).code, 'no_active_transaction');
});

test('a cursor WITH HOLD outlives its transaction, others do not', async () => {
  await session.send(
    'BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT * FROM range(3); DECLARE g CURSOR FOR SELECT 1; FETCH 1 FROM h; COMMIT',
  );
  assert.deepEqual(await session.rows('FETCH ALL FROM h'), [[1n], [2n]]);
  assert.equal((await session.error('FETCH 1 FROM g')).code, 'undefined_cursor');
  await session.send('CLOSE ALL');
});

test('parameter types are what the statement makes of them, or what the client declared', async () => {
  const insert = await session.session.prepare('INSERT INTO t VALUES ($1, $2)', []);
  assert.deepEqual(insert.parameters, [oid.int4, oid.text]);
  assert.equal(insert.columns, null);
  const declared = await session.session.prepare('SELECT $1, $2', [oid.int8, 0]);
  assert.deepEqual(declared.parameters, [oid.int8, oid.text]);
  assert.deepEqual((await execute('SELECT $1, $2', [oid.int8, 0], [text('5'), text('x')])).rows, [[5n, 'x']]);
  assert.deepEqual((await execute('SELECT $1::DATE::VARCHAR', [], [text('2020-02-29')])).rows, [['2020-02-29']]);
  assert.deepEqual(
    (
      await execute(
        'SELECT count(*) FROM range(10) r(x) WHERE x < $1',
        [oid.int2],
        [{ oid: oid.int2, format: 1, value: Buffer.from([0, 4]) }],
      )
    ).rows,
    [[4n]],
  );
  assert.deepEqual((await execute('SELECT $1 IS NULL', [oid.int4], [{ oid: oid.int4, format: 0, value: null }])).rows, [[true]]);
  await session.session.sync();
  await assert.rejects(execute('SELECT $1::INTEGER', [], [text('abc')]), { code: 'invalid_text_representation' });
  await session.session.failed(new LakeError('invalid_text_representation', ''));
});

test('a prepared statement follows the table and says so when its columns have changed', async () => {
  const prepared = await session.session.prepare('SELECT * FROM t', []);
  const run = async (): Promise<unknown> => {
    const outcome = await prepared.execute([]);
    if (outcome.t !== 'rows') throw new Error(outcome.t);
    const chunk = await outcome.rows.next();
    await outcome.rows.close();
    return chunk?.getRows() ?? [];
  };
  assert.deepEqual(await run(), []);
  await session.send("INSERT INTO t VALUES (1, 'a')");
  assert.deepEqual(await run(), [[1, 'a']]);
  await session.send('ALTER TABLE t ADD COLUMN z INTEGER');
  await assert.rejects(run(), { code: 'feature_not_supported' });
  await session.session.failed(new LakeError('feature_not_supported', ''));
});

test('PREPARE, EXECUTE and DEALLOCATE by SQL', async () => {
  await session.send('PREPARE p (INTEGER, TEXT) AS INSERT INTO t VALUES ($1, $2)');
  assert.equal(await session.tag("EXECUTE p(1, 'a')"), 'INSERT 0 1');
  assert.equal((await session.error('PREPARE p AS SELECT 1')).code, 'duplicate_statement');
  await session.send('DEALLOCATE p');
  assert.equal((await session.error("EXECUTE p(1, 'a')")).code, 'undefined_statement');
});

test('DEALLOCATE reaches what the client named in Parse, and knows when there is nothing', async () => {
  session.parsed.add('by the wire').add('another');
  await session.send('DEALLOCATE "by the wire"');
  assert.deepEqual([...session.parsed], ['another']);
  assert.equal((await session.error('DEALLOCATE "by the wire"')).code, 'undefined_statement');
  await session.send('DEALLOCATE ALL');
  assert.deepEqual([...session.parsed], []);
});

test('DROP … CASCADE drops that alone and says so; ALTER TABLE renames a view', async () => {
  await session.send('CREATE TABLE base(i INT); CREATE VIEW over AS FROM base');
  await session.send('ALTER TABLE over RENAME TO above');
  assert.deepEqual(await session.rows('SELECT count(*) FROM above'), [[0n]]);
  session.notices.length = 0;
  await session.send('DROP TABLE IF EXISTS base CASCADE');
  assert.match(session.notices.join(), /views over it stay/);
  await session.send('CREATE TABLE base(i INT)');
  assert.deepEqual(await session.rows('SELECT count(*) FROM above'), [[0n]]);
  await session.send('DROP VIEW above CASCADE; DROP TABLE base');
  assert.equal((await session.error('ALTER TABLE above RENAME TO nothing')).code, 'undefined_table');
});

test('`public` is `main`, in names and in the search path', async () => {
  await session.send("INSERT INTO public.t VALUES (1, 'a')");
  assert.deepEqual(await session.rows('SELECT i FROM sales.public.t'), [[1]]);
  assert.deepEqual(await session.rows('SELECT i FROM main.t'), [[1]]);
  await session.send('CREATE SCHEMA IF NOT EXISTS eu; CREATE OR REPLACE TABLE eu.only_here(i INT)');
  await session.send('SET search_path TO eu, nowhere, public');
  assert.deepEqual(await session.rows('SELECT * FROM only_here'), []);
  assert.deepEqual(await session.rows('SELECT i FROM t'), [[1]]);
  assert.deepEqual(await session.rows('SHOW search_path'), [['eu, nowhere, public']]);
  await session.send('RESET search_path');
  assert.equal((await session.error('SELECT * FROM only_here')).code, 'undefined_table');
});

test('errors carry the class that drivers branch on, and where they are', async () => {
  const cases: [string, string][] = [
    ['SELECT * FROM nope', 'undefined_table'],
    ['SELECT nope FROM t', 'undefined_column'],
    ['SELEC 1', 'syntax_error'],
    ['SELECT * FROM nope.x', 'undefined_table'],
    ['SELECT nope(1)', 'undefined_function'],
    ["SELECT 'abc'::INTEGER", 'invalid_text_representation'],
    ["SELECT '2020-13-01'::DATE", 'invalid_datetime'],
    ['SELECT 99999999999::INTEGER', 'numeric_out_of_range'],
    ['SELECT i FROM t GROUP BY s', 'grouping_error'],
    ['CREATE TABLE t(i INT)', 'duplicate_table'],
    ['CREATE SCHEMA main', 'duplicate_schema'],
    ['SELECT 1 FROM t a, t b WHERE i = 1', 'ambiguous_column'],
    ['ALTER TABLE t ADD COLUMN i INT', 'duplicate_column'],
    ['DROP TABLE nope', 'undefined_table'],
    ['INSERT INTO t VALUES (1)', 'syntax_error'],
    ['SELECT (SELECT range FROM range(2))', 'cardinality_violation'],
    ['CREATE INDEX x ON t(i)', 'feature_not_supported'],
    ['CREATE TABLE k(i INT PRIMARY KEY)', 'feature_not_supported'],
    ['UPDATE t SET nope = 1', 'undefined_column'],
    ['LISTEN x', 'feature_not_supported'],
  ];
  for (const [sql, code] of cases) assert.equal((await session.error(sql)).code, code, sql);
  await session.send('CREATE TEMP TABLE nn(i INTEGER NOT NULL, u INTEGER UNIQUE)');
  assert.equal((await session.error('INSERT INTO nn VALUES (NULL, 1)')).code, 'not_null_violation');
  await session.send('INSERT INTO nn VALUES (1, 1)');
  assert.equal((await session.error('INSERT INTO nn VALUES (1, 1)')).code, 'unique_violation');
  const at = await session.error('SELECT i,\n  nope FROM t');
  assert.equal(at.position, 13);
  assert.doesNotMatch(at.message, /Binder Error|LINE/);
});

test('a table made or a grant given elsewhere is there at the next statement', async () => {
  await pod.createLake('fresh');
  assert.equal((await session.error('SELECT * FROM fresh.main.x')).code === 'internal', false);
  pod.grant('ada', 'fresh', 'owner');
  const other = await pod.session('ada', 'fresh');
  await other.send('CREATE TABLE x AS SELECT 42 AS a');
  const mine = await pod.session('ada', 'sales');
  assert.deepEqual(await mine.rows('SELECT a FROM fresh.main.x'), [[42]]);
  pod.grant('ada', 'fresh', null);
  assert.notEqual((await mine.error('SELECT a FROM fresh.main.x')).code, 'internal');
  await other.error('SELECT 1');
  assert.equal(other.terminated[0]?.code, 'admin_shutdown');
  await mine.close();
  await other.close();
});

test('COPY in and out belong to the transaction they are in', async () => {
  assert.equal(await session.copyIn('COPY t FROM STDIN', '1\ta\n2\t\\N\n'), 2);
  assert.deepEqual(await session.rows('SELECT * FROM t ORDER BY i'), [
    [1, 'a'],
    [2, null],
  ]);
  assert.equal(await session.tag('COPY t TO STDOUT'), 'COPY 2');
  assert.equal(await session.tag('COPY (SELECT 1) TO STDOUT (FORMAT csv)'), 'COPY 1');
  await session.send('BEGIN');
  await session.copyIn('COPY public.t (i) FROM STDIN', '3\n');
  await session.send('ROLLBACK');
  assert.equal(await count(), 2n);
});

test('an expensive crowd waits in line and everyone is served; a transaction is never behind it', async () => {
  const crowd = await Promise.all(Array.from({ length: 8 }, () => pod.session('ada', 'sales')));
  const holder = crowd[0] as TestSession;
  await holder.send("BEGIN; INSERT INTO t VALUES (1, 'a')");
  const all = crowd.slice(1).map((one) => one.rows('SELECT count(*) FROM range(3000000) a WHERE a.range % 7 = 0'));
  await holder.send('COMMIT');
  for (const rows of await Promise.all(all)) assert.deepEqual(rows, [[428572n]]);
  for (const one of crowd) await one.close();
});

// DuckDB describes one column only as long as a parameter has no type; drivers then mixed up or refused the rows.
test('a statement with parameters of no type is described with all its columns', async () => {
  const prepared = await session.session.prepare('SELECT $1, $2, $3::INTEGER + 1', [0, oid.date, 0]);
  assert.equal(prepared.columns?.length, 3);
  assert.deepEqual(prepared.parameters, [oid.text, oid.date, oid.int4]);
  const { rows } = await execute(
    'SELECT $1, CAST($2 AS VARCHAR), $3::INTEGER + 1',
    [0, oid.date, 0],
    [text('x'), text('2020-01-02'), text('41')],
  );
  assert.deepEqual(rows, [['x', '2020-01-02', 42]]);
  assert.deepEqual((await execute('SELECT * FROM range($1)', [oid.int8], [text('2')])).rows, [[0n], [1n]]);
});

test('a DuckLake client on the SQL database is told the name of the metadata database', async () => {
  for (const sql of [
    // what a stock DuckDB sends when it looks for DuckLake's tables, and when it makes them
    "SELECT relname FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid WHERE pg_namespace.nspname IN ('public')AND relname='ducklake_metadata'",
    'CREATE TABLE "public"."ducklake_metadata"("key" VARCHAR, "value" VARCHAR)',
  ]) {
    const error = await session.error(sql);
    assert.match(error.message, /"sales__catalog"/);
    assert.match(error.hint ?? '', /dbname=sales__catalog/);
  }
  assert.deepEqual(await session.rows("SELECT relname FROM pg_class WHERE relname LIKE 'ducklake%'"), []);
});

test('EXPLAIN ANALYZE of a change is a change', async () => {
  await session.send('BEGIN READ ONLY');
  assert.equal((await session.error('EXPLAIN ANALYZE DELETE FROM t')).code, 'read_only_transaction');
  await session.send('ROLLBACK');
  assert.equal(await session.tag('EXPLAIN DELETE FROM t'), 'EXPLAIN');
});

test('EXPLAIN ANALYZE measures, whatever was measured before', async () => {
  for (let i = 0; i < 2; i++) {
    await session.send('SELECT 1');
    const lines = await session.rows('EXPLAIN ANALYZE SELECT count(*) FROM range(12345)');
    assert.match(lines.join('\n'), /12,?345 rows/);
  }
});

test("a COPY of wrong data says so in PostgreSQL's class, and nothing of it stays", async () => {
  const outcome = await session.session.simple('COPY t FROM STDIN', { index: 0, count: 1 });
  if (outcome.t !== 'copy-in') throw new Error(outcome.t);
  await outcome.sink.write(Buffer.from('1\ta\nbanana\tb\n'));
  const error = await outcome.sink.finish().catch((thrown: unknown) => thrown as LakeError);
  assert.ok(error instanceof LakeError);
  assert.notEqual(error.code, 'internal');
  await session.session.failed(error);
  await session.session.sync();
  assert.equal(await count(), 0n);
});

test('SHOW TABLES lists what a bare name finds, and nothing of the catalog behind it', async () => {
  const names = (await session.rows('SHOW TABLES')).map(([name]) => name);
  assert.ok(names.includes('t'));
  assert.ok(!names.some((name) => String(name).startsWith('pg_') || String(name).startsWith('_')));
});

test('= ANY($1) takes a list of what stands on the other side', async () => {
  await session.send("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  const prepared = await session.session.prepare('SELECT i FROM t WHERE i = ANY($1) AND s <> ALL($2) ORDER BY i', []);
  assert.deepEqual(prepared.parameters, [arrayOid(oid.int4), arrayOid(oid.text)]);
  const given = await execute('SELECT i FROM t WHERE i = ANY($1) AND s <> ALL($2) ORDER BY i', [], [text('{1,3}'), text('{c}')]);
  assert.deepEqual(given.rows, [[1]]);
  await session.session.sync();
});

test('columns are described where the parameters decide what a table function makes', async () => {
  const prepared = await session.session.prepare('SELECT i, i * 2 AS twice FROM range($1::bigint) r(i)', []);
  assert.deepEqual(
    prepared.columns?.map(({ name, type }) => `${name} ${type}`),
    ['i BIGINT', 'twice BIGINT'],
  );
});

test('what a ducklake has not is refused with 0A000 and what to do instead, never dropped in silence', async () => {
  for (const sql of [
    'CREATE TABLE x (i INTEGER PRIMARY KEY)',
    'CREATE TABLE x (i INTEGER UNIQUE)',
    'CREATE TABLE x (i INTEGER CHECK (i > 0))',
    'CREATE TABLE x (i INTEGER REFERENCES t(i))',
    'CREATE TABLE x (i SERIAL)',
    'CREATE TABLE x (i BIGSERIAL)',
    'CREATE TABLE x (i INTEGER GENERATED ALWAYS AS IDENTITY)',
    'CREATE TABLE x (i INTEGER, j INTEGER GENERATED ALWAYS AS (i + 1) STORED)',
    'CREATE TABLE x (s VARCHAR COLLATE "C")',
    'CREATE TABLE x (i INTEGER) WITH (fillfactor = 70)',
    'CREATE SEQUENCE x',
    'CREATE INDEX x ON t(i)',
    'CREATE UNIQUE INDEX x ON t(i)',
    'ALTER TABLE t ADD PRIMARY KEY (i)',
    'ALTER TABLE t ADD CONSTRAINT x UNIQUE (i)',
    'ALTER TABLE t ADD COLUMN z INTEGER NOT NULL DEFAULT 1',
    'CREATE MATERIALIZED VIEW x AS SELECT 1',
    'REFRESH MATERIALIZED VIEW x',
    "INSERT INTO t VALUES (1, 'a') ON CONFLICT DO NOTHING",
    "INSERT INTO t VALUES (1, 'a') ON CONFLICT (i) DO UPDATE SET s = 'b'",
    "INSERT INTO t VALUES (1, 'a') RETURNING i",
    'SELECT * FROM t FOR UPDATE',
    'LISTEN x',
    'NOTIFY x',
    'LOCK TABLE t',
    'DO $$ BEGIN END $$',
  ]) {
    const error = await session.error(sql);
    assert.equal(error.code, 'feature_not_supported', `${sql}: ${error.message}`);
    assert.ok(error.hint, `${sql} has no hint: ${error.message}`);
  }
  assert.equal(await count(), 0n);
});

test('UNLISTEN says nothing', async () => {
  assert.equal(await session.tag('UNLISTEN *'), 'UNLISTEN');
  assert.deepEqual(session.notices, []);
});

test('set_config changes a setting for the statements after it, and its transaction when it is local', async () => {
  assert.deepEqual(await session.rows("SELECT set_config('application_name', 'report', false)"), [['report']]);
  assert.deepEqual(await session.rows('SHOW application_name'), [['report']]);
  assert.ok(session.reported.includes('application_name=report'));
  assert.deepEqual(await session.rows("SELECT set_config('my.user', name, false) FROM (VALUES ('ann')) t(name)"), [['ann']]);
  assert.deepEqual(await session.rows("SELECT current_setting('my.user')"), [['ann']]);
  await session.send('BEGIN');
  await session.send("SELECT set_config('TimeZone', 'Asia/Tokyo', true)");
  assert.deepEqual(await session.rows("SELECT extract(hour FROM timestamptz '2024-01-01 00:00:00+00')"), [[9n]]);
  await session.send('COMMIT');
  assert.deepEqual(await session.rows("SELECT extract(hour FROM timestamptz '2024-01-01 00:00:00+00')"), [[0n]]);
  assert.equal((await session.error("SELECT set_config('nonsense', '1', false)")).code, 'undefined_parameter');
  assert.equal((await session.error("SELECT set_config('TimeZone', 'Nowhere/Land', false)")).code, 'invalid_argument');
  assert.deepEqual(await session.rows('SELECT 1'), [[1]]);
});
