/** A line in the audit for what changes nothing here: logins, drains. For pods only; callers bound how often. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { command } from '../command.ts';

export const recordEvent = command({
  name: 'record-event',
  args: z.strictObject({
    action: z.string().max(100),
    target: z.string().max(300),
    detail: z.record(z.string().max(100), z.union([z.string().max(1000), z.number(), z.boolean(), z.null()])).default({}),
  }),
  async run(_tx, { action, target, detail }, { actor }) {
    if (actor.id !== 'pod') throw new LakeError('permission_denied', 'permission denied to write the audit');
    return { result: {}, audit: { target, detail: { ...detail, action } } };
  },
});
