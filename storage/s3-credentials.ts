/** S3 keys from two files (a mounted Secret), read again when they change. No process restart, no stale pair. */
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import { keyFileCheckMs } from './limits.ts';

export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Makes the SDK ask again at its next request: it asks when less than five minutes are left. */
  readonly expiration: Date;
}

/** Returns a credential provider for the SDK. It throws `config_invalid` naming the file that is missing, unreadable or empty. */
export function keysFromFiles(accessKeyPath: string, secretKeyPath: string, clock: Clock): () => Promise<S3Keys> {
  let keys: { accessKeyId: string; secretAccessKey: string } | null = null;
  let version = '';
  let checkedAt = Number.NEGATIVE_INFINITY;
  const readVersion = async (): Promise<string> => {
    const parts = await Promise.all(
      [accessKeyPath, secretKeyPath].map((path) => stat(path).catch((error) => refuse(path, error))),
    );
    return parts.map((part) => `${part.ino}:${part.mtimeMs}:${part.size}`).join(' ');
  };
  const refresh = async (): Promise<void> => {
    // Read until the pair did not change meanwhile: a new access key with the old secret would be a wrong signature.
    for (let round = 0; round < 5; round++) {
      const before = await readVersion();
      if (before === version) return;
      const [accessKeyId = '', secretAccessKey = ''] = await Promise.all([readKey(accessKeyPath), readKey(secretKeyPath)]);
      if ((await readVersion()) !== before) continue;
      keys = { accessKeyId, secretAccessKey };
      version = before;
      return;
    }
  };
  return async () => {
    const now = clock.monotonic();
    if (now - checkedAt >= keyFileCheckMs) {
      try {
        await refresh();
        checkedAt = now;
      } catch (error) {
        // A secret that is just being remounted: the keys in hand are still the best there are.
        if (keys === null) throw error;
      }
    }
    if (keys === null)
      throw new LakeError(
        'config_invalid',
        `the S3 key files ${accessKeyPath} and ${secretKeyPath} keep changing while they are read`,
      );
    return { ...keys, expiration: new Date(clock.now() + 60_000) };
  };
}

async function readKey(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8').catch((error) => refuse(path, error))).trim();
  if (text === '') throw new LakeError('config_invalid', `the S3 key file ${path} is empty`);
  return text;
}

function refuse(path: string, cause: NodeJS.ErrnoException): never {
  throw new LakeError('config_invalid', `the S3 key file ${path} cannot be read (${cause.code})`, {
    cause,
    hint: 'See BOILSTREAM_S3_ACCESS_KEY_PATH and BOILSTREAM_S3_SECRET_KEY_PATH.',
  });
}
