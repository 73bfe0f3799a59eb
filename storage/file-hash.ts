/** The ETag of a file too large to hold. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

const stepBytes = 1024 * 1024;

/** Hashes the first `size` bytes of an open file as `etagOf` hashes a body. Throws errno errors. */
export async function hashOfFile(file: FileHandle, size: number): Promise<string> {
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
