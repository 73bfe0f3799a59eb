/**
 * Deletes lakes' files, in a local directory or a bucket. A path outside of the lake's data path is never touched, whatever
 * a catalog says: writers can put any text there.
 */
import { opendir, rm, stat, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { LakeError } from '../../base/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { limits } from './limits.ts';

export interface LakeFiles {
  /** Deletes files below `dataPath`; what is not there any more counts as deleted. Resolves to how many there were and their bytes. */
  remove(dataPath: string, paths: readonly string[]): Promise<Removed>;
  /** Deletes everything below a data path. */
  removeAll(dataPath: string): Promise<Removed>;
}

export interface Removed {
  readonly files: number;
  readonly bytes: number;
  /** Those that could not be deleted: they are found again. */
  readonly failed: readonly { readonly path: string; readonly reason: unknown }[];
}

/** True when the path, with every `..` taken, lies below the data path (which ends in `/`). */
export function isBelow(dataPath: string, path: string): boolean {
  return dataPath.endsWith('/') && path.startsWith(dataPath) && !path.slice(dataPath.length).split('/').includes('..');
}

/** `openStore` opens the bucket below `s3://bucket/prefix`. */
export function createLakeFiles(openStore: (url: string) => Promise<ObjectStore>): LakeFiles {
  async function all(
    dataPath: string,
    paths: readonly string[],
    one: (path: string) => Promise<number | null>,
  ): Promise<Removed> {
    const failed: { path: string; reason: unknown }[] = [];
    const waiting = [...paths];
    let files = 0;
    let bytes = 0;
    const work = async (): Promise<void> => {
      for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
        try {
          if (!isBelow(dataPath, path)) throw new LakeError('permission_denied', `the file ${path} lies outside of ${dataPath}`);
          const size = await one(path);
          if (size !== null) {
            files++;
            bytes += size;
          }
        } catch (reason) {
          failed.push({ path, reason });
        }
      }
    };
    await Promise.all(Array.from({ length: limits.parallelDeletes }, work));
    return { files, bytes, failed };
  }

  async function inBucket<T>(dataPath: string, work: (store: ObjectStore) => Promise<T>): Promise<T> {
    const store = await openStore(dataPath.replace(/\/+$/, ''));
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  return {
    remove(dataPath, paths) {
      if (!dataPath.startsWith('s3://')) return all(dataPath, paths, removeLocal);
      return inBucket(dataPath, (store) =>
        all(dataPath, paths, async (path) => {
          const key = path.slice(dataPath.length);
          let size: number | null = null;
          for await (const object of store.list(key, { limit: 1 })) if (object.key === key) size = object.size;
          await store.delete(key);
          return size;
        }),
      );
    },
    async removeAll(dataPath) {
      if (!dataPath.startsWith('s3://')) {
        const { files, bytes } = await sizeOf(dataPath);
        await rm(dataPath, { recursive: true, force: true });
        return { files, bytes, failed: [] };
      }
      return inBucket(dataPath, async (store) => {
        const sizes = new Map<string, number>();
        for await (const { key, size } of store.list('')) sizes.set(dataPath + key, size);
        return all(dataPath, [...sizes.keys()], async (path) => {
          await store.delete(path.slice(dataPath.length));
          return sizes.get(path) ?? 0;
        });
      });
    },
  };
}

async function removeLocal(path: string): Promise<number | null> {
  try {
    const { size } = await stat(posix.normalize(path));
    await unlink(posix.normalize(path));
    return size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function sizeOf(directory: string): Promise<{ files: number; bytes: number }> {
  let files = 0;
  let bytes = 0;
  try {
    for await (const entry of await opendir(directory, { recursive: true })) {
      if (!entry.isFile()) continue;
      files++;
      bytes += (await stat(posix.join(entry.parentPath, entry.name))).size;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { files, bytes };
}
