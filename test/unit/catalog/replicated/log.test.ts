/** The replicated log with real DuckDB files over an object store in memory. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { silentLogger } from '../../../../base/log.ts';
import { systemRandom } from '../../../../base/random.ts';
import { createReplicatedLog, type ReplicatedLogOptions } from '../../../../catalog/replicated/log.ts';
import type { ReplicatedDatabase, ReplicatedLog } from '../../../../catalog/replicated/ports.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';

function openLog(bucket: MemoryBucket, t: { after(f: () => void): void }, options: Partial<ReplicatedLogOptions> = {}): Promise<ReplicatedLog> {
  const localDir = mkdtempSync(join(tmpdir(), 'boilstream-log-'));
  t.after(() => rmSync(localDir, { recursive: true, force: true }));
  return createReplicatedLog({ store: bucket.connect(), localDir, clock: systemClock, random: systemRandom, log: silentLogger, memoryBytes: 256e6, probeMs: 0, maintainMs: 0, ...options });
}

async function execute(database: ReplicatedDatabase, ...statements: string[]): Promise<void> {
  const connection = await database.connect();
  try {
    await connection.run('BEGIN');
    for (const sql of statements) await connection.run(sql);
    await (await database.commit(connection)).durable();
  } finally {
    connection.closeSync();
  }
}

async function rows(database: ReplicatedDatabase, sql: string): Promise<unknown[][]> {
  const connection = await database.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
  } finally {
    connection.closeSync();
  }
}

test('commits of two databases are there after a kill, on another machine', async (t) => {
  const bucket = new MemoryBucket();
  const first = await openLog(bucket, t);
  const sales = await first.create('sales');
  const control = await first.create('control');
  await execute(sales, 'CREATE TABLE t(i INTEGER PRIMARY KEY, s VARCHAR)');
  await execute(control, 'CREATE TABLE u(i INTEGER)');
  for (let i = 0; i < 20; i++) {
    await execute(sales, `INSERT INTO t VALUES (${i}, 'row ${i}')`);
    if (i % 3 === 0) await execute(control, `INSERT INTO u VALUES (${i})`);
  }
  await execute(sales, `UPDATE t SET s = 'changed' WHERE i = 7`, 'DELETE FROM t WHERE i = 8');
  const before = [await rows(sales, 'SELECT * FROM t ORDER BY i'), await rows(control, 'SELECT * FROM u ORDER BY i')];
  // No close: the process is gone, its disk too.
  const second = await openLog(bucket, t);
  assert.deepEqual(await second.databases(), ['control', 'sales']);
  const after = [await rows(await second.open('sales'), 'SELECT * FROM t ORDER BY i'), await rows(await second.open('control'), 'SELECT * FROM u ORDER BY i')];
  assert.deepEqual(after, before);
  assert.equal(after[0]?.length, 19);
  await execute(await second.open('sales'), `INSERT INTO t VALUES (100, 'second')`);
  const third = await openLog(bucket, t);
  assert.equal((await rows(await third.open('sales'), 'SELECT * FROM t')).length, 20);
  await third.close();
});
