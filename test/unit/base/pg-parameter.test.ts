import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { LakeError } from '../../../base/errors.ts';
import { encodeNumeric, parseNumeric } from '../../../base/pg-numeric.ts';
import { decodeParameter } from '../../../base/pg-parameter.ts';
import { arrayOid, oid } from '../../../base/pg-types.ts';

const db = await DuckDBInstance.create(':memory:');
const connection = await db.connect();

/** What DuckDB makes of the parameter, as text: the whole road from bytes to a bound value. */
async function bound(id: number, format: 0 | 1, bytes: Buffer | string): Promise<string> {
  const { value, type } = decodeParameter(id, format, Buffer.from(bytes as string));
  const prepared = await connection.prepare('SELECT $1::VARCHAR');
  prepared.bind([value], [type]);
  const reader = await prepared.runAndReadAll();
  return String(reader.getRows()[0]?.[0]);
}

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

test('text parameters of every type reach DuckDB as written', async () => {
  const cases: readonly (readonly [number, string, string])[] = [
    [oid.bool, 't', 'true'],
    [oid.bool, 'off', 'false'],
    [oid.int2, '-32768', '-32768'],
    [oid.int4, ' 12 ', '12'],
    [oid.int8, '9223372036854775807', '9223372036854775807'],
    [oid.float8, '1e300', '1e+300'],
    [oid.float8, '-Infinity', '-inf'],
    [oid.float4, '1.5', '1.5'],
    [oid.numeric, '12345678901234567890.123456789', '12345678901234567890.123456789'],
    [oid.numeric, '1e-3', '0.001'],
    [oid.numeric, 'NaN', 'nan'],
    [oid.text, "it's \u00e9", "it's \u00e9"],
    [oid.unknown, 'x', 'x'],
    [0, 'x', 'x'],
    [oid.date, '2024-02-29', '2024-02-29'],
    [oid.date, '0044-03-15 BC', '0044-03-15 (BC)'],
    [oid.date, 'infinity', 'infinity'],
    [oid.time, '12:34:56.789', '12:34:56.789'],
    [oid.timetz, '12:34:56+02', '12:34:56+02'],
    [oid.timestamp, '2026-01-31T12:34:56.000001', '2026-01-31 12:34:56.000001'],
    [oid.timestamp, '-infinity', '-infinity'],
    [oid.interval, '1 year 2 mons -3 days +04:05:06.7', '1 year 2 months -3 days 04:05:06.7'],
    [oid.interval, 'P1Y2M3DT4H5M6.7S', '1 year 2 months 3 days 04:05:06.7'],
    [oid.interval, '@ 1 day 2 hours ago', '-1 day -02:00:00'],
    [oid.interval, '1.5 days', '1 day 12:00:00'],
    [oid.interval, '-00:00:01', '-00:00:01'],
    [oid.uuid, '{A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    [oid.bytea, '\\x00ff41', '\\x00\\xFFA'],
    [oid.bytea, 'a\\\\b\\001', 'a\\x5Cb\\x01'],
    [oid.varbit, '10110', '10110'],
    [oid.json, '{"a":1}', '{"a":1}'],
    [arrayOid(oid.int4), '{1,NULL,3}', '[1, NULL, 3]'],
    [arrayOid(oid.int4), '{{1,2},{3,4}}', '[[1, 2], [3, 4]]'],
    [arrayOid(oid.text), '{"a,b","NULL", x y ,"q\\"q"}', "['a,b', 'NULL', x y, 'q\"q']"],
    [arrayOid(oid.int4), '{}', '[]'],
  ];
  for (const [id, text, expected] of cases) assert.equal(await bound(id, 0, text), expected, `${id} ${text}`);
});

test("timestamptz text is an instant: its own zone, else the session's", () => {
  const withZone = decodeParameter(oid.timestamptz, 0, Buffer.from('2026-06-01 12:00:00+02'));
  const without = decodeParameter(oid.timestamptz, 0, Buffer.from('2026-06-01 12:00:00'), () => 7200);
  assert.deepEqual(withZone.value, without.value);
});

test('binary parameters of every type reach DuckDB as sent', async () => {
  const cases: readonly (readonly [number, string, string])[] = [
    [oid.bool, '01', 'true'],
    [oid.int2, 'ffff', '-1'],
    [oid.int4, '7fffffff', '2147483647'],
    [oid.int8, '8000000000000000', '-9223372036854775808'],
    [oid.float8, '3ff8000000000000', '1.5'],
    [oid.float4, 'bf800000', '-1.0'],
    [oid.date, '00000000', '2000-01-01'],
    [oid.date, '80000000', '-infinity'],
    [oid.timestamp, '0000000000000001', '2000-01-01 00:00:00.000001'],
    [oid.timestamp, '7fffffffffffffff', 'infinity'],
    [oid.time, '00000000000f4240', '00:00:01'],
    [oid.timetz, '0000000000000000 ffffe3e0', '00:00:00+02'],
    [oid.interval, '00000000000f4240 00000002 00000003', '3 months 2 days 00:00:01'],
    [oid.uuid, 'a0eebc999c0b4ef8bb6d6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    [oid.bytea, '00ff', '\\x00\\xFF'],
    [oid.varbit, '00000005 b0', '10110'],
    [oid.jsonb, '017b7d', '{}'],
    [oid.text, 'c3a9', '\u00e9'],
    [oid.numeric, '0003 0001 4000 0002 0001 0929 1388', '-12345.50'],
    [oid.numeric, '0000 0000 0000 0000', '0'],
    [arrayOid(oid.int4), '00000001 00000001 00000017 00000002 00000001 00000004 00000007 ffffffff', '[7, NULL]'],
  ];
  // 1 | 0929 = 2345 | 1388 = 5000 are the base-10,000 digits of 12345.50; ndigits 3, weight 1.
  for (const [id, bytes, expected] of cases) assert.equal(await bound(id, 1, hex(bytes)), expected, `${id} ${bytes}`);
});

test('numeric binary form survives a round trip', () => {
  for (const text of [
    '0',
    '1',
    '-1',
    '10000',
    '0.0001',
    '0.00001',
    '123456789.987654321',
    '-99999999999999999999.9',
    '100000000',
    '0.10',
  ]) {
    const parsed = parseNumeric(text);
    assert.ok(typeof parsed !== 'string');
    assert.deepEqual(
      decodeParameter(oid.numeric, 1, encodeNumeric(parsed.value, parsed.scale)),
      decodeParameter(oid.numeric, 0, Buffer.from(text)),
      text,
    );
  }
});

test('malformed bytes are refused with a code, never bound', () => {
  const cases: readonly (readonly [number, 0 | 1, string, string])[] = [
    [oid.int4, 0, '313233343536373839303132', 'numeric_out_of_range'],
    [oid.int4, 0, '78', 'invalid_text_representation'],
    [oid.int4, 1, '00', 'invalid_text_representation'],
    [oid.bool, 0, '6d61796265', 'invalid_text_representation'],
    [oid.date, 0, '323032332d30322d3239', 'invalid_datetime'],
    [oid.text, 0, 'ff', 'invalid_byte_sequence'],
    [oid.text, 0, '6100', 'invalid_byte_sequence'],
    [oid.numeric, 1, 'ffff 7fff 0000 ffff', 'invalid_text_representation'],
    [arrayOid(oid.int4), 1, '00000006 00000000 00000017 7fffffff 00000001 7fffffff 00000001', 'invalid_text_representation'],
    [arrayOid(oid.int4), 0, '7b7b7b7b7b7b7b7b7b', 'invalid_text_representation'],
    [oid.uuid, 0, '61', 'invalid_text_representation'],
    [oid.varbit, 1, '7fffffff 00', 'invalid_text_representation'],
    [oid.bytea, 0, '5c78303', 'invalid_text_representation'],
  ];
  for (const [id, format, bytes, code] of cases) {
    assert.throws(
      () => decodeParameter(id, format, hex(bytes)),
      (error) => error instanceof LakeError && error.code === code,
      `${id} ${bytes}`,
    );
  }
});
