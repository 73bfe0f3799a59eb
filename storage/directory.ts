/**
 * An object store in one local directory: the embedded default, with the same meaning as S3. A key is a path below the
 * root. A body is written to a file of its own, flushed, then given its name in one step, then the directory is flushed:
 * after a crash or power cut an object is there whole or not at all. Names:
 *  - `putIfAbsent`: link(2), which fails if the name exists; atomic across processes without a lock;
 *  - `put`, `putIfMatch`, `delete`: rename(2)/unlink(2) under the store's one lock (directory-lock.ts).
 * Directories below the root are made when needed and never removed. Refuses what it cannot do: keys of which one is
 * another's parent, file systems without hard links.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, lstatSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import { DirectoryLock } from './directory-lock.ts';
import { DirectoryMaker, removeAbandoned } from './directory-make.ts';
import { walk } from './directory-list.ts';
import { DurableFiles } from './durable-file.ts';
import { fromFileError } from './file-error.ts';
import { etagOf } from './etag.ts';
import { readRange } from './file-range.ts';
import { checkKey, checkPrefix } from './key.ts';
import { bodyBytesMax, temporaryAgeMsMax } from './limits.ts';
import type { CallOptions, ListedObject, ObjectStore, StoredObject } from './object-store.ts';

/** The store's own files live here: temporary files and the lock. Keys may not begin with it. */
const reserved = '.store';

export interface DirectoryStoreOptions {
  /** Absolute path. Made, with its parents, if it does not exist. */
  readonly path: string;
  readonly clock: Clock;
}

/** Opens or makes a directory store. Errors: `config_invalid` (not absolute, not a directory), `permission_denied`, `disk_full`, `store_unavailable`. */
export async function openDirectoryStore(options: DirectoryStoreOptions): Promise<DirectoryStore> {
  if (!isAbsolute(options.path))
    throw new LakeError('config_invalid', `the store's directory must be an absolute path, not ${JSON.stringify(options.path)}`);
  const root = resolve(options.path);
  const files = new DurableFiles(options.clock);
  const store = new DirectoryStore(root, files, options.clock);
  try {
    const directories = new DirectoryMaker(files);
    await directories.make(root, '/');
    await directories.make(`${root}/${reserved}/tmp`, root);
    removeAbandoned(`${root}/${reserved}/tmp`, options.clock.now() - temporaryAgeMsMax);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOTDIR' || code === 'EEXIST')
      throw new LakeError('config_invalid', `the store's path ${root} is or goes through something that is not a directory`, {
        cause: thrown,
      });
    throw fromFileError(thrown, { doing: 'opening the store', root });
  }
  return store;
}

export class DirectoryStore implements ObjectStore {
  readonly url: string;
  readonly #root: string;
  readonly #temporary: string;
  readonly #files: DurableFiles;
  readonly #lock: DirectoryLock;
  readonly #directories: DirectoryMaker;
  readonly #nonce = randomUUID();
  #count = 0;

  constructor(root: string, files: DurableFiles, clock: Clock) {
    this.#root = root;
    this.#temporary = `${root}/${reserved}/tmp`;
    this.#files = files;
    this.#directories = new DirectoryMaker(files);
    this.#lock = new DirectoryLock(`${root}/${reserved}/lock`, clock);
    this.url = `file://${root}`;
  }

  async get(
    key: string,
    options: CallOptions & { readonly range?: { readonly start: number; readonly end: number } } = {},
  ): Promise<StoredObject | null> {
    const path = this.#path(key);
    try {
      if (options.signal?.aborted) throw aborted(`get of ${key}`, true);
      if (options.range !== undefined) return await readRange(path, options.range);
      const body = await readFile(path, options.signal === undefined ? {} : { signal: options.signal });
      return { body, etag: etagOf(body) };
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') {
        this.#assertPresent(`get of ${key}`);
        return null;
      }
      throw options.signal?.aborted
        ? aborted(`get of ${key}`, true)
        : fromFileError(thrown, { doing: `get of ${key}`, root: this.#root });
    }
  }

  put(key: string, body: Uint8Array, options: CallOptions = {}): Promise<{ etag: string }> {
    return this.#replace('put', key, body, options, () => {});
  }

  async putIfAbsent(key: string, body: Uint8Array, options: CallOptions = {}): Promise<{ etag: string }> {
    const path = this.#path(key);
    const doing = `putIfAbsent of ${key} (${body.length} bytes)`;
    if (options.signal?.aborted) throw aborted(doing, true);
    return this.#withTemporary(doing, path, body, async (temporary) => {
      let exists = false;
      try {
        linkSync(temporary, path);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
        if (lstatSync(path).isDirectory()) throw Object.assign(new Error('a directory has this name'), { code: 'EISDIR' });
        exists = true;
      }
      // Also before a refusal: the caller goes on to believe the object that won, whose writer may not have flushed yet.
      await this.#syncNames(path, doing, !exists);
      if (exists) throw new LakeError('precondition_failed', `${key} exists already`);
    });
  }

  putIfMatch(key: string, body: Uint8Array, etag: string, options: CallOptions = {}): Promise<{ etag: string }> {
    return this.#replace('putIfMatch', key, body, options, async (path) => {
      const current = await readFile(path).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code === 'ENOENT' || thrown.code === 'EISDIR' || thrown.code === 'ENOTDIR') return null;
        throw thrown;
      });
      if (current === null || etagOf(current) !== etag)
        throw new LakeError(
          'precondition_failed',
          current === null ? `${key} does not exist` : `${key} is another version than ${etag}`,
        );
    });
  }

  async *list(
    prefix: string,
    options: CallOptions & { readonly startAfter?: string; readonly limit?: number } = {},
  ): AsyncIterable<ListedObject> {
    checkPrefix(prefix);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    const doing = `list of ${prefix || 'everything'}`;
    this.#assertPresent(doing);
    if (left <= 0) return;
    try {
      for await (const object of walk({
        root: this.#root,
        prefix,
        startAfter: options.startAfter,
        reserved,
        signal: options.signal,
      })) {
        yield object;
        if (--left <= 0) return;
      }
    } catch (thrown) {
      throw options.signal?.aborted ? aborted(doing, true) : fromFileError(thrown, { doing, root: this.#root });
    }
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    const path = this.#path(key);
    const doing = `delete of ${key}`;
    if (options.signal?.aborted) throw aborted(doing, true);
    try {
      await this.#lock.hold(async () => {
        try {
          unlinkSync(path);
        } catch (thrown) {
          const code = (thrown as NodeJS.ErrnoException).code;
          const nothing =
            code === 'ENOENT' || code === 'ENOTDIR' || ((code === 'EISDIR' || code === 'EPERM') && lstatSync(path).isDirectory());
          if (!nothing) throw thrown;
          this.#assertPresent(doing);
          return;
        }
        await this.#syncNames(path, doing, true);
      }, options.signal);
    } catch (thrown) {
      throw fromFileError(thrown, { doing, root: this.#root });
    }
  }

  async close(): Promise<void> {
    this.#lock.close();
  }

  #path(key: string): string {
    checkKey(key);
    if (key === reserved || key.startsWith(`${reserved}/`))
      throw new LakeError('invalid_argument', `object key ${key} is refused: ${reserved}/ belongs to the store itself`);
    return `${this.#root}/${key}`;
  }

  async #replace(
    operation: string,
    key: string,
    body: Uint8Array,
    options: CallOptions,
    condition: (path: string) => Promise<void> | void,
  ): Promise<{ etag: string }> {
    const path = this.#path(key);
    const doing = `${operation} of ${key} (${body.length} bytes)`;
    if (options.signal?.aborted) throw aborted(doing, true);
    return this.#withTemporary(doing, path, body, (temporary) =>
      this.#lock.hold(async () => {
        await condition(path);
        renameSync(temporary, path);
        await this.#syncNames(path, doing, true);
      }, options.signal),
    );
  }

  /** Writes the body aside, makes sure the directory is there, and runs `place`; whatever happens, nothing is left behind. */
  async #withTemporary(
    doing: string,
    path: string,
    body: Uint8Array,
    place: (temporary: string) => Promise<void>,
  ): Promise<{ etag: string }> {
    if (body.length > bodyBytesMax)
      throw new LakeError('too_large', `${doing} was refused: an object may have ${bodyBytesMax} bytes`);
    const temporary = `${this.#temporary}/${this.#nonce}-${++this.#count}`;
    const etag = etagOf(body);
    try {
      await this.#files.create(temporary, body);
      const parent = path.slice(0, path.lastIndexOf('/'));
      if (parent !== this.#root) await this.#directories.make(parent, this.#root);
      try {
        await place(temporary);
      } catch (thrown) {
        // Someone removed an emptied directory: make it again, once.
        if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' || !this.#directories.forget(parent)) throw thrown;
        await this.#directories.make(parent, this.#root);
        await place(temporary);
      }
      return { etag };
    } catch (thrown) {
      throw fromFileError(thrown, { doing, root: this.#root });
    } finally {
      try {
        unlinkSync(temporary);
      } catch {
        // Renamed into place, never made, or the store is gone; what is left over is removed at the next start.
      }
    }
  }

  async #syncNames(path: string, doing: string, changed: boolean): Promise<void> {
    try {
      await this.#files.syncDirectory(path.slice(0, path.lastIndexOf('/')));
    } catch (thrown) {
      throw fromFileError(thrown, { doing, root: this.#root, unknown: changed });
    }
  }

  /** "There is no such object" may only be said while the store itself is there. */
  #assertPresent(doing: string): void {
    try {
      statSync(this.#temporary);
    } catch (thrown) {
      throw fromFileError(thrown, { doing, root: this.#root });
    }
  }
}

function aborted(doing: string, nothingDone: boolean): LakeError {
  return new LakeError('store_unavailable', `${doing} was given up before it began`, { retriable: nothingDone });
}
