/**
 * A data path chosen by an administrator instead of the one under the storage URL. It may not touch another lake's files
 * nor the pods' own state: every lake's prefix is what its sessions are allowed to read and write.
 */
import { posix } from 'node:path';
import { LakeError } from '../../base/errors.ts';
import type { LakeRow } from './find.ts';
import type { Tx } from './store.ts';

/** The path in the form it is stored, ending in `/`. Throws `invalid_argument`. */
export async function dataPathFor(tx: Tx, wanted: string, lakesPrefix: string): Promise<string> {
  const path = normalise(wanted);
  const storageRoot = lakesPrefix.replace(/lakes\/$/, '');
  if (overlaps(path, storageRoot))
    throw new LakeError('invalid_argument', 'a data_path may not lie in the storage URL, nor around it', {
      hint: 'Leave data_path out: the ducklake then gets its own folder there.',
    });
  // Dropped lakes count too: they can be restored.
  for (const lake of await tx.all<LakeRow>('SELECT * FROM lakes')) {
    if (overlaps(path, lake.data_path))
      throw new LakeError('invalid_argument', 'this data_path overlaps that of another ducklake');
  }
  return path;
}

function normalise(wanted: string): string {
  // A quote or a control character in a path would reach SQL text and URLs; none is needed.
  if (!/^[A-Za-z0-9_.:/ +@=~-]+$/.test(wanted))
    throw new LakeError('invalid_argument', 'a data_path holds letters, digits, spaces and _ . : / + @ = ~ - only');
  const s3 = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/.exec(wanted);
  const file = /^(?:file:\/\/)?(\/.*)$/.exec(wanted);
  const path = s3 ? (s3[2] as string) : file?.[1];
  if (path === undefined || path.split('/').some((part) => part === '..' || part === '.')) {
    throw new LakeError('invalid_argument', 'a data_path is an absolute path, or s3://bucket/prefix');
  }
  const clean = `${posix.normalize(path).replace(/\/+$/, '')}/`;
  if (clean === '/') throw new LakeError('invalid_argument', 'a data_path may not be the root');
  return s3 ? `s3://${s3[1]}/${clean}` : clean;
}

function overlaps(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}
