/** What clients are told while the store refuses or does not answer the log's puts. The pod log has the path and the cause. */
import { LakeError } from '../../base/errors.ts';

/** A refusal of what was asked now (nothing of it was done), with what to do about the store. Retriable. */
export function refusalFor(cause: unknown): LakeError {
  const more = 'commits that wait go on by themselves then; the pod log names the place';
  if (cause instanceof LakeError && cause.code === 'disk_full') {
    return new LakeError('disk_full', 'the store of the lakes has no space left; this was not done', {
      retriable: true,
      hint: `free or add space on the store (BOILSTREAM_STORAGE_URL); ${more}`,
    });
  }
  if (cause instanceof LakeError && cause.code === 'permission_denied') {
    return new LakeError(
      'store_unavailable',
      'the store of the lakes refuses writes (read-only, or no permission); this was not done',
      {
        retriable: true,
        hint: `make the store (BOILSTREAM_STORAGE_URL) writable for the pod; ${more}`,
      },
    );
  }
  return new LakeError('store_unavailable', 'the object store does not answer; this was not done', {
    retriable: true,
    hint: `bring the store (BOILSTREAM_STORAGE_URL) back; ${more}`,
  });
}
