/**
 * Keeps a restart short and the store small: takes the snapshots that are due, writes anchors, collects garbage. One
 * thing at a time.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { Mutex } from '../../base/mutex.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { anchorOf, encodeAnchor } from './anchor.ts';
import { collect } from './collector.ts';
import { chunksLength } from './control.ts';
import type { DatabaseState, Ledger } from './ledger.ts';
import type { LogLimits } from './limits.ts';
import { comparePositions, type LogNames } from './names.ts';
import type { LogPosition } from './ports.ts';
import type { UploadLock } from './upload-lock.ts';

export interface MaintenanceOptions {
  readonly store: ObjectStore;
  readonly names: LogNames;
  readonly limits: LogLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: Ledger;
  readonly epoch: number;
  readonly retentionMs: number;
  readonly collectMs: number;
  readonly uploads: UploadLock;
  /** Takes a snapshot of a database; false when it cannot be taken now. */
  readonly snapshot: (name: string) => Promise<boolean>;
}

export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #lock = new Mutex();
  #anchoredFloor: LogPosition | null = null;
  /** Since when a database has WAL behind its base, and which base that is. */
  readonly #behindSince = new Map<string, { generation: number; at: number }>();
  #collectedAt = Number.NEGATIVE_INFINITY;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /** Runs `work` between rounds. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#lock.run(work);
  }

  /** Seconds since the oldest commit that no snapshot holds; to the round. */
  snapshotAgeSeconds(): number {
    const oldest = Math.min(this.#options.clock.monotonic(), ...[...this.#behindSince.values()].map((behind) => behind.at));
    return (this.#options.clock.monotonic() - oldest) / 1000;
  }

  /** WAL bytes behind the snapshots of all databases. */
  walBytes(): number {
    return [...this.#options.ledger.databases.values()].reduce((sum, state) => sum + walBytes(state), 0);
  }

  /** One round. A database whose snapshot cannot be taken now does not keep the others from theirs. */
  async run(): Promise<void> {
    await this.#lock.run(async () => {
      const { log, clock, collectMs } = this.#options;
      for (const state of this.due()) {
        try {
          const isTaken = await this.#options.snapshot(state.name);
          if (!isTaken) log.debug({ database: state.name }, 'a snapshot is due, but open transactions hold it up');
        } catch (error) {
          log.warn({ error, database: state.name }, 'a snapshot failed');
        }
      }
      this.#observe();
      if (this.#needsAnchor()) await this.anchor();
      if (clock.monotonic() - this.#collectedAt < collectMs) return;
      this.#collectedAt = clock.monotonic();
      await this.collect();
    });
  }

  /** Databases whose WAL makes a restart long, the longest first. */
  due(): DatabaseState[] {
    const { ledger, limits } = this.#options;
    return [...ledger.databases.values()]
      .filter(
        (state) =>
          walBytes(state) > limits.snapshotWalBytes ||
          ((walBytes(state) > 0 || state.rows > 0) && ledger.objects - state.sinceObjects > limits.snapshotSegments),
      )
      .sort((a, b) => walBytes(b) - walBytes(a));
  }

  /** Writes the ledger down. Only durable things are in it, so it is true whoever leads by now. Under `alone`. */
  async anchor(): Promise<void> {
    const { ledger, store, names } = this.#options;
    // Alone, as a collection: what an anchor does not name must not have chunks that are older than it (collector.ts).
    await this.#options.uploads.collect(async () => {
      const anchor = anchorOf(ledger);
      await store.put(names.anchor(anchor.position), encodeAnchor(anchor));
      this.#anchoredFloor = anchor.floor;
    });
  }

  /** Under `alone`. */
  async collect(): Promise<void> {
    const { ledger, store, names, clock, epoch, retentionMs, uploads, log } = this.#options;
    const collected = await collect(ledger, { store, names, clock, epoch, retentionMs, uploads });
    if (collected.segments + collected.chunks + collected.anchors > 0) log.info({ ...collected }, 'the log was trimmed');
  }

  #observe(): void {
    const { ledger, clock } = this.#options;
    for (const [uuid, behind] of this.#behindSince) {
      if (ledger.databases.get(uuid)?.base.generation !== behind.generation) this.#behindSince.delete(uuid);
    }
    for (const state of ledger.databases.values()) {
      if (walBytes(state) > 0 && !this.#behindSince.has(state.database))
        this.#behindSince.set(state.database, { generation: state.base.generation, at: clock.monotonic() });
    }
  }

  /** Without a new anchor a restart would read all that lies behind the last one, though snapshots made it needless. */
  #needsAnchor(): boolean {
    const { ledger } = this.#options;
    if (ledger.digest === null) return false;
    return this.#anchoredFloor === null ? ledger.objects > 0 : comparePositions(ledger.floor(), this.#anchoredFloor) > 0;
  }
}

function walBytes(state: DatabaseState): number {
  return state.walEnd - chunksLength(state.base.wal);
}
