/** What an owner wants of the maintenance of a lake. A field that is absent stays; null takes the pod's setting back. */
import { z } from 'zod';
import { requireOwner } from '../actor.ts';
import { command } from '../command.ts';
import { liveLake } from '../find.ts';
import { type MaintenanceSettings, readMaintenance, writeMaintenance } from '../maintenance.ts';

const durationMs = z
  .number()
  .int()
  .min(0)
  .max(3_650 * 86_400_000);

export const setMaintenance = command({
  name: 'set-maintenance',
  args: z.strictObject({
    name: z.string().max(200),
    enabled: z.boolean().nullable().optional(),
    /** `never` = snapshots do not expire. */
    snapshotRetentionMs: z
      .union([durationMs, z.literal('never')])
      .nullable()
      .optional(),
    flushAfterMs: durationMs.nullable().optional(),
  }),
  async run(tx, { name, ...wanted }, { actor }) {
    const lake = await liveLake(tx, name);
    await requireOwner(tx, actor, lake, 'set the maintenance of a ducklake');
    const known = (await readMaintenance(tx)).find(({ lakeId }) => lakeId === lake.id)?.settings ?? {};
    const settings: MaintenanceSettings = {
      enabled: chosen(wanted.enabled, known.enabled) ?? undefined,
      snapshotRetentionMs:
        wanted.snapshotRetentionMs === 'never' ? null : chosen(wanted.snapshotRetentionMs, known.snapshotRetentionMs),
      flushAfterMs: chosen(wanted.flushAfterMs, known.flushAfterMs) ?? undefined,
    };
    await writeMaintenance(tx, lake.id, { settings });
    return {
      result: { lakeId: lake.id },
      audit: {
        target: name,
        detail: { lakeId: lake.id, ...Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) },
      },
    };
  },
});

function chosen<T>(wanted: T | null | undefined, known: T | null | undefined): T | null | undefined {
  if (wanted === undefined) return known;
  return wanted === null ? undefined : wanted;
}
