/**
 * Every type in both formats, byte for byte what PostgreSQL sends. `types.json` was recorded from PostgreSQL 15 with
 * TimeZone Europe/Helsinki: the DuckDB expression, PostgreSQL's where it is spelled differently, and its answer.
 * With TEST_POSTGRES (host:port:user:password:database) the recording itself is checked against a server.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { cstring, dataRow, fieldsOf, frontend, int16, int32, WireClient, WireError } from '../support/wire-client.ts';
import { startWireServer } from '../support/wire-server.ts';

interface Recorded {
  readonly duckdb: string;
  readonly postgres?: string;
  readonly oid: number;
  readonly size: number;
  readonly typmod: number;
  readonly text: string | null;
  readonly binary: string | null;
}

const recorded = JSON.parse(readFileSync(new URL('./types.json', import.meta.url), 'utf8')) as Recorded[];
const server = await startWireServer();
after(() => server.close());

async function ask(
  client: WireClient,
  sql: string,
  format: 0 | 1,
): Promise<{ oid: number; size: number; typmod: number; value: Buffer | null }> {
  client.send(
    frontend('P', cstring(''), cstring(`SELECT ${sql}`), int16(0)),
    frontend('B', cstring(''), cstring(''), int16(0), int16(0), int16(1), int16(format)),
    frontend('D', Buffer.from('P\0')),
    frontend('E', cstring(''), int32(0)),
    frontend('S'),
  );
  const messages = await client.receiveUntil('Z');
  const error = messages.find((message) => message.type === 'E');
  if (error) throw new WireError(fieldsOf(error.body));
  const description = messages.find((message) => message.type === 'T')?.body as Buffer;
  const at = description.indexOf(0, 2) + 7;
  return {
    oid: description.readUInt32BE(at),
    size: description.readInt16BE(at + 4),
    typmod: description.readInt32BE(at + 6),
    value: dataRow(messages.find((message) => message.type === 'D')?.body as Buffer)[0] ?? null,
  };
}

async function compare(client: WireClient, expression: (one: Recorded) => string): Promise<string[]> {
  const wrong: string[] = [];
  for (const one of recorded) {
    const sql = expression(one);
    for (const format of [0, 1] as const) {
      let got: string;
      const expected = `${one.oid} ${one.size} ${one.typmod} ${format === 0 ? one.text : one.binary}`;
      try {
        const { oid, size, typmod, value } = await ask(client, sql, format);
        got = `${oid} ${size} ${typmod} ${value === null ? null : value.toString(format === 0 ? 'utf8' : 'hex')}`;
      } catch (error) {
        got = String(error);
      }
      if (got !== expected) wrong.push(`${sql} format ${format}\n   got      ${got}\n   expected ${expected}`);
    }
  }
  return wrong;
}

test('each type in text and binary is what PostgreSQL sends', async () => {
  const client = await WireClient.logIn(server.options);
  await client.query("SET TimeZone = 'Europe/Helsinki'");
  const wrong = await compare(client, (one) => one.duckdb);
  assert.deepEqual(wrong, [], `${wrong.length} differ:\n${wrong.join('\n')}`);
  assert.ok(recorded.length > 250);
  await client.close();
});

const oracle = process.env['TEST_POSTGRES']?.split(':');
test('the recording is what PostgreSQL says now', { skip: oracle ? false : 'TEST_POSTGRES names no server' }, async () => {
  const [host, port, user, password, database] = oracle as string[];
  const client = await WireClient.logIn({
    host: host as string,
    port: Number(port),
    user: user as string,
    password: password as string,
    database: database as string,
    tls: 'off',
    parameters: { TimeZone: 'Europe/Helsinki' },
  });
  assert.deepEqual(await compare(client, (one) => one.postgres ?? one.duckdb), []);
  await client.close();
});
