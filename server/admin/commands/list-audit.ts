/** Who did what, newest first. */
import { z } from 'zod';
import { adminCommand } from '../command.ts';
import { isoTime, time } from '../shapes.ts';

export const listAudit = adminCommand({
  name: 'list-audit',
  summary: 'The audit, newest first',
  needs: 'admin',
  args: z.strictObject({ limit: z.coerce.number().int().min(1).max(10_000).optional() }),
  result: z.object({
    events: z.array(
      z.object({
        id: z.number(),
        at: time,
        actor: z.string(),
        action: z.string(),
        target: z.string(),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
  }),
  http: { method: 'GET', path: '/audit' },
  run: async ({ limit }, { control, principal }) => ({
    events: (await control.listAudit(principal, limit ?? 100)).map((event) => ({ ...event, at: isoTime(event.at) })),
  }),
});
