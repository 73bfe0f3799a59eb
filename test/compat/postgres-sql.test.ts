/**
 * Some 450 statements that people and tools type who come from PostgreSQL: names, type oids, values and SQLSTATEs are
 * those recorded in postgres-sql.facts, for PostgreSQL 15 and for a lake. With TEST_POSTGRES (host:port:user:password:database,
 * a superuser's) PostgreSQL's side is checked too, in a database that is made for it and dropped.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Pod, startPod } from '../support/pod.ts';
import { dataRow, fieldsOf, WireClient, wireOptionsOf } from '../support/wire-client.ts';

interface Fact {
  readonly error?: string;
  readonly tag?: string;
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly (string | null)[])[] | '*';
}

interface Block {
  readonly line: number;
  readonly sql: string;
  readonly postgres: Fact;
  readonly lake: Fact;
}

const blocks: readonly Block[] = parse(readFileSync(new URL('./postgres-sql.facts', import.meta.url), 'utf8'));

function parse(text: string): Block[] {
  const found: { line: number; sql: string; postgres?: Fact; lake?: Fact }[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const [mark, rest] = [line[0], line.slice(2)];
    if (mark === '>') found.push({ line: i + 1, sql: rest });
    const last = found.at(-1);
    if (last && (mark === '=' || mark === 'p')) last.postgres = JSON.parse(rest) as Fact;
    if (last && (mark === '=' || mark === 'u')) last.lake = JSON.parse(rest) as Fact;
  }
  return found as Block[];
}

/** What a statement gives, in the words of the file. */
async function answerOf(client: WireClient, sql: string): Promise<Fact> {
  let columns: string[] | undefined;
  const rows: (string | null)[][] = [];
  let fact: Fact = {};
  for (const { type, body } of await client.query(sql)) {
    if (type === 'T') columns = columnsOf(body);
    else if (type === 'D') rows.push(dataRow(body).map((value) => value?.toString('utf8') ?? null));
    else if (type === 'E') fact = { error: fieldsOf(body)['C'] as string };
    else if (type === 'H') fact = { tag: 'COPY_OUT' };
    else if (type === 'C' && columns !== undefined) fact = { columns, rows };
    else if (type === 'C') fact = fact.tag === undefined ? { tag: body.toString('utf8', 0, body.length - 1) } : fact;
    // A failed block is left, as the next statement's user would.
    else if (type === 'Z' && String.fromCharCode(body[0] as number) === 'E') await client.query('ROLLBACK');
  }
  return fact;
}

/** RowDescription: name, table oid (4), number (2), type oid (4), size (2), modifier (4), format (2). */
function columnsOf(body: Buffer): string[] {
  const columns: string[] = [];
  for (let at = 2; at < body.length; ) {
    const end = body.indexOf(0, at);
    columns.push(`${body.toString('utf8', at, end)}:${body.readUInt32BE(end + 7)}`);
    at = end + 19;
  }
  return columns;
}

/** Every block whose answer is another than the one in the file. */
async function differences(client: WireClient, side: 'postgres' | 'lake'): Promise<string[]> {
  const wrong: string[] = [];
  for (const { line, sql, [side]: expected } of blocks) {
    const answer = await answerOf(client, sql);
    const actual = expected.rows === '*' && answer.rows ? { ...answer, rows: '*' } : answer;
    if (JSON.stringify(actual) !== JSON.stringify(expected))
      wrong.push(`line ${line}: ${sql}\n  expected ${JSON.stringify(expected)}\n  answered ${JSON.stringify(actual)}`);
  }
  return wrong;
}

describe('SQL as PostgreSQL has it', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod();
  });
  after(() => pod.stop());

  test('the file has what it is for', () => {
    assert.ok(blocks.length > 450);
    for (const { line, postgres, lake } of blocks) assert.ok(postgres && lake, `line ${line} has both sides`);
  });

  test('a lake answers what is written down', async () => {
    const client = await WireClient.logIn(wireOptionsOf(pod));
    const wrong = await differences(client, 'lake');
    await client.close();
    assert.equal(wrong.length, 0, wrong.join('\n'));
  });

  const oracle = process.env['TEST_POSTGRES']?.split(':');
  if (oracle)
    test('so does PostgreSQL', async () => {
      const [host, port, user, password, database] = oracle as [string, string, string, string, string];
      const options = { host, port: Number(port), user, password, tls: 'off', deadlineMs: 30_000 } as const;
      const owner = await WireClient.logIn({ ...options, database });
      await owner.query('DROP DATABASE IF EXISTS postgres_sql_facts');
      await owner.query('CREATE DATABASE postgres_sql_facts');
      const client = await WireClient.logIn({ ...options, database: 'postgres_sql_facts' });
      const wrong = await differences(client, 'postgres');
      await client.close();
      await owner.query('DROP DATABASE postgres_sql_facts WITH (FORCE)');
      await owner.close();
      assert.equal(wrong.length, 0, wrong.join('\n'));
    });
});
