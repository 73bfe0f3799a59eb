import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimeZone } from '../../../base/time-zone.ts';

const micros = (iso: string): number => Date.parse(iso) * 1000;

test('the offset changes at the very second the zone changes', () => {
  const zone = new TimeZone('Europe/Helsinki');
  assert.equal(zone.offsetAt(micros('2026-03-29T00:59:59.999Z')), 7200);
  assert.equal(zone.offsetAt(micros('2026-03-29T01:00:00Z')), 10800);
  assert.equal(zone.offsetAt(micros('2026-10-25T00:59:59.999Z')), 10800);
  assert.equal(zone.offsetAt(micros('2026-10-25T01:00:00Z')), 7200);
  assert.equal(new TimeZone('Asia/Kathmandu').offsetAt(micros('2026-01-01T00:00:00Z')), 20700);
  assert.equal(new TimeZone('America/New_York').offsetAt(micros('1850-01-01T00:00:00Z')), -17762);
});

test('a local time finds its offset; one that does not exist or is there twice takes the one PostgreSQL takes', () => {
  const zone = new TimeZone('Europe/Helsinki');
  assert.equal(zone.offsetAtLocal(micros('2026-07-01T12:00:00Z')), 10800);
  assert.equal(zone.offsetAtLocal(micros('2026-01-01T12:00:00Z')), 7200);
  // 2026-03-29 03:30 is skipped, 2026-10-25 03:30 comes twice: PostgreSQL 15 says +02 for both (standard time).
  assert.equal(zone.offsetAtLocal(micros('2026-03-29T03:30:00Z')), 7200);
  assert.equal(zone.offsetAtLocal(micros('2026-10-25T03:30:00Z')), 7200);
  assert.equal(zone.offsetAtLocal(micros('2026-10-25T02:59:59Z')), 10800);
  assert.equal(zone.offsetAtLocal(micros('2026-10-25T04:00:00Z')), 7200);
});

test('UTC under every name, and a name nobody knows, have no offset', () => {
  for (const name of ['UTC', 'Etc/UTC', 'GMT', 'No/Such_Zone']) assert.equal(new TimeZone(name).offsetAt(0), 0);
});
