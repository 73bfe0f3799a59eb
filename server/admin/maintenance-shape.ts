/** A lake's maintenance as it is shown: settings as people write them, times as ISO 8601. */
import { z } from 'zod';
import { LakeError } from '../../base/errors.ts';
import type { LakeMaintenance } from './ports.ts';
import { isoTime, time } from './shapes.ts';

const count = z.number().int();

export const maintenanceShape = z.object({
  enabled: z.boolean(),
  snapshot_retention: z.string().describe('a duration, or never'),
  flush_after: z.string(),
  running: z.boolean(),
  next_run: time.nullable().describe('null: when somebody has written'),
  last_run: z
    .object({
      at: time,
      seconds: z.number(),
      end: z.enum(['done', 'gave-way', 'failed']),
      reason: z.string().nullable(),
      rows_flushed: count,
      snapshots_expired: count,
      files_merged: count,
      files_rewritten: count,
      files_made: count,
      files_deleted: count,
      bytes_deleted: count,
    })
    .nullable(),
  keeps: z.array(z.string()).describe('what stays although it could go, and why'),
});

/** As it is shown. */
export function toMaintenance({ settings, last, isRunning, nextAt }: LakeMaintenance): z.infer<typeof maintenanceShape> {
  return {
    enabled: settings.enabled,
    snapshot_retention: settings.snapshotRetentionMs === null ? 'never' : durationText(settings.snapshotRetentionMs),
    flush_after: durationText(settings.flushAfterMs),
    running: isRunning,
    next_run: nextAt === null ? null : isoTime(nextAt),
    last_run: last && {
      at: isoTime(last.at),
      seconds: last.ms / 1000,
      end: last.end,
      reason: last.reason,
      rows_flushed: last.did.rowsFlushed,
      snapshots_expired: last.did.snapshotsExpired,
      files_merged: last.did.filesMerged,
      files_rewritten: last.did.filesRewritten,
      files_made: last.did.filesMade,
      files_deleted: last.did.filesDeleted,
      bytes_deleted: last.did.bytesDeleted,
    },
    keeps: [...(last?.keeps ?? [])],
  };
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** `7d`, `90m`, `0s`: the largest unit in which it is a whole number; parts of a second in `ms`. */
export function durationText(ms: number): string {
  const unit = units.find(([, size]) => ms > 0 && ms % size === 0);
  if (unit) return `${ms / unit[1]}${unit[0]}`;
  return ms === 0 ? '0s' : `${ms}ms`;
}

/** `90s`, `15m`, `12h`, `7d` in milliseconds. Throws invalid_argument. */
export function readDurationText(text: string): number {
  const parts = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const size = parts?.[2] === 'ms' ? 1 : units.find(([name]) => name === parts?.[2])?.[1];
  if (!parts || size === undefined)
    throw new LakeError('invalid_argument', `"${text}" is no duration`, { hint: 'Write a number and s, m, h or d: 15m, 7d.' });
  return Number(parts[1]) * size;
}
