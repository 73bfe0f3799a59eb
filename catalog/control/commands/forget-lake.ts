/** The end of a dropped lake: nothing can be restored of it any more and its files are gone. For pods only. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { command } from '../command.ts';
import type { LakeRow } from '../find.ts';

export const forgetLake = command({
  name: 'forget-lake',
  args: z.strictObject({ lakeId: z.string().max(100), files: z.number().int(), bytes: z.number().int() }),
  async run(tx, { lakeId, files, bytes }, { actor }) {
    if (actor.id !== 'pod') throw new LakeError('permission_denied', 'permission denied to forget a ducklake');
    const lake = await tx.one<LakeRow>("SELECT * FROM lakes WHERE id = $1 AND state = 'dropped'", [lakeId]);
    if (!lake) throw new LakeError('not_found', 'there is no such dropped ducklake');
    for (const table of ['grants', 'maintenance', 'garbage']) await tx.run(`DELETE FROM ${table} WHERE lake_id = $1`, [lakeId]);
    await tx.run('DELETE FROM lakes WHERE id = $1', [lakeId]);
    return { result: {}, audit: { target: lake.name, detail: { lakeId, files, bytes } } };
  },
});
