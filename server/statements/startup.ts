/** Settings in startup parameters and in their `options` (`-c name=value`, `--name=value`). Source: PostgreSQL documentation, 54.7 "StartupMessage". */
import { LakeError } from '../../base/errors.ts';
import { SessionVars } from './session-vars.ts';

const notSettings: ReadonlySet<string> = new Set(['user', 'database', 'options', 'replication']);

/** Checked initial values of settings. Throws undefined_parameter, invalid_argument, feature_not_supported. */
export function startupVars(parameters: ReadonlyMap<string, string>): Record<string, string> {
  if (!['', 'false', 'off', 'no', '0'].includes((parameters.get('replication') ?? '').toLowerCase())) {
    throw new LakeError('feature_not_supported', 'replication connections are not supported');
  }
  const settings = [
    ...parseOptions(parameters.get('options') ?? ''),
    ...[...parameters].filter(([name]) => !notSettings.has(name) && !name.startsWith('_pq_.')),
  ];
  const checker = new SessionVars();
  return Object.fromEntries(settings.map(([name, value]) => [name, checker.check(name, value)]));
}

function parseOptions(options: string): [string, string][] {
  // Words are separated by spaces; a backslash makes a space part of the word.
  const words = [...options.matchAll(/(?:\\.|[^\s\\])+/g)].map(([word]) => word.replace(/\\(.)/g, '$1'));
  const settings: [string, string][] = [];
  for (let i = 0; i < words.length; i++) {
    let word = words[i] as string;
    if (word === '-c') word = words[++i] ?? '';
    else if (word.startsWith('-c')) word = word.slice(2);
    else if (word.startsWith('--')) word = word.slice(2).replace(/^[^=]*/, (name) => name.replaceAll('-', '_'));
    else throw new LakeError('invalid_argument', `startup option "${word}" is not supported`, { hint: 'Use -c name=value.' });
    const equals = word.indexOf('=');
    if (equals <= 0)
      throw new LakeError('invalid_argument', `startup option "${word}" needs a value`, { hint: 'Use -c name=value.' });
    settings.push([word.slice(0, equals), word.slice(equals + 1)]);
  }
  return settings;
}
