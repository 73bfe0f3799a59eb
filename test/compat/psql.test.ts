/** psql as people use it: queries, \d and its kin, \copy, errors that say what to do. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { needsClient, psql } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';

describe('psql', () => {
  let pod: Pod;
  const folder = mkdtempSync(join(tmpdir(), 'boilstream-psql-'));
  before(async () => {
    pod = await startPod();
  });
  after(async () => {
    await pod.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Standard output of a script that must succeed. */
  async function output(sql: string, args: readonly string[] = ['-At']): Promise<string> {
    const ran = await psql(pod, args, { input: sql });
    assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${ran.stdout}`);
    return ran.stdout.trim();
  }

  test('creates, fills and queries a table, and says what it did', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const ran = await psql(pod, ['-a'], {
      input:
        'CREATE TABLE said (i int);\nINSERT INTO said VALUES (1), (2), (3);\nUPDATE said SET i = 9 WHERE i > 1;\nDELETE FROM said WHERE i = 9;\n',
    });
    assert.equal(ran.code, 0, ran.stderr);
    const loud = await psql(pod, ['-v', 'QUIET=off'], {
      input:
        '\\set QUIET off\nINSERT INTO said VALUES (5), (6);\nUPDATE said SET i = 7 WHERE i = 6;\nDELETE FROM said;\nDROP TABLE said;\n',
    });
    assert.deepEqual(loud.stdout.trim().split('\n'), ['INSERT 0 2', 'UPDATE 1', 'DELETE 3', 'DROP TABLE']);
  });

  test('\\dt, \\d, \\dn, \\l and \\dv list what is there', async (t) => {
    if (!needsClient(t, 'psql')) return;
    await output(
      'CREATE TABLE listed (id bigint NOT NULL, name varchar, price decimal(10,2), seen timestamptz);\nCREATE VIEW shown AS SELECT id FROM listed;\nCREATE SCHEMA other;',
    );
    assert.match(await output('\\dt'), /\|listed\|table\|/);
    assert.match(await output('\\dt listed'), /\|listed\|table\|/);
    assert.match(await output('\\dv'), /\|shown\|view\|/);
    const described = await output('\\d listed', []);
    for (const line of [
      /id +\| bigint +\| +\| not null/,
      /name +\| (?:text|character varying)/,
      /price +\| numeric\(10,2\)/,
      /seen +\| timestamp with time zone/,
    ])
      assert.match(described, line);
    assert.match(await output('\\dn'), /^other\|/m);
    assert.match(await output('\\l'), /^lake\|/m);
    assert.doesNotMatch(await output('\\dt *.*'), /ducklake_/);
    await output('DROP VIEW shown; DROP SCHEMA other; DROP TABLE listed;');
  });

  test('\\copy brings files in and out unchanged', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const rows = Array.from({ length: 10_000 }, (_, i) => `${i},"word, ""${i}""",${i % 10 === 0 ? '' : i / 4}`).join('\n');
    writeFileSync(join(folder, 'in.csv'), `${rows}\n`);
    await output(
      `CREATE TABLE copied (i int, word text, x double precision);\n\\copy copied FROM '${folder}/in.csv' WITH (FORMAT csv)\n\\copy (SELECT * FROM copied ORDER BY i) TO '${folder}/out.csv' WITH (FORMAT csv)`,
    );
    assert.equal(await output('SELECT count(*), sum(i), count(x), max(word) FROM copied'), '10000|49995000|9000|word, "9999"');
    assert.equal(readFileSync(join(folder, 'out.csv'), 'utf8').split('\n').length, 10_001);
    await output(
      `CREATE TABLE again (i int, word text, x double precision);\n\\copy again FROM '${folder}/out.csv' WITH (FORMAT csv)`,
    );
    assert.equal(await output('SELECT count(*) FROM (FROM copied EXCEPT ALL FROM again)'), '0');
    await output('DROP TABLE copied; DROP TABLE again');
  });

  test('an error has SQLSTATE, text and position, and the session goes on', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const ran = await psql(pod, ['-At', '-v', 'ON_ERROR_STOP=0', '-v', 'VERBOSITY=verbose'], {
      input: 'SELECT 1 FROM nowhere;\nSELEC 1;\nSELECT 1/0::int;\nSELECT 42;\n',
    });
    assert.match(ran.stderr, /42P01/);
    assert.match(ran.stderr, /42601/);
    assert.match(ran.stdout, /^42$/m);
  });

  test('a failed transaction refuses everything until it ends', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const ran = await psql(pod, ['-At', '-v', 'ON_ERROR_STOP=0', '-v', 'VERBOSITY=verbose'], {
      input: 'BEGIN;\nCREATE TABLE half (i int);\nSELECT * FROM nowhere;\nSELECT 1;\nCOMMIT;\nSELECT count(*) FROM half;\n',
    });
    assert.match(ran.stderr, /25P02/);
    assert.match(ran.stderr, /42P01.*half|half.*does not exist/s);
  });

  test('a wrong password and an unknown database are refused with what is wrong', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const wrong = await psql(pod, ['-c', 'SELECT 1'], { environment: { PGPASSFILE: '/dev/null', PGPASSWORD: 'wrong' } });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /password authentication failed/);
    const unknown = await psql(pod, ['-c', 'SELECT 1'], { database: 'nowhere' });
    assert.match(unknown.stderr, /database "nowhere" does not exist/);
  });

  test('a local file and a URL are refused with what works instead', async (t) => {
    if (!needsClient(t, 'psql')) return;
    for (const source of ["'/etc/passwd'", "read_csv('/etc/passwd')", "'https://example.org/x.csv'"]) {
      const ran = await psql(pod, ['-c', `SELECT * FROM ${source}`]);
      assert.notEqual(ran.code, 0, `${source} was read: ${ran.stdout}`);
      assert.match(ran.stderr, /\\copy|ATTACH/, source);
    }
  });
});
