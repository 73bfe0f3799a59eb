/** A pod that is killed with a large log behind it is ready again within five seconds: 100 MB in `npm run test:long`, 20 MB in `npm test`. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Pod, startPod } from '../support/pod.ts';
import { scaled } from '../support/tier.ts';
import { WireClient, wireOptionsOf } from '../support/wire-client.ts';
import { assertReadyInTime, describeReadiness, readinessOf, readyMsMax } from './readiness.ts';

const megabytes = Number(process.env['LOG_MEGABYTES'] ?? scaled(20, 100));
/** Rows kept in the catalog (DuckLake inlines small inserts), each wide, so that the log grows and not the data files. */
const rowsPerCommit = 5;
const rowBytes = 100_000;

test(`ready again within ${readyMsMax / 1000} s after a kill with a log of ${megabytes} MB`, { timeout: 600_000 }, async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'boilstream-log-'));
  let pod: Pod = await startPod({ dataDir });
  t.after(async () => {
    await pod.kill();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const client = await WireClient.logIn({ ...wireOptionsOf(pod), deadlineMs: 120_000 });
  await client.rows('CREATE TABLE wide (n INTEGER, filler VARCHAR)');
  let commits = 0;
  while (logBytes(dataDir) < megabytes * 1e6) {
    const rows = Array.from(
      { length: rowsPerCommit },
      (_, i) => `(${commits * rowsPerCommit + i}, '${filler(commits * rowsPerCommit + i)}')`,
    );
    await client.rows(`INSERT INTO wide VALUES ${rows.join(', ')}`);
    commits++;
    assert.ok(commits < 10_000, 'the log does not grow');
  }
  client.destroy();
  await pod.kill();
  const bytes = logBytes(dataDir);
  pod = await startPod({ dataDir });
  const restart = readinessOf(pod);
  t.diagnostic(
    `${commits} commits, ${(bytes / 1e6).toFixed(0)} MB of log in the store, ${describeReadiness([restart])}; ${restoredLine(pod)}`,
  );
  const began = performance.now();
  const reader = await WireClient.logIn({ ...wireOptionsOf(pod), deadlineMs: 120_000 });
  assert.deepEqual(await reader.rows(`SELECT count(*), count(DISTINCT n), sum(length(filler)) FROM wide`), [
    [String(commits * rowsPerCommit), String(commits * rowsPerCommit), String(commits * rowsPerCommit * rowBytes)],
  ]);
  t.diagnostic(`log-in and the first query, which reads all of it, took ${Math.round(performance.now() - began)} ms more`);
  await reader.close();
  assertReadyInTime(restart);
});

/** Does not repeat, so that nothing shrinks it on its way. */
function filler(seed: number): string {
  let state = (seed + 1) >>> 0;
  const words: string[] = [];
  for (let length = 0; length < rowBytes; length += 8) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words.push(state.toString(16).padStart(8, '0'));
  }
  return words.join('').slice(0, rowBytes);
}

function logBytes(dataDir: string): number {
  const log = join(dataDir, 'storage', 'catalog');
  let bytes = 0;
  for (const name of readdirSync(log, { recursive: true, encoding: 'utf8' })) {
    const found = name.includes('log') ? statSync(join(log, name), { throwIfNoEntry: false }) : undefined;
    if (found?.isFile()) bytes += found.size;
  }
  return bytes;
}

function restoredLine(pod: Pod): string {
  return (
    pod
      .log()
      .split('\n')
      .find((line) => line.includes('is restored')) ?? ''
  );
}
