/**
 * Deletes what no restore within the retention time can need: anchors older than that (never the newest one), the
 * segments below the floor of the oldest anchor kept, and chunks that no anchor kept names. Terminal objects are never
 * deleted: a deposed leader that wakes up late must find the one that deposed it. Nothing of a later epoch is touched,
 * so a deposed leader that is still collecting cannot harm its successor.
 */
import type { Clock } from '../../base/clock.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type Anchor, anchorOf, decodeAnchor } from './anchor.ts';
import type { Base } from './control.ts';
import { raiseFloor } from './floor.ts';
import type { Ledger } from './ledger.ts';
import { comparePositions, type LogNames } from './names.ts';
import type { LogPosition } from './ports.ts';
import type { UploadLock } from './upload-lock.ts';

export interface CollectorOptions {
  readonly store: ObjectStore;
  readonly names: LogNames;
  readonly clock: Clock;
  readonly uploads: UploadLock;
  /** How far back the catalog can be restored, milliseconds. */
  readonly retentionMs: number;
  /** Own epoch: objects of later ones are not ours to judge. */
  readonly epoch: number;
}

export interface Collected {
  readonly anchors: number;
  readonly segments: number;
  readonly chunks: number;
}

/**
 * Runs once. Ages are by the wall clock and the store's times, and only ever decide how long something useless is kept: whatever is
 * reachable from the newest anchor and from `ledger` stays, however old.
 */
export async function collect(ledger: Ledger, options: CollectorOptions): Promise<Collected> {
  const { store, names, clock, retentionMs, epoch } = options;
  const anchors: Array<{ key: string; modified: number }> = [];
  for await (const object of store.list(names.anchorPrefix)) {
    const position = names.position(object.key);
    if (position && position.epoch <= epoch) anchors.push(object);
  }
  const horizon = clock.now() - retentionMs;
  // The newest anchor that is older than the horizon is what a restore to the horizon starts from.
  let first = anchors.length - 1;
  while (first > 0 && (anchors[first] as { modified: number }).modified > horizon) first--;
  const start = anchors[first];
  // While even the oldest anchor is young, a restore to the horizon begins before it: everything is needed.
  if (!start || start.modified > horizon) return { anchors: 0, segments: 0, chunks: 0 };
  const kept: Anchor[] = [];
  for (const { key } of anchors.slice(first)) {
    const object = await store.get(key);
    if (object) kept.push(decodeAnchor(object.body, key));
  }
  const floor = [anchorOf(ledger), ...kept].map((anchor) => anchor.floor).reduce((a, b) => (comparePositions(a, b) <= 0 ? a : b));
  const segments = await collectSegments(floor, options);
  // What the ledger names now must be asked while nothing is being uploaded.
  const chunks = await options.uploads.collect(() => collectChunks([anchorOf(ledger), ...kept], start.modified, options));
  for (const { key } of anchors.slice(0, first)) await store.delete(key);
  return { anchors: first, segments, chunks };
}

/**
 * Chunks that came after the oldest anchor kept stay too: a base that came and went between two anchors is part of what
 * can be restored. Anchors are made while nothing is being uploaded, so a base after one has its new chunks after it.
 */
async function collectChunks(kept: readonly Anchor[], since: number, { store, names, epoch }: CollectorOptions): Promise<number> {
  const live = new Set<string>();
  const keep = (database: string, base: Base): void => {
    for (const chunk of [...base.file, ...base.wal]) live.add(names.chunk(database, chunk.epoch, chunk.sha256));
  };
  for (const anchor of kept) for (const state of anchor.databases) keep(state.database, state.base);
  let deleted = 0;
  for await (const object of store.list(names.chunkPrefix)) {
    const parts = names.chunkParts(object.key);
    if (!parts || parts.epoch > epoch || object.modified >= since || live.has(object.key)) continue;
    await store.delete(object.key);
    deleted++;
  }
  return deleted;
}

/** Segments up to and including `floor`, except the last of each ended epoch: that is its terminal. */
async function collectSegments(floor: LogPosition, { store, names }: CollectorOptions): Promise<number> {
  const doomed = new Map<number, { last: number; keys: string[] }>();
  let candidate: { key: string; at: LogPosition } | null = null;
  for await (const object of store.list(names.logPrefix)) {
    const at = names.position(object.key);
    if (!at) continue;
    // Doomed only once a later object of its own epoch was seen: then it was not the last.
    if (candidate && candidate.at.epoch === at.epoch) {
      const group = doomed.get(at.epoch) ?? { last: 0, keys: [] };
      group.last = candidate.at.seq;
      group.keys.push(candidate.key);
      doomed.set(at.epoch, group);
    }
    if (comparePositions(at, floor) > 0) break;
    candidate = { key: object.key, at };
  }
  let deleted = 0;
  for (const [epoch, group] of doomed) {
    await raiseFloor(store, names, epoch, group.last);
    for (const key of group.keys) await store.delete(key);
    deleted += group.keys.length;
  }
  return deleted;
}
