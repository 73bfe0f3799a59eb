/** Takes a lake back to a point of the retained log, or brings a dropped one back; the state before stays restorable. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import type { RestoreTo } from '../ports.ts';
import { isoTime, lakeShape, someName, time, toLake } from '../shapes.ts';
import { readTtl } from '../ttl.ts';

export const restoreDucklake = adminCommand({
  name: 'restore-ducklake',
  summary: 'Restore a ducklake to an earlier point, or a dropped one; open sessions on it end',
  needs: 'owner or admin; into a new name: admin',
  args: z.strictObject({
    name: someName,
    to: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('a time (2026-01-31T12:00:00Z), an age (10m ago) or a position of the log (3/1024); default: before its drop'),
    as: someName.optional().describe('a new ducklake to restore into; the present one stays'),
  }),
  result: lakeShape.extend({
    restored_to: z.object({ position: z.string(), time: time.nullable() }),
    before: z.string().nullable().describe('restoring to this position undoes the restore'),
  }),
  http: { method: 'POST', path: '/ducklakes/{name}/restore' },
  sql: {
    syntax: "RESTORE DUCKLAKE name [TO '…'] [AS new_name]",
    begins: [['restore', 'ducklake']],
    tag: 'RESTORE DUCKLAKE',
    parse(words) {
      const name = words.name();
      const to = words.take('to') ? words.string() : undefined;
      const as = words.take('as') ? words.name() : undefined;
      return [{ name, ...(to === undefined ? {} : { to }), ...(as === undefined ? {} : { as }) }];
    },
  },
  table: {
    columns: ['name', 'position', 'time', 'before'],
    rows: ({ name, restored_to, before }) => [[name, restored_to.position, restored_to.time, before]],
  },
  async run({ name, to, as }, { control, restorer, principal, clock, idempotencyKey }) {
    const restored = await restorer.restore(
      {
        name,
        to: to === undefined ? { t: 'drop' } : readPoint(to, clock.now()),
        said: to ?? '',
        ...(as === undefined ? {} : { as }),
      },
      { id: principal.id, kind: principal.kind, credentialId: principal.credentialId },
      idempotencyKey,
    );
    const lake = (await control.lakesOf(principal)).find(({ id }) => id === restored.lake.id);
    if (!lake) throw new LakeError('undefined_database', `ducklake "${restored.lake.name}" was restored, and dropped meanwhile`);
    const { position, time } = restored.restored;
    return {
      ...toLake(lake),
      restored_to: { position, time: time === null ? null : isoTime(time) },
      before: restored.before,
    };
  },
});

/** A position, a time with its zone, or an age. Throws invalid_argument. */
export function readPoint(text: string, now: number): RestoreTo {
  const position = /^(\d{1,10})\/(\d{1,12})$/.exec(text);
  if (position) return { t: 'position', epoch: Number(position[1]), seq: Number(position[2]) };
  const age = /^(\d{1,6})\s*([smhdw])\s+ago$/.exec(text);
  if (age) return { t: 'time', time: now - (age[2] === 's' ? Number(age[1]) * 1000 : readTtl(`${age[1]}${age[2]}`)) };
  const isTime = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s*(Z|[+-]\d{2}(:?\d{2})?)$/i.test(text);
  const time = isTime
    ? Date.parse(
        text
          .replace(' ', 'T')
          .replaceAll(' ', '')
          .replace(/([+-]\d{2})$/, '$1:00'),
      )
    : Number.NaN;
  if (Number.isNaN(time))
    throw new LakeError('invalid_argument', `"${text}" is no point to restore to`, {
      hint: 'Write a time with its zone (2026-01-31T12:00:00Z), an age (10m ago) or a position of the log (3/1024).',
    });
  return { t: 'time', time };
}
