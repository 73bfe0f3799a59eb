/**
 * Files in the object store as lists of content-hashed chunks: the headers first, then whole blocks, so that a
 * checkpoint that rewrote a few blocks uploads a few chunks. What is read back is proved by its hash.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Gate } from '../../base/mutex.ts';
import { LakeError } from '../../base/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Chunk } from './control.ts';
import type { LogNames } from './names.ts';
import { fileHeaderBytes } from './wal.ts';

export interface ChunkStore {
  readonly store: ObjectStore;
  readonly names: LogNames;
  readonly chunkBytes: number;
  readonly parallelObjects: number;
}

export interface Upload {
  readonly chunks: Chunk[];
  /** Bytes that were not in the store before. */
  readonly newBytes: number;
}

/** Uploads `length` bytes of a file (which need not exist when that is 0). Chunks in `known` (of the same database) are there already and are not sent again. */
export async function uploadFile(
  path: string,
  length: number,
  options: ChunkStore & { database: string; epoch: number; known: readonly Chunk[] },
): Promise<Upload> {
  if (length === 0) return { chunks: [], newBytes: 0 };
  const known = new Map(options.known.map((chunk) => [chunk.sha256, chunk]));
  const gate = new Gate(options.parallelObjects, Number.MAX_SAFE_INTEGER);
  const chunks: Chunk[] = [];
  const puts: Promise<void>[] = [];
  let newBytes = 0;
  const file = await open(path, 'r');
  try {
    for (const [start, end] of ranges(length, options.chunkBytes)) {
      const leave = await gate.enter();
      const bytes = await readRange(file, start, end, path);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const chunk = known.get(sha256) ?? { epoch: options.epoch, sha256, length: bytes.length };
      chunks.push(chunk);
      if (known.has(sha256)) {
        leave();
        continue;
      }
      known.set(sha256, chunk);
      newBytes += bytes.length;
      // Content-addressed: putting it twice, or after an unknown outcome, is the same as once.
      const put = options.store
        .put(options.names.chunk(options.database, options.epoch, sha256), bytes)
        .then(leave, (error: unknown) => {
          leave();
          throw error;
        });
      put.catch(() => undefined); // awaited below
      puts.push(put);
    }
    await Promise.all(puts);
  } finally {
    await Promise.allSettled(puts);
    await file.close();
  }
  return { chunks, newBytes };
}

/** Writes the chunks to the front of a file, proving each. Throws `corrupt` with the chunk's name. */
export async function downloadFile(
  path: string,
  chunks: readonly Chunk[],
  flags: 'w' | 'r+',
  options: ChunkStore & { database: string; name: string },
): Promise<void> {
  const gate = new Gate(options.parallelObjects, Number.MAX_SAFE_INTEGER);
  const file = await open(path, flags);
  try {
    let at = 0;
    const reads = chunks.map(async (chunk) => {
      const start = at;
      at += chunk.length;
      const leave = await gate.enter();
      try {
        await writeChunk(file, start, chunk, options);
      } finally {
        leave();
      }
    });
    await Promise.allSettled(reads);
    await Promise.all(reads);
  } finally {
    await file.close();
  }
}

async function writeChunk(
  file: FileHandle,
  start: number,
  chunk: Chunk,
  options: ChunkStore & { database: string; name: string },
): Promise<void> {
  const key = options.names.chunk(options.database, chunk.epoch, chunk.sha256);
  const object = await options.store.get(key);
  const hint =
    'restore this object from a copy of the bucket, or restore this lake to an earlier point; other lakes are not affected';
  if (!object) throw new LakeError('corrupt', `a part of the snapshot of ${options.name} is missing: ${key}`, { hint });
  const isWhole = object.body.length === chunk.length && createHash('sha256').update(object.body).digest('hex') === chunk.sha256;
  if (!isWhole) throw new LakeError('corrupt', `a part of the snapshot of ${options.name} is damaged: ${key}`, { hint });
  await file.write(object.body, 0, object.body.length, start);
}

function* ranges(length: number, chunkBytes: number): Generator<[number, number]> {
  if (length > 0) yield [0, Math.min(length, fileHeaderBytes)];
  for (let start = fileHeaderBytes; start < length; start += chunkBytes) yield [start, Math.min(length, start + chunkBytes)];
}

async function readRange(file: FileHandle, start: number, end: number, path: string): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0) throw new LakeError('internal', `${path} ends at ${start + at} while it is being stored`);
    at += bytesRead;
  }
  return bytes;
}
