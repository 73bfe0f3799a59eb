/** Replicated logs with real DuckDB files for tests: opened on a bucket, thrown away with the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { createReplicatedLog, type ReplicatedLogOptions } from '../../catalog/replicated/log.ts';
import { logNames } from '../../catalog/replicated/names.ts';
import type { ReplicatedDatabase, ReplicatedLog } from '../../catalog/replicated/ports.ts';
import { decodeLogObject, type LogObject } from '../../catalog/replicated/segment.ts';
import type { MemoryBucket } from './memory-store.ts';

export const testNames = logNames('catalog/');

/** A log as a fresh process on a fresh disk would open it. Nothing happens by timer unless asked for. */
export function openLog(
  bucket: MemoryBucket,
  t: TestContext,
  options: Partial<ReplicatedLogOptions> = {},
): Promise<ReplicatedLog> {
  const localDir = mkdtempSync(join(tmpdir(), 'boilstream-log-'));
  t.after(() => rmSync(localDir, { recursive: true, force: true }));
  return createReplicatedLog({
    store: bucket.connect(),
    localDir,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    memoryBytes: 512e6,
    probeMs: 0,
    maintainMs: 0,
    ...options,
  });
}

/** One transaction, durable when this resolves. */
export async function execute(database: ReplicatedDatabase, ...statements: string[]): Promise<void> {
  await (await begin(database, ...statements)).durable();
}

/** One transaction, committed in memory when this resolves. */
export async function begin(database: ReplicatedDatabase, ...statements: string[]): Promise<{ durable(): Promise<unknown> }> {
  const connection = await database.connect();
  try {
    await connection.run('BEGIN');
    for (const sql of statements) await connection.run(sql);
    return await database.commit(connection);
  } finally {
    connection.closeSync();
  }
}

export async function rows(database: ReplicatedDatabase, sql: string): Promise<unknown[][]> {
  const connection = await database.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
  } finally {
    connection.closeSync();
  }
}

/** The log's objects in a bucket, in order. */
export function logObjects(bucket: MemoryBucket): Array<{ key: string; object: LogObject }> {
  return bucket
    .contents()
    .filter(([key]) => key.startsWith(testNames.logPrefix))
    .map(([key, body]) => ({ key, object: decodeLogObject(body, key) }));
}

/** Resolves to true when `promise` has not settled after `ms`. */
export async function isPendingAfter(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Symbol('late');
  const winner = await Promise.race([
    promise.then(
      () => null,
      () => null,
    ),
    systemClock.sleep(ms).then(() => late),
  ]);
  return winner === late;
}
