/**
 * First step of making a lake: a row in state `creating`, seen by nobody yet, that reserves name, id and data prefix. The
 * catalog then makes the replicated database, an engine makes DuckLake's tables in it, and `activate-lake` ends it. A
 * crash in between leaves a row from which the next start goes on.
 */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { requireAdmin } from '../actor.ts';
import { command } from '../command.ts';
import type { LakeRow } from '../find.ts';
import { dataPathFor } from '../data-path.ts';
import { lakeName } from '../names.ts';

export const createLake = command({
  name: 'create-lake',
  args: z.strictObject({ name: lakeName, dataPath: z.string().max(1000).optional() }),
  async run(tx, { name, dataPath }, { actor, now, random, lakesPrefix }) {
    requireAdmin(actor, 'create a ducklake');
    const taken = await tx.one<LakeRow>("SELECT * FROM lakes WHERE name = $1 AND state <> 'dropped'", [name]);
    if (taken) {
      throw new LakeError(
        'duplicate_database',
        `ducklake "${name}" already exists`,
        taken.state === 'creating' ? { hint: 'It is being created right now.' } : {},
      );
    }
    const id = random.uuid();
    const lake = {
      id,
      name,
      dataPath: dataPath === undefined ? `${lakesPrefix}${id}/data/` : await dataPathFor(tx, dataPath, lakesPrefix),
    };
    await tx.run("INSERT INTO lakes VALUES ($1, $2, 'creating', $3, $4, $5, NULL)", [id, name, lake.dataPath, actor.id, now]);
    // The creator is its owner; administrators reach every lake anyway, and the pod needs no grant.
    if (actor.id !== 'pod')
      await tx.run("INSERT INTO grants VALUES ($1, $2, $3, 'owner', $2, $4)", [random.uuid(), actor.id, id, now]);
    return {
      result: { lake },
      audit: { target: name, detail: { lakeId: id } },
      changes: [{ t: 'lake-creating', lakeId: id, name }],
    };
  },
});
