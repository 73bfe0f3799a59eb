/** Walks a directory store in ascending byte order of keys, one directory's names in memory at a time per level. */
import { opendir, stat } from 'node:fs/promises';
import { compareKeys } from './key.ts';
import type { ListedObject } from './object-store.ts';

export interface Walk {
  readonly root: string;
  readonly prefix: string;
  readonly startAfter: string | undefined;
  /** First part of a key that is the store's own and never listed. */
  readonly reserved: string;
  readonly signal: AbortSignal | undefined;
}

/** Yields every file under `root` whose key begins with the prefix. Files that vanish meanwhile are left out. Throws errno errors. */
export async function* walk(options: Walk): AsyncGenerator<ListedObject> {
  const slash = options.prefix.lastIndexOf('/');
  // Only the prefix's own directory can hold matches: a long-running list of one epoch does not look at the others.
  yield* walkDirectory(slash < 0 ? '' : options.prefix.slice(0, slash + 1), options);
}

async function* walkDirectory(parent: string, options: Walk): AsyncGenerator<ListedObject> {
  const { root, prefix, startAfter } = options;
  for (const name of await sortedNames(parent, options)) {
    options.signal?.throwIfAborted();
    const key = parent + name;
    if (name.endsWith('/')) {
      if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue;
      // Everything below sorts before startAfter unless startAfter lies inside or before.
      if (startAfter !== undefined && !startAfter.startsWith(key) && compareKeys(key, startAfter) < 0) continue;
      yield* walkDirectory(key, options);
      continue;
    }
    if (!key.startsWith(prefix) || (startAfter !== undefined && compareKeys(key, startAfter) <= 0)) continue;
    const found = await stat(`${root}/${key}`).catch(absent);
    if (found?.isFile()) yield { key, size: found.size, modified: found.mtimeMs };
  }
}

/** Names in one directory in the order of the keys below them: a directory sorts as `name/`, so `a-b` comes before `a/b`. */
async function sortedNames(parent: string, { root, reserved }: Walk): Promise<string[]> {
  const directory = await opendir(`${root}/${parent}`, { bufferSize: 512 }).catch(absent);
  if (directory === null) return [];
  const names: string[] = [];
  for await (const entry of directory) {
    if (parent === '' && entry.name === reserved) continue;
    let isDirectory = entry.isDirectory();
    if (entry.isSymbolicLink())
      isDirectory = (await stat(`${root}/${parent}${entry.name}`).catch(absent))?.isDirectory() ?? false;
    names.push(isDirectory ? `${entry.name}/` : entry.name);
  }
  return names.sort(compareKeys);
}

function absent(thrown: NodeJS.ErrnoException): null {
  if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return null;
  throw thrown;
}
