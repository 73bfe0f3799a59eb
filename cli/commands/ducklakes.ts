/** `ducklakes`: list, show, create, drop, restore. */
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import type { Json } from '../client.ts';
import { age, writeFields, writeJson, writeLine, writeTable } from '../output.ts';
import { addMaintenanceCommand, maintenanceFields } from './maintenance.ts';
import { newKey } from './request.ts';

/** Adds `ducklakes list|show|create|drop|restore`. */
export function addDucklakeCommands(program: Command, cli: Cli): void {
  const { around } = cli;
  const ducklakes = program.command('ducklakes').alias('ducklake').description('the lakes: databases of Parquet tables');

  ducklakes
    .command('list')
    .alias('ls')
    .description('those that you may use')
    .addHelpText('after', '\nExample:\n  boilstream-admin ducklakes list')
    .action(async () => {
      const answer = await cli.call({ method: 'GET', path: '/api/v1/ducklakes' });
      if (cli.format === 'json') return writeJson(around, answer.ducklakes);
      const now = Date.now();
      writeTable<Json>(
        around,
        [
          { title: 'name', value: (lake) => lake.name },
          { title: 'access', value: (lake) => lake.access },
          { title: 'created', value: (lake) => age(lake.created_at, now) },
          { title: 'by', value: (lake) => lake.created_by },
          { title: 'data path', value: (lake) => lake.data_path },
        ],
        answer.ducklakes,
        'there is none yet; boilstream-admin ducklakes create NAME',
      );
    });

  ducklakes
    .command('show')
    .description('one of them, and who may use it')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  boilstream-admin ducklakes show sales')
    .action(async (name: string) => {
      const lake = await cli.call({ method: 'GET', path: `/api/v1/ducklakes/${encodeURIComponent(name)}` });
      if (cli.format === 'json') return writeJson(around, lake);
      writeFields(around, [
        ['name', lake.name],
        ['access', lake.access],
        ['created', `${age(lake.created_at, Date.now())} by ${lake.created_by}`],
        ['data path', lake.data_path],
        ['SQL', `dbname=${lake.databases.sql}`],
        ['DuckLake metadata', `dbname=${lake.databases.metadata}`],
        ...maintenanceFields(lake.maintenance),
        [
          'granted to',
          lake.grants === null
            ? null
            : lake.grants.map((grant: Json) => `${grant.user} (${grant.access})`).join(', ') || 'nobody',
        ],
      ]);
    });

  ducklakes
    .command('create')
    .description('make one; you become its owner (administrators)')
    .argument('<name>', 'lower-case letters, digits and _')
    .option('--data-path <path>', 'where its files go (default: under the storage URL)')
    .option('--if-not-exists', 'no error when it is there already')
    .addHelpText('after', '\nExample:\n  boilstream-admin ducklakes create sales')
    .action(async (name: string, options: { dataPath?: string; ifNotExists?: boolean }) => {
      const body = {
        name,
        ...(options.dataPath === undefined ? {} : { data_path: options.dataPath }),
        ...(options.ifNotExists ? { if_not_exists: true } : {}),
      };
      const lake = await cli.call({ method: 'POST', path: '/api/v1/ducklakes', body, headers: newKey() });
      if (cli.format === 'json') return writeJson(around, lake);
      writeLine(
        around,
        `ducklake ${lake.name} is there; boilstream-admin credentials create --ducklake ${lake.name} gives strings to connect with`,
      );
    });

  addMaintenanceCommand(ducklakes, cli);

  ducklakes
    .command('drop')
    .description('take one away from everyone; its files stay for the retention time')
    .argument('<name>')
    .option('--if-exists', 'no error when it is not there')
    .addHelpText('after', '\nExample:\n  boilstream-admin ducklakes drop scratch')
    .action(async (name: string, options: { ifExists?: boolean }) => {
      const answer = await cli.call({
        method: 'DELETE',
        path: `/api/v1/ducklakes/${encodeURIComponent(name)}${options.ifExists ? '?if_exists=true' : ''}`,
        headers: newKey(),
      });
      if (cli.format === 'json') return writeJson(around, answer);
      writeLine(around, answer.dropped ? `ducklake ${name} is dropped` : `there was no ducklake ${name}`);
    });

  ducklakes
    .command('restore')
    .description('take one back to an earlier point, or bring back a dropped one; the state before stays restorable')
    .argument('<name>')
    .option('--to <point>', 'a time with its zone, an age, or a position of the log (default: right before it was dropped)')
    .option('--as <new-name>', 'restore into a new ducklake; the present one stays as it is (administrators)')
    .addHelpText(
      'after',
      "\nExamples:\n  boilstream-admin ducklakes restore sales --to 2026-01-31T12:00:00Z\n  boilstream-admin ducklakes restore sales --to '10m ago' --as sales_before\n  boilstream-admin ducklakes restore sales --to 3/1024\n  boilstream-admin ducklakes restore scratch      (after: ducklakes drop scratch)",
    )
    .action(async (name: string, options: { to?: string; as?: string }) => {
      const lake = await cli.call({
        method: 'POST',
        path: `/api/v1/ducklakes/${encodeURIComponent(name)}/restore`,
        body: {
          ...(options.to === undefined ? {} : { to: options.to }),
          ...(options.as === undefined ? {} : { as: options.as }),
        },
        headers: newKey(),
      });
      if (cli.format === 'json') return writeJson(around, lake);
      const { position, time } = lake.restored_to;
      writeLine(around, `ducklake ${lake.name} is as it was at ${position}${time === null ? '' : ` (${time})`}`);
      if (lake.before !== null)
        writeLine(around, `boilstream-admin ducklakes restore ${lake.name} --to ${lake.before} brings back what it was before`);
    });
}
