/** What one pass does on a lake, and what it says it keeps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../../server/maintenance/limits.ts';
import { plan } from '../../../../server/maintenance/plan.ts';
import type { LakeFacts, LakeSettings, TableFacts } from '../../../../server/maintenance/ports.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = Date.UTC(2026, 5, 1);

function planned(
  facts: Partial<LakeFacts>,
  more: { settings?: Partial<LakeSettings>; flushedAt?: number; isAsked?: boolean } = {},
) {
  return plan({
    facts: {
      mark: 'm',
      isInitialised: true,
      dataPath: '/lake/',
      tables: [],
      snapshots: 3,
      oldestSnapshotAt: now - day,
      expirable: 0,
      liveFiles: 0,
      liveBytes: 0,
      scheduledFiles: 0,
      oldestTransactionAt: null,
      ...facts,
    },
    settings: { enabled: true, snapshotRetentionMs: 7 * day, flushAfterMs: hour, ...more.settings },
    dataPath: '/lake/',
    flushedAt: more.flushedAt ?? now,
    isAsked: more.isAsked ?? false,
    now,
  });
}

const table = (over: Partial<TableFacts>): TableFacts => ({
  schema: 'main',
  table: 't',
  inlinedRows: 0,
  inlinedDeletes: 0,
  mergeable: [],
  rewritable: { files: 0, bytes: 0 },
  ...over,
});

test('a catalog whose files are elsewhere, or that nobody has made yet, is left alone and the pass says so', () => {
  const tables = [table({ inlinedRows: 1_000_000 })];
  for (const facts of [{ dataPath: '/other/' }, { isInitialised: false }]) {
    const { actions, mayCollect, keeps } = planned({ ...facts, tables });
    assert.deepEqual([actions, mayCollect], [[], false]);
    assert.match(keeps.join(), /^everything/);
  }
});

test('rows are flushed when they are many, or have waited long enough, or somebody asks', () => {
  const few = [table({ inlinedRows: 3 })];
  assert.deepEqual(planned({ tables: few }).actions, []);
  assert.match(planned({ tables: few }).keeps.join(), /3 rows in the catalog/);
  assert.equal(planned({ tables: few }).wakeAt, now + hour);
  const flush = [{ t: 'flush', schema: 'main', table: 't', rows: 3 }];
  assert.deepEqual(planned({ tables: few }, { flushedAt: now - hour }).actions, flush);
  assert.deepEqual(planned({ tables: few }, { isAsked: true }).actions, flush);
  assert.equal(planned({ tables: [table({ inlinedRows: limits.flushRowsMin })] }).actions.length, 1);
});

test('snapshots expire after their retention, not while an older transaction may read them, and never if told so', () => {
  const old = { oldestSnapshotAt: now - 8 * day };
  assert.deepEqual(planned(old).actions, [{ t: 'expire', olderThan: now - 7 * day }]);
  const held = planned({ ...old, oldestTransactionAt: now - 8 * day });
  assert.deepEqual(held.actions, []);
  assert.match(held.keeps.join(), /a transaction open since then/);
  assert.deepEqual(planned(old, { settings: { snapshotRetentionMs: null } }).actions, []);
  assert.equal(planned({ oldestSnapshotAt: now - day }).wakeAt, now + 6 * day, 'the pass comes back when the next falls due');
});

test('few small files are not worth a merge', () => {
  const band = (files: number) => [table({ mergeable: [{ band: 0, files, bytes: 1_000 * files }] })];
  assert.deepEqual(planned({ tables: band(limits.mergeFilesMin - 1) }).actions, []);
  assert.deepEqual(planned({ tables: band(limits.mergeFilesMin) }).actions, [
    { t: 'merge', schema: 'main', table: 't', band: 0, files: limits.mergeFilesMin, bytes: 1_000 * limits.mergeFilesMin },
  ]);
});

test('a pass ends at its budget and says that more is to be done; what is larger than the budget has its turn too', () => {
  const rewrite = (bytes: number, name: string) => table({ table: name, rewritable: { files: 1, bytes } });
  const { actions, again } = planned({ tables: [rewrite(3 * limits.bytesPerPassMax, 'huge'), rewrite(1, 'small')] });
  assert.deepEqual(
    actions.map((action) => ('table' in action ? action.table : '')),
    ['huge'],
  );
  assert.equal(again, true);
  assert.equal(planned({ tables: [rewrite(1, 'a'), rewrite(1, 'b')] }).again, false);
});
