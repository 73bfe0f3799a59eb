/** Which lakes a name has meant, and what a restore of them may still need. */
import { LakeError } from '../../base/errors.ts';
import { type Actor, requireAdmin, requireOwner } from './actor.ts';
import type { LakeRow } from './find.ts';
import { lakeName } from './names.ts';
import type { Tx } from './store.ts';

/** What must not be deleted because of restores. Times are milliseconds since 1970. */
export interface RestoreFloor {
  /** A file that left the catalog after this may be named by a state that can be restored. */
  readonly keepSince: number;
  /**
   * Other lakes, live or dropped after `keepSince`, with the same data path: what this lake was before a restore, or copies
   * made by `restore --as`. Their catalogs name files that this one does not know: while there are any, no file may be
   * deleted because this catalog has no (or no more) use for it.
   */
  readonly relatives: readonly { readonly id: string; readonly name: string; readonly live: boolean }[];
}

/**
 * All lakes that had this name, the newest first. Administrators may restore every one, owners of the newest those with
 * the same files (an unrelated lake that had the name before is not theirs). Throws `undefined_database`, `permission_denied`.
 */
export async function restorableLakes(tx: Tx, actor: Actor, name: string): Promise<LakeRow[]> {
  const lakes = await tx.all<LakeRow>(
    "SELECT * FROM lakes WHERE name = $1 AND state <> 'creating' ORDER BY state = 'live' DESC, created_at DESC, id DESC",
    [name],
  );
  const [newest] = lakes;
  const unknown = new LakeError('undefined_database', `there is and was no ducklake "${name}"`, {
    hint: 'boilstream-admin ducklakes list shows those that are there.',
  });
  if (!newest) throw unknown;
  if (newest.state === 'live' || actor.isAdmin) await requireOwner(tx, actor, newest, 'restore a ducklake');
  // Of a dropped lake that is not theirs people learn nothing.
  else
    await requireOwner(tx, actor, newest, 'restore a ducklake').catch(() => {
      throw unknown;
    });
  return actor.isAdmin ? lakes : lakes.filter(({ data_path }) => data_path === newest.data_path);
}

/** Throws unless the actor may make a lake of this name, and the name is free. */
export async function assertNewName(tx: Tx, actor: Actor, name: string): Promise<void> {
  requireAdmin(actor, 'create a ducklake');
  const parsed = lakeName.safeParse(name);
  if (!parsed.success) throw new LakeError('invalid_argument', parsed.error.issues[0]?.message ?? `"${name}" is no name`);
  if (await tx.one("SELECT id FROM lakes WHERE name = $1 AND state <> 'dropped'", [name]))
    throw new LakeError('duplicate_database', `ducklake "${name}" already exists`, { hint: 'Restore into another name.' });
}

/** See `RestoreFloor`. A lake that is not there has none of its own, and its files are nobody's business yet. */
export async function restoreFloor(tx: Tx, lakeId: string, keepSince: number): Promise<RestoreFloor> {
  const relatives = await tx.all<{ id: string; name: string; live: boolean }>(
    `SELECT other.id, other.name, other.state <> 'dropped' AS live FROM lakes AS lake JOIN lakes AS other ON other.data_path = lake.data_path
     WHERE lake.id = $1 AND other.id <> $1 AND (other.state <> 'dropped' OR other.dropped_at >= $2)`,
    [lakeId, keepSince],
  );
  return { keepSince, relatives };
}
