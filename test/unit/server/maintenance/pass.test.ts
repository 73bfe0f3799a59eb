/** One pass over a lake that is played: what is done in which order, what goes on when something does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMaintenanceMetrics } from '../../../../server/maintenance/metrics.ts';
import { type PassOptions, runPass } from '../../../../server/maintenance/pass.ts';
import type { LakeFacts, TableFacts } from '../../../../server/maintenance/ports.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';
import { Registry } from 'prom-client';

const table = (name: string): TableFacts => ({
  schema: 'main',
  table: name,
  inlinedRows: 5,
  inlinedDeletes: 0,
  mergeable: [],
  rewritable: { files: 0, bytes: 0 },
});

function played(
  over: { fails?: (sql: string) => Error | null; stumbledOn?: string | null; dataPath?: string; signal?: AbortSignal } = {},
) {
  const clock = new SimulatedClock();
  const said: string[] = [];
  const collected: (readonly string[] | null)[] = [];
  let looks = 0;
  const facts = (): LakeFacts => ({
    mark: String(++looks),
    isInitialised: true,
    dataPath: over.dataPath ?? '/lake/',
    tables: [table('a'), table('b')],
    snapshots: 1,
    oldestSnapshotAt: null,
    expirable: 0,
    liveFiles: 0,
    liveBytes: 0,
    scheduledFiles: 0,
    oldestTransactionAt: null,
  });
  const options: PassOptions = {
    lake: { id: 'l', name: 'l', dataPath: '/lake/' },
    settings: { enabled: true, snapshotRetentionMs: null, flushAfterMs: 0 },
    before: { flushedAt: 0, searchedAt: 0, searchedMark: '', stumbledOn: over.stumbledOn ?? null },
    isAsked: true,
    orphanMs: 1_000,
    catalog: {
      marks: async () => new Map(),
      survey: async () => facts(),
      async collect(_lake, orphans) {
        collected.push(orphans);
        return { files: { old: 2, orphan: 0 }, bytes: { old: 10, orphan: 0 }, keeps: ['one file'], wakeAt: null };
      },
      collectDropped: async () => [],
    },
    openWorkshop: async () => ({
      async run(sql) {
        const what = /table_name => '(\w+)'/.exec(sql)?.[1] ?? (sql.includes('orphaned') ? 'orphans' : sql);
        said.push(what);
        const error = over.fails?.(what);
        if (error) throw error;
        return what === 'orphans' ? [['/lake/x.parquet']] : [[5n]];
      },
      interrupt: () => undefined,
      close: () => said.push('closed'),
    }),
    metrics: createMaintenanceMetrics(new Registry()),
    clock,
    signal: over.signal ?? new AbortController().signal,
    room: async () => undefined,
  };
  return { said, collected, pass: runPass(options) };
}

test('all actions, the search, the workshop closed, the garbage looked at, a last look', async () => {
  const { said, collected, pass } = played();
  const report = await pass;
  assert.deepEqual(said, ['a', 'b', 'orphans', 'closed']);
  assert.deepEqual(collected, [['/lake/x.parquet']]);
  assert.deepEqual([report.did.rowsFlushed, report.did.filesDeleted, report.did.bytesDeleted], [10, 2, 10]);
  assert.deepEqual([report.mark, report.searchedMark, report.error, report.stumbledOn], ['2', '2', null, null]);
  assert.ok(report.keeps.includes('one file'));
});

test('what fails ends the work but not the look at the garbage, and comes last the next time', async () => {
  const fails = (what: string): Error | null => (what === 'a' ? new Error('INTERNAL Error: something in a') : null);
  const first = played({ fails });
  const report = await first.pass;
  assert.deepEqual(first.said, ['a', 'closed'], 'an instance that failed is not used any more');
  assert.deepEqual(first.collected, [null], 'and nothing counts as searched for');
  assert.equal(report.stumbledOn, 'flush main.a');
  assert.match(String(report.error), /something in a/);
  assert.equal(report.searchedMark, '');
  const second = played({ fails, stumbledOn: report.stumbledOn });
  await second.pass;
  assert.deepEqual(second.said, ['b', 'a', 'closed'], 'the other table has its turn');
});

test('a lake whose files are elsewhere is not touched at all', async () => {
  const { said, collected, pass } = played({ dataPath: '/other/' });
  await pass;
  assert.deepEqual([said, collected], [[], []]);
});

test('a pass that is stopped does nothing more', async () => {
  const stop = new AbortController();
  stop.abort(new Error('draining'));
  const { said, collected, pass } = played({ signal: stop.signal });
  await assert.rejects(pass, /draining/);
  assert.deepEqual([said, collected], [['closed'], []]);
});
