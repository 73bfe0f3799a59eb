/**
 * `floor/<epoch>`: up to which number objects of that epoch's sequence may have been deleted. Raised before anything is
 * deleted, never lowered. It protects against whoever slept while names were collected: a candidate that read to n,
 * slept, and then creates n+1, which existed and was collected meanwhile, would believe that it leads. A terminal at
 * or below the floor is void; everybody who reads or writes a terminal looks here afterwards.
 */
import { LakeError } from '../../base/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { LogNames } from './names.ts';

/** 0 when nothing of this epoch was ever deleted. Throws `corrupt`, `store_unavailable`. */
export async function readFloor(store: ObjectStore, names: LogNames, epoch: number, signal?: AbortSignal): Promise<number> {
  const key = names.floor(epoch);
  const object = await store.get(key, signal ? { signal } : {});
  return object ? parse(object.body, key) : 0;
}

/** Resolves when the stored floor is at least `seq`. */
export async function raiseFloor(store: ObjectStore, names: LogNames, epoch: number, seq: number): Promise<void> {
  const key = names.floor(epoch);
  const body = Buffer.from(`${seq}\n`);
  for (let attempt = 0; attempt < 10; attempt++) {
    const object = await store.get(key);
    if (object && parse(object.body, key) >= seq) return;
    try {
      if (object) await store.putIfMatch(key, body, object.etag);
      else await store.putIfAbsent(key, body);
      return;
    } catch (error) {
      // Refused: another collector was here; no answer: it may be there. Reading tells.
      if (!(error instanceof LakeError) || (error.code !== 'precondition_failed' && error.code !== 'store_unavailable'))
        throw error;
    }
  }
  throw new LakeError('store_unavailable', `the floor of epoch ${epoch} could not be raised; nothing was deleted`);
}

function parse(body: Buffer, key: string): number {
  const text = body.length <= 20 ? body.toString('latin1') : '';
  if (!/^\d{1,15}\n$/.test(text))
    throw new LakeError('corrupt', `the object ${key} is damaged: it is not a number`, {
      hint: 'restore it from a copy of the bucket',
    });
  return Number(text);
}
