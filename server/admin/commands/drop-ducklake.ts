/** Takes a lake away from everyone. Its files stay until the log's retention is over. */
import { z } from 'zod';
import { toLakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import { someName } from '../shapes.ts';

export const dropDucklake = adminCommand({
  name: 'drop-ducklake',
  summary: 'Drop a ducklake; open sessions on it end',
  needs: 'owner or admin',
  args: z.strictObject({ name: someName, if_exists: z.stringbool().or(z.boolean()).optional() }),
  result: z.object({ dropped: z.boolean() }),
  http: { method: 'DELETE', path: '/ducklakes/{name}' },
  sql: {
    syntax: 'DROP DUCKLAKE [IF EXISTS] name',
    begins: [['drop', 'ducklake']],
    tag: 'DROP DUCKLAKE',
    parse(words) {
      const isOptional = words.take('if', 'exists');
      const names = words.list(() => words.name());
      words.takeAny(['cascade', 'restrict']);
      return names.map((name) => ({ name, ...(isOptional ? { if_exists: true } : {}) }));
    },
  },
  async run({ name, if_exists }, { control, principal, idempotencyKey }) {
    try {
      await control.execute({ name: 'drop-lake', args: { name } }, { principal, idempotencyKey });
      return { dropped: true };
    } catch (thrown) {
      if (if_exists && toLakeError(thrown).code === 'undefined_database') return { dropped: false };
      throw thrown;
    }
  },
});
