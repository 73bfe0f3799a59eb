/** `credentials` (also `catalog credentials`): logins with random secrets, shown once with strings to paste. */
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import type { Json } from '../client.ts';
import { age, writeJson, writeLine, writeTable } from '../output.ts';
import { WrongUsage } from '../surroundings.ts';
import { newKey } from './request.ts';

interface CreateOptions {
  readonly user?: string;
  readonly ducklake?: string;
  readonly readOnly?: boolean;
  readonly onlyDucklake?: boolean;
  readonly ttl?: string;
}

/** Adds `credentials create|list|revoke`, under two names. */
export function addCredentialCommands(program: Command, cli: Cli): void {
  const catalog = program.command('catalog').description('the same as credentials: catalog credentials …');
  for (const parent of [program, catalog])
    addTo(parent.command('credentials').alias('credential').description('logins with random secrets for tools and scripts'), cli);
}

function addTo(credentials: Command, cli: Cli): void {
  const { around } = cli;
  credentials
    .command('create')
    .description('make one; its secret is shown once, with strings to paste')
    .option('--ducklake <ducklake>', 'the database in the strings (default: the first you may use)')
    .option('--read-only', 'may only read')
    .option('--only-ducklake', 'may use this ducklake only')
    .option('--ttl <time>', 'how long it lives: 12h, 30d, 1y (default: until revoked)')
    .option('--user <name>', 'whose it is (default: yours; administrators)')
    .addHelpText(
      'after',
      '\nExamples:\n  boilstream-admin credentials create --ducklake sales --ttl 30d\n  boilstream-admin credentials create --ducklake sales --read-only --only-ducklake --format json',
    )
    .action(async (options: CreateOptions) => {
      if (options.onlyDucklake && options.ducklake === undefined) throw new WrongUsage('--only-ducklake needs --ducklake NAME');
      if (options.ttl !== undefined && !/^\d{1,6}[mhdwy]$/.test(options.ttl))
        throw new WrongUsage('--ttl is a number and m, h, d, w or y: 12h, 30d');
      const { caPath } = cli.chosen();
      const body = {
        ...(options.user === undefined ? {} : { user: options.user }),
        ...(options.ducklake === undefined ? {} : { ducklake: options.ducklake }),
        ...(options.readOnly ? { read_only: true } : {}),
        ...(options.onlyDucklake ? { only_ducklake: true } : {}),
        ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
        ...(caPath === null ? {} : { ca_path: caPath }),
      };
      const made = await cli.call({ method: 'POST', path: '/api/v1/credentials', body, headers: newKey() });
      if (cli.format === 'json') return writeJson(around, made);
      const narrowed = [made.read_only ? 'read only' : '', made.only_ducklake ? `${made.database} only` : '']
        .filter((text) => text !== '')
        .join(', ');
      writeLine(
        around,
        [
          `user      ${made.user}`,
          `password  ${made.password}`,
          `expires   ${made.expires_at === null ? 'never' : age(made.expires_at, Date.now())}${narrowed === '' ? '' : `   (${narrowed})`}`,
          '',
          'psql',
          `  ${made.psql}`,
          '',
          'DuckDB',
          `  ${made.duckdb_attach};`,
          '',
          'URI',
          `  ${made.uri}`,
          '',
          'JDBC',
          `  ${made.jdbc}`,
        ].join('\n'),
      );
      around.stderr.write('\nThe password is not stored anywhere and is not shown again.\n');
    });

  credentials
    .command('list')
    .alias('ls')
    .description('yours; with --user or --all those of others (administrators)')
    .option('--user <name>')
    .option('--all')
    .addHelpText('after', '\nExample:\n  boilstream-admin credentials list --all')
    .action(async (options: { user?: string; all?: boolean }) => {
      const of = options.all ? '*' : options.user;
      const answer = await cli.call({
        method: 'GET',
        path: `/api/v1/credentials${of === undefined ? '' : `?user=${encodeURIComponent(of)}`}`,
      });
      if (cli.format === 'json') return writeJson(around, answer.credentials);
      const now = Date.now();
      writeTable<Json>(
        around,
        [
          { title: 'user', value: (each) => each.user },
          { title: 'owner', value: (each) => each.owner },
          { title: 'ducklake', value: (each) => each.ducklake },
          {
            title: 'may',
            value: (each) => `${each.read_only ? 'read' : 'all'}${each.only_ducklake ? ', this ducklake only' : ''}`,
          },
          { title: 'created', value: (each) => age(each.created_at, now) },
          { title: 'expires', value: (each) => age(each.expires_at, now) },
        ],
        answer.credentials,
        'there is none; boilstream-admin credentials create --ducklake NAME',
      );
    });

  credentials
    .command('revoke')
    .description('end one; its sessions are closed')
    .argument('<user>', 'its user name, as the list shows it')
    .addHelpText('after', '\nExample:\n  boilstream-admin credentials revoke alice_k3j9f2xw')
    .action(async (user: string) => {
      const done = await cli.call({
        method: 'DELETE',
        path: `/api/v1/credentials/${encodeURIComponent(user)}`,
        headers: newKey(),
      });
      if (cli.format === 'json') return writeJson(around, done);
      writeLine(around, `credential ${done.user} is revoked`);
    });
}
