/** What a pass of maintenance has found and left. For pods only; no audit line: the snapshots it made are the record. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { command } from '../command.ts';
import { writeGarbage, writeMaintenance } from '../maintenance.ts';

const time = z.number().int();

export const recordMaintenance = command({
  name: 'record-maintenance',
  args: z.strictObject({
    lakeId: z.string().max(100),
    /** Plain data of whoever runs the passes. */
    passed: z.record(z.string(), z.unknown()).optional(),
    /** All files of the lake that are on their way out. */
    garbage: z
      .array(
        z.strictObject({
          path: z.string().max(10_000),
          kind: z.enum(['old', 'orphan']),
          seenAt: time,
          condemned: z.strictObject({ epoch: z.number().int(), at: time }).nullable(),
        }),
      )
      .max(100_000)
      .optional(),
  }),
  async run(tx, { lakeId, passed, garbage }, { actor }) {
    if (actor.id !== 'pod') throw new LakeError('permission_denied', 'permission denied to record maintenance');
    const lake = await tx.one("SELECT id FROM lakes WHERE id = $1 AND state = 'live'", [lakeId]);
    if (!lake) throw new LakeError('not_found', 'the ducklake is not there any more');
    if (passed !== undefined) await writeMaintenance(tx, lakeId, { passed });
    if (garbage !== undefined) await writeGarbage(tx, lakeId, garbage);
    return { result: {} };
  },
});
