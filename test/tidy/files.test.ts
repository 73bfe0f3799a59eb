/** How files look: names, sizes, top comments, doc comments, and words that do not belong into the repository. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { productRooms, projectFiles, root, typescriptFiles } from './sources.ts';

const linesMax = 300;
const lineLengthMax = 200;
const trackedBytesMax = 1_000_000;

test('file names are kebab-case and say what the file is', () => {
  const banned = /^(?:utils?|helpers?|common|misc|manager)(?:\.|-|$)|-(?:utils?|helpers?|manager)\./;
  const wrong = typescriptFiles([...productRooms, 'test', 'scripts'])
    .map((file) => file.path)
    .filter((path) => banned.test(basename(path)) || !/^[a-z0-9_]+(?:[-.][a-z0-9_]+)*\.ts$/.test(basename(path)));
  assert.deepEqual(wrong, []);
});

test('every source file begins with a comment that says what it is', () => {
  const wrong = typescriptFiles(productRooms)
    .filter((file) => !/^(?:#![^\n]*\n)?\s*(?:\/\*\*|\/\/)/.test(file.text))
    .map((file) => file.path);
  assert.deepEqual(wrong, []);
});

test(`a source file over ${linesMax} lines says in its top comment why`, () => {
  const wrong = typescriptFiles(productRooms)
    .filter(
      (file) =>
        file.text.split('\n').length > linesMax &&
        !/\b(?:one|long|size|lines|together|table|file)\b/i.test(topComment(file.text)),
    )
    .map((file) => `${file.path}: ${file.text.split('\n').length} lines`);
  assert.deepEqual(wrong, []);
});

test(`no line of source is over ${lineLengthMax} characters`, () => {
  const wrong = typescriptFiles(productRooms).flatMap((file) =>
    file.text
      .split('\n')
      .map((line, index) => ({ line, where: `${file.path}:${index + 1}` }))
      // A long string that must stay in one piece (SQL, a message) is not helped by breaking it.
      .filter(({ line }) => line.length > lineLengthMax && !/['"`]/.test(line))
      .map(({ where }) => where),
  );
  assert.deepEqual(wrong, []);
});

test('every exported function has a doc comment', () => {
  const wrong: string[] = [];
  for (const file of typescriptFiles(productRooms)) {
    for (const match of file.text.matchAll(/^export (?:default )?(?:async )?function\*? (\w+)/gm)) {
      const before = file.text.slice(0, match.index).trimEnd();
      // What stands above the first of several overloads documents them all.
      if (!before.endsWith('*/') && !new RegExp(`export (?:async )?function ${match[1]}\\([^\\n]*;$`).test(before))
        wrong.push(`${file.path}: ${match[1]}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('every room has its DESIGN.md, every protocol its UNSUPPORTED.md', () => {
  const rooms = new Set(typescriptFiles(productRooms).map((file) => roomFolder(file.path)));
  const wrong = [...rooms]
    .flatMap((room) =>
      ['DESIGN.md', ...(room.startsWith('protocols/') ? ['UNSUPPORTED.md'] : [])].map((name) => `${room}/${name}`),
    )
    .filter((path) => !existsSync(join(root, path)));
  assert.deepEqual(wrong, []);
});

test('the repository speaks of the product only: no machine paths, no unfinished marks', () => {
  // Assembled here, so that this file does not find itself.
  const words = [
    ['/wo', 'rk/'],
    ['/tmp/', 'lab'],
    ['/ro', 'ot/'],
    ['TO', 'DO'],
    ['FIX', 'ME'],
    ['X', 'XX'],
  ].map((parts) => parts.join(''));
  const wrong: string[] = [];
  for (const path of projectFiles()) {
    if (path === 'package-lock.json' || /\.(?:png|ico|woff2|parquet|duckdb)$/.test(path)) continue;
    const text = readFileSync(join(root, path), 'utf8');
    for (const word of words) {
      const at = text.search(new RegExp(`(?<![\\w.])${word}(?!\\w{2})`));
      if (at >= 0) wrong.push(`${path}: ${word}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('no tracked file is over 1 MB', () => {
  const wrong = projectFiles().filter((path) => statSync(join(root, path)).size > trackedBytesMax);
  assert.deepEqual(wrong, []);
});

function topComment(text: string): string {
  return /^\s*\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? '';
}

/** `base`, `server` …; in protocols and catalog each folder is a room of its own. */
function roomFolder(path: string): string {
  const [top, second] = path.split('/');
  return top === 'protocols' || top === 'catalog' ? `${top}/${second}` : (top as string);
}
