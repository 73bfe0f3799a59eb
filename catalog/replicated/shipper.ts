/**
 * Ships what was committed: one put in flight, what comes meanwhile is gathered into the next segment (group commit).
 * Decides nothing itself: `shipper-state.ts` does. Nobody is told of a commit before its segment is known to be in the
 * store; while an outcome is unknown everybody waits and the same bytes are sent again. (Over 300 lines: queue, flight,
 * waiters and admission change together.)
 */
import { LakeError, toLakeError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Control } from './control.ts';
import type { Ledger } from './ledger.ts';
import type { LogLimits } from './limits.ts';
import type { LogMetrics } from './metrics.ts';
import type { LogNames } from './names.ts';
import type { LogPosition } from './ports.ts';
import {
  decodeLogObject,
  digestOf,
  encodeLogObject,
  type Entry,
  type RowsEntry,
  type Segment,
  type WalEntry,
} from './segment.ts';
import { type LostReason, type ShipperEffect, type ShipperEvent, type ShipperState, step } from './shipper-state.ts';
import { refusalFor } from './store-trouble.ts';

/** The WAL of one database, as the shipper reads it: always from where it last stopped. */
export interface WalSource {
  /** The bytes from the last call's end to `end`, an offset at which a commit ended. */
  take(end: number): WalEntry;
}

export type ShipItem =
  | { readonly t: 'wal'; readonly source: WalSource; readonly end: number; readonly bytes: number }
  | { readonly t: 'rows'; readonly entry: RowsEntry }
  | { readonly t: 'control'; readonly control: Control };

export interface ShipperOptions {
  readonly store: ObjectStore;
  readonly names: LogNames;
  readonly limits: LogLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: LogMetrics;
  /** This process' stamp. */
  readonly writer: Buffer;
  /** Stands at (own epoch, n); is fed every segment once it is durable. */
  readonly ledger: Ledger;
  /** The decisions; replaced only by tests that prove their checker. */
  readonly decide?: typeof step;
  /** Called once, before any waiter is told. */
  readonly onLost: (reason: LakeError) => void;
  /** Puts fail (what to tell clients), or work again (null). */
  readonly onTrouble?: ((refusal: LakeError | null) => void) | undefined;
}

interface Queued {
  readonly ticket: number;
  readonly item: ShipItem;
}

interface Flight {
  readonly name: string;
  readonly segment: Segment;
  readonly bytes: Buffer;
  /** The newest ticket in it, and the number of items. */
  readonly ticket: number;
  readonly items: number;
}

interface Waiter {
  readonly ticket: number;
  readonly resolve: (position: LogPosition) => void;
  readonly reject: (error: LakeError) => void;
}

export class Shipper {
  readonly #options: ShipperOptions;
  #state: ShipperState = { t: 'idle' };
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #flight: Flight | null = null;
  #waiters: Waiter[] = [];
  #lastTicket = 0;
  #shippedTicket = 0;
  #lostReason: LakeError | null = null;
  #scheduled = false;
  #room: Array<() => void> = [];
  #confirmedAt: number;
  /** Why the put in flight has failed so far. */
  #trouble: unknown = null;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#confirmedAt = options.clock.monotonic();
  }

  get position(): LogPosition {
    return this.#options.ledger.position;
  }

  /** The newest ticket that is durable. */
  get shippedTicket(): number {
    return this.#shippedTicket;
  }

  get lost(): LakeError | null {
    return this.#lostReason;
  }

  /** When the last put or probe that proved this writer is not deposed began; monotonic milliseconds. */
  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  /** True while an earlier attempt had no answer: nothing new should be executed. */
  get isStuck(): boolean {
    return (
      this.#state.t === 'pausing' || ((this.#state.t === 'putting' || this.#state.t === 'reading') && this.#state.attempt > 1)
    );
  }

  get isIdle(): boolean {
    return this.#state.t === 'idle' && this.#queue.length === 0;
  }

  get #hasRoom(): boolean {
    return (
      !this.isStuck &&
      this.#queue.length < this.#options.limits.queueItemsMax &&
      this.#queuedBytes < this.#options.limits.segmentBytesMax * 4
    );
  }

  /** Null when a commit may execute now; else a promise that rejects when it must not (nothing has happened then). */
  admit(): Promise<void> | null {
    if (this.#lostReason) return Promise.reject(this.#lostReason);
    return this.#hasRoom ? null : this.#awaitRoom();
  }

  async #awaitRoom(): Promise<void> {
    const { clock, limits } = this.#options;
    const deadline = clock.monotonic() + limits.admitWaitMsMax;
    while (!this.#hasRoom) {
      if (this.#lostReason) throw this.#lostReason;
      const left = deadline - clock.monotonic();
      if (left <= 0) {
        throw refusalFor(this.#trouble);
      }
      await new Promise<void>((resolve) => {
        const cancel = clock.after(left, resolve);
        this.#room.push(() => {
          cancel();
          resolve();
        });
      });
    }
    if (this.#lostReason) throw this.#lostReason;
  }

  /** Queues what was done; the ticket tells it apart later. */
  enqueue(item: ShipItem): number {
    const ticket = ++this.#lastTicket;
    this.#queue.push({ ticket, item });
    this.#queuedBytes += sizeOf(item);
    this.#schedule();
    return ticket;
  }

  /** Resolves when everything up to `ticket` is durable; rejects with `fenced` or `internal` when that will never be known here. */
  whenShipped(ticket: number): Promise<LogPosition> {
    if (ticket <= this.#shippedTicket) return Promise.resolve(this.position);
    if (this.#lostReason) return Promise.reject(this.#lostReason);
    return new Promise((resolve, reject) => this.#waiters.push({ ticket, resolve, reject }));
  }

  /** Looks whether a successor has taken over while nothing was being shipped. Unavailability is not an answer. */
  async probe(): Promise<void> {
    if (this.#state.t !== 'idle') return;
    const { store, names, clock, limits } = this.#options;
    const began = clock.monotonic();
    const name = names.segment(this.#options.ledger.next);
    const found = await store.get(name, { signal: clock.deadline(limits.putMsMax) });
    if (!found) this.#confirmedAt = Math.max(this.#confirmedAt, began);
    else if (
      this.#state.t === 'idle' &&
      name === names.segment(this.#options.ledger.next) &&
      this.#classify(found.body, name) === 'found-terminal'
    )
      this.#on({ t: 'probe-terminal' });
  }

  /** Waits until nothing is queued or in flight. */
  async drain(): Promise<void> {
    await this.whenShipped(this.#lastTicket);
  }

  /** Gives up from outside (the database instance is unusable). What was queued is never acknowledged. */
  abandon(reason: LakeError): void {
    if (this.#lostReason) return;
    this.#state = { t: 'lost', why: 'undecided' };
    this.#lose(reason);
  }

  #schedule(): void {
    if (this.#scheduled || this.#state.t !== 'idle') return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#state.t !== 'idle' || this.#queue.length === 0) return;
      try {
        this.#flight = this.#load();
      } catch (error) {
        return this.abandon(toLakeError(error));
      }
      this.#on({ t: 'segment' });
    });
  }

  /** Cuts the next segment from the queue. */
  #load(): Flight {
    const { limits, ledger, writer, names, metrics, clock } = this.#options;
    let count = 0;
    let bytes = 0;
    for (const { item } of this.#queue) {
      const size = sizeOf(item);
      if (count > 0 && (bytes + size > limits.segmentBytesMax || count >= limits.segmentItemsMax)) break;
      count++;
      bytes += size;
    }
    const taken = this.#queue.splice(0, count);
    this.#queuedBytes -= bytes;
    const entries = toEntries(taken);
    const { epoch, seq } = ledger.next;
    // Never backwards, whatever the clocks of successive leaders say: a restore by time stops at the first later one.
    const time = Math.max(clock.now(), ledger.time);
    const segment: Segment = { t: 'segment', epoch, seq, time, writer, previous: ledger.digest as Buffer, entries };
    ledger.check(segment);
    metrics.group(count);
    return {
      name: names.segment({ epoch, seq }),
      segment,
      bytes: encodeLogObject(segment),
      ticket: (taken.at(-1) as Queued).ticket,
      items: count,
    };
  }

  #on(event: ShipperEvent): void {
    const { clock, random, limits, decide = step } = this.#options;
    const { state, effects } = decide(this.#state, event, clock.monotonic(), random.fraction(), limits);
    this.#state = state;
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: ShipperEffect): void {
    switch (effect.t) {
      case 'put':
        return void this.#put(this.#flight as Flight);
      case 'read':
        return void this.#read(this.#flight as Flight);
      case 'pause':
        return void this.#options.clock.after(effect.ms, () => this.#on({ t: 'paused' }));
      case 'settle':
        return void this.#settle(this.#flight as Flight);
      case 'lose':
        return void this.#lose(reasonOf(effect.why, this.position));
    }
  }

  async #put(flight: Flight): Promise<void> {
    const { store, clock, limits, metrics, log } = this.#options;
    const began = clock.monotonic();
    let event: ShipperEvent;
    try {
      await store.putIfAbsent(flight.name, flight.bytes, { signal: clock.deadline(limits.putMsMax) });
      this.#confirmedAt = began;
      metrics.put(clock.monotonic() - began, flight.bytes.length);
      event = { t: 'put-done' };
    } catch (error) {
      const isRefused = error instanceof LakeError && error.code === 'precondition_failed';
      if (!isRefused)
        log.warn(
          { error, key: flight.name, ms: Math.round(clock.monotonic() - began) },
          'a put of the log has no known outcome; answers wait while it is sent again',
        );
      metrics.unknown();
      if (!isRefused) this.#troubled(error);
      event = isRefused ? { t: 'put-refused' } : { t: 'put-unknown' };
    }
    this.#on(event);
  }

  async #read(flight: Flight): Promise<void> {
    const { store, clock, limits, log } = this.#options;
    let event: ShipperEvent;
    try {
      const found = await store.get(flight.name, { signal: clock.deadline(limits.putMsMax) });
      event = !found
        ? { t: 'found-nothing' }
        : found.body.equals(flight.bytes)
          ? { t: 'found-own' }
          : { t: this.#classify(found.body, flight.name) };
    } catch (error) {
      log.warn({ error, key: flight.name }, 'an object of the log cannot be read back; answers wait');
      event = { t: 'read-failed' };
    }
    this.#on(event);
  }

  #classify(body: Buffer, name: string): 'found-terminal' | 'found-other' {
    try {
      return decodeLogObject(body, name).t === 'terminal' ? 'found-terminal' : 'found-other';
    } catch {
      return 'found-other';
    }
  }

  #troubled(error: unknown): void {
    this.#trouble = error;
    this.#options.onTrouble?.(error === null ? null : refusalFor(error));
  }

  #settle(flight: Flight): void {
    if (this.#trouble !== null) this.#troubled(null);
    const { ledger, metrics } = this.#options;
    ledger.apply(flight.segment, flight.name, digestOf(flight.bytes));
    this.#shippedTicket = flight.ticket;
    this.#flight = null;
    metrics.shipped(this.position, flight.items);
    let done = 0;
    while (done < this.#waiters.length && (this.#waiters[done] as Waiter).ticket <= flight.ticket) done++;
    this.#schedule();
    for (const waiter of this.#waiters.splice(0, done)) waiter.resolve(this.position);
    this.#wakeRoom();
  }

  #lose(reason: LakeError): void {
    this.#lostReason = reason;
    this.#queue = [];
    this.#flight = null;
    this.#options.onLost(reason);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason);
    this.#wakeRoom();
  }

  #wakeRoom(): void {
    if (!this.#hasRoom && !this.#lostReason) return;
    for (const wake of this.#room.splice(0)) wake();
  }
}

function sizeOf(item: ShipItem): number {
  return item.t === 'wal' ? item.bytes : item.t === 'rows' ? item.entry.bytes.length : 0;
}

/** Adjacent ranges of one database become one entry, as long as nothing else lies between them. */
function toEntries(taken: readonly Queued[]): Entry[] {
  const entries: Entry[] = [];
  let open = new Map<WalSource, number>();
  const close = (): void => {
    for (const [source, end] of open) entries.push(source.take(end));
    open = new Map();
  };
  for (const { item } of taken) {
    if (item.t === 'wal') open.set(item.source, item.end);
    else {
      close();
      entries.push(item.t === 'rows' ? item.entry : { t: 'control', control: item.control });
    }
  }
  close();
  return entries;
}

function reasonOf(why: LostReason, at: LogPosition): LakeError {
  switch (why) {
    case 'fenced':
      return new LakeError('fenced', `another pod has taken over from this one (its epoch ${at.epoch} ended after ${at.seq})`, {
        hint: 'start this pod again; run one pod per storage, or a cluster',
      });
    case 'rival':
      return new LakeError(
        'fenced',
        `an object that this pod did not write stands in its own epoch ${at.epoch}, after ${at.seq}`,
        { detail: 'rival', hint: 'do not write into the catalog log by other means; start this pod again' },
      );
    case 'undecided':
      return new LakeError(
        'store_unavailable',
        `the object store has not decided a write for too long (after ${at.epoch}/${at.seq})`,
        { hint: 'start this pod again when the store is reachable' },
      );
  }
}
