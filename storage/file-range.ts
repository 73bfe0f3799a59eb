/** Reads a part of a file together with the ETag of the whole. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { etagOf } from './etag.ts';
import { wholeReadBytesMax } from './limits.ts';
import type { StoredObject } from './object-store.ts';

/** Bytes [start, end) of the file, cut at its end. Throws errno errors. */
export async function readRange(path: string, range: { readonly start: number; readonly end: number }): Promise<StoredObject> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size <= wholeReadBytesMax) {
      const whole = await file.readFile();
      return { body: whole.subarray(range.start, Math.max(range.start, range.end)), etag: etagOf(whole) };
    }
    const start = Math.min(range.start, size);
    const body = Buffer.alloc(Math.max(0, Math.min(range.end, size) - start));
    let done = 0;
    while (done < body.length) {
      const { bytesRead } = await file.read(body, done, body.length - done, start + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return { body: body.subarray(0, done), etag: await hashOfFile(file, size) };
  } finally {
    await file.close();
  }
}

const stepBytes = 1024 * 1024;

/** Hashes the first `size` bytes of an open file as `etagOf` hashes a body. Throws errno errors. */
async function hashOfFile(file: FileHandle, size: number): Promise<string> {
  const digest = createHash('sha256');
  const buffer = Buffer.allocUnsafe(stepBytes);
  for (let done = 0; done < size; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(stepBytes, size - done), done);
    if (bytesRead === 0) break;
    digest.update(buffer.subarray(0, bytesRead));
    done += bytesRead;
  }
  return digest.digest('hex').slice(0, 32);
}
