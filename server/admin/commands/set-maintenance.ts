/** What an owner wants of the background maintenance of a lake; what is not said stays as it is. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import { maintenanceShape, readDurationText, toMaintenance } from '../maintenance-shape.ts';
import { someName } from '../shapes.ts';
import type { SqlWords } from '../sql-words.ts';

const duration = z.string().max(20);
const args = z.strictObject({
  name: someName,
  enabled: z.boolean().nullable().optional().describe('null: as the server is configured'),
  snapshot_retention: duration.nullable().optional().describe('such as 30d, or never; null: as the server is configured'),
  flush_after: duration.nullable().optional().describe('such as 15m; null: as the server is configured'),
});

export const setMaintenanceCommand = adminCommand({
  name: 'set-maintenance',
  summary: 'Set the background maintenance of a ducklake',
  needs: 'to own it',
  args,
  result: maintenanceShape,
  http: { method: 'PUT', path: '/ducklakes/{name}/maintenance' },
  sql: {
    syntax: "ALTER DUCKLAKE name SET (maintenance = on|off, snapshot_retention = '30d', flush_after = '15m')",
    begins: [['alter', 'ducklake']],
    tag: 'ALTER DUCKLAKE',
    parse(words) {
      const parsed: z.infer<typeof args> = { name: words.name() };
      words.expect('set');
      if (!words.symbol('(')) throw words.wrong();
      words.list(() => readOption(words, parsed));
      if (!words.symbol(')')) throw words.wrong();
      return [parsed];
    },
  },
  async run({ name, enabled, snapshot_retention, flush_after }, { control, maintenance, principal, idempotencyKey }) {
    const port = maintenance?.();
    if (!port) throw new LakeError('feature_not_supported', 'this server does no background maintenance');
    const { lakeId } = (await control.execute(
      {
        name: 'set-maintenance',
        args: {
          name,
          enabled,
          snapshotRetentionMs: snapshot_retention === 'never' ? 'never' : durationOf(snapshot_retention),
          flushAfterMs: durationOf(flush_after),
        },
      },
      { principal, idempotencyKey },
    )) as { lakeId: string };
    return toMaintenance(await port.of(lakeId));
  },
});

function durationOf(text: string | null | undefined): number | null | undefined {
  return typeof text === 'string' ? readDurationText(text) : text;
}

function readOption(words: SqlWords, parsed: z.infer<typeof args>): void {
  const option = words.name();
  if (!words.symbol('=')) throw words.wrong();
  if (option === 'maintenance') {
    const word = words.takeAny(['true', 'on', 'false', 'off']);
    if (word === undefined) throw words.wrong();
    parsed.enabled = word === 'true' || word === 'on';
  } else if (option === 'snapshot_retention') parsed.snapshot_retention = words.string();
  else if (option === 'flush_after') parsed.flush_after = words.string();
  else
    throw new LakeError('invalid_argument', `unrecognized parameter "${option}"`, {
      hint: 'ALTER DUCKLAKE … SET knows maintenance, snapshot_retention and flush_after.',
    });
}
