/**
 * Reads the log in order from an anchor to its tail. Names are dense, so the next one is always asked for by name;
 * listing only tells how far to read ahead, and that nothing lies beyond a name that is missing. An object that is
 * damaged or missing stops the restore with its name: a hole is never stepped over.
 */
import { LakeError } from '../../base/errors.ts';
import type { ListedObject, ObjectStore } from '../../storage/object-store.ts';
import { type Anchor, decodeAnchor } from './anchor.ts';
import { readFloor } from './floor.ts';
import { type Applied, Ledger } from './ledger.ts';
import type { LogLimits } from './limits.ts';
import { comparePositions, type LogNames } from './names.ts';
import type { LogPosition, Until } from './ports.ts';
import { decodeLogObject, digestOf, type LogObject } from './segment.ts';

export interface LogReader {
  readonly ledger: Ledger;
  /** Reads on until nothing is there, giving every object's content to `take`. May be called again later to read what came since. */
  toTail(take: (applied: readonly Applied[]) => void): Promise<void>;
  /** Reads on as far as `until`; what lies behind that is not read. False when the log ends before it. */
  to(until: Until, take: (applied: readonly Applied[]) => void): Promise<boolean>;
  /** Objects and bytes read so far. */
  readonly read: { objects: number; bytes: number };
}

export interface LogReaderOptions {
  readonly store: ObjectStore;
  readonly names: LogNames;
  readonly limits: LogLimits;
  readonly signal?: AbortSignal;
}

/** Finds the newest readable anchor and stands at its floor. Throws `store_unavailable`, `corrupt`. */
export async function openLogReader(options: LogReaderOptions): Promise<LogReader> {
  return new StoreLogReader(await startingLedger(options), options);
}

/**
 * Stands at the floor of the newest readable anchor that lies not after `until`; `to(until, …)` goes on from there.
 * Throws `invalid_argument` when the log does not go back so far, `store_unavailable`, `corrupt`.
 */
export async function openLogReaderBefore(until: Until, options: LogReaderOptions): Promise<LogReader> {
  return new StoreLogReader(await startingLedger(options, until), options);
}

async function startingLedger(options: LogReaderOptions, until?: Until): Promise<Ledger> {
  const { store, names, signal } = options;
  const listed: Array<{ readonly key: string; readonly modified: number }> = [];
  /** When the first anchor that is kept was made. */
  let reach: number | undefined;
  for await (const object of store.list(names.anchorPrefix, signal ? { signal } : {})) {
    const position = names.position(object.key);
    if (position) reach ??= object.modified;
    if (position && !(until?.t === 'position' && comparePositions(position, until.position) > 0)) listed.push(object);
  }
  let damage: unknown;
  let oldest: { readonly anchor: Anchor; readonly time: number } | null = null;
  for (const { key, modified } of listed.toReversed()) {
    const object = await store.get(key, signal ? { signal } : {});
    if (!object) continue;
    try {
      const anchor = decodeAnchor(object.body, key);
      oldest = { anchor, time: anchor.time || modified };
      if (!until || isBefore(oldest, until)) return Ledger.fromAnchor(anchor);
    } catch (error) {
      damage = error;
    }
  }
  // Made and dropped again between two anchors: somewhere after the oldest.
  if (until?.t === 'drop' && oldest) return Ledger.fromAnchor(oldest.anchor);
  if (until) await assertWhole(options, reach ?? 0);
  else if (damage) throw damage;
  return new Ledger({ verify: true });
}

/** Whether the state at `until` can be built from this anchor. */
function isBefore({ anchor, time }: { readonly anchor: Anchor; readonly time: number }, until: Until): boolean {
  if (until.t === 'drop') return anchor.databases.some(({ name }) => name === until.name);
  return until.t === 'position' || time <= until.time;
}

/** With no anchor before it, a point can be reached only while nothing of the log was collected. */
async function assertWhole({ store, names, signal }: LogReaderOptions, reach: number): Promise<void> {
  const floors = store.list(names.floorPrefix, { limit: 1, ...(signal ? { signal } : {}) })[Symbol.asyncIterator]();
  if ((await floors.next()).done) return;
  const since = reach === 0 ? '' : `: it reaches back to about ${new Date(reach).toISOString()}`;
  throw new LakeError('invalid_argument', `the log does not go back so far${since}`, {
    hint: 'Choose a later point; BOILSTREAM_LOG_RETENTION says how much of the log is kept.',
  });
}

class StoreLogReader implements LogReader {
  readonly ledger: Ledger;
  readonly read = { objects: 0, bytes: 0 };
  readonly #options: LogReaderOptions;

  constructor(ledger: Ledger, options: LogReaderOptions) {
    this.ledger = ledger;
    this.#options = options;
  }

  async toTail(take: (applied: readonly Applied[]) => void): Promise<void> {
    await this.#read(take, () => false);
  }

  async to(until: Until, take: (applied: readonly Applied[]) => void): Promise<boolean> {
    // A position is reached without looking at what follows it, which may be damaged.
    if (until.t === 'position') return this.#read(take, (at) => comparePositions(at, until.position) > 0);
    const isLater = (object: LogObject, stored: () => number): boolean =>
      until.t === 'time' ? (object.time || stored()) > until.time : this.#drops(object, until.name);
    return this.#read(take, () => false, isLater);
  }

  #drops(object: LogObject, name: string): boolean {
    if (object.t === 'terminal') return false;
    return object.entries.some(
      (entry) =>
        entry.t === 'control' && entry.control.t === 'drop' && this.ledger.databases.get(entry.control.database)?.name === name,
    );
  }

  /** True when it stopped before a position or an object of which `isBeyond` or `isLater` says so; false at the log's end. */
  async #read(
    take: (applied: readonly Applied[]) => void,
    isBeyond: (at: LogPosition) => boolean,
    isLater: (object: LogObject, stored: () => number) => boolean = () => false,
  ): Promise<boolean> {
    const { names } = this.#options;
    for (;;) {
      let window = await this.#window();
      for (;;) {
        const at = this.ledger.next;
        if (isBeyond(at)) return true;
        if (at.epoch !== window.epoch) window = await this.#window();
        const body = await window.next(at.seq);
        if (!body) break;
        const name = names.segment(at);
        const object: LogObject = decodeLogObject(body, name);
        const { modified } = window;
        if (isLater(object, () => modified(at.seq))) return true;
        this.read.objects++;
        this.read.bytes += body.length;
        if (object.t === 'terminal') await this.#checkFloor(object.epoch, object.seq, name);
        take(this.ledger.apply(object, name, digestOf(body)));
      }
      if (!(await this.#isBehind())) return false;
    }
  }

  /**
   * What lies at or below the floor says nothing: a terminal in a hole that a collection left was put there by somebody
   * who slept and elected nobody, and a missing name is no damage. Whoever reads there began too far back.
   */
  async #checkFloor(epoch: number, seq: number, name: string): Promise<void> {
    const { store, names, signal } = this.#options;
    if (seq > (await readFloor(store, names, epoch, signal))) return;
    throw new LakeError(
      'precondition_failed',
      `the log was read from too far back: ${name} lies where objects were collected meanwhile`,
      { retriable: true },
    );
  }

  /** At a missing name: is there anything after it? Then it may have come just now (read on), or it is a hole (throw). */
  async #isBehind(): Promise<boolean> {
    const { store, names, signal } = this.#options;
    const missing = names.segment(this.ledger.next);
    for await (const later of store.list(names.logPrefix, {
      startAfter: names.segment(this.ledger.position),
      ...(signal ? { signal } : {}),
    })) {
      if (!names.position(later.key)) continue;
      if (later.key === missing || (await store.get(missing, signal ? { signal } : {}))) return true;
      await this.#checkFloor(this.ledger.next.epoch, this.ledger.next.seq, missing);
      throw new LakeError('corrupt', `the log object ${missing} is missing, though ${later.key} follows it`, {
        hint: 'restore this object from a copy of the bucket, or end the log before it: boilstream restore --to EPOCH/SEQ',
      });
    }
    if (this.ledger.isBelowAnchor) {
      await this.#checkFloor(this.ledger.next.epoch, this.ledger.next.seq, missing);
      throw new LakeError('corrupt', `the log ends at ${missing}, before the point its anchor was made at`, {
        hint: 'restore the objects of the log from a copy of the bucket',
      });
    }
    return false;
  }

  /** Reads ahead in the present epoch, as far as a listing says it reaches. */
  async #window(): Promise<Window> {
    const { store, names, limits, signal } = this.#options;
    const position = this.ledger.position;
    const sizes = new Map<number, ListedObject>();
    for await (const object of store.list(names.epoch(position.epoch), {
      startAfter: names.segment(position),
      ...(signal ? { signal } : {}),
    })) {
      const at = names.position(object.key);
      if (at) sizes.set(at.seq, object);
    }
    return new Window(position.epoch, sizes, limits, (seq) => this.#get(names.segment({ epoch: position.epoch, seq })));
  }

  async #get(key: string): Promise<Buffer | null> {
    const { store, limits, signal } = this.#options;
    const object = await store.get(key, signal ? { signal } : {});
    if (object && object.body.length > limits.objectBytesMax)
      throw new LakeError('corrupt', `the log object ${key} is larger than any that is written`);
    return object ? object.body : null;
  }
}

/** Keeps a few reads of one epoch's sequence under way, of those objects that are known to exist; bounded in bytes. */
class Window {
  readonly epoch: number;
  readonly #sizes: ReadonlyMap<number, ListedObject>;
  readonly #limits: LogLimits;
  readonly #get: (seq: number) => Promise<Buffer | null>;
  readonly #reads = new Map<number, Promise<Buffer | null>>();

  constructor(
    epoch: number,
    sizes: ReadonlyMap<number, ListedObject>,
    limits: LogLimits,
    get: (seq: number) => Promise<Buffer | null>,
  ) {
    this.epoch = epoch;
    this.#sizes = sizes;
    this.#limits = limits;
    this.#get = get;
  }

  /** When the store took it, milliseconds since 1970; for an object that came after the listing: just now. */
  readonly modified = (at: number): number => this.#sizes.get(at)?.modified ?? Number.POSITIVE_INFINITY;

  next(at: number): Promise<Buffer | null> {
    let bytes = 0;
    for (let seq = at; seq < at + this.#limits.parallelObjects; seq++) {
      const size = this.#sizes.get(seq)?.size;
      bytes += size ?? 0;
      if (seq !== at && (size === undefined || bytes > this.#limits.readAheadBytesMax)) break;
      if (this.#reads.has(seq)) continue;
      const read = this.#get(seq);
      read.catch(() => undefined); // awaited in its turn; until then a rejection is not unhandled
      this.#reads.set(seq, read);
    }
    const read = this.#reads.get(at) as Promise<Buffer | null>;
    this.#reads.delete(at);
    return read;
  }
}
