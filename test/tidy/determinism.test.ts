/** Time, chance, waiting and the environment are handed in, so that a simulator can own them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineAt, productRooms, typescriptFiles, withoutComments } from './sources.ts';

/** Who may touch the real thing, with the reason. */
const owners: Readonly<Record<string, string>> = {
  'base/clock.ts': 'is the clock',
  'base/random.ts': 'is chance',
  'base/log.ts': 'stamps its lines for people',
  'server/config/': 'reads the settings',
  'server/main.ts': 'hands the environment to the settings',
  'cli/': 'a program of its own: its environment and its waiting are its own',
};

const banned =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b|(?<![.\w])(?:setTimeout|setInterval|setImmediate)\(|\bprocess\.env\b|\bprocess\.hrtime\b/g;

test('no room reads the clock, chance, timers or the environment by itself', () => {
  const wrong: string[] = [];
  for (const file of typescriptFiles(productRooms)) {
    if (Object.keys(owners).some((owner) => file.path.startsWith(owner))) continue;
    const code = withoutComments(file.text);
    for (const match of code.matchAll(banned)) wrong.push(`${file.path}:${lineAt(code, match.index)} ${match[0]}`);
  }
  assert.deepEqual(wrong, []);
});
