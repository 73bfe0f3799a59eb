/** A pass of maintenance on one lake at once, also where it is turned off, and also for what is not worth it yet. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import { maintenanceShape, toMaintenance } from '../maintenance-shape.ts';
import { someName } from '../shapes.ts';

export const runMaintenance = adminCommand({
  name: 'run-maintenance',
  summary: 'Put a ducklake in order now',
  needs: 'to own it',
  args: z.strictObject({ name: someName }),
  result: maintenanceShape,
  http: { method: 'POST', path: '/ducklakes/{name}/maintenance' },
  async run({ name }, { control, maintenance, principal }) {
    const port = maintenance?.();
    if (!port) throw new LakeError('feature_not_supported', 'this server does no background maintenance');
    const lake = (await control.lakesOf(principal)).find((each) => each.name === name);
    if (!lake) throw new LakeError('undefined_database', `ducklake "${name}" does not exist`);
    if (lake.right !== 'owner')
      throw new LakeError(
        'permission_denied',
        `permission denied to run maintenance: only the owners of ducklake "${name}" and administrators may`,
      );
    await port.runNow(lake.id);
    return toMaintenance(await port.of(lake.id));
  },
});
