/**
 * Decides what one pass does on one lake, and says what it keeps and why. Pure. The order is DuckLake's own for
 * CHECKPOINT: rows into files, old snapshots away, small files together, deleted rows out.
 */
import { limits } from './limits.ts';
import type { LakeFacts, LakeSettings, TableFacts } from './ports.ts';

export type Action =
  | { readonly t: 'flush'; readonly schema: string; readonly table: string; readonly rows: number }
  | { readonly t: 'expire'; readonly olderThan: number }
  | {
      readonly t: 'merge';
      readonly schema: string;
      readonly table: string;
      readonly band: number;
      readonly files: number;
      readonly bytes: number;
    }
  | { readonly t: 'rewrite'; readonly schema: string; readonly table: string; readonly files: number; readonly bytes: number };

export interface Plan {
  readonly actions: readonly Action[];
  /** Sentences for people: what stays although it could go, and why. */
  readonly keeps: readonly string[];
  /** When something will be due though nobody writes, milliseconds; null = nothing will. */
  readonly wakeAt: number | null;
  /** True when the budget ended before the work. */
  readonly again: boolean;
  /** False when the lake's files are not ours to look after. */
  readonly mayCollect: boolean;
}

export interface PlanInput {
  readonly facts: LakeFacts;
  readonly settings: LakeSettings;
  /** Where this pod puts the lake's files. */
  readonly dataPath: string;
  /** When rows were last moved into files here, or the first pass saw the lake. */
  readonly flushedAt: number;
  /** A person asked: do also what is not worth it yet. */
  readonly isAsked: boolean;
  readonly now: number;
}

/** What to do now. */
export function plan(input: PlanInput): Plan {
  const { facts, dataPath } = input;
  if (!facts.isInitialised) return leave('no client has made its tables yet');
  if (facts.dataPath !== dataPath)
    return leave(`the catalog says that its files are in ${facts.dataPath}, which is not this ducklake's data path`);
  const keeps: string[] = [];
  const expiry = planExpiry(input, keeps);
  const { actions, again } = withinBudget([...flushes(input, keeps), ...expiry.actions, ...merges(input), ...rewrites(input)]);
  const waitsForFlush = facts.tables.some(({ inlinedRows, inlinedDeletes }) => inlinedRows + inlinedDeletes > 0);
  const times = [expiry.wakeAt, waitsForFlush ? input.flushedAt + input.settings.flushAfterMs : null].filter(
    (time): time is number => time !== null,
  );
  return { actions, keeps, wakeAt: times.length === 0 ? null : Math.min(...times), again, mayCollect: true };
}

function leave(why: string): Plan {
  return { actions: [], keeps: [`everything: ${why}`], wakeAt: null, again: false, mayCollect: false };
}

function flushes({ facts, settings, flushedAt, isAsked, now }: PlanInput, keeps: string[]): Action[] {
  const isTime = isAsked || now - flushedAt >= settings.flushAfterMs;
  const waiting = facts.tables.filter(({ inlinedRows, inlinedDeletes }) => inlinedRows + inlinedDeletes > 0);
  const worth = waiting.filter((table) => isTime || table.inlinedRows + table.inlinedDeletes >= limits.flushRowsMin);
  const rest = waiting.filter((table) => !worth.includes(table));
  if (rest.length > 0) {
    const rows = rest.reduce((sum, table) => sum + table.inlinedRows + table.inlinedDeletes, 0);
    keeps.push(`${rows} rows in the catalog of ${rest.length} tables: they are too few for a file yet`);
  }
  return worth.map(({ schema, table, inlinedRows, inlinedDeletes }) => ({
    t: 'flush',
    schema,
    table,
    rows: inlinedRows + inlinedDeletes,
  }));
}

/** Snapshots go when they are older than the retention, and older than every transaction that may read them. */
function planExpiry({ facts, settings, now }: PlanInput, keeps: string[]): { actions: Action[]; wakeAt: number | null } {
  if (settings.snapshotRetentionMs === null) return { actions: [], wakeAt: null };
  const horizon = now - settings.snapshotRetentionMs;
  const oldest = facts.oldestTransactionAt;
  const olderThan = oldest === null ? horizon : Math.min(horizon, oldest - limits.marginMs);
  if (facts.oldestSnapshotAt === null) return { actions: [], wakeAt: null };
  if (facts.oldestSnapshotAt < olderThan) return { actions: [{ t: 'expire', olderThan }], wakeAt: null };
  if (facts.oldestSnapshotAt < horizon) keeps.push('snapshots past their retention: a transaction open since then may read them');
  return { actions: [], wakeAt: Math.max(facts.oldestSnapshotAt + settings.snapshotRetentionMs, now + limits.tickMs) };
}

function merges({ facts }: PlanInput): Action[] {
  return facts.tables.flatMap(({ schema, table, mergeable }: TableFacts) =>
    mergeable
      .filter(({ files }) => files >= limits.mergeFilesMin)
      .map(({ band, files, bytes }): Action => ({ t: 'merge', schema, table, band, files, bytes })),
  );
}

function rewrites({ facts }: PlanInput): Action[] {
  return facts.tables
    .filter(({ rewritable }) => rewritable.files > 0)
    .map(({ schema, table, rewritable }): Action => ({ t: 'rewrite', schema, table, ...rewritable }));
}

/** Cuts to what one pass may do. At least one action is always taken: a table larger than the budget has its turn too. */
function withinBudget(wanted: readonly Action[]): { actions: Action[]; again: boolean } {
  const actions: Action[] = [];
  let bytes = 0;
  for (const action of wanted) {
    const cost = action.t === 'merge' || action.t === 'rewrite' ? action.bytes : 0;
    if (actions.length >= limits.tablesPerPassMax || (actions.length > 0 && bytes + cost > limits.bytesPerPassMax)) break;
    actions.push(action);
    bytes += cost;
  }
  return { actions, again: actions.length < wanted.length };
}
