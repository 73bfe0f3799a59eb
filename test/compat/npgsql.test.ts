/**
 * What Npgsql sends before a program's first query, sent by a plain client, because Npgsql itself needs a .NET SDK. It asks
 * for the version, all types, composites and enums in one simple query and stops at the first thing it does not expect.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fixture } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';
import { dataRow, fieldsOf, type Message, WireClient, wireOptionsOf } from '../support/wire-client.ts';

describe('Npgsql', () => {
  let pod: Pod;
  let client: WireClient;
  before(async () => {
    pod = await startPod();
    const parameters = { client_encoding: 'UTF8', application_name: 'a .NET program', TimeZone: 'Europe/Helsinki' };
    client = await WireClient.logIn({ ...wireOptionsOf(pod), parameters });
  });
  after(async () => {
    await client.close();
    await pod.stop();
  });

  test('reads what it needs from the parameters of the session', () => {
    assert.match(client.parameters.get('server_version') ?? '', /^\d+(\.\d+)+/);
    assert.equal(client.parameters.get('integer_datetimes'), 'on');
    assert.equal(client.parameters.get('standard_conforming_strings'), 'on');
    assert.equal(client.parameters.get('TimeZone'), 'Europe/Helsinki');
  });

  test('loads types: each after what it is made of, none with a column it cannot read', async () => {
    const [version, types, composites, enums] = await resultsOf(
      client,
      `SELECT version();\n${query('types')}\n${query('composites')}\n${query('enums')}`,
    );
    assert.equal(version?.length, 1);
    assert.match(version?.[0]?.[0] ?? '', /^PostgreSQL \d/);
    const known = new Map<string, string>();
    for (const [schema, oid, name, kind, notNull, element] of types as (string | null)[][]) {
      assert.ok(schema && name, `${oid} has no name`);
      assert.match(oid ?? '', /^[1-9]\d*$/);
      assert.match(notNull ?? '', /^[tf]$/);
      assert.match(kind ?? '', /^[bacdempr]$/);
      if (kind === 'a') assert.ok(known.has(element ?? ''), `${name} comes before its elements (${element})`);
      assert.ok(!known.has(oid as string), `${name} comes twice`);
      known.set(oid as string, name as string);
    }
    // The types Npgsql's own converters are bound to, by name; without one of them its values could not be read.
    for (const name of [
      ...['bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'text', 'varchar', 'bpchar', 'bytea', 'uuid', 'json'],
      ...['date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval', 'oid', 'name', 'char', 'unknown', 'record', 'void'],
      ...['_int4', '_int8', '_text', '_float8', '_numeric', '_timestamptz', '_uuid'],
    ])
      assert.ok([...known.values()].includes(name), `${name} is not there`);
    for (const row of composites ?? []) assert.ok(row.every((value) => value !== null));
    assert.deepEqual(enums, []);
  });

  test('gives a connection back to its pool', async () => {
    for (const sql of [
      'DISCARD ALL',
      'CLOSE ALL;UNLISTEN *;SELECT pg_advisory_unlock_all();DISCARD SEQUENCES;DISCARD TEMP',
      'RESET ALL;SET SESSION AUTHORIZATION DEFAULT',
      'BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED;ROLLBACK',
      'BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE;COMMIT',
    ])
      await resultsOf(client, sql);
    assert.deepEqual(await client.rows('SELECT 1'), [['1']]);
  });
});

/** One of the queries that the catalog's own test runs too. */
function query(name: string): string {
  const text = fixture(new URL('../unit/catalog/pg/client-queries.sql', import.meta.url));
  const found = new RegExp(`^-- Npgsql ${name}\\n([^]*?);`, 'm').exec(text);
  assert.ok(found, name);
  return `${found[1]};`;
}

/** The rows of each statement of a simple query. Fails at an ErrorResponse. */
async function resultsOf(client: WireClient, sql: string): Promise<(string | null)[][][]> {
  const results: (string | null)[][][] = [];
  let rows: (string | null)[][] = [];
  for (const message of await client.query(sql)) {
    const { type, body }: Message = message;
    if (type === 'E') assert.fail(`${sql.slice(0, 80)}: ${JSON.stringify(fieldsOf(body))}`);
    if (type === 'T') rows = [];
    if (type === 'D') rows.push(dataRow(body).map((value) => value?.toString('utf8') ?? null));
    if (type === 'C') results.push(rows);
  }
  return results;
}
