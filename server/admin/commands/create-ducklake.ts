/**
 * Makes a lake. Three durable steps, each safe to repeat: the name is reserved, DuckLake's tables are made, the lake goes live.
 * Nobody sees it before the last; when the second fails the first is taken back; after a crash the next start goes on.
 */
import { z } from 'zod';
import type { Lake } from '../../../base/domain.ts';
import { LakeError, toLakeError } from '../../../base/errors.ts';
import { type AdminServices, adminCommand } from '../command.ts';
import { lakeShape, toLake } from '../shapes.ts';
import type { SqlWords } from '../sql-words.ts';

const pod = { id: 'pod', kind: 'pod' } as const;

const args = z.strictObject({
  name: z.string().min(1).max(200).describe('lower-case letters, digits and _'),
  data_path: z.string().min(1).max(1000).optional().describe('where its files go; default: under the storage URL'),
  initialize: z
    .boolean()
    .optional()
    .describe(
      "false: leave its catalog empty; the first DuckLake client that attaches it makes the tables, with that client's options",
    ),
  if_not_exists: z.boolean().optional().describe('no error when there is one of this name already'),
});

export const createDucklake = adminCommand({
  name: 'create-ducklake',
  summary: 'Create a ducklake; you become its owner',
  needs: 'admin',
  args,
  result: lakeShape,
  http: { method: 'POST', path: '/ducklakes', status: 201 },
  sql: {
    syntax: "CREATE DUCKLAKE [IF NOT EXISTS] name [WITH (data_path = '…', initialize = true|false)]",
    begins: [['create', 'ducklake']],
    tag: 'CREATE DUCKLAKE',
    parse(words) {
      const isOptional = words.take('if', 'not', 'exists');
      const parsed: z.infer<typeof args> = { name: words.name(), ...(isOptional ? { if_not_exists: true } : {}) };
      if (words.take('with')) {
        if (!words.symbol('(')) throw words.wrong();
        words.list(() => {
          const option = words.name();
          words.symbol('=');
          if (option === 'data_path') parsed.data_path = words.string();
          else if (option === 'initialize') parsed.initialize = readBoolean(words);
          else
            throw new LakeError('invalid_argument', `unrecognized parameter "${option}"`, {
              hint: 'CREATE DUCKLAKE knows data_path and initialize.',
            });
        });
        if (!words.symbol(')')) throw words.wrong();
      }
      return [parsed];
    },
  },
  async run({ name, data_path, initialize = true, if_not_exists }, context) {
    const { control, principal, idempotencyKey } = context;
    try {
      const { lake } = (await control.execute(
        { name: 'create-lake', args: { name, ...(data_path === undefined ? {} : { dataPath: data_path }) } },
        { principal, idempotencyKey },
      )) as { lake: Lake };
      if (initialize) await finishLake(lake, context);
      else await control.execute({ name: 'activate-lake', args: { lakeId: lake.id } }, { principal: pod });
    } catch (thrown) {
      if (!(if_not_exists && toLakeError(thrown).code === 'duplicate_database')) throw thrown;
    }
    const made = (await control.lakesOf(principal)).find((lake) => lake.name === name);
    // With IF NOT EXISTS it may be somebody else's, of which nothing is told.
    if (!made) throw new LakeError('duplicate_database', `ducklake "${name}" already exists`);
    return toLake(made);
  },
});

function readBoolean(words: SqlWords): boolean {
  const word = words.takeAny(['true', 'on', 'false', 'off']);
  if (word === undefined) throw words.wrong();
  return word === 'true' || word === 'on';
}

/** From reserved to live. Gives the name back when DuckLake's tables cannot be made. */
export async function finishLake(lake: Lake, services: AdminServices): Promise<void> {
  const { control, lakes, logger } = services;
  try {
    await lakes.initialise(lake);
  } catch (thrown) {
    const error = toLakeError(thrown);
    logger.error({ error: thrown, lake: lake.name }, 'a ducklake could not be initialised');
    // If that fails too the name stays reserved until the next start goes on; what went wrong first is what counts.
    await control
      .execute({ name: 'abandon-lake', args: { lakeId: lake.id, reason: error.message.slice(0, 500) } }, { principal: pod })
      .catch((failure: unknown) =>
        logger.warn({ error: failure, lake: lake.name }, 'a ducklake that could not be made stays reserved'),
      );
    throw error;
  }
  await control.execute({ name: 'activate-lake', args: { lakeId: lake.id } }, { principal: pod });
}
