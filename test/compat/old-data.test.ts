/**
 * Data of every released format opens in this release. The folders under test/fixtures are whole data directories as a
 * pod of that release left them at kill -9, without caches and certificates (how they were made: test/fixtures/README.md).
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { adminJson } from '../support/admin-line.ts';
import { ducklakeConnection, duckdb, needsClient } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';
import { WireClient, wireOptionsOf } from '../support/wire-client.ts';

const queries = {
  inlined: 'SELECT i, s, t FROM inlined ORDER BY i',
  files: 'SELECT count(*), sum(i), count(*) FILTER (i = 1500) FROM files',
  view: 'SELECT n FROM seven',
};
const answers = {
  inlined: [
    ['1', 'one', '2026-01-01 12:00:00'],
    ['2', 'zwei – два', null],
    ['3', 'three', '1969-12-31 23:59:59.999999'],
  ],
  files: [['3199', '7516900', '0']],
  view: [['458']],
};

test('a data directory of format 1 (segments without times) opens, takes writes, and can be restored', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'boilstream-old-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  cpSync(fileURLToPath(new URL('../fixtures/data-0.1', import.meta.url)), dataDir, { recursive: true });
  const pod = await startPod({ dataDir });
  t.after(() => pod.stop());
  const ask = async () => {
    const client = await WireClient.logIn(wireOptionsOf(pod));
    const found = {
      inlined: await client.rows(queries.inlined),
      files: await client.rows(queries.files),
      view: await client.rows(queries.view),
    };
    await client.close();
    return found;
  };
  assert.deepEqual(await ask(), answers);

  const client = await WireClient.logIn(wireOptionsOf(pod));
  await client.rows('DELETE FROM files');
  await client.rows("INSERT INTO inlined VALUES (4, 'new', NULL)");
  await client.close();
  // Into the old part of the log (its last object before this release took over), and back.
  const back = await adminJson(pod, 'ducklakes', 'restore', 'lake', '--to', '1/999');
  assert.deepEqual(await ask(), answers);
  await adminJson(pod, 'ducklakes', 'restore', 'lake', '--to', back.before);
  assert.deepEqual((await ask()).files, [['0', null, '0']]);

  if (!needsClient(t, 'duckdb')) return;
  const ran = await duckdb(
    pod,
    `ATTACH 'ducklake:postgres:${ducklakeConnection(pod)}' AS l; SELECT count(*) AS n FROM l.files AT (VERSION => 4);`,
  );
  assert.equal(ran.stdout.trim().replaceAll('\r', ''), 'n\n3200', ran.stderr);
});
