/** Commits that are in the log before DuckDB has them: they are as durable, as visible and as restorable as any other. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { systemClock } from '../../../../base/clock.ts';
import type { ReplicatedDatabase, ReplicatedLog } from '../../../../catalog/replicated/ports.ts';
import { decodeRowChanges, encodeRowChanges, type RowChange, toStatements } from '../../../../catalog/replicated/row-changes.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { execute, logObjects, openLog, rows } from '../../../support/replicated-log.ts';
import { SeededRandom } from '../../../support/simulated-clock.ts';
import { scaled } from '../../../support/tier.ts';

const insert = (table: string, values: string): RowChange => ({ t: 'insert', schema: 'main', table, rows: values });
const update = (table: string, set: string, where: string, columns = ['n']): RowChange => ({
  t: 'update',
  schema: 'main',
  table,
  columns,
  set,
  where,
});
const always = (): boolean => true;

async function record(database: ReplicatedDatabase, ...changes: RowChange[]): Promise<void> {
  const recorded = await database.record(encodeRowChanges(changes), always);
  assert.ok(recorded);
  await recorded.durable();
}

async function sales(
  t: TestContext,
  bucket: MemoryBucket,
  options = {},
): Promise<{ log: ReplicatedLog; database: ReplicatedDatabase }> {
  const log = await openLog(bucket, t, options);
  const database = await log.create('sales');
  await execute(database, 'CREATE TABLE t(i BIGINT PRIMARY KEY, n BIGINT)', 'INSERT INTO t VALUES (0, 0)');
  return { log, database };
}

const entries = (bucket: MemoryBucket): string[] =>
  logObjects(bucket).flatMap(({ object }) => (object.t === 'segment' ? object.entries.map(({ t }) => t) : []));

test('many commits told at once leave what they would have left one after the other', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const random = new SeededRandom(Number(process.env['SIMULATION_SEED'] ?? 5));
  try {
    for (let round = 0; round < scaled(20, 400); round++) {
      for (const name of ['one', 'many']) {
        await connection.run(`ATTACH IF NOT EXISTS ':memory:' AS ${name}`);
        for (const table of ['a', 'b'])
          await connection.run(`CREATE OR REPLACE TABLE ${name}.${table}(i BIGINT, n BIGINT, s VARCHAR)`);
      }
      const commits = Array.from({ length: random.between(1, 12) }, () =>
        Array.from({ length: random.between(1, 4) }, (): RowChange => {
          const table = random.isChosen(0.5) ? 'a' : 'b';
          const [i, n] = [random.between(0, 3), random.between(0, 99)];
          if (random.isChosen(0.5)) return insert(table, `(${i}, ${n}, 'x'), (${i + 1}, NULL, '${n}')`);
          const where = random.isChosen(0.7) ? `i = ${i}` : `i IN (${i}, ${i + 1})`;
          return random.isChosen(0.5)
            ? update(table, `n = ${n}`, where)
            : update(table, `n = ${n}, s = CASE i WHEN ${i} THEN '${n}' END`, where, ['n', 's']);
        }),
      );
      for (const commit of commits) for (const sql of toStatements([commit], 'one')) await connection.run(sql);
      const told = toStatements(commits, 'many');
      for (const sql of told) await connection.run(sql);
      assert.ok(told.length <= commits.flat().length);
      for (const table of ['a', 'b']) {
        const read = async (name: string): Promise<unknown> =>
          (await connection.runAndReadAll(`SELECT * FROM ${name}.${table} ORDER BY ALL`)).getRowsJson();
        assert.deepEqual(await read('many'), await read('one'), JSON.stringify(commits));
      }
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});

test('what is not the text of row changes is refused as damage', () => {
  for (const text of ['', '{', '{}', '[1]', '[null]', '[{"t":"delete"}]', '[{"t":"insert","schema":"main","table":1,"rows":""}]'])
    assert.throws(() => decodeRowChanges(Buffer.from(text)), { code: 'corrupt' });
});

test('a recorded commit is durable without DuckDB, seen by whoever looks, and there after a kill', async (t) => {
  const bucket = new MemoryBucket();
  const { database } = await sales(t, bucket);
  const before = entries(bucket).length;
  for (let i = 1; i <= 5; i++) await record(database, insert('t', `(${i}, ${i})`), update('t', `n = ${i}`, 'i = 0'));
  assert.deepEqual(entries(bucket).slice(before), Array(5).fill('rows'), 'DuckDB has written nothing');
  const digest = 'SELECT count(*)::INTEGER, sum(n)::INTEGER FROM t';
  const killed = await (await openLog(bucket, t)).open('sales');
  assert.deepEqual(await rows(killed, digest), [[6, 20]]);
  await record(killed, insert('t', '(6, 6)'));
  assert.deepEqual(await rows(killed, digest), [[7, 26]]);
  // What DuckDB has by now is not made again.
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), digest), [[7, 26]]);
});

test('a connection that was open before sees it once it has asked to catch up; a commit of DuckDB comes after it', async (t) => {
  const bucket = new MemoryBucket();
  const { database } = await sales(t, bucket);
  const connection = await database.connect();
  t.after(() => connection.closeSync());
  await record(database, insert('t', '(1, 1)'));
  assert.ok(database.caughtUp());
  await database.caughtUp();
  assert.equal(database.caughtUp(), null);
  assert.deepEqual((await connection.runAndReadAll('SELECT max(i) FROM t')).getRowsJson(), [['1']]);
  await record(database, insert('t', '(2, 2)'));
  await execute(database, 'UPDATE t SET n = n + 10');
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT n FROM t ORDER BY i'), [
    ['10'],
    ['11'],
    ['12'],
  ]);
});

test('who says no when all earlier commits are known has recorded nothing', async (t) => {
  const bucket = new MemoryBucket();
  const { database } = await sales(t, bucket);
  const before = entries(bucket).length;
  assert.equal(await database.record(encodeRowChanges([insert('t', '(1, 1)')]), () => false), null);
  assert.equal(entries(bucket).length, before);
  assert.deepEqual(await rows(database, 'SELECT count(*)::INTEGER FROM t'), [[1]]);
});

test('a database goes back to every position between recorded commits, through snapshots, restarts and a drop', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const limits = { snapshotWalBytes: 1 };
  let { log } = await sales(t, bucket, { limits });
  const seen: Array<{ position: ReturnType<ReplicatedLog['position']>; count: number }> = [];
  for (let i = 1; i <= 12; i++) {
    const database = await log.open('sales');
    if (i % 5 === 0) await execute(database, `INSERT INTO t VALUES (${i}, 0)`);
    else await record(database, insert('t', `(${i}, 0)`));
    seen.push({ position: log.position(), count: i + 1 });
    if (i === 4) await log.maintain();
    if (i === 7) log = await openLog(bucket, t, { limits });
  }
  for (const { position, count } of seen) {
    const at = { t: 'position', position } as const;
    const { database } = await log.restore({ name: `back_${count}`, of: 'sales', at });
    assert.deepEqual(await rows(database, 'SELECT count(*)::INTEGER FROM t'), [[count]]);
    const looked = await log.look({ of: 'sales', at }, async (c) =>
      (await c.runAndReadAll('SELECT max(i) FROM t')).getRowsJson(),
    );
    assert.deepEqual(looked, [[String(count - 1)]]);
  }
  await record(await log.open('sales'), insert('t', '(13, 0)'));
  await log.drop('sales');
  const { database } = await log.restore({ name: 'again', of: 'sales', at: { t: 'drop', name: 'sales' } });
  assert.deepEqual(await rows(database, 'SELECT count(*)::INTEGER FROM t'), [[14]]);
});

test('what DuckDB has not made is bounded in number and bytes, and made before a snapshot', async (t) => {
  const bucket = new MemoryBucket();
  const { log, database } = await sales(t, bucket, { limits: { rowsCommitsMax: 4, snapshotWalBytes: 1 } });
  const before = entries(bucket).length;
  for (let i = 1; i <= 10; i++) await record(database, insert('t', `(${i}, 0)`));
  assert.equal(
    entries(bucket)
      .slice(before)
      .filter((entry) => entry === 'wal').length,
    2,
  );
  await log.maintain();
  assert.equal(entries(bucket).at(-1), 'control');
  assert.equal(database.caughtUp(), null);
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT count(*)::INTEGER FROM t'), [[11]]);
});
