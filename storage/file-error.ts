/** What the file system refused, in the words of the store: which path, what was lost (nothing), what to do. */
import { LakeError } from '../base/errors.ts';

export interface FileFailure {
  /** `putIfAbsent of log/1/7 (2104 bytes)` */
  readonly doing: string;
  /** Root of the store. */
  readonly root: string;
  /** True when the new name may or may not be there after a power loss: the caller must read again. */
  readonly unknown?: boolean;
}

/** Maps an errno error to a LakeError; a LakeError passes through. */
export function fromFileError(thrown: unknown, failure: FileFailure): LakeError {
  if (thrown instanceof LakeError) return thrown;
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code ?? 'unknown';
  const { doing, root } = failure;
  const fields = { cause: thrown, retriable: false } as const;
  if (failure.unknown) {
    return new LakeError('store_unavailable', `${doing} in ${root} is not known to be durable (${code})`, {
      ...fields,
      hint: 'Look for disk errors in the system log.',
    });
  }
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new LakeError(
        'disk_full',
        `${doing} was refused and nothing was changed: ${code === 'EDQUOT' ? 'the disk quota' : 'the disk'} under ${root} is used up`,
        {
          cause: thrown,
          retriable: true,
          hint: `Free or add space under ${root}; writing goes on by itself then.`,
        },
      );
    case 'EROFS':
      return new LakeError('permission_denied', `${doing} was refused: ${root} is mounted read-only`, {
        ...fields,
        hint: 'Remount it writable, or point the store at another directory.',
      });
    case 'EACCES':
    case 'EPERM':
      return new LakeError('permission_denied', `${doing} was refused: no permission under ${root}`, {
        ...fields,
        hint: `Give the user of this process (uid ${process.getuid?.() ?? 'unknown'}) read, write and search permission on ${root} and everything below.`,
      });
    case 'ENOENT':
      return new LakeError(
        'store_unavailable',
        `${doing} failed: ${root} is not the store that was opened any more (moved, unmounted or deleted)`,
        {
          ...fields,
          retriable: true,
          hint: `Bring ${root} back as it was and restart.`,
        },
      );
    case 'EMFILE':
    case 'ENFILE':
      return new LakeError('store_unavailable', `${doing} failed: too many open files (${code})`, {
        ...fields,
        retriable: true,
        hint: 'Raise the limit of open files (ulimit -n).',
      });
    case 'ENOTDIR':
    case 'EISDIR':
      return new LakeError(
        'invalid_argument',
        `${doing} was refused: in a directory store a key cannot be another key's parent (as "a" and "a/b")`,
        fields,
      );
    case 'ENAMETOOLONG':
      return new LakeError('invalid_argument', `${doing} was refused: the file name is too long for this file system`, fields);
    case 'EXDEV':
    case 'EMLINK':
    case 'ENOSYS':
    case 'EOPNOTSUPP':
    case 'ENOTSUP':
      return new LakeError(
        'store_unsupported',
        `${doing} was refused: the file system of ${root} has no hard links within the store (${code})`,
        {
          ...fields,
          hint: 'Use one local file system (ext4, xfs, btrfs, zfs, apfs) for the whole store, or an S3 bucket.',
        },
      );
    default:
      return new LakeError('store_unavailable', `${doing} in ${root} failed (${code})`, {
        ...fields,
        hint: 'Look for disk errors in the system log.',
      });
  }
}
