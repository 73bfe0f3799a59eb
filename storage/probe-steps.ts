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

/** What came of a race: one winner, not exactly one, or nobody can say because the winner's answer may be a lost one. */
export type RaceResult = 'one' | 'wrong' | 'undecided';

/** Begins `racers` writes at once and counts those that were told they had won. */
export async function race(racers: number, write: (index: number) => Promise<unknown>): Promise<RaceResult> {
  const outcomes = await Promise.all(Array.from({ length: racers }, (_, index) => outcomeOf(write(index))));
  const won = outcomes.filter((outcome) => outcome === 'won').length;
  if (won === 0 && outcomes.includes('unknown')) return 'undecided';
  return won === 1 ? 'one' : 'wrong';
}

async function outcomeOf(write: Promise<unknown>): Promise<'won' | 'refused' | 'unknown'> {
  try {
    return (await refusedOrThrow(write)) ? 'refused' : 'won';
  } catch (thrown) {
    if (thrown instanceof LakeError && thrown.code === 'store_unavailable') return 'unknown';
    throw thrown;
  }
}

/** Removing what the probe wrote must not hide what it found. */
export async function deleteQuietly(store: ObjectStore, key: string): Promise<void> {
  try {
    await store.delete(key);
  } catch {
    // Left behind below `.probe/`; the next listing of garbage takes it.
  }
}
