/**
 * Puts a restored lake in its place. Its database exists already under a new id; here, in one transaction, the lake it
 * replaces is dropped (and stays restorable like any dropped lake), and name, grants and credentials go over to the new
 * one. The files stay where they are: both catalogs name files under the same prefix.
 */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { type Actor, requireOwner } from '../actor.ts';
import { type Change, command } from '../command.ts';
import type { LakeRow } from '../find.ts';
import { lakeName } from '../names.ts';
import { assertNewName, restorableLakes } from '../restorable.ts';
import type { Tx } from '../store.ts';

const args = z.strictObject({
  /** What is restored; with `as`, into a new lake of that name. */
  name: z.string().max(200),
  as: lakeName.optional(),
  /** Id of the lake whose past it is, and of the new one. */
  sourceId: z.uuid(),
  newId: z.uuid(),
  /** The lake that had the name when the restore began; null = none had. */
  replaces: z.uuid().nullable(),
  /** What the answer says: the point of the log and its time, and the point before the restore. */
  position: z.string().max(40),
  time: z.number().nullable(),
  before: z.string().max(40).nullable(),
  /** The request as it came: what an idempotency key stands for. */
  asked: z.string().max(1000),
});

export type RestoreLakeArgs = z.infer<typeof args>;

export const restoreLake = command({
  name: 'restore-lake',
  args,
  async run(tx, given, { actor, now, random }) {
    const { name, as, sourceId, newId, position, time, before } = given;
    const source = (await restorableLakes(tx, actor, name)).find(({ id }) => id === sourceId);
    if (!source) throw new LakeError('undefined_database', `ducklake "${name}" has no such past`);
    const target = as ?? name;
    if (as !== undefined) await assertNewName(tx, actor, as);
    const holder = await tx.one<LakeRow>("SELECT * FROM lakes WHERE name = $1 AND state <> 'dropped'", [target]);
    if ((holder?.id ?? null) !== given.replaces)
      throw new LakeError(
        'precondition_failed',
        `ducklake "${name}" was created, dropped or restored meanwhile; nothing was changed`,
      );
    if (holder) {
      await requireOwner(tx, actor, holder, 'restore a ducklake');
      await tx.run("UPDATE lakes SET state = 'dropped', dropped_at = $2 WHERE id = $1", [holder.id, now]);
    }
    const predecessor = holder ?? (await newestOf(tx, source));
    await tx.run("INSERT INTO lakes VALUES ($1, $2, 'live', $3, $4, $5, NULL)", [newId, target, source.data_path, actor.id, now]);
    if (as === undefined) await handOver(tx, predecessor, newId);
    else await makeOwner(tx, actor, { id: random.uuid(), lakeId: newId, now });
    const changes: Change[] = [
      ...(holder ? [{ t: 'lake-dropped' as const, lakeId: holder.id, name: target }] : []),
      { t: 'lake-created', lakeId: newId, name: target },
    ];
    return {
      result: { lake: { id: newId, name: target, dataPath: source.data_path }, restored: { position, time }, before },
      audit: { target, detail: { lakeId: newId, from: sourceId, position, ...(as === undefined ? {} : { of: name }) } },
      changes,
    };
  },
});

/** The newest lake that had this name and these files: the one whose grants still stand. */
async function newestOf(tx: Tx, source: LakeRow): Promise<LakeRow> {
  return (
    (await tx.one<LakeRow>('SELECT * FROM lakes WHERE name = $1 AND data_path = $2 ORDER BY created_at DESC, id DESC LIMIT 1', [
      source.name,
      source.data_path,
    ])) ?? source
  );
}

async function handOver(tx: Tx, from: LakeRow, newId: string): Promise<void> {
  await tx.run('UPDATE grants SET lake_id = $2 WHERE lake_id = $1', [from.id, newId]);
  await tx.run('UPDATE credentials SET lake_id = $2 WHERE lake_id = $1', [from.id, newId]);
}

async function makeOwner(tx: Tx, actor: Actor, grant: { id: string; lakeId: string; now: number }): Promise<void> {
  if (actor.id === 'pod') return;
  await tx.run("INSERT INTO grants VALUES ($1, $2, $3, 'owner', $2, $4)", [grant.id, actor.id, grant.lakeId, grant.now]);
}
