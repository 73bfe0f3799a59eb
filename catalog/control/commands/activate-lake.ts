/** Last step of making a lake: DuckLake's tables exist, so everyone with a grant may see it. For pods only. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { command } from '../command.ts';
import type { LakeRow } from '../find.ts';

export const activateLake = command({
  name: 'activate-lake',
  args: z.strictObject({ lakeId: z.string() }),
  async run(tx, { lakeId }, { actor }) {
    if (actor.id !== 'pod') throw new LakeError('permission_denied', 'permission denied to activate a ducklake');
    const lake = await tx.one<LakeRow>('SELECT * FROM lakes WHERE id = $1', [lakeId]);
    if (!lake || lake.state === 'dropped')
      throw new LakeError('undefined_database', 'the ducklake was dropped while it was being created');
    const result = { lake: { id: lake.id, name: lake.name, dataPath: lake.data_path } };
    if (lake.state === 'live') return { result };
    await tx.run("UPDATE lakes SET state = 'live' WHERE id = $1", [lakeId]);
    return {
      result,
      audit: { target: lake.name, detail: { lakeId } },
      changes: [{ t: 'lake-created', lakeId, name: lake.name }],
    };
  },
});
