/** The steps the probe is made of. */
import { LakeError } from '../base/errors.ts';
import type { ObjectStore } from './object-store.ts';

/** True when the store refused the condition, false when it did the write; any other failure is thrown. */
export async function refusedOrThrow(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return false;
  } catch (thrown) {
    if (thrown instanceof LakeError && thrown.code === 'precondition_failed') return true;
    // A store that does not know the condition at all says so; it does not honour it either, but nothing was written.
    if (thrown instanceof LakeError && thrown.code === 'store_unsupported') return true;
    throw thrown;
  }
}

/** How many of `racers` writes begun at once were told they had won. */
export async function race(racers: number, write: (index: number) => Promise<unknown>): Promise<number> {
  const refused = await Promise.all(Array.from({ length: racers }, (_, index) => refusedOrThrow(write(index))));
  return refused.filter((was) => !was).length;
}

/** Removing what the probe wrote must not hide what it found. */
export async function deleteQuietly(store: ObjectStore, key: string): Promise<void> {
  try {
    await store.delete(key);
  } catch {
    // Left behind below `.probe/`; the next listing of garbage takes it.
  }
}
