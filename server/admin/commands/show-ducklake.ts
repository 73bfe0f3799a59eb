/** One lake, and for its owners who else may use it. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import { maintenanceShape, toMaintenance } from '../maintenance-shape.ts';
import { access, isoTime, lakeShape, someName, time, toLake } from '../shapes.ts';

export const showDucklake = adminCommand({
  name: 'show-ducklake',
  summary: 'One ducklake; its grants too if you own it',
  needs: 'a grant on it',
  args: z.strictObject({ name: someName }),
  result: lakeShape.extend({
    databases: z.object({ sql: z.string(), metadata: z.string() }),
    maintenance: maintenanceShape.nullable().describe('background maintenance; null where none is done'),
    grants: z.array(z.object({ user: z.string(), access, granted_at: time })).nullable(),
  }),
  http: { method: 'GET', path: '/ducklakes/{name}' },
  async run({ name }, { control, maintenance, principal }) {
    const lake = (await control.lakesOf(principal)).find((each) => each.name === name);
    if (!lake)
      throw new LakeError('undefined_database', `ducklake "${name}" does not exist`, {
        hint: 'boilstream-admin ducklakes list shows those that you may use.',
      });
    const grants =
      lake.right === 'owner'
        ? (await control.listGrants(principal, name)).map((grant) => ({
            user: grant.user,
            access: grant.access as 'read',
            granted_at: isoTime(grant.grantedAt),
          }))
        : null;
    const port = maintenance?.();
    const kept = port ? toMaintenance(await port.of(lake.id)) : null;
    return { ...toLake(lake), databases: { sql: name, metadata: `${name}__catalog` }, maintenance: kept, grants };
  },
});
