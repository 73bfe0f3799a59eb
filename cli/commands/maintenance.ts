/** `ducklakes maintenance`, and what `ducklakes show` says of it. */
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import type { Json } from '../client.ts';
import { age, writeFields, writeJson } from '../output.ts';
import { WrongUsage } from '../surroundings.ts';
import { newKey } from './request.ts';

/** Adds `maintenance` to `ducklakes`. */
export function addMaintenanceCommand(ducklakes: Command, cli: Cli): void {
  const { around } = cli;
  ducklakes
    .command('maintenance')
    .description('set its background maintenance, or run it now (owners)')
    .argument('<name>')
    .option('--on', 'maintain it')
    .option('--off', 'leave it alone')
    .option('--snapshot-retention <duration>', 'how long snapshots stay: 7d, never')
    .option('--flush-after <duration>', 'how long rows may stay in the catalog: 15m')
    .option('--run', 'put it in order now, and wait')
    .addHelpText(
      'after',
      '\nExamples:\n  boilstream-admin ducklakes maintenance sales --snapshot-retention 30d\n  boilstream-admin ducklakes maintenance sales --run',
    )
    .action(
      async (
        name: string,
        options: { on?: boolean; off?: boolean; snapshotRetention?: string; flushAfter?: string; run?: boolean },
      ) => {
        if (options.on && options.off) throw new WrongUsage('say --on or --off, not both');
        const path = `/api/v1/ducklakes/${encodeURIComponent(name)}/maintenance`;
        const body = {
          ...(options.on || options.off ? { enabled: options.on === true } : {}),
          ...(options.snapshotRetention === undefined ? {} : { snapshot_retention: options.snapshotRetention }),
          ...(options.flushAfter === undefined ? {} : { flush_after: options.flushAfter }),
        };
        let answer: Json = null;
        if (!options.run || Object.keys(body).length > 0)
          answer = await cli.call({ method: 'PUT', path, body, headers: newKey() });
        if (options.run) answer = await cli.call({ method: 'POST', path });
        if (cli.format === 'json') return writeJson(around, answer);
        writeFields(around, maintenanceFields(answer));
      },
    );
}

/** Lines of `show`: settings, what the last pass did, what stays and why. */
export function maintenanceFields(maintenance: Json): [string, string | null][] {
  if (!maintenance) return [];
  const now = Date.now();
  const last = maintenance.last_run;
  const ended: Record<string, string> = { done: '', 'gave-way': ', gave way to users', failed: ', failed' };
  const did = last
    ? [
        [last.rows_flushed, 'rows flushed'],
        [last.snapshots_expired, 'snapshots expired'],
        [last.files_merged, 'files merged'],
        [last.files_rewritten, 'files rewritten'],
        [last.files_deleted, `files (${last.bytes_deleted} bytes) deleted`],
      ]
        .filter(([many]) => many > 0)
        .map(([many, what]) => `${many} ${what}`)
        .join(', ') || 'nothing to do'
    : null;
  return [
    [
      'maintenance',
      maintenance.enabled
        ? `on; snapshots stay ${maintenance.snapshot_retention}, rows in the catalog at most ${maintenance.flush_after}`
        : 'off',
    ],
    ['last run', last ? `${age(last.at, now)} in ${last.seconds} s${ended[last.end]}: ${last.reason ?? did}` : 'not yet'],
    ['next run', maintenance.running ? 'now' : (maintenance.next_run ?? (maintenance.enabled ? 'after the next write' : null))],
    ['keeps', maintenance.keeps.join('; ') || null],
  ];
}
