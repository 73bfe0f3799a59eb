/**
 * Acts on what step.ts decides: looks around every few seconds, runs one pass at a time with a deadline, remembers what
 * each pass did. Nothing here fails a pod: a lake that cannot be put in order is logged and tried again later.
 */
import type { Clock } from '../../base/clock.ts';
import type { Lake } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { limits } from './limits.ts';
import type { MaintenanceMetrics } from './metrics.ts';
import { isGivingWay, type PassReport, runPass } from './pass.ts';
import type { LakeSettings, MaintenanceCatalog, Workshop } from './ports.ts';
import { type Effect, type Event, nextPassAt, type PassEnd, start, type State, step } from './step.ts';

export interface MaintenanceOptions {
  readonly lakes: () => Promise<readonly Lake[]>;
  readonly catalog: MaintenanceCatalog;
  readonly openWorkshop: (lake: Lake) => Promise<Workshop>;
  readonly settings: LakeSettings;
  /** Least milliseconds between two passes on a lake. */
  readonly intervalMs: number;
  /** Milliseconds between looks. */
  readonly tickMs?: number;
  /** True while users' statements wait for a place. */
  readonly isBusy: () => boolean;
  readonly metrics: MaintenanceMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known of a lake's maintenance. Times are milliseconds since 1970. */
export interface LakeMaintenance {
  readonly settings: LakeSettings;
  readonly last: {
    readonly at: number;
    readonly ms: number;
    readonly end: 'done' | 'gave-way' | 'failed';
    readonly report: PassReport | null;
  } | null;
  readonly isRunning: boolean;
  /** null = when somebody writes. */
  readonly nextAt: number | null;
}

export interface Maintenance {
  of(lakeId: string): LakeMaintenance;
  /** A pass on this lake now, before all others; resolves when it has begun or waits for the one that runs. */
  ask(lakeId: string): void;
  /** Stops what runs, begins nothing more. Resolves when it has ended. */
  close(): Promise<void>;
}

/** Begins to look around. */
export function startMaintenance(options: MaintenanceOptions): Maintenance {
  return new Driver(options);
}

interface Memory {
  readonly lake: Lake;
  last: LakeMaintenance['last'];
  flushedAt: number;
}

class Driver implements Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #logger: Logger;
  readonly #lakes = new Map<string, Memory>();
  #state: State = start;
  #stopPass: AbortController | null = null;
  #pass: Promise<void> = Promise.resolve();
  #cancelTick: () => void = () => undefined;
  #closed = false;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ room: 'maintenance' });
    this.#tickLater();
  }

  of(lakeId: string): LakeMaintenance {
    return {
      settings: this.#options.settings,
      last: this.#lakes.get(lakeId)?.last ?? null,
      isRunning: this.#state.running?.id === lakeId,
      nextAt: nextPassAt(this.#state.lakes.get(lakeId)),
    };
  }

  ask(lakeId: string): void {
    this.#take({ t: 'ask', id: lakeId });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTick();
    this.#take({ t: 'drain' });
    await this.#pass;
  }

  #tickLater(): void {
    if (this.#closed) return;
    this.#cancelTick = this.#options.clock.after(this.#options.tickMs ?? limits.tickMs, () => {
      void this.#look()
        .catch((error: unknown) => this.#logger.warn({ error }, 'maintenance could not look around'))
        .finally(() => this.#tickLater());
    });
  }

  async #look(): Promise<void> {
    const { lakes, catalog, clock, isBusy, settings } = this.#options;
    const [all, marks] = await Promise.all([lakes(), catalog.marks()]);
    for (const lake of all) {
      const known = this.#lakes.get(lake.id);
      this.#lakes.set(lake.id, { lake, last: known?.last ?? null, flushedAt: known?.flushedAt ?? clock.now() });
    }
    for (const id of this.#lakes.keys()) if (!all.some((lake) => lake.id === id)) this.#lakes.delete(id);
    const seen = all.flatMap(({ id }) => {
      const mark = marks.get(id);
      return mark === undefined ? [] : [{ id, mark, enabled: settings.enabled }];
    });
    this.#take({ t: 'look', lakes: seen, isBusy: isBusy() });
    this.#options.metrics.waiting([...this.#state.lakes.values()].filter(({ dueSince }) => dueSince !== null).length);
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
    const memory = this.#lakes.get(effect.id);
    this.#pass = (memory ? this.#run(memory) : Promise.resolve<PassEnd>({ t: 'failed' })).then((end) =>
      this.#take({ t: 'end', id: effect.id, end }),
    );
  }

  async #run(memory: Memory): Promise<PassEnd> {
    const { clock, metrics } = this.#options;
    const stop = new AbortController();
    this.#stopPass = stop;
    const cancel = clock.after(limits.passMsMax, () => stop.abort(new LakeError('deadline_exceeded', 'the pass takes too long')));
    const at = clock.now();
    const began = clock.monotonic();
    let report: PassReport | null = null;
    let end: 'done' | 'gave-way' | 'failed' = 'done';
    try {
      report = await runPass({
        ...this.#options,
        lake: memory.lake,
        flushedAt: memory.flushedAt,
        isAsked: this.#state.lakes.get(memory.lake.id)?.isAsked ?? false,
        signal: stop.signal,
        room: (signal) => this.#room(signal),
      });
      memory.flushedAt = report.flushedAt;
    } catch (error) {
      end = isGivingWay(error) ? 'gave-way' : 'failed';
      if (!stop.signal.aborted)
        this.#logger.warn({ error, lake: memory.lake.name, end }, 'a pass of maintenance did not come to its end');
    } finally {
      cancel();
      this.#stopPass = null;
    }
    const ms = Math.round(clock.monotonic() - began);
    memory.last = { at, ms, end, report };
    metrics.pass(end, ms);
    if (!report) return { t: end === 'done' ? 'failed' : end };
    this.#logger.debug({ lake: memory.lake.name, ms, ...report, facts: undefined }, 'a pass of maintenance has ended');
    return { t: 'done', mark: report.facts.mark, wakeAt: report.wakeAt, again: report.again };
  }

  /** Between two actions: users who wait come first. */
  async #room(signal: AbortSignal): Promise<void> {
    const { clock, isBusy } = this.#options;
    while (isBusy() && !signal.aborted) await clock.sleep(roomMs, { unref: true });
  }
}

const roomMs = 100;
