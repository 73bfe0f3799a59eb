/** What lies between simulated pods and the world: clocks that drift and are set, an object store that repeats requests, messages that get lost. */
import type { CallOptions, ObjectStore } from '../../storage/object-store.ts';
import { ProcessClock, type SeededRandom, type SimulatedClock } from './simulated-clock.ts';

/** A machine's clocks: the monotonic one runs a little fast or slow, the wall clock is set by hand now and then. */
export class DriftingClock extends ProcessClock {
  readonly #world: SimulatedClock;
  readonly #rate: number;
  #wallMs = 0;

  constructor(world: SimulatedClock, rate: number) {
    super(world);
    this.#world = world;
    this.#rate = rate;
  }

  /** Somebody, or NTP, sets the wall clock. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  override now(): number {
    return Math.floor(this.#world.now()) + this.#wallMs;
  }

  override monotonic(): number {
    return this.#world.monotonic() * this.#rate;
  }

  override after(ms: number, call: () => void): () => void {
    return super.after(ms / this.#rate, call);
  }

  override sleep(ms: number, options: { signal?: AbortSignal; unref?: boolean } = {}): Promise<void> {
    return super.sleep(ms / this.#rate, options);
  }
}

/** A pod's way to the store: answers reach it only while it runs, and a write may arrive a second time, later. */
export function throughNetwork(
  store: ObjectStore,
  options: {
    readonly clock: ProcessClock;
    readonly world: SimulatedClock;
    readonly random: SeededRandom;
    /** Probability that a write is delivered again. */
    readonly repeats: () => number;
    /** Told until when something is on its way. */
    readonly willLand: (at: number) => void;
  },
): ObjectStore {
  const { clock, world, random, repeats, willLand } = options;
  const answer = async <T>(call: Promise<T>): Promise<T> => {
    await call.catch(() => undefined);
    await clock.running();
    return call;
  };
  const write = <T>(send: (options?: CallOptions) => Promise<T>, options: CallOptions | undefined): Promise<T> => {
    if (random.isChosen(repeats())) {
      const ms = random.between(1, 4_000);
      willLand(world.monotonic() + ms);
      world.after(ms, () => void send().catch(() => undefined));
    }
    return answer(send(options));
  };
  return {
    url: store.url,
    get: (key, options) => answer(store.get(key, options)),
    put: (key, body, options) => write((o) => store.put(key, body, o), options),
    putIfAbsent: (key, body, options) => write((o) => store.putIfAbsent(key, body, o), options),
    putIfMatch: (key, body, etag, options) => write((o) => store.putIfMatch(key, body, etag, o), options),
    async *list(prefix, options) {
      const found = [];
      for await (const object of store.list(prefix, options)) found.push(object);
      await clock.running();
      yield* found;
    },
    delete: (key, options) => answer(store.delete(key, options)),
    close: () => store.close(),
  };
}
