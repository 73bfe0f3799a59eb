/** Which way the arrows point between rooms. A rule without a test is a wish. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importsOf, productRooms, typescriptFiles } from './sources.ts';

/** The files that compose the rooms, and so may import every one of them. */
const composers = ['server/main.ts', 'server/pod.ts', 'server/metadata-worker.ts'];

/** For each room, what it may import beside itself, packages and node: modules. A protocol is a room of its own. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  base: [],
  storage: ['base'],
  auth: ['base'],
  catalog: ['storage', 'base'],
  cluster: ['storage', 'base'],
  'protocols/pgwire': ['base'],
  'protocols/kafka': ['base'],
  'protocols/flight': ['base'],
  'protocols/flight-sql': ['protocols/flight', 'base'],
  'protocols/airport': ['protocols/flight', 'base'],
  server: ['base'],
  cli: ['base'],
};

/** Inside server: http -> admin -> statements -> ingest -> engine; a part may import those to its right. */
const serverParts = ['http', 'admin', 'statements', 'ingest', 'engine'];

test('rooms import only where the arrows point', () => {
  const wrong: string[] = [];
  for (const file of typescriptFiles(productRooms)) {
    if (composers.includes(file.path)) continue;
    const from = roomOf(file.path);
    const allowed = arrows[from];
    assert.ok(allowed, `${file.path} lies in ${from}, which has no row in the table of arrows`);
    for (const target of importsOf(file)) {
      const to = roomOf(target);
      if (to in arrows && to !== from && !allowed.includes(to)) wrong.push(`${file.path} -> ${target}`);
      if (['test', 'scripts', 'web'].some((folder) => target.startsWith(`${folder}/`))) wrong.push(`${file.path} -> ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('inside server the arrows point one way too', () => {
  const wrong: string[] = [];
  for (const file of typescriptFiles(['server'])) {
    const from = serverParts.indexOf(file.path.split('/')[1] as string);
    if (from < 0) continue;
    for (const target of importsOf(file)) {
      const to = target.startsWith('server/') ? serverParts.indexOf(target.split('/')[1] as string) : -1;
      if (to >= 0 && to < from) wrong.push(`${file.path} -> ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('a ports.ts holds types only', () => {
  const wrong = typescriptFiles(productRooms)
    .filter((file) => file.path.endsWith('/ports.ts') && /^export\s+(?:async\s+)?(?:function|class|const|let)\b/m.test(file.text))
    .map((file) => file.path);
  assert.deepEqual(wrong, []);
});

test('every import of a project file names one that exists, with its ending', () => {
  const known = new Set(typescriptFiles([...productRooms, 'test', 'scripts']).map((file) => file.path));
  const wrong: string[] = [];
  for (const file of typescriptFiles([...productRooms, 'test', 'scripts'])) {
    for (const target of importsOf(file)) {
      // The build script writes two files that import what it has compiled.
      if (file.path === 'scripts/build.ts' && target.endsWith('.js')) continue;
      if ([...productRooms, 'test', 'scripts'].some((folder) => target.startsWith(`${folder}/`)) && !known.has(target))
        wrong.push(`${file.path} -> ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** `base`, `server`, …; for protocols the room is the protocol. Packages and node: modules give their own name. */
function roomOf(path: string): string {
  const [top, second] = path.split('/');
  return top === 'protocols' ? `${top}/${second}` : (top as string);
}
