/** A fair lock and a bounded gate for async code. Waiting is in arrival order. */
import { LakeError } from './errors.ts';

export class Mutex {
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** How many holders and waiters there are now. */
  get depth(): number {
    return this.#waiting;
  }

  /** Runs `work` alone; the lock is released whatever happens. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const previous = this.#tail;
    let release!: () => void;
    this.#tail = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#waiting++;
    try {
      await previous;
      return await work();
    } finally {
      this.#waiting--;
      release();
    }
  }
}

/** Admits at most `slots` at once and queues at most `queueMax`; beyond that it refuses with `limit_exceeded`. */
export class Gate {
  readonly slots: number;
  readonly queueMax: number;
  #free: number;
  #queue: Array<{ grant: () => void; signal?: AbortSignal | undefined }> = [];

  constructor(slots: number, queueMax: number) {
    this.slots = slots;
    this.queueMax = queueMax;
    this.#free = slots;
  }

  get running(): number {
    return this.slots - this.#free;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Resolves to a release function (idempotent). Rejects when the queue is full or the signal aborts. */
  async enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
    } else {
      if (this.#queue.length >= this.queueMax) {
        throw new LakeError('limit_exceeded', `too much is waiting here already (${this.queueMax})`, { retriable: true });
      }
      await new Promise<void>((resolve, reject) => {
        const entry = {
          grant: () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
          signal,
        };
        const onAbort = (): void => {
          this.#queue.splice(this.#queue.indexOf(entry), 1);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        this.#queue.push(entry);
      });
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.#queue.shift();
      if (next) next.grant();
      else this.#free++;
    };
  }
}
