/** Takes a lake away from everyone at once. Its row, grants, log and data files stay for the retention time, so it can be restored. */
import { z } from 'zod';
import { requireOwner } from '../actor.ts';
import { command } from '../command.ts';
import { liveLake } from '../find.ts';

export const dropLake = command({
  name: 'drop-lake',
  args: z.strictObject({ name: z.string().max(200) }),
  async run(tx, { name }, { actor, now }) {
    const lake = await liveLake(tx, name);
    await requireOwner(tx, actor, lake, 'drop a ducklake');
    await tx.run("UPDATE lakes SET state = 'dropped', dropped_at = $2 WHERE id = $1", [lake.id, now]);
    return {
      result: { lakeId: lake.id },
      audit: { target: name, detail: { lakeId: lake.id } },
      changes: [{ t: 'lake-dropped', lakeId: lake.id, name }],
    };
  },
});
