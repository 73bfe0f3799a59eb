/**
 * One pass on one lake: looks, plans, does what is planned with DuckLake's own functions, has the garbage looked at, and
 * looks again. What was done before something fails stays done.
 */
import type { Clock } from '../../base/clock.ts';
import type { Lake } from '../../base/domain.ts';
import { act, type Counts, orphansOf, zero } from './action.ts';
import { limits, mergeBands } from './limits.ts';
import type { MaintenanceMetrics } from './metrics.ts';
import { type Action, type Plan, plan } from './plan.ts';
import type { LakeFacts, LakeSettings, MaintenanceCatalog, Passed, Sums, Workshop } from './ports.ts';

export interface PassOptions {
  readonly lake: Lake;
  readonly settings: LakeSettings;
  /** What the pass before left. */
  readonly before: Pick<Passed, 'flushedAt' | 'searchedAt' | 'searchedMark' | 'stumbledOn'>;
  readonly isAsked: boolean;
  /** Files younger than this are not searched for, milliseconds. */
  readonly orphanMs: number;
  readonly catalog: MaintenanceCatalog;
  readonly openWorkshop: (lake: Lake) => Promise<Workshop>;
  readonly metrics: MaintenanceMetrics;
  readonly clock: Clock;
  /** Aborts at the deadline and when the pod drains. */
  readonly signal: AbortSignal;
  /** Resolves when users leave room. */
  readonly room: (signal: AbortSignal) => Promise<void>;
}

export interface PassReport
  extends Pick<Passed, 'mark' | 'wakeAt' | 'flushedAt' | 'searchedAt' | 'searchedMark' | 'stumbledOn' | 'did' | 'keeps'> {
  /** True when the budget ended before the work. */
  readonly again: boolean;
  /** Why an action did not come to its end; null when all did. The actions behind it were left out. */
  readonly error: unknown;
}

/** Rejects when the lake cannot be looked at or worked on at all, and when it is stopped. */
export async function runPass(options: PassOptions): Promise<PassReport> {
  const { catalog, lake, clock, settings, before, metrics } = options;
  const look = (): Promise<LakeFacts> =>
    catalog.survey(lake, {
      expireBefore: clock.now() - (settings.snapshotRetentionMs ?? 0),
      rewriteThreshold: limits.rewriteThreshold,
      mergeBands,
    });
  const planned = (facts: LakeFacts, isAsked: boolean, flushedAt: number): Plan =>
    plan({ facts, settings, dataPath: lake.dataPath, flushedAt, isAsked, now: clock.now() });
  const counts = zero();
  let { flushedAt, searchedAt, searchedMark } = before;
  let facts = await look();
  const first = planned(facts, options.isAsked, flushedAt);
  const isSearch =
    first.mayCollect && (options.isAsked || (facts.mark !== searchedMark && clock.now() - searchedAt >= limits.searchMs));
  const stumble = new Stumble();
  let orphans: string[] | null = null;
  if (first.actions.length > 0 || isSearch) {
    orphans = await inWorkshop(options, counts, async (workshop) => {
      await actAll(lastToLast(first.actions, before.stumbledOn), workshop, options, counts, stumble);
      // An instance in which something failed may be of no more use.
      return isSearch && stumble.error === null ? orphansOf(lake, workshop, clock.now() - options.orphanMs) : null;
    });
    // Only when all tables had their turn; a table of few rows does not wait again because another had many.
    if (stumble.error === null && (options.isAsked || clock.now() - flushedAt >= settings.flushAfterMs)) flushedAt = clock.now();
  }
  const collected = first.mayCollect ? await catalog.collect(lake, orphans) : null;
  for (const kind of ['old', 'orphan'] as const) metrics.deleted(kind, collected?.files[kind] ?? 0, collected?.bytes[kind] ?? 0);
  const isChanged = orphans !== null || first.actions.length > 0 || (collected?.files.old ?? 0) > 0;
  if (isChanged) facts = await look();
  if (orphans !== null) {
    searchedAt = clock.now();
    searchedMark = facts.mark;
  }
  const after = planned(facts, false, flushedAt);
  const searchAt = first.mayCollect && facts.mark !== searchedMark ? searchedAt + limits.searchMs : null;
  const times = [after.wakeAt, collected?.wakeAt ?? null, searchAt].filter((time): time is number => time !== null);
  return {
    mark: facts.mark,
    wakeAt: times.length === 0 ? null : Math.min(...times),
    flushedAt,
    searchedAt,
    searchedMark,
    did: sumsOf(counts, collected),
    keeps: [...after.keeps, ...(collected?.keeps ?? [])],
    again: first.again,
    stumbledOn: stumble.on,
    error: stumble.error,
  };
}

/** The action at which a pass ended, if it did, and why. */
class Stumble {
  on: string | null = null;
  error: unknown = null;
}

/** One after the other, until the deadline or the first that does not come to its end. */
async function actAll(
  actions: readonly Action[],
  workshop: Workshop,
  { lake, room, signal }: PassOptions,
  counts: Counts,
  stumble: Stumble,
): Promise<void> {
  for (const action of actions) {
    await room(signal);
    signal.throwIfAborted();
    try {
      await act(action, lake, workshop, counts);
    } catch (error) {
      signal.throwIfAborted();
      stumble.on = labelOf(action);
      stumble.error = error ?? new Error('unknown');
      return;
    }
  }
}

/** What failed the last time comes last, so that it keeps nothing else from its turn. */
function lastToLast(actions: readonly Action[], stumbledOn: string | null): Action[] {
  return [...actions].sort((a, b) => Number(labelOf(a) === stumbledOn) - Number(labelOf(b) === stumbledOn));
}

function labelOf(action: Action): string {
  return 'table' in action ? `${action.t} ${action.schema}.${action.table}` : action.t;
}

/** Opens a workshop, works in it, and tells the metrics what was done even when it ends badly. */
async function inWorkshop<T>(
  { lake, openWorkshop, signal, metrics }: PassOptions,
  counts: Counts,
  work: (workshop: Workshop) => Promise<T>,
): Promise<T> {
  const workshop = await openWorkshop(lake);
  const stop = (): void => workshop.interrupt();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work(workshop);
  } finally {
    signal.removeEventListener('abort', stop);
    workshop.close();
    metrics.flushed(counts.rowsFlushed);
    metrics.expired(counts.snapshotsExpired);
    metrics.compacted('merge', counts.merged.taken, counts.merged.made);
    metrics.compacted('rewrite', counts.rewritten.taken, counts.rewritten.made);
  }
}

function sumsOf(counts: Counts, collected: Awaited<ReturnType<MaintenanceCatalog['collect']>> | null): Sums {
  return {
    rowsFlushed: counts.rowsFlushed,
    snapshotsExpired: counts.snapshotsExpired,
    filesMerged: counts.merged.taken,
    filesRewritten: counts.rewritten.taken,
    filesMade: counts.merged.made + counts.rewritten.made,
    filesDeleted: (collected?.files.old ?? 0) + (collected?.files.orphan ?? 0),
    bytesDeleted: (collected?.bytes.old ?? 0) + (collected?.bytes.orphan ?? 0),
  };
}
