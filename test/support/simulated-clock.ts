/**
 * Time that passes only when the simulation says so. Everything that waits is woken in the order of its time, then of
 * its asking, so that one seed always gives one run. A process can have a view of the clock that can be paused (the
 * machine sleeps: nothing of it runs, the world goes on) or stopped for ever (it was killed).
 */
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly call: () => void;
  cancelled: boolean;
}

export class SimulatedClock implements Clock {
  #now = 0;
  #order = 0;
  /** A binary heap by time, then order. */
  readonly #heap: Timer[] = [];

  now(): number {
    return 1_700_000_000_000 + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, call, cancelled: false };
    push(this.#heap, timer);
    return () => {
      timer.cancelled = true;
    };
  }

  sleep(ms: number, options: { signal?: AbortSignal; unref?: boolean } = {}): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  deadline(ms: number): AbortSignal {
    const controller = new AbortController();
    this.after(ms, () => controller.abort(new LakeError('deadline_exceeded', 'deadline')));
    return controller.signal;
  }

  /** Lets everything run until `until` (monotonic ms) or until nothing waits any more. */
  async run(until: number): Promise<void> {
    for (;;) {
      await settle();
      const timer = this.#heap[0];
      if (!timer || timer.at > until) break;
      pop(this.#heap);
      if (timer.cancelled) continue;
      this.#now = timer.at;
      timer.call();
    }
    this.#now = Math.max(this.#now, until);
  }
}

/** The clock of one process: can be paused and resumed, or stopped for ever. What fell due meanwhile happens on resuming. */
export class ProcessClock implements Clock {
  readonly #world: SimulatedClock;
  #state: 'running' | 'paused' | 'stopped' = 'running';
  #held: Array<() => void> = [];

  constructor(world: SimulatedClock) {
    this.#world = world;
  }

  get isStopped(): boolean {
    return this.#state === 'stopped';
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    for (const call of this.#held.splice(0)) this.#world.after(0, () => this.#enter(call));
  }

  stop(): void {
    this.#state = 'stopped';
    this.#held = [];
  }

  /** Resolves when this process runs; never again after `stop`. Answers of the network pass through it. */
  running(): Promise<void> {
    return new Promise((resolve) => this.#enter(resolve));
  }

  now(): number {
    return this.#world.now();
  }

  monotonic(): number {
    return this.#world.monotonic();
  }

  after(ms: number, call: () => void): () => void {
    return this.#world.after(ms, () => this.#enter(call));
  }

  sleep(ms: number, options: { signal?: AbortSignal; unref?: boolean } = {}): Promise<void> {
    return this.#world.sleep(ms, options).then(() => this.running());
  }

  /** Deadlines of a paused process fire when it wakes; until then nobody looks. */
  deadline(ms: number): AbortSignal {
    const controller = new AbortController();
    this.after(ms, () => controller.abort(new LakeError('deadline_exceeded', 'deadline')));
    return controller.signal;
  }

  #enter(call: () => void): void {
    if (this.#state === 'running') call();
    else if (this.#state === 'paused') this.#held.push(call);
  }
}

/** Lets all promise reactions run. No real I/O may be under way. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(timer, heap[parent] as Timer)) break;
    heap[at] = heap[parent] as Timer;
    at = parent;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop() as Timer;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child++;
    if (!isBefore(heap[child] as Timer, last)) break;
    heap[at] = heap[child] as Timer;
    at = child;
  }
  heap[at] = last;
}

/** Seeded chance (mulberry32): the same seed gives the same run. Never for secrets. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  isChosen(probability: number): boolean {
    return this.fraction() < probability;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let i = 0; i < count; i++) bytes[i] = this.between(0, 255);
    return bytes;
  }

  uuid(): string {
    const hex = this.bytes(16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}
