/** Gives up a lake whose making failed: its name is free again. For pods only; a live lake is never abandoned. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { command } from '../command.ts';
import type { LakeRow } from '../find.ts';

export const abandonLake = command({
  name: 'abandon-lake',
  args: z.strictObject({ lakeId: z.string(), reason: z.string().max(1000) }),
  async run(tx, { lakeId, reason }, { actor, now }) {
    if (actor.id !== 'pod') throw new LakeError('permission_denied', 'permission denied to abandon a ducklake');
    const lake = await tx.one<LakeRow>("SELECT * FROM lakes WHERE id = $1 AND state = 'creating'", [lakeId]);
    if (!lake) throw new LakeError('not_found', 'no ducklake with this id is being created');
    await tx.run("UPDATE lakes SET state = 'dropped', dropped_at = $2 WHERE id = $1", [lakeId, now]);
    await tx.run('DELETE FROM grants WHERE lake_id = $1', [lakeId]);
    return {
      result: {},
      audit: { target: lake.name, detail: { lakeId, reason } },
      changes: [{ t: 'lake-dropped', lakeId, name: lake.name }],
    };
  },
});
