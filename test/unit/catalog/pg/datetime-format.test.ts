import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strftimeFormat, strptimeFormat } from '../../../../catalog/pg/datetime-format.ts';

test('formats for parsing', () => {
  for (const [format, parsed] of [
    ['YYYY-MM-DD HH24:MI:SS', '%Y-%m-%d %H:%M:%S'],
    ['YYYYMMDD', '%Y%m%d'],
    ['dd mon yyyy', '%d %b %Y'],
    ['YYYY-MM-DD"T"HH24:MI:SS.US', '%Y-%m-%dT%H:%M:%S.%f'],
    ['"100%" DD', '100%% %d'],
  ] as const)
    assert.equal(strptimeFormat(format), parsed);
  for (const format of ['J', 'YYYY Q', 'CC']) assert.equal(strptimeFormat(format), null);
});

test('formats for writing: only those that strftime writes as to_char does', () => {
  for (const [format, written] of [
    ['YYYY-MM', '%Y-%m'],
    ['hh24:mi', '%H:%M'],
    ['DD Mon YYYY', '%d %b %Y'],
    ['FMDay, FMDD FMMonth', '%A, %-d %B'],
    ['IYYY-"W"IW', '%G-W%V'],
  ] as const)
    assert.equal(strftimeFormat(format), written);
  for (const format of ['Month', 'MONTH', 'MON', 'Day', 'DDth', 'Q', 'FM999', '999.99', 'am', ''])
    assert.equal(strftimeFormat(format), null, format);
});
