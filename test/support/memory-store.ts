/**
 * An object store in memory with faults handed in, for unit tests and the simulator. One `MemoryBucket` is what
 * survives; every pod under test gets its own `connect()`ion, which can be cut without touching the others.
 * Time comes from the clock that is handed in; without one nothing ever waits. The same calls give the same trace.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import { checkKey, checkPrefix, compareKeys } from '../../storage/key.ts';
import type { CallOptions, ListedObject, ObjectStore, StoredObject } from '../../storage/object-store.ts';

export type Operation = 'get' | 'put' | 'putIfAbsent' | 'putIfMatch' | 'list' | 'delete';

export interface StoreCall {
  readonly operation: Operation;
  readonly key: string;
  /** Name of the connection the call came through. */
  readonly client: string;
  /** Counts the calls of the whole bucket, from 1. */
  readonly count: number;
}

/** What goes wrong with one call. */
export type Fault =
  /** Nothing happens; the caller sees store_unavailable. */
  | { readonly t: 'unavailable'; readonly delayMs?: number }
  /** It happens; the caller sees store_unavailable (a lost 200, or a 500 after success). */
  | { readonly t: 'lost-answer'; readonly delayMs?: number }
  /** The caller sees store_unavailable at once; the write is judged and lands `landsAfterMs` later. */
  | { readonly t: 'lands-later'; readonly landsAfterMs: number }
  /** It happens after a while (before: still in flight, the condition is judged then). */
  | { readonly t: 'delay'; readonly delayMs: number }
  /** The store does not honour If-None-Match / If-Match. */
  | { readonly t: 'ignored-condition' }
  /** `list` shows what was there when `freezeListing()` was called last. */
  | { readonly t: 'stale-list' }
  /** Nothing happens; the caller sees this. */
  | { readonly t: 'error'; readonly error: LakeError };

export interface MemoryBucketOptions {
  readonly clock?: Clock;
  /** Asked before every call. Return null for none. Seed it; never draw from Math.random. */
  readonly fault?: (call: StoreCall) => Fault | null;
  /** Sees every call with what came of it, in the order of happening: the trace of a simulation. */
  readonly trace?: (call: StoreCall, result: string) => void;
  /** ETag as GET tells it differs from what PUT answered (seen on real servers). */
  readonly etagDiffersOnGet?: boolean;
}

interface Entry {
  readonly body: Buffer;
  readonly etag: string;
  readonly modified: number;
}

export class MemoryBucket {
  readonly objects = new Map<string, Entry>();
  readonly options: MemoryBucketOptions;
  /** Replaceable while a test runs. */
  fault: (call: StoreCall) => Fault | null;
  #calls = 0;
  #frozen: ReadonlyMap<string, Entry> = new Map();

  constructor(options: MemoryBucketOptions = {}) {
    this.options = options;
    this.fault = options.fault ?? (() => null);
  }

  /** A store over this bucket. Cut it with `disconnect()`; a killed pod's late writes are kept out so. */
  connect(client = 'test'): MemoryStore {
    return new MemoryStore(this, client);
  }

  /** From now on a `stale-list` fault shows the listing of this moment. */
  freezeListing(): void {
    this.#frozen = new Map(this.objects);
  }

  /** Bodies by key, in key order; for comparing two runs. */
  contents(): Array<[string, Buffer]> {
    return [...this.objects].map(([key, entry]): [string, Buffer] => [key, entry.body]).sort((a, b) => compareKeys(a[0], b[0]));
  }

  call(operation: Operation, key: string, client: string): StoreCall {
    return { operation, key, client, count: ++this.#calls };
  }

  listing(stale: boolean): ReadonlyMap<string, Entry> {
    return stale ? this.#frozen : this.objects;
  }
}

export class MemoryStore implements ObjectStore {
  readonly url: string;
  readonly #bucket: MemoryBucket;
  readonly #client: string;
  #cut = false;

  constructor(bucket: MemoryBucket, client: string) {
    this.#bucket = bucket;
    this.#client = client;
    this.url = `memory://${client}`;
  }

  /** From now on nothing of this connection reaches the bucket, what is in flight included. */
  disconnect(): void {
    this.#cut = true;
  }

  reconnect(): void {
    this.#cut = false;
  }

  async get(
    key: string,
    options: CallOptions & { readonly range?: { readonly start: number; readonly end: number } } = {},
  ): Promise<StoredObject | null> {
    checkKey(key);
    return this.#perform('get', key, options.signal, () => {
      const entry = this.#bucket.objects.get(key);
      if (entry === undefined) return null;
      const { range } = options;
      const body = Buffer.from(range ? entry.body.subarray(range.start, Math.max(range.start, range.end)) : entry.body);
      return { body, etag: this.#etagOnRead(entry.etag) };
    });
  }

  async put(key: string, body: Uint8Array, options: CallOptions = {}): Promise<{ etag: string }> {
    return this.#write('put', key, body, options, () => true);
  }

  async putIfAbsent(key: string, body: Uint8Array, options: CallOptions = {}): Promise<{ etag: string }> {
    return this.#write('putIfAbsent', key, body, options, (entry) => entry === undefined);
  }

  async putIfMatch(key: string, body: Uint8Array, etag: string, options: CallOptions = {}): Promise<{ etag: string }> {
    return this.#write('putIfMatch', key, body, options, (entry) => entry !== undefined && this.#etagOnRead(entry.etag) === etag);
  }

  async *list(
    prefix: string,
    options: CallOptions & { readonly startAfter?: string; readonly limit?: number } = {},
  ): AsyncIterable<ListedObject> {
    checkPrefix(prefix);
    const found = await this.#perform('list', prefix, options.signal, (fault) => {
      const after = options.startAfter;
      const keys = [...this.#bucket.listing(fault?.t === 'stale-list')].filter(
        ([key]) => key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0),
      );
      return keys.sort((a, b) => compareKeys(a[0], b[0])).slice(0, options.limit ?? Number.POSITIVE_INFINITY);
    });
    for (const [key, entry] of found) yield { key, size: entry.body.length, modified: entry.modified };
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    checkKey(key);
    await this.#perform('delete', key, options.signal, () => this.#bucket.objects.delete(key));
  }

  async close(): Promise<void> {}

  #etagOnRead(etag: string): string {
    return this.#bucket.options.etagDiffersOnGet ? `${etag}-read` : etag;
  }

  async #write(
    operation: Operation,
    key: string,
    body: Uint8Array,
    options: CallOptions,
    holds: (entry: Entry | undefined) => boolean,
  ): Promise<{ etag: string }> {
    checkKey(key);
    const bytes = Buffer.from(body);
    return this.#perform(operation, key, options.signal, (fault) => {
      const { objects } = this.#bucket;
      if (fault?.t !== 'ignored-condition' && !holds(objects.get(key)))
        throw new LakeError('precondition_failed', `${operation} of ${key}: the condition does not hold`);
      const etag = createHash('md5').update(bytes).digest('hex');
      objects.set(key, { body: bytes, etag, modified: this.#bucket.options.clock?.now() ?? 0 });
      return { etag };
    });
  }

  async #perform<T>(
    operation: Operation,
    key: string,
    signal: AbortSignal | undefined,
    effect: (fault: Fault | null) => T,
  ): Promise<T> {
    const bucket = this.#bucket;
    const call = bucket.call(operation, key, this.#client);
    const fault = bucket.fault(call);
    const note = (result: string): void => bucket.options.trace?.(call, result);
    const happen = (): T => {
      try {
        const value = effect(fault);
        note('ok');
        return value;
      } catch (thrown) {
        note(thrown instanceof LakeError ? thrown.code : String(thrown));
        throw thrown;
      }
    };
    await Promise.resolve(); // never answers in the caller's own turn, as no network does
    if (signal?.aborted) throw this.#unavailable(operation, key, 'aborted before it was sent');
    if (fault !== null && 'delayMs' in fault && fault.delayMs) await this.#wait(fault.delayMs, signal, operation, key);
    if (this.#cut) {
      note('cut');
      throw this.#unavailable(operation, key, 'no connection');
    }
    switch (fault?.t) {
      case 'unavailable':
        note('unavailable');
        throw this.#unavailable(operation, key, 'injected: nothing happened');
      case 'error':
        note(fault.error.code);
        throw fault.error;
      case 'lands-later':
        this.#bucket.options.clock?.after(fault.landsAfterMs, () => {
          try {
            if (!this.#cut) happen();
          } catch {
            // refused when it arrived: nobody is listening any more
          }
        });
        note('in flight');
        throw this.#unavailable(operation, key, 'injected: still in flight');
      case 'lost-answer':
        try {
          happen();
        } catch {
          // the refusal is lost like the success would be
        }
        throw this.#unavailable(operation, key, 'injected: the answer was lost');
      default:
        return happen();
    }
  }

  async #wait(ms: number, signal: AbortSignal | undefined, operation: Operation, key: string): Promise<void> {
    try {
      await this.#bucket.options.clock?.sleep(ms, signal === undefined ? {} : { signal });
    } catch {
      throw this.#unavailable(operation, key, 'aborted in flight');
    }
  }

  #unavailable(operation: Operation, key: string, why: string): LakeError {
    return new LakeError('store_unavailable', `${operation} of ${key}: ${why}`, {
      retriable: operation === 'get' || operation === 'list',
    });
  }
}
