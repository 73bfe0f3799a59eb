/**
 * node-postgres and postgres.js against the pod that libpq's variables name: `node node-drivers.mjs pg|postgres`.
 * Both check the server's certificate and its name, and log in by SCRAM. Prints `ok` or ends with an exception.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const require = createRequire(join(process.env.BOILSTREAM_TEST_NODE_CLIENTS, 'package.json'));
const { PGHOST, PGPORT, PGUSER, PGDATABASE, PGSSLROOTCERT, PGPASSFILE } = process.env;
const password = readFileSync(PGPASSFILE, 'utf8').split('\n')[0].split(':').at(-1);
const ca = readFileSync(PGSSLROOTCERT, 'utf8');

/** Each type: the value sent, and the text PostgreSQL shows for it. */
const values = [
  ['boolean', true, 'true'],
  ['smallint', -32768, '-32768'],
  ['integer', 2147483647, '2147483647'],
  ['bigint', '-9223372036854775808', '-9223372036854775808'],
  ['real', 1.5, '1.5'],
  ['double precision', 0.1, '0.1'],
  ['numeric(18,6)', '-123456789012.345678', '-123456789012.345678'],
  ['text', 'žluťoučký "kůň" \\ \n', 'žluťoučký "kůň" \\ \n'],
  ['varchar(10)', '', ''],
  ['bytea', Buffer.from([0, 255, 92]), null],
  ['date', '2024-02-29', '2024-02-29'],
  ['time', '23:59:59.999999', '23:59:59.999999'],
  ['timestamp', '1999-12-31 23:59:59.123456', '1999-12-31 23:59:59.123456'],
  ['timestamptz', '2024-07-01 12:00:00.5+02', null],
  ['interval', '1 mon 2 days 03:04:05', null],
  ['uuid', '00000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff'],
  ['integer[]', [1, 70000, 3], null],
  ['text[]', ['a,b', '"', 'NULL', ''], null],
];
const columns = values.map(([type], i) => `c${i} ${type}`).join(', ');
const marks = values.map((_, i) => `$${i + 2}`).join(', ');
const sent = values.map(([, value]) => value);
const texts = values.map(([, , text], i) => text !== null && [`c${i}::text AS c${i}`, text, `c${i}`]).filter(Boolean);

async function nodePostgres() {
  const pg = require('pg');
  const Cursor = require('pg-cursor');
  const { from, to } = require('pg-copy-streams');
  const config = { host: PGHOST, port: Number(PGPORT), user: PGUSER, database: PGDATABASE, password, ssl: { ca } };
  const client = new pg.Client(config);
  await client.connect();
  assert.equal(client.connection.stream.authorized, true, 'the certificate was checked');

  await client.query(`CREATE TABLE node_pg (n integer, ${columns})`);
  const insert = `INSERT INTO node_pg VALUES ($1, ${marks})`;
  await client.query(insert, [1, ...sent]);
  await client.query({ name: 'insert', text: insert, values: [2, ...sent] });
  await client.query({ name: 'insert', text: insert, values: [3, ...sent.map(() => null)] });
  // In text: the driver decodes binary results wrongly, PostgreSQL's too (its reader makes strings of the bytes).
  const { rows, fields } = await client.query('SELECT * FROM node_pg WHERE n <= $1 ORDER BY n', [3]);
  assert.equal(fields.length, values.length + 1);
  for (const row of rows.slice(0, 2)) {
    assert.equal(row.c0, true);
    assert.equal(row.c1, -32768);
    assert.equal(row.c2, 2147483647);
    assert.equal(row.c3, '-9223372036854775808');
    assert.equal(row.c4, 1.5);
    assert.equal(row.c5, 0.1);
    assert.equal(row.c6, '-123456789012.345678');
    assert.equal(row.c7, 'žluťoučký "kůň" \\ \n');
    assert.equal(row.c8, '');
    assert.deepEqual(row.c9, Buffer.from([0, 255, 92]));
    assert.equal(row.c13.getTime(), Date.parse('2024-07-01T10:00:00.500Z'));
    assert.deepEqual({ ...row.c14 }, { months: 1, days: 2, hours: 3, minutes: 4, seconds: 5 });
    assert.equal(row.c15, '00000000-0000-4000-8000-0000000000ff');
    assert.deepEqual(row.c16, [1, 70000, 3]);
    assert.deepEqual(row.c17, ['a,b', '"', 'NULL', '']);
  }
  assert.ok(
    Object.values(rows[2])
      .slice(1)
      .every((value) => value === null),
  );
  const shown = await client.query(`SELECT ${texts.map(([item]) => item).join(', ')} FROM node_pg WHERE n = 1`);
  for (const [, text, name] of texts) assert.equal(shown.rows[0][name], text);
  assert.deepEqual((await client.query('SELECT n FROM node_pg WHERE n = ANY($1) ORDER BY n', [[1, 3]])).rows, [
    { n: 1 },
    { n: 3 },
  ]);
  assert.deepEqual((await client.query('SELECT \'{"a": [1]}\'::json AS j')).rows, [{ j: { a: [1] } }]);

  // Several statements of one message.
  const several = await client.query('SELECT 1 AS a; SELECT 2 AS b');
  assert.deepEqual(
    several.map(({ rows }) => rows),
    [[{ a: 1 }], [{ b: 2 }]],
  );
  // Transactions, and errors that callers branch on.
  await client.query('BEGIN');
  const { rowCount } = await client.query('DELETE FROM node_pg WHERE n = 3');
  assert.equal(rowCount, 1);
  await client.query('ROLLBACK');
  assert.equal((await client.query('SELECT count(*)::integer AS n FROM node_pg')).rows[0].n, 3);
  await assert.rejects(client.query('SELECT * FROM nowhere'), { code: '42P01' });
  await assert.rejects(client.query('SELECT $1::integer', ['x']), { code: '22P02' });
  await assert.rejects(client.query('SELEC 1'), (error) => error.code === '42601' && error.position === '1');
  await client.query('BEGIN');
  await assert.rejects(client.query('SELECT nothing FROM node_pg'), { code: '42703' });
  await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
  await client.query('ROLLBACK');

  // Cancel: the driver's own request, without TLS and a second session.
  const endless = new pg.Query('SELECT sum(a.i * b.i) FROM range(1000000000) a(i), range(1000000000) b(i)');
  const canceled = new Promise((resolve) => endless.on('error', resolve));
  client.query(endless);
  setTimeout(() => new pg.Client(config).cancel(client, endless), 300);
  assert.equal((await canceled).code, '57014');
  await client.query("SET statement_timeout = '200ms'");
  await assert.rejects(client.query('SELECT sum(a.i * b.i) FROM range(1000000000) a(i), range(1000000000) b(i)'), {
    code: '57014',
  });
  await client.query('RESET statement_timeout');

  // A cursor reads part of a portal at a time.
  const cursor = client.query(new Cursor('SELECT i FROM range($1::bigint) t(i)', [10_000]));
  assert.equal((await cursor.read(4000)).length, 4000);
  assert.equal((await cursor.read(4000)).at(-1).i, '7999');
  await cursor.close();

  // COPY in and out.
  const into = client.query(from('COPY node_pg (n, c7) FROM STDIN (FORMAT csv)'));
  await pipeline(Readable.from(Array.from({ length: 5000 }, (_, i) => `${i + 100},"row ""${i}"""\n`)), into);
  assert.equal(into.rowCount, 5000);
  let text = '';
  for await (const part of client.query(
    to('COPY (SELECT n, c7 FROM node_pg WHERE n IN (100, 5099) ORDER BY n) TO STDOUT (FORMAT csv)'),
  ))
    text += part;
  assert.equal(text, '100,"row ""0"""\n5099,"row ""4999"""\n');
  await client.query('DROP TABLE node_pg');
  await client.end();

  // A pool opens sessions side by side.
  const pool = new pg.Pool({ ...config, max: 5 });
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => pool.query('SELECT $1::text AS t', [`t${i}`])));
  assert.deepEqual(
    all.map(({ rows }) => rows[0].t),
    Array.from({ length: 20 }, (_, i) => `t${i}`),
  );
  await pool.end();

  // A certificate of somebody else, or for another name, ends the connection before the password is asked for.
  await assert.rejects(new pg.Client({ ...config, ssl: {} }).connect(), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  await assert.rejects(new pg.Client({ ...config, host: '127.0.0.1', ssl: { ca, servername: 'elsewhere.example' } }).connect(), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  await assert.rejects(new pg.Client({ ...config, password: 'wrong' }).connect(), { code: '28P01' });
  await assert.rejects(new pg.Client({ ...config, database: 'nowhere' }).connect(), { code: '3D000' });
  const bound = new pg.Client({ ...config, enableChannelBinding: true });
  await bound.connect();
  await bound.end();
}

async function postgresJs() {
  const { default: postgres } = await import(require.resolve('postgres').replace('/cjs/', '/'));
  const options = {
    host: PGHOST,
    port: Number(PGPORT),
    user: PGUSER,
    database: PGDATABASE,
    password,
    ssl: { ca },
    onnotice: () => undefined,
  };
  const sql = postgres({ ...options, max: 3 });
  await sql`CREATE TABLE ${sql('node_js')} (n integer, ${sql.unsafe(columns)})`;
  await sql.unsafe(`INSERT INTO node_js VALUES ($1, ${marks})`, [1, ...sent]);
  await sql.unsafe(`INSERT INTO node_js VALUES ($1, ${marks})`, [2, ...sent.map(() => null)], { prepare: true });
  const [row, nulls] = await sql`SELECT * FROM node_js ORDER BY n`;
  assert.equal(row.c0, true);
  assert.equal(row.c1, -32768);
  assert.equal(row.c2, 2147483647);
  assert.equal(row.c3, '-9223372036854775808');
  assert.equal(row.c5, 0.1);
  assert.equal(row.c6, '-123456789012.345678');
  assert.equal(row.c7, 'žluťoučký "kůň" \\ \n');
  assert.deepEqual(Buffer.from(row.c9), Buffer.from([0, 255, 92]));
  assert.equal(row.c13.getTime(), Date.parse('2024-07-01T10:00:00.500Z'));
  assert.deepEqual([...row.c16], [1, 70000, 3]);
  assert.deepEqual([...row.c17], ['a,b', '"', 'NULL', '']);
  assert.ok(
    Object.values(nulls)
      .slice(1)
      .every((value) => value === null),
  );
  const [shown] = await sql.unsafe(`SELECT ${texts.map(([item]) => item).join(', ')} FROM node_js WHERE n = 1`);
  // It sends timestamps as Date, so with milliseconds.
  for (const [, text, name] of texts) assert.equal(shown[name], name === 'c12' ? text.slice(0, -3) : text);

  // Its helpers: many rows in one INSERT, lists, fragments, JSON.
  await sql`CREATE TABLE node_rows (id integer, name text, made timestamptz)`;
  const made = new Date('2024-01-02T03:04:05.678Z');
  await sql`INSERT INTO node_rows ${sql(Array.from({ length: 100 }, (_, id) => ({ id, name: `n${id}`, made })))}`;
  const picked = await sql`SELECT id, name, made FROM node_rows WHERE id IN ${sql([3, 99])} ORDER BY id`;
  assert.deepEqual(
    picked.map((one) => [one.id, one.name, one.made.getTime()]),
    [
      [3, 'n3', made.getTime()],
      [99, 'n99', made.getTime()],
    ],
  );
  assert.equal((await sql`SELECT id FROM node_rows WHERE id = ANY(${[1, 2]})`).count, 2);
  assert.equal((await sql`UPDATE node_rows SET ${sql({ name: 'new' }, 'name')} WHERE id < 10`).count, 10);
  assert.deepEqual((await sql`SELECT ${sql.json({ a: [1, { b: null }] })}::json AS j`)[0].j, { a: [1, { b: null }] });

  // Transactions, with all statements in flight at once; errors.
  await sql.begin((one) => [one`DELETE FROM node_rows WHERE id = 0`, one`DELETE FROM node_rows WHERE id = 1`]);
  await assert.rejects(
    sql.begin(async (one) => {
      await one`DELETE FROM node_rows`;
      throw new Error('changed my mind');
    }),
    /changed my mind/,
  );
  assert.equal((await sql`SELECT count(*)::integer AS n FROM node_rows`)[0].n, 98);
  await assert.rejects(sql`SELECT * FROM nowhere`, { code: '42P01' });
  await assert.rejects(sql`SELECT ${'x'}::integer`, { code: '22P02' });

  // Cancel, cursor, COPY.
  const endless = sql`SELECT sum(a.i * b.i) FROM range(1000000000) a(i), range(1000000000) b(i)`;
  setTimeout(() => endless.cancel(), 300);
  await assert.rejects(endless, { code: '57014' });
  let read = 0;
  for await (const rows of sql`SELECT i FROM range(10000) t(i)`.cursor(1500)) {
    read += rows.length;
    if (read >= 6000) break;
  }
  assert.equal(read, 6000);
  await pipeline(
    Readable.from(Array.from({ length: 3000 }, (_, i) => `${i + 1000}\tcopied\t\\N\n`)),
    await sql`COPY node_rows FROM STDIN`.writable(),
  );
  assert.equal((await sql`SELECT count(*)::integer AS n FROM node_rows WHERE name = 'copied' AND made IS NULL`)[0].n, 3000);
  let text = '';
  for await (const part of await sql`COPY (SELECT id, name FROM node_rows WHERE id = 3999) TO STDOUT`.readable()) text += part;
  assert.equal(text, '3999\tcopied\n');
  await sql`DROP TABLE node_rows`;
  await sql`DROP TABLE node_js`;
  await sql.end();
}

await { pg: nodePostgres, postgres: postgresJs }[process.argv[2]]();
console.log('ok');
