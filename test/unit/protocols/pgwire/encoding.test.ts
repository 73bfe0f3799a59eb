import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Column } from '../../../../base/statement-session.ts';
import { Settings } from '../../../../protocols/pgwire/settings.ts';
import { createCellWriter } from '../../../../protocols/pgwire/types/cell-writers.ts';
import { formatFloat4, formatFloat8 } from '../../../../protocols/pgwire/types/float.ts';
import { columnVector } from '../../../../protocols/pgwire/types/vector.ts';
import { cstring, dataRow, frontend, type Message, WireClient } from '../../../support/wire-client.ts';
import { startWireServer } from '../../../support/wire-server.ts';

const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
const server = await startWireServer();
after(() => server.close());

/** Two hours east of Greenwich, all year. */
const settings = new Settings();
settings.set('TimeZone', 'Etc/GMT-2');

/** The first column of a query, cell by cell, as the wire writes it. */
async function cells(sql: string, pgType?: Column['pgType'], format: 0 | 1 = 0): Promise<(string | null)[]> {
  const result = await connection.stream(sql);
  const type = result.columnType(0);
  const writer = createCellWriter({ name: 'x', type, ...(pgType ? { pgType } : {}) }, format, settings);
  const out: (string | null)[] = [];
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    writer.load(columnVector(chunk, 0), chunk.rowCount);
    for (let row = 0; row < chunk.rowCount; row++) {
      if (writer.isNull(row)) out.push(null);
      else {
        const buffer = Buffer.alloc(writer.bytesMax(row) + 8, 0x7e);
        const end = writer.write(buffer, 4, row);
        assert.ok(end - 4 <= writer.bytesMax(row), `${sql}: ${end - 4} bytes where ${writer.bytesMax(row)} were announced`);
        assert.equal(buffer.toString('latin1', end), '~'.repeat(buffer.length - end), `${sql}: wrote past its end`);
        out.push(buffer.toString(format === 0 ? 'utf8' : 'hex', 4, end));
      }
    }
  }
  return out;
}

test("every double reads back as itself, and is as short as JavaScript's shortest", () => {
  let state = 12345n;
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 20_000; i++) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    view.setBigUint64(0, state);
    const value = view.getFloat64(0);
    if (!Number.isFinite(value)) continue;
    const text = formatFloat8(value);
    assert.equal(Number(text), value);
    assert.equal(
      text.replace(/e.*|[-.]/g, '').replace(/^0+|0+$/g, '').length,
      value
        .toExponential()
        .replace(/e.*|[-.]/g, '')
        .replace(/^0+|0+$/g, '').length,
    );
    const float = Math.fround(view.getFloat32(4));
    if (Number.isFinite(float)) assert.equal(Math.fround(Number(formatFloat4(float))), float, String(float));
  }
});

test('doubles and decimals of few places take the short road to the same text', async () => {
  const text = await cells('SELECT i / 1000.0::DOUBLE FROM range(-20000, 20000) t(i)');
  for (const [index, one] of text.entries()) assert.equal(one, formatFloat8((index - 20000) / 1000));
  const floats = await cells('SELECT (i / 100.0)::FLOAT FROM range(-3000, 3000) t(i)');
  for (const [index, one] of floats.entries()) assert.equal(one, formatFloat4(Math.fround((index - 3000) / 100)));
  for (const type of [
    'DECIMAL(4,1)',
    'DECIMAL(9,3)',
    'DECIMAL(18,6)',
    'DECIMAL(38,10)',
    'DECIMAL(18,0)',
    'HUGEINT',
    'BIGINT',
    'UBIGINT',
  ]) {
    const from = type === 'UBIGINT' ? 'range(0, 3000)' : 'range(-900, 900)';
    const ours = await cells(`SELECT (i * 0.7)::${type} FROM ${from} t(i)`);
    const theirs = (await connection.runAndReadAll(`SELECT (i * 0.7)::${type}::VARCHAR FROM ${from} t(i)`))
      .getRows()
      .map(([value]) => value);
    assert.deepEqual(ours, theirs, type);
  }
});

test('strings of every length come whole, in any order, from every kind of storage', async () => {
  await connection.run(
    `CREATE TABLE strings AS SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE repeat(chr(65 + (i % 26)::INT), (i * 37 % 97)::INT) || i END AS s FROM range(10000) t(i)`,
  );
  const expected = (i: number): string | null =>
    i % 7 === 0 ? null : String.fromCharCode(65 + (i % 26)).repeat((i * 37) % 97) + i;
  const numbers = Array.from({ length: 10_000 }, (_, i) => i);
  assert.deepEqual(await cells('SELECT s FROM strings ORDER BY i'), numbers.map(expected));
  assert.deepEqual(await cells('SELECT s FROM strings ORDER BY i DESC'), numbers.map(expected).reverse());
  assert.deepEqual(
    await cells('SELECT s FROM strings WHERE i % 3 = 1 ORDER BY hash(i)'),
    (await connection.runAndReadAll('SELECT s FROM strings WHERE i % 3 = 1 ORDER BY hash(i)')).getRows().map(([s]) => s),
  );
  await connection.run(
    "CREATE TABLE repeated AS SELECT i, CASE i % 3 WHEN 0 THEN 'the first long string value' WHEN 1 THEN 'short' ELSE 'another string of some length' END AS s FROM range(5000) t(i)",
  );
  await connection.run('CHECKPOINT');
  assert.deepEqual(
    await cells('SELECT s FROM repeated ORDER BY i'),
    Array.from({ length: 5000 }, (_, i) => ['the first long string value', 'short', 'another string of some length'][i % 3]),
  );
  assert.deepEqual(await cells('SELECT list(s ORDER BY i) FROM (SELECT * FROM repeated LIMIT 3)'), [
    '{"the first long string value",short,"another string of some length"}',
  ]);
  assert.equal((await cells("SELECT repeat('é', 3000000)"))[0]?.length, 3_000_000);
});

test('fixed-size arrays whose rows are NULL never touch what was not written', async () => {
  const sql =
    "SELECT a FROM range(4000) t(i) LEFT JOIN (SELECT i, ['a string longer than twelve ' || i, NULL]::VARCHAR[2] AS a FROM range(1, 4000, 2) u(i)) USING (i) ORDER BY i";
  const text = await cells(sql);
  assert.equal(text[0], null);
  assert.equal(text[3999], '{"a string longer than twelve 3999",NULL}');
});

test('structs, maps, unions and variants are json that keeps numbers exact', async () => {
  const cases: [string, string][] = [
    [
      "SELECT {'a': 1, 'b': 'x\"y', 'c': NULL, 'd': [1.50::DECIMAL(6,2)], 'e': {'f': 9223372036854775807}}",
      '{"a":1,"b":"x\\"y","c":null,"d":[1.50],"e":{"f":9223372036854775807}}',
    ],
    ["SELECT MAP {'k': 1, 'l': NULL}", '{"k":1,"l":null}'],
    ["SELECT MAP {1: 'a'}", '{"1":"a"}'],
    ['SELECT union_value(num := 2)', '{"num":2}'],
    ["SELECT {'n': 'NaN'::DOUBLE, 'i': '-infinity'::DOUBLE}", '{"n":"NaN","i":"-Infinity"}'],
    [
      "SELECT {'t': TIMESTAMP '2026-01-02 03:04:05.5', 'd': DATE '2026-01-02', 'u': 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID}",
      '{"t":"2026-01-02 03:04:05.5","d":"2026-01-02","u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}',
    ],
    ["SELECT [{'a': 1}, NULL]", '{"{\\"a\\":1}",NULL}'],
    ["SELECT {'j': '{\"x\":[1]}'::JSON}", '{"j":{"x":[1]}}'],
    ["SELECT {'2': 1, '1': 2}", '{"2":1,"1":2}'],
    ["SELECT {'a': 1}::VARIANT", '{"a":1}'],
    [
      "SELECT {'i': INTERVAL '1 month -2 days', 'b': 'ab'::BLOB, 'z': TIMESTAMPTZ '2026-01-02 03:04:05+00'}",
      '{"i":"1 mon -2 days","b":"\\\\x6162","z":"2026-01-02 05:04:05+02"}',
    ],
  ];
  for (const [sql, json] of cases) assert.deepEqual(await cells(sql), [json], sql);
  assert.deepEqual(await cells('SELECT NULL::STRUCT(a INT)'), [null]);
});

test('nested lists are dimensions; ragged ones are text only', async () => {
  assert.deepEqual(await cells('SELECT [[1], [2, 3], NULL, []]'), ['{{1},{2,3},NULL,{}}']);
  assert.deepEqual(await cells('SELECT [[]]::INT[][]'), ['{{}}']);
  await assert.rejects(cells('SELECT [[1], [2, 3]]', undefined, 1), /no binary form/);
  await assert.rejects(cells('SELECT [[1], NULL]', undefined, 1), /no binary form/);
});

test('a column announced as another type is written as that type', async () => {
  assert.deepEqual(await cells('SELECT 16384::BIGINT', { oid: 26 }, 1), ['00004000']);
  assert.deepEqual(await cells("SELECT 'hi'", { oid: 17 }), ['\\x6869']);
  assert.deepEqual(await cells("SELECT 'hi'", { oid: 17 }, 1), ['6869']);
  assert.deepEqual(await cells("SELECT 'hi'", { oid: 19 }, 1), ['6869']);
  assert.deepEqual(await cells("SELECT '{}'", { oid: 3802 }, 1), ['017b7d']);
  assert.deepEqual(await cells('SELECT [1, 3]', { oid: 22 }), ['1 3']);
  assert.deepEqual(await cells('SELECT [1, 3]', { oid: 114 }), ['[1,3]']);
  await assert.rejects(cells("SELECT 'pg_class'", { oid: 2205 }, 1), /no binary output/);
});

test('what binary COPY writes, binary COPY reads: every type survives', async () => {
  const client = await WireClient.logIn(server.options);
  const types: [string, string][] = [
    ['BOOLEAN', 'i % 2 = 0'],
    ['TINYINT', '(i % 100)::TINYINT'],
    ['UTINYINT', '(i % 200)::UTINYINT'],
    ['SMALLINT', '-i'],
    ['USMALLINT', 'i'],
    ['INTEGER', 'i * 7'],
    ['UINTEGER', '4000000000 + i'],
    ['BIGINT', 'i * 10000000000'],
    ['UBIGINT', '18000000000000000000 + i::UBIGINT'],
    ['HUGEINT', '-(i::HUGEINT * 1000000000000000000000)'],
    ['UHUGEINT', 'i::UHUGEINT * 1000000000000000000000'],
    ['FLOAT', 'i / 3'],
    ['DOUBLE', 'i / 7'],
    ['DECIMAL(4,1)', 'i % 900 / 10'],
    ['DECIMAL(9,2)', '-i / 100'],
    ['DECIMAL(18,6)', 'i / 8'],
    ['DECIMAL(38,10)', 'i * 123456789.0123456789'],
    ['VARCHAR', "repeat('x', (i % 40)::INT)"],
    ['BLOB', "('b' || i)::BLOB"],
    ['UUID', 'md5(i::VARCHAR)::UUID'],
    ['DATE', "DATE '1900-01-01' + i::INT"],
    ['TIME', "TIME '00:00:00' + INTERVAL (i) SECOND"],
    ['TIMESTAMP', "TIMESTAMP '1960-01-01' + INTERVAL (i) HOUR"],
    ['TIMESTAMP_S', "(TIMESTAMP '1960-01-01' + INTERVAL (i) HOUR)::TIMESTAMP_S"],
    ['TIMESTAMP_MS', "(TIMESTAMP '1960-01-01' + INTERVAL (i) HOUR)::TIMESTAMP_MS"],
    ['TIMESTAMP_NS', "(TIMESTAMP '1960-01-01' + INTERVAL (i) HOUR)::TIMESTAMP_NS"],
    ['TIMESTAMPTZ', "TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) HOUR"],
    ['INTERVAL', 'INTERVAL (i) DAY + INTERVAL (i) MICROSECOND'],
    ['BIT', "(CASE WHEN i % 2 = 0 THEN '10110' ELSE '1' END)::BIT"],
    ["ENUM('a', 'b')", "CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END"],
    ['INTEGER[]', '[i, NULL]'],
    ['VARCHAR[][]', "[['a'], [i::VARCHAR]]"],
    ['JSON', "json_object('i', i)"],
    ['TIMETZ', "'12:00:00+02'::TIMETZ"],
  ];
  const columns = types.map(([type], i) => `c${i} ${type}`).join(', ');
  const values = types
    .map(([type, value], i) => `CASE WHEN (i + ${i}) % 11 = 0 THEN NULL ELSE (${value})::${type} END`)
    .join(', ');
  // An ARRAY cannot stand in a CASE; it has a column of its own.
  for (const sql of [
    `CREATE TABLE src (${columns}, arr DOUBLE[2])`,
    `CREATE TABLE dst (${columns}, arr DOUBLE[2])`,
    `INSERT INTO src SELECT ${values}, [i, i / 2]::DOUBLE[2] FROM range(3000) t(i)`,
  ]) {
    assert.equal((await client.query(sql)).find((message) => message.type === 'E')?.body.toString(), undefined, sql);
  }
  const data = (await client.query('COPY src TO STDOUT (FORMAT binary)'))
    .filter((message: Message) => message.type === 'd')
    .map((message) => message.body);
  assert.equal(data.length, 3001);
  const all = Buffer.concat(data);
  client.send(frontend('Q', cstring('COPY dst FROM STDIN (FORMAT binary)')));
  assert.equal((await client.receive())?.type, 'G');
  for (let at = 0; at < all.length; at += 777) client.send(frontend('d', all.subarray(at, at + 777)));
  client.send(frontend('c'));
  const last = await client.receiveUntil('Z');
  assert.equal(last[0]?.body.toString('utf8'), 'COPY 3000\0');
  assert.deepEqual(await client.rows('SELECT count(*) FROM (FROM src EXCEPT FROM dst)'), [['0']]);
  assert.deepEqual(await client.rows('SELECT count(*) FROM dst'), [['3000']]);
  await client.close();
});

test('wide results keep their columns and rows apart', async () => {
  const client = await WireClient.logIn(server.options);
  const names = Array.from({ length: 500 }, (_, i) => `i + ${i} AS c${i}`).join(', ');
  const rows = (await client.query(`SELECT ${names} FROM range(5000) t(i)`)).filter((message) => message.type === 'D');
  assert.equal(rows.length, 5000);
  for (const [i, row] of rows.entries()) assert.equal(dataRow(row.body)[499]?.toString(), String(i + 499));
  await client.close();
});
