/** Texts as PostgreSQL 15 gives them for the same values and settings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { Settings } from '../../../../protocols/pgwire/settings.ts';
import { createCellWriter } from '../../../../protocols/pgwire/types/cell-writers.ts';
import { columnVector } from '../../../../protocols/pgwire/types/vector.ts';

const connection = await (await DuckDBInstance.create(':memory:')).connect();

/** The values of a one-row query as text, in a session with these settings. */
async function texts(sql: string, settings: Readonly<Record<string, string>>): Promise<string[]> {
  const session = new Settings();
  for (const [name, value] of Object.entries(settings)) session.set(name, value);
  const result = await connection.stream(sql);
  const chunk = await result.fetchChunk();
  assert.ok(chunk);
  return Array.from({ length: result.columnCount }, (_, i) => {
    const writer = createCellWriter({ name: 'x', type: result.columnType(i) }, 0, session);
    writer.load(columnVector(chunk, i), chunk.rowCount);
    const out = Buffer.alloc(writer.bytesMax(0));
    return out.toString('latin1', 0, writer.write(out, 0, 0));
  });
}

const dates = `SELECT DATE '2000-01-02', TIMESTAMP '2000-01-02 03:04:05.6', DATE '0044-03-15 (BC)', TIMESTAMP '0044-03-15 (BC) 00:00:00',
  TIMESTAMPTZ '2000-01-02 03:04:05.6+00', 'infinity'::DATE, '-infinity'::TIMESTAMP, [DATE '2000-01-02'], [TIMESTAMPTZ '2000-01-02 03:04:05+00']`;

for (const [style, expected] of [
  [
    'ISO, DMY',
    [
      ...['2000-01-02', '2000-01-02 03:04:05.6', '0044-03-15 BC', '0044-03-15 00:00:00 BC', '2000-01-02 03:04:05.6+00'],
      ...['infinity', '-infinity', '{2000-01-02}', '{"2000-01-02 03:04:05+00"}'],
    ],
  ],
  [
    'SQL, YMD',
    [
      ...['01/02/2000', '01/02/2000 03:04:05.6', '03/15/0044 BC', '03/15/0044 00:00:00 BC', '01/02/2000 03:04:05.6 UTC'],
      ...['infinity', '-infinity', '{01/02/2000}', '{"01/02/2000 03:04:05 UTC"}'],
    ],
  ],
  [
    'Postgres, MDY',
    [
      ...['01-02-2000', 'Sun Jan 02 03:04:05.6 2000', '03-15-0044 BC', 'Fri Mar 15 00:00:00 0044 BC'],
      ...['Sun Jan 02 03:04:05.6 2000 UTC', 'infinity', '-infinity', '{01-02-2000}', '{"Sun Jan 02 03:04:05 2000 UTC"}'],
    ],
  ],
  [
    'Postgres, DMY',
    [
      ...['02-01-2000', 'Sun 02 Jan 03:04:05.6 2000', '15-03-0044 BC', 'Fri 15 Mar 00:00:00 0044 BC'],
      ...['Sun 02 Jan 03:04:05.6 2000 UTC', 'infinity', '-infinity', '{02-01-2000}', '{"Sun 02 Jan 03:04:05 2000 UTC"}'],
    ],
  ],
  [
    'German, DMY',
    [
      ...['02.01.2000', '02.01.2000 03:04:05.6', '15.03.0044 BC', '15.03.0044 00:00:00 BC', '02.01.2000 03:04:05.6 UTC'],
      ...['infinity', '-infinity', '{02.01.2000}', '{"02.01.2000 03:04:05 UTC"}'],
    ],
  ],
] as const)
  test(`dates in DateStyle ${style}`, async () => {
    assert.deepEqual(await texts(dates, { DateStyle: style }), expected);
  });

test('a zone without an abbreviation is written as its offset', async () => {
  assert.deepEqual(
    await texts("SELECT TIMESTAMPTZ '2000-07-02 03:04:05+00'", { DateStyle: 'SQL, MDY', TimeZone: 'Asia/Tashkent' }),
    ['07/02/2000 08:04:05 +05'],
  );
});

const intervals = `SELECT INTERVAL 0 DAY, INTERVAL '1 year 2 months', INTERVAL '-1 day -02:03:04.5', INTERVAL '1 year 2 months 3 days 04:05:06',
  INTERVAL '1 day' - INTERVAL '1 hour', INTERVAL '30 minutes', INTERVAL '-1 second'`;
for (const [style, expected] of [
  [
    'postgres_verbose',
    [
      '@ 0',
      '@ 1 year 2 mons',
      '@ 1 day 2 hours 3 mins 4.5 secs ago',
      '@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs',
      '@ 1 day -1 hours',
      '@ 30 mins',
      '@ 1 sec ago',
    ],
  ],
  ['sql_standard', ['0', '1-2', '-1 2:03:04.5', '+1-2 +3 +4:05:06', '+0-0 +1 -1:00:00', '0:30:00', '-0:00:01']],
  ['iso_8601', ['PT0S', 'P1Y2M', 'P-1DT-2H-3M-4.5S', 'P1Y2M3DT4H5M6S', 'P1DT-1H', 'PT30M', 'PT-1S']],
] as const)
  test(`intervals in IntervalStyle ${style}`, async () => {
    assert.deepEqual(await texts(intervals, { IntervalStyle: style }), expected);
  });

// As json objects their fields had one key, the empty one, and all but the last were lost.
test('rows without names are records, in text as PostgreSQL writes them', async () => {
  assert.deepEqual(
    await texts(
      `SELECT row(1, 'a b', NULL::INTEGER, '', 'q"\\(', [1, 2], row(2, NULL::VARCHAR)), [row(1, 'a'), NULL], row(NULL)`,
      {},
    ),
    ['(1,"a b",,"","q""\\\\(","{1,2}","(2,)")', '{"(1,a)",NULL}', '()'],
  );
});

test('and in binary', async () => {
  const result = await connection.stream("SELECT row(7::INTEGER, NULL::VARCHAR, 'x')");
  const chunk = await result.fetchChunk();
  assert.ok(chunk);
  const writer = createCellWriter({ name: 'x', type: result.columnType(0) }, 1, new Settings());
  writer.load(columnVector(chunk, 0), 1);
  const out = Buffer.alloc(writer.bytesMax(0));
  assert.equal(
    out.toString('hex', 0, writer.write(out, 0, 0)),
    ['00000003', '00000017', '00000004', '00000007', '00000019', 'ffffffff', '00000019', '00000001', '78'].join(''),
  );
});
