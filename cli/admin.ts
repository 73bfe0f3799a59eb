/**
 * The command line of administration. It is a client of the REST API and nothing else; what a command does is decided by
 * the server. Exit codes: 0 done, 1 refused or failed (one line on stderr), 2 wrong usage.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { addAuthCommands } from './commands/auth.ts';
import { addCredentialCommands } from './commands/credentials.ts';
import { addDucklakeCommands } from './commands/ducklakes.ts';
import { addLaterCommands } from './commands/later.ts';
import { addUserCommands } from './commands/users.ts';
import type { Cli } from './cli.ts';
import { callChosen, choosePlace, type GlobalOptions } from './place.ts';
import { Refused, type Surroundings, WrongUsage } from './surroundings.ts';

/** Runs one command; resolves to the exit code. Never throws. */
export async function runAdmin(argv: readonly string[], around: Surroundings): Promise<number> {
  const program = new Command('boilstream-admin');
  const globals = (): GlobalOptions & { format?: string; json?: boolean } => program.opts();
  const cli: Cli = {
    around,
    get format() {
      const { format, json } = globals();
      return json || format === 'json' ? 'json' : 'table';
    },
    globals,
    chosen: () => choosePlace(around, globals()),
    call: (call) => callChosen(choosePlace(around, globals()), call),
  };
  program
    .description('Administer a BoilStream pod or cluster.')
    .option('-P, --profile <name>', 'session to use (default: the one logged in to last, or switched to)')
    .option('--format <format>', 'table or json', (value) => {
      if (value !== 'table' && value !== 'json') throw new InvalidArgumentError('it is table or json');
      return value;
    })
    .option('--json', 'the same as --format json')
    .option('--insecure', "do not check the server's certificate")
    .helpOption('-h, --help', 'show this')
    .addHelpText(
      'after',
      `
Environment:
  BOILSTREAM_CA_PATH          file with the CA of the server's certificate
  BOILSTREAM_PASSWORD_PATH    file with the password, instead of the prompt
  BOILSTREAM_MFA_SECRET_PATH  file with the secret of one-time codes, instead of the prompt
  BOILSTREAM_DATA_DIR         with no session: talk to the pod of this folder, no login

Examples:
  BOILSTREAM_CA_PATH=ca.pem boilstream-admin auth login --server https://localhost:8443
  boilstream-admin ducklakes create sales
  boilstream-admin credentials create --ducklake sales --ttl 30d`,
    );
  addAuthCommands(program, cli);
  addDucklakeCommands(program, cli);
  addUserCommands(program, cli);
  addCredentialCommands(program, cli);
  addLaterCommands(program);
  prepare(program, around);
  try {
    await program.parseAsync(argv as string[], { from: 'user' });
    return 0;
  } catch (thrown) {
    return exitCodeOf(thrown, around);
  }
}

/** Options work before and after the command; errors and help go where the surroundings say. */
function prepare(command: Command, around: Surroundings): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void around.stdout.write(text),
    writeErr: (text) => void around.stderr.write(text),
    outputError: (text, write) => write(text.replace(/^error: /, 'boilstream-admin: ')),
  });
  command.showHelpAfterError('(add --help for what there is)');
  for (const each of command.commands) prepare(each, around);
}

function exitCodeOf(thrown: unknown, around: Surroundings): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  const complain = (text: string): void => void around.stderr.write(`boilstream-admin: ${text}\n`);
  if (thrown instanceof WrongUsage) {
    complain(thrown.message);
    return 2;
  }
  if (thrown instanceof Refused)
    complain(oneLine(thrown.hint === undefined ? thrown.message : `${thrown.message}; ${thrown.hint}`));
  else complain(oneLine(`unexpected: ${thrown instanceof Error ? thrown.message : String(thrown)}`));
  return 1;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
