/**
 * Ends the log at an earlier point: what is left when an object of it is damaged and there is no copy. Everything behind
 * the point is moved to `set-aside/<time>/`, the newest first, so that whenever this is cut off the log is whole up to where it
 * got, and it can be repeated. No pod may run on the storage: it would go on with a log that is not there any more.
 */
import { LakeError } from '../../base/errors.ts';
import { type LogReaderOptions, openLogReaderBefore } from './log-reader.ts';
import { comparePositions } from './names.ts';
import type { LogPosition } from './ports.ts';

export interface SetAside {
  /** Objects of the log that are behind the point. */
  readonly objects: number;
  /** Time of the last object that stays, milliseconds since 1970; 0 = unknown. */
  readonly time: number;
  /** Where they are now. */
  readonly prefix: string;
}

/**
 * Proves the log up to `to`, then moves what follows. Throws `corrupt` when it is damaged before that point,
 * `invalid_argument` when it does not reach there, `store_unavailable`.
 */
export async function setAside(
  to: LogPosition,
  options: LogReaderOptions & { readonly prefix: string; readonly now: number },
): Promise<SetAside> {
  const { store, names } = options;
  const until = { t: 'position', position: to } as const;
  const reader = await openLogReaderBefore(until, options);
  const isBehind = await reader.to(until, () => undefined);
  const { position, time } = reader.ledger;
  if (!isBehind && comparePositions(position, to) < 0)
    throw new LakeError('invalid_argument', `the log ends at ${position.epoch}/${position.seq}, before ${to.epoch}/${to.seq}`);
  const behind: string[] = [];
  for (const prefix of [names.logPrefix, names.anchorPrefix]) {
    for await (const { key } of store.list(prefix)) {
      const at = names.position(key);
      if (at && comparePositions(at, lastOf(position, to)) > 0) behind.push(key);
    }
  }
  // Later epochs begin anew; what is known of collections in them is not true of the new ones.
  for await (const { key } of store.list(names.floorPrefix)) if (key > names.floor(position.epoch)) behind.push(key);
  const prefix = `${options.prefix}set-aside/${new Date(options.now).toISOString().replaceAll(':', '')}/`;
  // Anchors before what they lead to, and the log from its end.
  for (const key of behind.sort(
    (a, b) => Number(a.startsWith(names.logPrefix)) - Number(b.startsWith(names.logPrefix)) || (a < b ? 1 : -1),
  )) {
    const object = await store.get(key);
    if (!object) continue;
    await store.put(prefix + key.slice(options.prefix.length), object.body);
    await store.delete(key);
  }
  return { objects: behind.filter((key) => key.startsWith(names.logPrefix)).length, time, prefix };
}

/** After a terminal the ledger stands before the first object of the next epoch, which the point may not name. */
function lastOf(reached: LogPosition, asked: LogPosition): LogPosition {
  return comparePositions(reached, asked) > 0 ? reached : asked;
}
