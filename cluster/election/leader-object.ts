/**
 * `cluster_state/leader` on the object store: read, and replaced only while it still says what is expected. How a store
 * spells or invents its ETags stays in here: the condition is the text, an ETag is only the way to say it.
 *
 * Strategy `swap`: one conditional put. Strategy `create` (no trustworthy If-Match): read, compare, put, read again; two
 * racers may then both believe, which costs a lost race on the log and nothing else, and no lease is built on it.
 */
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { parseLeader } from '../leader-record.ts';
import { leaderKey } from '../names.ts';
import type { Found } from './state.ts';

export interface LeaderObjectOptions {
  readonly store: ObjectStore;
  readonly strategy: 'swap' | 'create';
  /** PUT tells the ETag that GET tells (`etag: 'same'` of the probe). If not, it is read before each replacement. */
  readonly hasStableEtag: boolean;
  readonly clock: Clock;
  /** Milliseconds that one call may take. */
  readonly callMsMax: number;
}

export class LeaderObject {
  readonly #options: LeaderObjectOptions;
  /** The ETag of the text that was read or written last. */
  #known: { readonly text: string; readonly etag: string } | null = null;

  constructor(options: LeaderObjectOptions) {
    this.#options = options;
  }

  /** What stands there; null: nothing. Rejects with `store_unavailable` and the like. */
  async read(): Promise<Found | null> {
    return this.#read(this.#deadline());
  }

  /**
   * Writes `text` in the place of `expected` (null: where nothing is). `refused`: the condition did not hold, or an
   * earlier attempt of the same write has landed; the caller reads. Rejects when the outcome is unknown.
   */
  async replace(expected: string | null, text: string): Promise<'done' | 'refused'> {
    const signal = this.#deadline();
    try {
      return this.#options.strategy === 'swap'
        ? await this.#swap(expected, text, signal)
        : await this.#cover(expected, text, signal);
    } catch (error) {
      if (error instanceof LakeError && error.code === 'precondition_failed') return 'refused';
      throw error;
    }
  }

  async #swap(expected: string | null, text: string, signal: AbortSignal): Promise<'done' | 'refused'> {
    const { store, hasStableEtag } = this.#options;
    const body = Buffer.from(text);
    if (expected === null) {
      this.#remember(text, (await store.putIfAbsent(leaderKey, body, { signal })).etag);
      return 'done';
    }
    if (this.#known?.text !== expected || !hasStableEtag) {
      const found = await this.#read(signal);
      if (found?.text !== expected || !this.#known) return 'refused';
    }
    this.#remember(text, (await store.putIfMatch(leaderKey, body, this.#known.etag, { signal })).etag);
    return 'done';
  }

  async #cover(expected: string | null, text: string, signal: AbortSignal): Promise<'done' | 'refused'> {
    const { store } = this.#options;
    const body = Buffer.from(text);
    if (expected === null) {
      await store.putIfAbsent(leaderKey, body, { signal });
      return 'done';
    }
    if ((await this.#read(signal))?.text !== expected) return 'refused';
    await store.put(leaderKey, body, { signal });
    return (await this.#read(signal))?.text === text ? 'done' : 'refused';
  }

  async #read(signal: AbortSignal): Promise<Found | null> {
    const object = await this.#options.store.get(leaderKey, { signal });
    if (!object) return null;
    const text = object.body.toString('utf8');
    this.#known = { text, etag: object.etag };
    return { text, record: parseLeader(text) };
  }

  #remember(text: string, etag: string): void {
    this.#known = this.#options.hasStableEtag ? { text, etag } : null;
  }

  #deadline(): AbortSignal {
    return this.#options.clock.deadline(this.#options.callMsMax);
  }
}
