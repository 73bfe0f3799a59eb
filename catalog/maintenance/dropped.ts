/**
 * The end of dropped lakes: when no state of them can be restored any more their files go, and then they are forgotten. Files
 * in a place that an administrator chose are left alone (there may have been others there before us), and so are files
 * that another lake has too: then that one looks after them.
 */
import type { Lake } from '../../base/domain.ts';
import type { GarbageOptions } from './garbage.ts';
import type { CollectedLake } from './ports.ts';

export interface DroppedOptions extends Pick<GarbageOptions, 'control' | 'files' | 'waits' | 'clock' | 'logger'> {
  /** Where lakes get their folders when nobody chooses: ends in `/`. */
  readonly lakesPrefix: string;
  /** Names of the databases of the log that exist now. */
  readonly databases: () => Promise<readonly string[]>;
  readonly databaseOf: (lake: Lake) => string;
  /** How far back lakes can be restored, milliseconds. */
  readonly retentionMs: number;
}

/** Collects every lake whose time has come. */
export async function collectDroppedLakes(options: DroppedOptions): Promise<CollectedLake[]> {
  const { control, clock, waits, files, logger, retentionMs } = options;
  const now = clock.now();
  if (now < waits.ledSince + waits.readerAgeMsMax) return [];
  const [dropped, live, databases] = await Promise.all([control.droppedLakes(), control.lakes(), options.databases()]);
  const collected: CollectedLake[] = [];
  for (const lake of dropped) {
    if (now < lake.droppedAt + Math.max(retentionMs, waits.readerAgeMsMax) + waits.marginMs) continue;
    // Its database is dropped first; the next start does that if it could not be done at once.
    if (databases.includes(options.databaseOf(lake))) continue;
    const isShared = [...live, ...dropped].some((other) => other.id !== lake.id && overlaps(other.dataPath, lake.dataPath));
    const isOurs = lake.dataPath.startsWith(options.lakesPrefix) && lake.dataPath.length > options.lakesPrefix.length;
    const removed = isShared || !isOurs ? null : await files.removeAll(lake.dataPath);
    if (removed && removed.failed.length > 0) {
      logger.warn(
        { lake: lake.name, error: removed.failed[0]?.reason, files: removed.failed.length },
        'files of a dropped ducklake could not be deleted',
      );
      continue;
    }
    const sizes = { files: removed?.files ?? 0, bytes: removed?.bytes ?? 0 };
    await control.forgetLake(lake.id, sizes);
    logger.info({ lake: lake.name, lakeId: lake.id, ...sizes, isShared, isOurs }, 'a dropped ducklake has ended');
    collected.push({ name: lake.name, ...sizes });
  }
  return collected;
}

function overlaps(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}
