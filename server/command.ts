/**
 * The `boilstream` command: `serve` (the default), `drain`, `status`, `restore`, `--check-config`, `--version`. Parses, loads the
 * settings and hands over; exit codes: 0 done, 1 refused or failed (reason on stderr), 2 wrong usage.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { toLakeError } from '../base/errors.ts';
import { type Config, loadConfig } from './config/load.ts';
import type { OptionName } from './config/options.ts';

export interface Verbs {
  serve(config: Config): Promise<void>;
  drain(config: Config, timeoutMs: number | undefined): Promise<void>;
  status(config: Config): Promise<void>;
  restore(config: Config, to: { readonly epoch: number; readonly seq: number }): Promise<void>;
}

/** The version in package.json, from the checkout or the installed package. */
export function productVersion(): string {
  // Compiled output lies one or more folders deeper than the source.
  for (let folder = dirname(fileURLToPath(import.meta.url)); dirname(folder) !== folder; folder = dirname(folder)) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string; version: string };
      if (found.name === 'boilstream') return found.version;
    } catch {
      // Not here: the folder above.
    }
  }
  return '0.0.0';
}

/** Runs the command line; resolves to the exit code (`serve` resolves when the pod has ended). */
export async function runCommand(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  cwd: string,
  verbs: Verbs,
): Promise<number> {
  const program = new Command('boilstream');
  program
    .description('One pod of a streaming lakehouse: PostgreSQL wire over a DuckLake.')
    .version(productVersion())
    .option('--config <file>', 'YAML file with settings')
    .option('--data-dir <dir>', 'local state (BOILSTREAM_DATA_DIR)')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent (BOILSTREAM_LOG_LEVEL)')
    .option('--check-config', 'check the settings, print nothing secret, and exit')
    .exitOverride()
    .showHelpAfterError('(boilstream --help shows the options)')
    .addHelpText(
      'after',
      '\nExamples:\n  boilstream                          one pod, everything under ./boilstream-data\n  boilstream --config pod.yaml        settings from a file; BOILSTREAM_* variables win over it\n  boilstream drain --timeout 60       finish running work, then stop the local pod',
    );

  const config = (): Config => {
    const given = program.opts<{ config?: string; dataDir?: string; logLevel?: string }>();
    const flags: Partial<Record<OptionName, string>> = {};
    if (given.dataDir !== undefined) flags.data_dir = given.dataDir;
    if (given.logLevel !== undefined) flags.log_level = given.logLevel;
    return loadConfig({ flags, ...(given.config === undefined ? {} : { configFile: given.config }), environment, cwd });
  };
  const serve = async (): Promise<void> => {
    const loaded = config();
    if (program.opts<{ checkConfig?: boolean }>().checkConfig) {
      process.stdout.write(`configuration is valid: storage ${loaded.storageUrl}, data in ${loaded.dataDir}\n`);
      return;
    }
    await verbs.serve(loaded);
  };
  program.command('serve', { isDefault: true }).description('run a pod (the default)').action(serve);
  program
    .command('drain')
    .description('ask the local pod to finish its work and stop')
    .option('--timeout <seconds>', 'how long running work may take')
    .action(async (options: { timeout?: string }) => {
      const seconds = options.timeout === undefined ? undefined : Number(options.timeout);
      if (seconds !== undefined && !(seconds >= 0 && seconds <= 86_400))
        program.error('error: --timeout takes seconds from 0 to 86400');
      await verbs.drain(config(), seconds === undefined ? undefined : seconds * 1000);
    });
  program
    .command('status')
    .description('what the local pod says about itself')
    .action(async () => verbs.status(config()));
  program
    .command('restore')
    .description(
      'take the whole catalog, users included, back to a position of a log that is damaged; no pod may run on the storage',
    )
    .requiredOption('--to <epoch/seq>', 'the last position to keep; what follows is set aside, not deleted')
    .action(async ({ to }: { to: string }) => {
      const position = /^(\d{1,10})\/(\d{1,12})$/.exec(to);
      if (!position) return program.error('error: --to takes a position of the log, as in 3/1024');
      await verbs.restore(config(), { epoch: Number(position[1]), seq: Number(position[2]) });
    });

  try {
    await program.parseAsync(argv as string[], { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    const error = toLakeError(thrown);
    const shown =
      error.code === 'internal' && error.cause
        ? `${error.message}: ${(error.cause as Error).stack ?? error.cause}`
        : error.message;
    process.stderr.write(`boilstream: ${shown}${error.hint ? `\n  hint: ${error.hint}` : ''}\n`);
    return error.code === 'config_invalid' ? 2 : 1;
  }
}
