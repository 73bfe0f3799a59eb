/** docs/config.md says what the table of settings says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configPage } from '../../scripts/config-docs.ts';
import { root } from './sources.ts';

test('docs/config.md is what npm run docs would write', () => {
  assert.equal(readFileSync(join(root, 'docs/config.md'), 'utf8'), configPage());
});

test('the README names no setting, command or file that is not there', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const known = readFileSync(join(root, 'docs/config.md'), 'utf8');
  const variables = [...readme.matchAll(/\bBOILSTREAM_[A-Z0-9_]+/g)].map(([name]) => name);
  assert.ok(variables.length > 0);
  assert.deepEqual(
    variables.filter((name) => !known.includes(`\`${name}\``)),
    [],
  );
  const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts;
  const commands = [...readme.matchAll(/npm (?:run )?(start|test:?\w*|run \w[\w:]*|\w+)\b/g)].map(([whole, name]) =>
    whole.startsWith('npm run ') ? whole.slice(8) : (name as string),
  );
  assert.deepEqual(
    commands.filter((name) => !(name in scripts) && name !== 'will'),
    [],
  );
});
