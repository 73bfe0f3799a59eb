/**
 * Keeps most threads of libuv's pool asleep while they are not needed. libuv has neither a size that changes nor one queue
 * for several pools, but a thread that reads from an empty pipe sleeps until a byte comes: it is parked by such a read and
 * let go by one byte. `width.ts` decides how many are awake; what it costs and gains is in docs/decisions/0005.
 *
 * Without `mkfifo` on the machine, or with a pool too small to matter, every thread stays awake: slower, never wrong.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstat, openSync, read, rmSync, writeSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { initialWidth, probeLateMs, step, type WidthLimits, type WidthState } from './width.ts';

export interface ThreadPoolOptions {
  /** Where the pipe is made (and unlinked at once). */
  readonly path: string;
  /** UV_THREADPOOL_SIZE. */
  readonly size: number;
  /** Cores this process may use. */
  readonly cores: number;
  readonly clock: Clock;
}

/** A call is lasting after one to two of these. */
const tickMs = 2;
/** How often the pool is looked at when no call of the engine runs: file and metadata calls are not counted one by one. */
const idleTickMs = 50;

export class ThreadPool {
  readonly #limits: WidthLimits;
  readonly #clock: Clock;
  readonly #pipe: number | null;
  readonly #byte = Buffer.alloc(1);
  #state: WidthState;
  #parked = 0;
  #reads = 0;
  #running = 0;
  /** Calls begun in this tick and in the one before; older ones are lasting. */
  #generation = 0;
  #young = 0;
  #younger = 0;
  #probeSince: number | null = null;
  #armed: 'no' | 'idle' | 'busy' = 'no';
  #disarm = (): void => {};
  readonly #onExit = (): void => this.close();

  private constructor(pipe: number | null, limits: WidthLimits, clock: Clock) {
    this.#pipe = pipe;
    this.#limits = limits;
    this.#clock = clock;
    this.#state = initialWidth(limits, clock.monotonic());
  }

  static open({ path, size, cores, clock }: ThreadPoolOptions): ThreadPool {
    const limits = { size, spare: Math.max(4, 2 * cores) };
    const pipe = size > limits.spare ? makePipe(path) : null;
    const pool = new ThreadPool(pipe, limits, clock);
    if (pipe !== null) {
      // libuv joins its threads when the process ends: a parked one must not keep it.
      process.once('exit', pool.#onExit);
      pool.#apply();
      pool.#arm('idle');
    }
    return pool;
  }

  /** Threads awake now; for metrics. */
  get width(): number {
    return this.#pipe === null ? this.#limits.size : this.#state.width;
  }

  /** A call into the pool begins; give what this returns to `end`. */
  begin(): number {
    this.#running++;
    this.#younger++;
    if (this.#armed === 'idle') this.#arm('busy');
    return this.#generation;
  }

  /** It has ended. */
  end(begun: number): void {
    this.#running--;
    if (begun === this.#generation) this.#younger--;
    else if (begun === this.#generation - 1) this.#young--;
  }

  /** Wakes every thread; the pool is libuv's own again. */
  close(): void {
    if (this.#armed === 'no') return;
    this.#armed = 'no';
    this.#disarm();
    process.removeListener('exit', this.#onExit);
    this.#wake(this.#parked);
    this.#closeAfterReads();
  }

  /** Not before: a read that has not begun yet would take its byte from whatever file has the number by then. */
  #closeAfterReads(): void {
    if (this.#armed === 'no' && this.#reads === 0) closeSync(this.#pipe as number);
  }

  #arm(how: 'idle' | 'busy'): void {
    this.#disarm();
    this.#armed = how;
    this.#disarm = this.#clock.after(how === 'busy' ? tickMs : idleTickMs, () => this.#tick());
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    const lasting = this.#running - this.#younger - this.#young;
    this.#generation++;
    this.#young = this.#younger;
    this.#younger = 0;
    const stuck = this.#probeSince !== null && now - this.#probeSince > probeLateMs;
    // One step of widening for each probe that is late, not for each look at it.
    if (stuck) this.#probeSince = now;
    else if (this.#probeSince === null) this.#probe(now);
    this.#state = step(this.#state, { lasting, stuck }, now, this.#limits);
    this.#apply();
    this.#arm(this.#running > 0 ? 'busy' : 'idle');
  }

  /** The smallest thing the pool can do. */
  #probe(now: number): void {
    this.#probeSince = now;
    fstat(this.#pipe as number, () => {
      this.#probeSince = null;
    });
  }

  #apply(): void {
    const wanted = this.#limits.size - this.#state.width;
    if (wanted < this.#parked) this.#wake(this.#parked - wanted);
    for (; this.#parked < wanted; this.#parked++) this.#park();
  }

  #park(): void {
    this.#reads++;
    read(this.#pipe as number, this.#byte, 0, 1, null, () => {
      this.#reads--;
      this.#closeAfterReads();
    });
  }

  #wake(count: number): void {
    if (count > 0) writeSync(this.#pipe as number, Buffer.alloc(count));
    this.#parked -= count;
  }
}

/** A pipe that both ends of are ours, so that reading it waits and never ends; null where that cannot be had. */
function makePipe(path: string): number | null {
  rmSync(path, { force: true });
  if (spawnSync('mkfifo', ['-m', '600', path], { stdio: 'ignore', timeout: 5_000 }).status !== 0) return null;
  try {
    return openSync(path, constants.O_RDWR);
  } finally {
    rmSync(path, { force: true });
  }
}
