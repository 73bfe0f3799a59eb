/** Commands whose names are fixed and whose work comes with later releases: they say so and end with 1. */
import type { Command } from 'commander';
import { Refused } from '../surroundings.ts';

/** `cluster` and `topics`. */
export function addLaterCommands(program: Command): void {
  notYet(program.command('cluster').description('several pods (not in this release)'));
  notYet(program.command('topics').alias('topic').description('Kafka topics (not in this release)'));
}

/** Whatever follows the command, it is not there yet. */
export function notYet(command: Command): void {
  command
    .argument('[arguments...]')
    .allowUnknownOption()
    .action(() => {
      throw new Refused(`${fullName(command)} is not in this release`);
    });
}

function fullName(command: Command): string {
  return command.parent?.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}
