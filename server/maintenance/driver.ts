/**
 * Acts on what step.ts decides: looks around every few seconds, runs one pass at a time with a deadline, remembers what
 * each pass left, also for the next process. Nothing here fails a pod: a lake that cannot be put in order is logged and
 * tried again later.
 */
import type { Clock } from '../../base/clock.ts';
import type { Lake } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { isGivingWay } from './action.ts';
import { limits } from './limits.ts';
import type { MaintenanceMetrics } from './metrics.ts';
import { runPass } from './pass.ts';
import type { LakeSettings, MaintenanceCatalog, MaintenanceRecords, OwnerSettings, Passed, Sums, Workshop } from './ports.ts';
import { type Effect, type Event, nextPassAt, type PassEnd, start, type State, step } from './step.ts';

export interface MaintenanceOptions {
  readonly lakes: () => Promise<readonly Lake[]>;
  readonly catalog: MaintenanceCatalog;
  readonly records: MaintenanceRecords;
  readonly openWorkshop: (lake: Lake) => Promise<Workshop>;
  /** For lakes whose owner has said nothing else. */
  readonly settings: LakeSettings;
  /** Least milliseconds between two passes on a lake. */
  readonly intervalMs: number;
  /** Files younger than this are not searched for, milliseconds. */
  readonly orphanMs: number;
  /** True while users' statements wait for a place. */
  readonly isBusy: () => boolean;
  readonly metrics: MaintenanceMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known of a lake's maintenance. Times are milliseconds since 1970. */
export interface LakeMaintenance {
  readonly settings: LakeSettings;
  readonly last: Passed | null;
  readonly isRunning: boolean;
  /** null = when somebody writes. */
  readonly nextAt: number | null;
}

export interface Maintenance {
  of(lakeId: string): Promise<LakeMaintenance>;
  /** A pass on this lake before all others; resolves to what it left when it has ended. Rejects with `deadline_exceeded`, `undefined_database`. */
  runNow(lakeId: string): Promise<Passed>;
  /** Stops what runs, begins nothing more. Resolves when it has ended. */
  close(): Promise<void>;
}

/** Begins to look around. */
export function startMaintenance(options: MaintenanceOptions): Maintenance {
  return new Driver(options);
}

interface Known {
  readonly lake: Lake;
  readonly settings: LakeSettings;
  last: Passed | null;
}

const nothing: Sums = {
  rowsFlushed: 0,
  snapshotsExpired: 0,
  filesMerged: 0,
  filesRewritten: 0,
  filesMade: 0,
  filesDeleted: 0,
  bytesDeleted: 0,
};

class Driver implements Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #logger: Logger;
  readonly #startedAt: number;
  #lakes: ReadonlyMap<string, Known> = new Map();
  #state: State = start;
  #stopPass: AbortController | null = null;
  #pass: Promise<void> = Promise.resolve();
  readonly #waiting = new Map<string, PromiseWithResolvers<Passed>>();
  #cancelTick: () => void = () => undefined;
  #droppedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ room: 'maintenance' });
    this.#startedAt = options.clock.now();
    this.#tickLater();
  }

  async of(lakeId: string): Promise<LakeMaintenance> {
    await this.#refresh();
    const known = this.#lakes.get(lakeId);
    const plan = this.#state.lakes.get(lakeId);
    const settings = known?.settings ?? this.#options.settings;
    const next = plan ? nextPassAt(plan) : (known?.last?.wakeAt ?? null);
    return {
      settings,
      last: known?.last ?? null,
      isRunning: this.#state.running?.id === lakeId,
      nextAt: settings.enabled || plan?.isAsked ? next : null,
    };
  }

  async runNow(lakeId: string): Promise<Passed> {
    if (this.#closed) throw new LakeError('admin_shutdown', 'the pod is shutting down');
    await this.#refresh();
    if (!this.#lakes.has(lakeId)) throw new LakeError('undefined_database', 'the ducklake does not exist');
    const waiting = this.#waiting.get(lakeId) ?? Promise.withResolvers<Passed>();
    this.#waiting.set(lakeId, waiting);
    this.#take({ t: 'ask', id: lakeId });
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = this.#options.clock.after(limits.askMsMax, () =>
      reject(
        new LakeError('deadline_exceeded', 'maintenance of the ducklake has not ended yet', {
          hint: 'It goes on; ducklakes show tells.',
        }),
      ),
    );
    try {
      return await Promise.race([waiting.promise, late]);
    } finally {
      cancel();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTick();
    this.#take({ t: 'drain' });
    await this.#pass;
    for (const { reject } of this.#waiting.values()) reject(new LakeError('admin_shutdown', 'the pod is shutting down'));
  }

  #tickLater(ms = Math.min(limits.tickMs, this.#options.intervalMs)): void {
    this.#cancelTick();
    if (this.#closed) return;
    this.#cancelTick = this.#options.clock.after(ms, () => {
      void this.#look()
        .catch((error: unknown) => {
          if (!this.#closed) this.#logger.warn({ error }, 'maintenance could not look around');
        })
        .finally(() => this.#tickLater());
    });
  }

  async #look(): Promise<void> {
    const { catalog, isBusy, metrics } = this.#options;
    const [marks] = await Promise.all([catalog.marks(), this.#refresh()]);
    const seen = [...this.#lakes.values()].flatMap(({ lake, settings, last }) => {
      const mark = marks.get(lake.id);
      const passed = last ? { mark: last.mark, wakeAt: last.wakeAt } : undefined;
      return mark === undefined ? [] : [{ id: lake.id, mark, enabled: settings.enabled, passed }];
    });
    this.#take({ t: 'look', lakes: seen, isBusy: isBusy() });
    metrics.waiting([...this.#state.lakes.values()].filter(({ dueSince }) => dueSince !== null).length);
    await this.#lookAtDropped();
  }

  /** Who there is, what was set for them and what they left. */
  async #refresh(): Promise<void> {
    const { lakes, records, settings } = this.#options;
    const [all, rows] = await Promise.all([lakes(), records.read()]);
    const byId = new Map(rows.map((row) => [row.lakeId, row]));
    this.#lakes = new Map(
      all.map((lake): [string, Known] => {
        const row = byId.get(lake.id);
        const last = this.#lakes.get(lake.id)?.last ?? (row?.passed as Passed | null | undefined) ?? null;
        return [lake.id, { lake, settings: effective(settings, row?.settings), last }];
      }),
    );
  }

  async #lookAtDropped(): Promise<void> {
    const { clock, catalog, intervalMs, metrics } = this.#options;
    if (this.#closed || clock.monotonic() - this.#droppedAt < Math.min(limits.droppedMs, intervalMs)) return;
    this.#droppedAt = clock.monotonic();
    for (const { files, bytes } of await catalog.collectDropped()) metrics.deleted('dropped', files, bytes);
  }

  #take(event: Event): void {
    const { state, effects } = step(this.#state, event, this.#options.clock.now(), this.#options.intervalMs);
    this.#state = state;
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: Effect): void {
    if (effect.t === 'stop') {
      this.#stopPass?.abort(new LakeError('admin_shutdown', 'the pod is shutting down'));
      return;
    }
    const known = this.#lakes.get(effect.id);
    this.#pass = (known ? this.#run(known) : Promise.resolve<PassEnd>({ t: 'failed' })).then((end) => {
      this.#take({ t: 'end', id: effect.id, end });
      // The next lake has its turn when the rest is over, not at the next tick.
      this.#tickLater(Math.max(roomMs, Math.min(limits.tickMs, this.#state.restUntil - this.#options.clock.now())));
    });
  }

  /** Never rejects. */
  async #run(known: Known): Promise<PassEnd> {
    const { clock, metrics } = this.#options;
    const { lake } = known;
    const stop = new AbortController();
    this.#stopPass = stop;
    const cancel = clock.after(limits.passMsMax, () => stop.abort(new LakeError('deadline_exceeded', 'the pass takes too long')));
    const at = clock.now();
    const began = clock.monotonic();
    const before = known.last ?? {
      flushedAt: this.#startedAt,
      searchedAt: 0,
      searchedMark: '',
      stumbledOn: null,
      mark: '',
      wakeAt: null,
    };
    const isAsked = this.#state.lakes.get(lake.id)?.isAsked ?? false;
    const ended = (rest: Pick<Passed, 'end' | 'reason' | 'did' | 'keeps'> & Partial<Passed>): Passed => ({
      ...before,
      mark: '',
      at,
      ms: Math.round(clock.monotonic() - began),
      ...rest,
    });
    let passed: Passed;
    let again = false;
    try {
      const {
        again: isMore,
        error,
        ...report
      } = await runPass({
        ...this.#options,
        lake,
        settings: known.settings,
        before,
        isAsked,
        signal: stop.signal,
        room: (signal) => this.#room(signal),
      });
      again = isMore;
      const unfinished = again || error !== null ? { mark: '' } : {};
      if (error !== null) {
        // To give way is daily business.
        const level = endOf(error) === 'failed' ? 'warn' : 'debug';
        this.#logger[level](
          { error, lake: lake.name, on: report.stumbledOn },
          'an action of maintenance did not come to its end',
        );
      }
      passed = ended({
        end: error === null ? 'done' : endOf(error),
        reason: error === null ? null : reasonOf(error),
        ...report,
        ...unfinished,
      });
    } catch (error) {
      const end = endOf(error);
      passed = ended({ end, reason: reasonOf(error), did: nothing, keeps: [] });
      if (!stop.signal.aborted)
        this.#logger.warn({ error, lake: lake.name, end }, 'a pass of maintenance did not come to its end');
    } finally {
      cancel();
      this.#stopPass = null;
    }
    known.last = passed;
    const now = this.#lakes.get(lake.id);
    if (now) now.last = passed;
    metrics.pass(passed.end, passed.ms);
    await this.#record(lake, passed);
    this.#waiting.get(lake.id)?.resolve(passed);
    this.#waiting.delete(lake.id);
    if (passed.end !== 'done') return { t: passed.end };
    this.#logger.debug({ lake: lake.name, ms: passed.ms, ...passed.did }, 'a pass of maintenance has ended');
    return { t: 'done', mark: passed.mark, wakeAt: passed.wakeAt, again };
  }

  async #record({ id, name }: Lake, passed: Passed): Promise<void> {
    try {
      await this.#options.records.write(id, passed);
    } catch (error) {
      // The lake is gone, or the store is away: the next process looks at the lake again.
      if (!this.#closed) this.#logger.warn({ error, lake: name }, 'what a pass of maintenance left could not be recorded');
    }
  }

  /** Between two actions: users who wait come first. */
  async #room(signal: AbortSignal): Promise<void> {
    const { clock, isBusy } = this.#options;
    while (isBusy() && !signal.aborted) await clock.sleep(roomMs, { unref: true });
  }
}

const roomMs = 100;
const reasonMax = 500;

function endOf(error: unknown): 'gave-way' | 'failed' {
  return isGivingWay(error) ? 'gave-way' : 'failed';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] as string).slice(0, reasonMax) : 'unknown';
}

function effective(pod: LakeSettings, owner: OwnerSettings | undefined): LakeSettings {
  const said = Object.entries(owner ?? {}).filter(([, value]) => value !== undefined);
  return { ...pod, ...Object.fromEntries(said) };
}
