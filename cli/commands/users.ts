/** `users`: people and what they may use. */
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import type { Json } from '../client.ts';
import { age, writeJson, writeLine, writeTable } from '../output.ts';
import { WrongUsage } from '../surroundings.ts';
import { notYet } from './later.ts';
import { newKey } from './request.ts';

interface GrantOptions {
  readonly ducklake?: string;
  readonly access?: string;
  readonly admin?: boolean;
}

/** Adds `users list|create|delete|grant|revoke`. */
export function addUserCommands(program: Command, cli: Cli): void {
  const { around } = cli;
  const users = program.command('users').alias('user').description('people and what they may use');
  const pathOf = (name: string): string => `/api/v1/users/${encodeURIComponent(name)}`;

  users
    .command('list')
    .alias('ls')
    .description('everyone, with grants (administrators)')
    .addHelpText('after', '\nExample:\n  boilstream-admin users list')
    .action(async () => {
      const answer = await cli.call({ method: 'GET', path: '/api/v1/users' });
      if (cli.format === 'json') return writeJson(around, answer.users);
      const now = Date.now();
      writeTable<Json>(
        around,
        [
          { title: 'name', value: (user) => user.name },
          { title: 'role', value: (user) => (user.superadmin ? 'superadmin' : user.admin ? 'admin' : 'user') },
          {
            title: 'ducklakes',
            value: (user) =>
              user.admin ? 'all' : user.ducklakes.map((grant: Json) => `${grant.ducklake}:${grant.access}`).join(' ') || null,
          },
          { title: 'created', value: (user) => age(user.created_at, now) },
        ],
        answer.users,
        'there is nobody',
      );
    });

  users
    .command('create')
    .description('add a person; they come in with credentials that you make for them')
    .argument('<name>', 'e-mail address or plain name')
    .option('--admin', 'make an administrator')
    .addHelpText(
      'after',
      '\nExample:\n  boilstream-admin users create alice@example.com\n  boilstream-admin users grant alice@example.com --ducklake sales --access write\n  boilstream-admin credentials create --user alice@example.com --ducklake sales',
    )
    .action(async (name: string, options: { admin?: boolean }) => {
      const user = await cli.call({
        method: 'POST',
        path: '/api/v1/users',
        body: { name, ...(options.admin ? { admin: true } : {}) },
        headers: newKey(),
      });
      if (cli.format === 'json') return writeJson(around, user);
      writeLine(
        around,
        `user ${user.name} is there${user.admin ? ' as an administrator' : `; boilstream-admin users grant ${user.name} --ducklake NAME lets them in`}`,
      );
    });

  users
    .command('delete')
    .alias('rm')
    .description('remove a person with all credentials and grants; open sessions end')
    .argument('<name>')
    .option('--if-exists', 'no error when there is none')
    .addHelpText('after', '\nExample:\n  boilstream-admin users delete alice@example.com')
    .action(async (name: string, options: { ifExists?: boolean }) => {
      const answer = await cli.call({
        method: 'DELETE',
        path: `${pathOf(name)}${options.ifExists ? '?if_exists=true' : ''}`,
        headers: newKey(),
      });
      if (cli.format === 'json') return writeJson(around, answer);
      writeLine(around, answer.deleted ? `user ${name} is deleted` : `there was no user ${name}`);
    });

  users
    .command('grant')
    .description('let a user read, write or own a ducklake, or administer')
    .argument('<name>')
    .option('--ducklake <ducklake>')
    .option('--access <access>', 'read, write or owner (default: read)')
    .option('--admin', 'make an administrator')
    .addHelpText(
      'after',
      '\nExamples:\n  boilstream-admin users grant alice@example.com --ducklake sales --access write\n  boilstream-admin users grant alice@example.com --admin',
    )
    .action(async (name: string, options: GrantOptions) => {
      checkGrant(options);
      const access = options.access ?? 'read';
      const answer = options.admin
        ? await cli.call({ method: 'PUT', path: pathOf(name), body: { admin: true }, headers: newKey() })
        : await cli.call({
            method: 'PUT',
            path: `${pathOf(name)}/ducklakes/${encodeURIComponent(options.ducklake as string)}`,
            body: { access },
            headers: newKey(),
          });
      if (cli.format === 'json') return writeJson(around, answer);
      writeLine(around, options.admin ? `${name} is an administrator` : `${name} has ${access} access on ${options.ducklake}`);
    });

  users
    .command('revoke')
    .description('take access away; open sessions feel it at once')
    .argument('<name>')
    .option('--ducklake <ducklake>')
    .option('--admin', 'no longer an administrator')
    .addHelpText(
      'after',
      '\nExamples:\n  boilstream-admin users revoke alice@example.com --ducklake sales\n  boilstream-admin users revoke alice@example.com --admin',
    )
    .action(async (name: string, options: GrantOptions) => {
      checkGrant(options);
      const answer = options.admin
        ? await cli.call({ method: 'PUT', path: pathOf(name), body: { admin: false }, headers: newKey() })
        : await cli.call({
            method: 'DELETE',
            path: `${pathOf(name)}/ducklakes/${encodeURIComponent(options.ducklake as string)}`,
            headers: newKey(),
          });
      if (cli.format === 'json') return writeJson(around, answer);
      writeLine(
        around,
        options.admin ? `${name} is no longer an administrator` : `${name} has no access on ${options.ducklake} any more`,
      );
    });

  notYet(users.command('invite').description('invite by e-mail (not in this release)'));
  notYet(users.command('reset').description('reset a login (not in this release)'));
}

function checkGrant({ ducklake, access, admin }: GrantOptions): void {
  if ((ducklake === undefined) === (admin === undefined)) throw new WrongUsage('say what: --ducklake NAME or --admin');
  if (admin && access !== undefined) throw new WrongUsage('--access goes with --ducklake');
  if (access !== undefined && !['read', 'write', 'owner'].includes(access))
    throw new WrongUsage('--access is read, write or owner');
}
