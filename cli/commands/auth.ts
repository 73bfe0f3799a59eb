/** `auth`: sessions on this machine. */
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { callServer, type Place } from '../client.ts';
import { age, writeJson, writeLine, writeTable } from '../output.ts';
import { callChosen, trustOf } from '../place.ts';
import { Profiles, type Session } from '../profile.ts';
import { readMfaCode, readPassword } from '../prompt.ts';
import { Refused, WrongUsage } from '../surroundings.ts';

/** Adds `auth login|switch|status|logout`. */
export function addAuthCommands(program: Command, cli: Cli): void {
  const { around } = cli;
  const auth = program.command('auth').description('log in, switch between servers, log out');
  const profiles = new Profiles(around.home);

  auth
    .command('login')
    .description('log in and keep the session (about an hour)')
    .requiredOption('--server <url>', 'address of the REST API, e.g. https://localhost:8443')
    .option('--email <email>', "who you are (default: the server's superadmin)")
    .option('--as-profile <name>', 'name to keep the session under', 'default')
    .addHelpText(
      'after',
      '\nExample:\n  BOILSTREAM_CA_PATH=boilstream-data/ca.pem boilstream-admin auth login --server https://localhost:8443',
    )
    .action(async ({ server, email, asProfile }: { server: string; email?: string; asProfile: string }) => {
      const profile = Profiles.checkName(cli.globals().profile ?? asProfile);
      const url = serverUrl(server);
      const trust = trustOf(around, cli.globals());
      if (trust.insecure) around.stderr.write(`boilstream-admin: the certificate of ${url} is not checked (--insecure)\n`);
      const place: Place = { t: 'server', url, ca: trust.ca, insecure: trust.insecure };
      const body = { ...(email === undefined ? {} : { email }), password: await readPassword(around, email ?? 'the superadmin') };
      let answer = await callServer(place, { method: 'POST', path: '/auth/login', body });
      if (answer.mfa_required)
        answer = await callServer(place, {
          method: 'POST',
          path: '/auth/login',
          body: { ...body, mfa_code: await readMfaCode(around, Date.now()) },
        });
      const session: Session = {
        server: url,
        user: answer.user,
        token: answer.token,
        expires_at: answer.expires_at,
        ca_path: trust.caPath,
        insecure: trust.insecure,
      };
      profiles.save(profile, session);
      if (cli.format === 'json') writeJson(around, { profile, server: url, user: session.user, expires_at: session.expires_at });
      else
        writeLine(
          around,
          `logged in to ${url} as ${session.user} (profile ${profile}, ends ${age(session.expires_at, Date.now())})`,
        );
    });

  auth
    .command('switch')
    .description('use another profile from now on')
    .argument('<profile>')
    .addHelpText('after', '\nExample:\n  boilstream-admin auth switch production')
    .action((name: string) => {
      profiles.switchTo(Profiles.checkName(name));
      if (cli.format === 'json') writeJson(around, { profile: name });
      else writeLine(around, `profile ${name} is used from now on`);
    });

  auth
    .command('status')
    .description('which sessions there are, and whether they last')
    .addHelpText('after', '\nExample:\n  boilstream-admin auth status --json')
    .action(async () => {
      const current = cli.globals().profile ?? profiles.current();
      const rows = profiles
        .names()
        .map((name) => ({ name, session: profiles.load(name) as Session, isCurrent: name === current }));
      const now = Date.now();
      const state = (session: Session): string => (Date.parse(session.expires_at) <= now ? 'over' : 'open');
      if (cli.format === 'json') {
        writeJson(around, {
          current: current ?? null,
          profiles: rows.map(({ name, session }) => ({
            profile: name,
            server: session.server,
            user: session.user,
            expires_at: session.expires_at,
            state: state(session),
          })),
        });
      } else {
        writeTable(
          around,
          [
            { title: '', value: ({ isCurrent }) => (isCurrent ? '*' : '') },
            { title: 'profile', value: ({ name }) => name },
            { title: 'user', value: ({ session }) => session.user },
            { title: 'server', value: ({ session }) => session.server },
            { title: 'session', value: ({ session }) => state(session) },
            { title: 'ends', value: ({ session }) => age(session.expires_at, now) },
          ],
          rows,
          'not logged in anywhere; boilstream-admin auth login --server URL',
        );
      }
      const mine = rows.find(({ isCurrent }) => isCurrent);
      if (!mine || state(mine.session) === 'over')
        throw new Refused(mine ? `the session of profile "${mine.name}" is over` : 'you are not logged in', {
          hint: `boilstream-admin auth login --server ${mine?.session.server ?? 'URL'}`,
        });
    });

  auth
    .command('logout')
    .description('end the session, here and on the server')
    .addHelpText('after', '\nExample:\n  boilstream-admin auth logout -P production')
    .action(async () => {
      const name = cli.globals().profile ?? profiles.current();
      const session = name === undefined ? undefined : profiles.load(name);
      if (name === undefined || !session) throw new Refused('you are not logged in');
      try {
        if (Date.parse(session.expires_at) > Date.now())
          await callChosen(cli.chosen(), { method: 'POST', path: '/auth/logout', body: {} });
      } catch (error) {
        around.stderr.write(
          `boilstream-admin: the server could not be told (${(error as Error).message}); the session there ends by itself\n`,
        );
      }
      profiles.remove(name);
      if (cli.format === 'json') writeJson(around, { profile: name });
      else writeLine(around, `logged out of ${session.server} (profile ${name})`);
    });
}

function serverUrl(text: string): string {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch {
    throw new WrongUsage(`--server "${text}" is no address: write https://HOST:8443`);
  }
  if (url.protocol !== 'https:') throw new WrongUsage('--server must be https: a password is sent there');
  if (url.username !== '' || url.password !== '')
    throw new WrongUsage('--server takes no user and password: they would stay in the shell history');
  return url.origin;
}
