/** Makes directories durably and remembers which are made, so that the usual put asks nothing. */
import { mkdirSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import type { DurableFiles } from './durable-file.ts';
import { knownDirectoriesMax } from './limits.ts';

export class DirectoryMaker {
  readonly #files: DurableFiles;
  readonly #made = new Set<string>();

  constructor(files: DurableFiles) {
    this.#files = files;
  }

  /** Makes `path` and every missing directory between it and `base`, each durable in its parent. Throws errno errors. */
  async make(path: string, base: string): Promise<void> {
    if (path === base || path === '/' || this.#made.has(path)) return;
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    let made = tryMakeDirectory(path);
    if (made === 'no parent') {
      await this.make(parent, base);
      made = tryMakeDirectory(path);
      if (made === 'no parent') throw Object.assign(new Error(`${parent} is gone`), { code: 'ENOENT' });
    }
    // Whoever made an existing one may not have flushed its name yet; above the root that is not ours to do.
    if (made === 'made' || base !== '/') await this.#files.syncDirectory(parent);
    if (this.#made.size >= knownDirectoriesMax) this.#made.clear();
    this.#made.add(path);
  }

  /** After ENOENT: forgets everything when `path` was believed to be there; false when it never was. */
  forget(path: string): boolean {
    const wasKnown = this.#made.delete(path);
    this.#made.clear();
    return wasKnown;
  }
}

function tryMakeDirectory(path: string): 'made' | 'exists' | 'no parent' {
  try {
    mkdirSync(path, 0o700);
    return 'made';
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return 'no parent';
    if (code !== 'EEXIST' && code !== 'EISDIR') throw thrown;
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR' });
    return 'exists';
  }
}

/** Removes the files in `directory` that were last written before this wall-clock time (ms). Throws errno errors. */
export function removeAbandoned(directory: string, before: number): void {
  for (const name of readdirSync(directory)) {
    const path = `${directory}/${name}`;
    try {
      if (statSync(path).mtimeMs < before) unlinkSync(path);
    } catch {
      // Its writer was quicker.
    }
  }
}
