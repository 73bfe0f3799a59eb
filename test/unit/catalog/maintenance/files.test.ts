/** What may be deleted of a directory, and when a dropped lake ends: with paths and lakes that try to have more deleted. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../../../base/log.ts';
import { collectDroppedLakes } from '../../../../catalog/maintenance/dropped.ts';
import { createLakeFiles, isBelow, type LakeFiles } from '../../../../catalog/maintenance/files.ts';
import type { GarbagePorts } from '../../../../catalog/maintenance/ports.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

const noStore = (): never => assert.fail('no bucket was asked for');

test('a path outside of the data path is never deleted, whatever the catalog says', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'lake-files-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const dataPath = `${root}/mine/`;
  mkdirSync(join(root, 'mine', 'main'), { recursive: true });
  mkdirSync(join(root, 'mine2'));
  const [own, other, near] = [join(dataPath, 'main', 'a.parquet'), join(root, 'other.parquet'), join(root, 'mine2', 'x.parquet')];
  for (const file of [own, other, near]) writeFileSync(file, '12345');
  const planted = [
    `${dataPath}../other.parquet`,
    `${dataPath}main/../../other.parquet`,
    other,
    near,
    '/etc/hostname',
    dataPath.slice(0, -1),
  ];
  const removed = await createLakeFiles(noStore).remove(dataPath, [own, `${dataPath}gone.parquet`, ...planted]);
  assert.deepEqual([removed.files, removed.bytes, removed.failed.length], [1, 5, planted.length]);
  assert.deepEqual(
    [own, other, near].map((file) => existsSync(file)),
    [false, true, true],
  );
  assert.equal(isBelow('s3://b/p/', 's3://b/p/../q/x.parquet'), false);
  assert.equal(isBelow('s3://b/p/', 's3://b/p/x.parquet'), true);
});

const day = 86_400_000;

function ending(over: { lakes?: object[]; dropped?: object; databases?: string[]; ledSince?: number }) {
  const clock = new SimulatedClock();
  const removed: string[] = [];
  const forgotten: string[] = [];
  const lake = { id: 'x', name: 'x', dataPath: '/store/lakes/x/data/', droppedAt: clock.now() - 7 * day - 1, ...over.dropped };
  const files: LakeFiles = {
    remove: () => assert.fail(),
    async removeAll(path) {
      removed.push(path);
      return { files: 1, bytes: 2, failed: [] };
    },
  };
  const control = {
    lakes: async () => over.lakes ?? [],
    droppedLakes: async () => [lake],
    forgetLake: async (id: string) => void forgotten.push(id),
  } as unknown as GarbagePorts['control'];
  const collected = collectDroppedLakes({
    control,
    files,
    waits: { ledSince: over.ledSince ?? 0, readerAgeMsMax: day, writeTransactionMsMax: day, marginMs: 0 },
    clock,
    logger: silentLogger,
    lakesPrefix: '/store/lakes/',
    databases: async () => over.databases ?? [],
    databaseOf: ({ id }) => `lake_${id}`,
    retentionMs: 7 * day,
  });
  return { collected, removed, forgotten, clock };
}

test('a dropped lake ends when it cannot be restored any more', async () => {
  const { collected, removed, forgotten } = ending({});
  assert.deepEqual(await collected, [{ name: 'x', files: 1, bytes: 2 }]);
  assert.deepEqual([removed, forgotten], [['/store/lakes/x/data/'], ['x']]);
});

test('it does not end within the retention, after a takeover, or while its database is there', async () => {
  const now = new SimulatedClock().now();
  for (const early of [{ dropped: { droppedAt: now - 7 * day + 1 } }, { ledSince: now - day + 1 }, { databases: ['lake_x'] }]) {
    const { collected, removed, forgotten } = ending(early);
    assert.deepEqual([await collected, removed, forgotten], [[], [], []], JSON.stringify(early));
  }
});

test('files that another lake has, and those in a place somebody chose, stay when it ends', async () => {
  const shared = { id: 'y', name: 'y', dataPath: '/store/lakes/x/data/' };
  for (const kept of [
    { lakes: [shared] },
    { dropped: { dataPath: '/home/ada/files/' } },
    { dropped: { dataPath: '/store/lakes/' } },
  ]) {
    const { collected, removed, forgotten } = ending(kept);
    await collected;
    assert.deepEqual([removed, forgotten], [[], ['x']], JSON.stringify(kept));
  }
});
