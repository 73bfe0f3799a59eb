import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { LakeError } from '../../../../base/errors.ts';
import { systemRandom } from '../../../../base/random.ts';
import { openCopyIn } from '../../../../server/engine/copy-in.ts';
import type { CopyStatement } from '../../../../server/engine/copy-statement.ts';
import { parseCopy } from '../../../../server/statements/copy.ts';

let instance: DuckDBInstance;
let connection: DuckDBConnection;
let spoolDirectory: string;

before(async () => {
  spoolDirectory = mkdtempSync(join(tmpdir(), 'copy-in-'));
  instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  connection = await instance.connect();
});
after(() => {
  connection.closeSync();
  instance.closeSync();
  rmSync(spoolDirectory, { recursive: true, force: true });
});

interface LoadOptions {
  /** Bytes per message; 0 is all in one. */
  readonly messageBytes?: number;
  readonly segmentBytesMax?: number;
}

/** Loads into a fresh table in a transaction that is rolled back on error; gives the row count. */
async function load(
  columns: string,
  copy: string,
  data: Buffer,
  { messageBytes = 0, segmentBytesMax }: LoadOptions = {},
): Promise<number> {
  await connection.run(`CREATE OR REPLACE TABLE t (${columns})`);
  await connection.run('BEGIN TRANSACTION');
  try {
    const sink = await openCopyIn(
      {
        connection,
        spoolDirectory,
        random: systemRandom,
        run: async (sql) => (await connection.run(sql)).rowsChanged,
        ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
      },
      parseCopy(copy) as CopyStatement,
    );
    const step = messageBytes || data.length || 1;
    for (let at = 0; at < data.length; at += step) await sink.write(data.subarray(at, at + step));
    const rows = await sink.finish();
    await connection.run('COMMIT');
    return rows;
  } catch (error) {
    await connection.run('ROLLBACK');
    throw error;
  } finally {
    assert.deepEqual(readdirSync(spoolDirectory), [], 'nothing stays in the spool');
  }
}

/** Through hex, because a text decoder takes a byte order mark away. */
async function rows(columns: string): Promise<(string | null)[][]> {
  const names = columns.split(/, (?=[a-z]+ )/).map((column) => `hex(CAST(${column.split(' ')[0]} AS VARCHAR))`);
  const found = (await connection.runAndReadAll(`SELECT ${names.join(', ')} FROM t`)).getRows() as (string | null)[][];
  return found.map((row) => row.map((cell) => (cell === null ? null : Buffer.from(cell, 'hex').toString('utf8'))));
}

const sqlStates: Record<string, string> = {
  '22P02': 'invalid_text_representation',
  '22P04': 'bad_copy_format',
  '22003': 'numeric_out_of_range',
  '22021': 'invalid_byte_sequence',
};

// Each case was answered by PostgreSQL 15; `expected` is what it stored, or its SQLSTATE and message.
const cases = JSON.parse(await readFile(new URL('copy-cases.json', import.meta.url), 'utf8')) as {
  columns: string;
  copy: string;
  data: string;
  expected: string | (string | null)[][];
}[];

for (const { columns, copy, data, expected } of cases) {
  test(`as PostgreSQL: ${copy} of ${JSON.stringify(data)}`, async () => {
    const bytes = Buffer.from(data, 'latin1');
    for (const messageBytes of [0, 1, 3]) {
      if (typeof expected === 'string') {
        await assert.rejects(load(columns, copy, bytes, { messageBytes }), (error: unknown) => {
          assert.ok(error instanceof LakeError, String(error));
          assert.equal(error.code, sqlStates[expected.slice(0, 5)], error.message);
          assert.ok(expected.slice(6).startsWith(error.message), `${error.message} is not ${expected}`);
          return true;
        });
      } else {
        await load(columns, copy, bytes, { messageBytes });
        assert.deepEqual(await rows(columns), expected);
      }
    }
  });
}

const values: readonly [type: string, data: string, expected: (string | null)[]][] = [
  ['BOOLEAN', 't\nf\ntrue\nno\nOFF\non\n1\n', ['true', 'false', 'true', 'false', 'false', 'true', 'true']],
  ['DOUBLE', 'NaN\nInfinity\n-Infinity\n1e10\n', ['nan', 'inf', '-inf', '10000000000.0']],
  ['BLOB', '\\\\x00ff41\n\\\\x\n', ['\\x00\\xFFA', '']],
  ['INTEGER[]', '{1,2,NULL}\n{}\n\\N\n', ['[1, 2, NULL]', '[]', null]],
  ['INTEGER[][]', '{{1,2},{3,4}}\n', ['[[1, 2], [3, 4]]']],
  ['VARCHAR[]', '{a,"b c",NULL,"NULL","x\\\\"y","{z}"}\n', ["[a, b c, NULL, 'NULL', 'x\"y', '{z}']"]],
  ['DATE', '0044-03-15 BC\n2024-02-29\ninfinity\n', ['0044-03-15 (BC)', '2024-02-29', 'infinity']],
  [
    'TIMESTAMP',
    '0044-03-15 10:00:00.5 BC\n2024-02-29 01:02:03.123456\n2024-02-29T01:02:03\n2024-02-29\n',
    ['0044-03-15 (BC) 10:00:00.5', '2024-02-29 01:02:03.123456', '2024-02-29 01:02:03', '2024-02-29 00:00:00'],
  ],
  [
    'INTERVAL',
    '1 year 2 mons 3 days 04:05:06.7\n-1 years -2 mons +3 days -04:05:06\n',
    ['1 year 2 months 3 days 04:05:06.7', '-1 year -2 months 3 days -04:05:06'],
  ],
  ['DECIMAL(20,4)', '1.5\n-0.00005\n', ['1.5000', '-0.0001']],
  ['HUGEINT', '170141183460469231731687303715884105727\n', ['170141183460469231731687303715884105727']],
  ['UUID', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\n', ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
  ['STRUCT(a INTEGER, b VARCHAR[])', '{"a":1,"b":["x","y z"]}\n', ["{'a': 1, 'b': [x, y z]}"]],
  ['MAP(VARCHAR, INTEGER)', '{"k":1}\n', ['{k=1}']],
  ["ENUM('r', 'g')", 'r\n\\N\n', ['r', null]],
  ['TIME', '01:02:03.5\n', ['01:02:03.5']],
];
for (const [type, data, expected] of values) {
  test(`reads PostgreSQL's text of ${type}`, async () => {
    await load(`a ${type}`, 'copy t from stdin', Buffer.from(data));
    assert.deepEqual((await rows('a x')).flat(), expected);
  });
}

test('a value that does not fit names line and column', async () => {
  await assert.rejects(
    load('a BIGINT, b DATE', 'copy t from stdin csv header', Buffer.from('a,b\n1,2024-01-01\n2,2024-13-01\n')),
    (error: unknown) => {
      assert.ok(error instanceof LakeError);
      assert.deepEqual(
        [error.code, error.message, error.detail],
        ['invalid_datetime', 'date/time field value out of range: "2024-13-01"', 'COPY t, line 3, column b: "2024-13-01"'],
      );
      return true;
    },
  );
});

test('columns that are left out get their defaults, and the order is the statement’s', async () => {
  await load("a INTEGER DEFAULT 7, b VARCHAR, c VARCHAR DEFAULT 'd'", 'copy t (c, b) from stdin csv', Buffer.from('x,y\n'));
  assert.deepEqual(await rows('a x, b x, c x'), [['7', 'y', 'x']]);
});

test('segments: every row arrives once, in any cut, and line numbers go on', async () => {
  const lines = Array.from({ length: 500 }, (_, i) => `${i},"row ${i}${i % 7 === 0 ? '\n""more""' : ''}"\n`).join('');
  for (const segmentBytesMax of [1, 100, 4000]) {
    assert.equal(
      await load('a INTEGER, b VARCHAR', 'copy t from stdin csv', Buffer.from(lines), { messageBytes: 37, segmentBytesMax }),
      500,
    );
    const sums = (
      await connection.runAndReadAll(
        'SELECT count(*)::INT, count(DISTINCT a)::INT, sum(a)::INT, count(*) FILTER (contains(b, \'"more"\'))::INT FROM t',
      )
    ).getRows();
    assert.deepEqual(sums, [[500, 500, 124750, 72]]);
  }
  // The filter gathers a quarter megabyte before it looks, so this has several segments of it.
  const many = Buffer.from(`${'1,x\n'.repeat(200_000)}boom,y\n`);
  await assert.rejects(
    load('a INTEGER, b VARCHAR', 'copy t from stdin csv', many, { segmentBytesMax: 300_000 }),
    (error: unknown) => error instanceof LakeError && error.detail === 'COPY t, line 200001, column a: "boom"',
  );
  assert.deepEqual(await rows('a x'), [], 'segments that were in already went with the transaction');
});

test('rows go in while the rest is received, in few segments', async () => {
  await connection.run('CREATE OR REPLACE TABLE t (a INTEGER)');
  await connection.run('BEGIN TRANSACTION');
  let inserts = 0;
  const sink = await openCopyIn(
    {
      connection,
      spoolDirectory,
      random: systemRandom,
      segmentBytesMin: 300_000,
      run: async (sql) => {
        inserts++;
        return (await connection.run(sql)).rowsChanged;
      },
    },
    parseCopy('copy t from stdin csv') as CopyStatement,
  );
  const block = Buffer.from('1234567\n'.repeat(8192));
  // 0.3 + 0.6 + 1.2 + 2.4 + 4.8 + 9.6 MB are 19 MB: nothing after the sixth segment is another one of the least size.
  for (let i = 0; i < 290; i++) {
    await sink.write(block);
    if (i % 10 === 0) await new Promise(setImmediate);
  }
  assert.ok(inserts >= 1, 'DuckDB began before the end');
  assert.equal(await sink.finish(), 290 * 8192);
  assert.ok(inserts >= 2 && inserts <= 7, `${inserts} inserts`);
  await connection.run('COMMIT');
});

test('a NULL string beyond ASCII is one, plain and beside escapes', async () => {
  await load('a VARCHAR, b VARCHAR', "copy t from stdin (null 'ø')", Buffer.from('ø\tx\nø\t\\\\ø\n'));
  assert.deepEqual(await rows('a x, b x'), [
    [null, 'x'],
    [null, '\\ø'],
  ]);
});

test('a row of many megabytes arrives whole', async () => {
  const long = 'é"x'.repeat(2_000_000);
  await load('a INTEGER, b VARCHAR', 'copy t from stdin csv', Buffer.from(`1,"${long.replaceAll('"', '""')}"\n2,y\n`), {
    messageBytes: 65_536,
  });
  const [first] = (
    await connection.runAndReadAll('SELECT length(b)::INT, md5(b) = md5($1) FROM t WHERE a = 1', [long])
  ).getRows();
  assert.deepEqual(first, [6_000_000, true]);
});

test('rows just under a megabyte arrive whole wherever the reader’s buffers end', async () => {
  const row = (i: number): string => `${i},"${'x'.repeat(900_000 + i)}\n""y"""\n`;
  const data = Buffer.from(Array.from({ length: 24 }, (_, i) => row(i)).join(''));
  assert.equal(await load('a INTEGER, b VARCHAR', 'copy t from stdin csv', data, { messageBytes: 65_536 }), 24);
  const [found] = (
    await connection.runAndReadAll(
      `SELECT count(*) FILTER (length(b) = 900004 + a AND ends_with(b, chr(10) || '"y"'))::INT FROM t`,
    )
  ).getRows();
  assert.deepEqual(found, [24]);
});

test('an unclosed quote does not eat memory without end', async () => {
  await connection.run('CREATE OR REPLACE TABLE t (a VARCHAR)');
  const sink = await openCopyIn(
    { connection, spoolDirectory, random: systemRandom, run: async (sql) => (await connection.run(sql)).rowsChanged },
    parseCopy('copy t from stdin csv') as CopyStatement,
  );
  const block = Buffer.alloc(1 << 20, 'x');
  await sink.write(Buffer.from('"'));
  await assert.rejects(
    async () => {
      for (let i = 0; i < 200; i++) await sink.write(block);
    },
    (error: unknown) => error instanceof LakeError && error.code === 'too_large',
  );
  await assert.rejects(sink.finish());
  assert.deepEqual(readdirSync(spoolDirectory), []);
});

test('abort leaves nothing, in the table and in the spool', async () => {
  await connection.run('CREATE OR REPLACE TABLE t (a INTEGER)');
  for (const copy of ['copy t from stdin csv', 'copy t from stdin (format binary)']) {
    const sink = await openCopyIn(
      { connection, spoolDirectory, random: systemRandom, run: async (sql) => (await connection.run(sql)).rowsChanged },
      parseCopy(copy) as CopyStatement,
    );
    if (sink.accepts === 'bytes') for (let i = 0; i < 40; i++) await sink.write(Buffer.from('1\n'.repeat(10_000)));
    else await sink.append(await chunkOf('SELECT 1::INTEGER AS a'));
    await sink.abort('client gave up');
    await sink.abort('twice is once');
    assert.deepEqual(await rows('a x'), []);
    assert.deepEqual(readdirSync(spoolDirectory), []);
  }
});

async function chunkOf(
  sql: string,
): Promise<NonNullable<Awaited<ReturnType<Awaited<ReturnType<DuckDBConnection['stream']>>['fetchChunk']>>>> {
  const other = await instance.connect();
  const chunk = await (await other.stream(sql)).fetchChunk();
  assert.ok(chunk);
  return chunk;
}

test('binary tuples come as chunks and pass WHERE and the table’s own checks', async () => {
  await connection.run('CREATE OR REPLACE TABLE t (a INTEGER NOT NULL, b VARCHAR)');
  await connection.run('BEGIN TRANSACTION');
  const sink = await openCopyIn(
    { connection, spoolDirectory, random: systemRandom, run: async (sql) => (await connection.run(sql)).rowsChanged },
    parseCopy('copy t from stdin (format binary) where a > 1') as CopyStatement,
  );
  assert.equal(sink.accepts, 'chunks');
  await sink.append(await chunkOf("SELECT i::INTEGER AS a, 'r' || i AS b FROM range(4) r(i)"));
  assert.equal(await sink.finish(), 2);
  await connection.run('COMMIT');
  assert.deepEqual(await rows('a x, b x'), [
    ['2', 'r2'],
    ['3', 'r3'],
  ]);
});

test('an unknown column or table is refused before any data', async () => {
  await connection.run('CREATE OR REPLACE TABLE t (a INTEGER)');
  for (const copy of ['copy t (nope) from stdin', 'copy missing from stdin']) {
    await assert.rejects(load('a INTEGER', copy, Buffer.from('1\n')), copy);
  }
});
