/**
 * Runs the election: does what `state.ts` decides, on the object store and on the log that it is handed, and tells who
 * leads. Lives in the metadata worker, with the shipper: nothing here waits for the main event loop. (Over 300 lines: the
 * effects belong together, they hand on one thing that is read ahead, taken, led and discarded.)
 */
import type { Clock } from '../../base/clock.ts';
import { LakeError, toLakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { LeaderRecord } from '../leader-record.ts';
import type { ElectionTimes } from '../limits.ts';
import { checkNode } from '../names.ts';
import type { LedLog, Peers, PreparedLog, TakeableLog } from '../ports.ts';
import { LeaderObject } from './leader-object.ts';
import {
  type DemotionReason,
  type ElectionEffect,
  type ElectionEvent,
  type ElectionState,
  holdsLease,
  initialState,
  mayFence,
  step,
  wakeAt,
} from './state.ts';

export interface ElectionOptions {
  readonly node: string;
  /** 32 hex digits of this process; the same as the writer stamp of its log objects. */
  readonly stamp: string;
  /** Where the other pods reach this pod's cluster port. */
  readonly host: string;
  readonly port: number;
  readonly store: ObjectStore;
  /** What the probe of the store found. */
  readonly hasStableEtag: boolean;
  readonly takeable: TakeableLog;
  readonly peers: Peers;
  readonly times: ElectionTimes;
  /** Its monotonic time must go on while the machine sleeps (`bootClock`). */
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This pod leads from now on. */
  readonly onLead: (led: LedLog) => void;
  /** It does not any more; its databases and sessions are being discarded. */
  readonly onDemoted: (why: DemotionReason) => void;
  /** Who leads, as seen in the store; null: nobody. Called when it changes. */
  readonly onLeader: (leader: LeaderRecord | null) => void;
  /** The decisions; replaced only by tests that prove their checker. */
  readonly decide?: typeof step;
  readonly judgeLease?: typeof holdsLease;
  readonly judgeFence?: typeof mayFence;
}

/** Where a pod stands, for `cluster status` and metrics. */
export interface ElectionStatus {
  readonly role: 'following' | 'candidate' | 'leading' | 'leaving';
  readonly epoch: number;
  readonly leader: LeaderRecord | null;
  readonly hasLease: boolean;
}

export class Election {
  readonly #options: ElectionOptions;
  readonly #object: LeaderObject;
  #state: ElectionState;
  #cancelWake: () => void = () => undefined;
  #isStopped = false;
  #reading: AbortController | null = null;
  #prepared: PreparedLog | null = null;
  #led: LedLog | null = null;
  #leader: LeaderRecord | null = null;
  #leaving: Array<() => void> = [];
  #isStepping = false;
  #events: ElectionEvent[] = [];

  constructor(options: ElectionOptions) {
    checkNode(options.node);
    const { store, times, clock, hasStableEtag } = options;
    this.#options = options;
    this.#object = new LeaderObject({
      store,
      clock,
      hasStableEtag,
      strategy: times.hasLease ? 'swap' : 'create',
      callMsMax: times.callMsMax,
    });
    this.#state = initialState(clock.monotonic());
  }

  /** Begins to look, and to claim when there is nobody. */
  start(): void {
    this.#on({ t: 'wake' });
  }

  /** Ends without leaving anything in order: a leader steps down first. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelWake();
    this.#reading?.abort(new LakeError('admin_shutdown', 'the pod is shutting down'));
  }

  get status(): ElectionStatus {
    const { role } = this.#state;
    const stage = role.t === 'holding' ? role.stage : null;
    return {
      role:
        role.t === 'following'
          ? 'following'
          : stage === 'leading'
            ? 'leading'
            : stage === 'closing' || stage === 'releasing'
              ? 'leaving'
              : 'candidate',
      epoch: role.t === 'following' ? (this.#leader?.epoch ?? 0) : role.epoch,
      leader: this.#leader,
      hasLease: this.hasLease,
    };
  }

  /** What this pod leads with; null while it does not. */
  get led(): LedLog | null {
    return this.#led;
  }

  get hasLease(): boolean {
    const { clock, times, judgeLease = holdsLease } = this.#options;
    return this.#led !== null && judgeLease(this.#state, clock.monotonic(), times);
  }

  /**
   * To be passed AFTER a snapshot was taken and before anything of it is told to anyone: null at once while the lease
   * holds; else a look at the log. Rejects with `not_leader`, and as `LedLog.probe` does: then nothing may be told.
   */
  confirm(): Promise<void> | null {
    if (this.hasLease) return null;
    return this.#led
      ? this.#led.probe()
      : Promise.reject(new LakeError('not_leader', 'this pod does not lead', { retriable: true }));
  }

  /** There may be something new to see. */
  nudge(): void {
    this.#on({ t: 'nudge' });
  }

  /** The leader is about to step down and prefers this pod. */
  standBy(): void {
    this.#on({ t: 'stand-by' });
  }

  /** Whether this pod may claim at all; a draining one must not. */
  setEligible(is: boolean): void {
    this.#on({ t: 'eligible', is });
  }

  /** Who looks often, told in the next heartbeats. */
  setWatch(nodes: readonly string[]): void {
    this.#on({ t: 'watch', nodes });
  }

  /** Closes, and lets another pod lead. Resolves when this one does not lead any more; at once when it never did. */
  async stepDown(preferred: string | null): Promise<void> {
    if (this.#state.role.t !== 'holding') return;
    const left = new Promise<void>((resolve) => this.#leaving.push(resolve));
    this.#on({ t: 'step-down', preferred });
    await left;
  }

  /** One event at a time; those that effects cause at once come after it. */
  #on(event: ElectionEvent): void {
    if (this.#isStopped) return;
    this.#events.push(event);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) this.#step(next);
    } finally {
      this.#isStepping = false;
    }
    this.#schedule();
  }

  #step(event: ElectionEvent): void {
    const { clock, random, node, stamp, host, port, times, decide = step } = this.#options;
    const context = { me: { node, stamp, host, port }, times, chance: random.fraction() };
    const { state, effects } = decide(this.#state, event, clock.monotonic(), context);
    this.#state = state;
    for (const effect of effects) this.#do(effect);
    this.#publish();
    if (this.#led === null && state.role.t === 'following') for (const resolve of this.#leaving.splice(0)) resolve();
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancelWake();
    const at = wakeAt(this.#state);
    if (at !== null && !this.#isStopped) this.#cancelWake = clock.after(at - clock.monotonic(), () => this.#on({ t: 'wake' }));
  }

  #do(effect: ElectionEffect): void {
    switch (effect.t) {
      case 'read':
        return void this.#read();
      case 'write':
        return void this.#write(effect.text, effect.expected);
      case 'prepare':
        return void this.#prepare();
      case 'abandon':
        return this.#abandon();
      case 'fence':
        return void this.#fence();
      case 'lead':
        return this.#lead(effect.epoch);
      case 'close':
        return void this.#close();
      case 'demote':
        return void this.#demote(effect.why);
      case 'tell':
        return this.#options.peers.tell(effect.preferred);
    }
  }

  async #read(): Promise<void> {
    let event: ElectionEvent;
    try {
      event = { t: 'read', found: await this.#object.read() };
    } catch (error) {
      this.#options.log.warn({ error }, 'the leader of the cluster cannot be looked up; trying again');
      event = { t: 'read-failed' };
    }
    this.#on(event);
  }

  async #write(text: string, expected: string | null): Promise<void> {
    let event: ElectionEvent;
    try {
      event = { t: (await this.#object.replace(expected, text)) === 'done' ? 'wrote' : 'write-refused' };
    } catch (error) {
      this.#options.log.warn({ error }, 'a heartbeat has no known outcome; looking whether it landed');
      event = { t: 'write-unknown' };
    }
    this.#on(event);
  }

  async #prepare(): Promise<void> {
    const { log, takeable } = this.#options;
    const reading = new AbortController();
    this.#reading = reading;
    try {
      const prepared = await takeable.prepare(reading.signal);
      if (this.#reading !== reading || reading.signal.aborted) return void (await prepared.abandon());
      this.#prepared = prepared;
      this.#on({ t: 'prepared', epoch: prepared.epoch });
    } catch (error) {
      if (this.#reading !== reading) return;
      this.#reading = null;
      log.error({ error }, 'the log cannot be read, so this pod cannot take over; trying again');
      this.#on({ t: 'prepare-failed' });
    }
  }

  #abandon(): void {
    this.#reading?.abort(new LakeError('query_canceled', 'this pod does not take over'));
    this.#reading = null;
    const prepared = this.#prepared;
    this.#prepared = null;
    prepared?.abandon().catch((error: unknown) => this.#options.log.warn({ error }, 'what was read ahead cannot be removed'));
  }

  get #mayFence(): boolean {
    const { clock, times, judgeFence = mayFence } = this.#options;
    return judgeFence(this.#state, clock.monotonic(), times);
  }

  async #fence(): Promise<void> {
    const reading = this.#reading as AbortController;
    const prepared = this.#prepared as PreparedLog;
    // From here on it is `take` that cleans up after itself.
    this.#prepared = null;
    try {
      const led = await prepared.take(reading.signal, () => this.#reading === reading && this.#mayFence);
      // Given up meanwhile: the epoch was taken for nobody, and the next candidate comes after it.
      if (this.#reading !== reading || this.#isStopped) return void (await led.discard());
      this.#reading = null;
      this.#led = led;
      this.#on({ t: 'fenced', epoch: led.epoch });
    } catch (error) {
      if (this.#reading !== reading) return;
      this.#options.log.error({ error }, 'the next epoch of the log was not taken; another pod may');
      this.#on({ t: 'fence-failed' });
    }
  }

  #lead(epoch: number): void {
    const { log, node, onLead } = this.#options;
    const led = this.#led as LedLog;
    log.info({ epoch, node }, 'this pod leads the cluster');
    const lose = (): void => {
      if (this.#led === led) this.#on({ t: 'lost', isFenced: toLakeError(led.lost.reason).code === 'fenced' });
    };
    onLead(led);
    if (led.lost.aborted) lose();
    else led.lost.addEventListener('abort', lose, { once: true });
  }

  async #close(): Promise<void> {
    try {
      await this.#led?.close();
    } catch (error) {
      this.#options.log.error({ error }, 'sessions did not end in good order');
    }
    this.#on({ t: 'closed' });
  }

  async #demote(why: DemotionReason): Promise<void> {
    const { log, onDemoted } = this.#options;
    const led = this.#led;
    this.#led = null;
    if (why === 'left') log.info({ epoch: led?.epoch }, 'this pod has stepped down');
    else log.error({ epoch: led?.epoch, why }, 'this pod does not lead any more; nothing more is acknowledged');
    onDemoted(why);
    await led?.discard();
    this.#on({ t: 'discarded' });
  }

  #publish(): void {
    const { role, seen } = this.#state;
    const isLeading = role.t === 'holding' && role.hasState;
    const record = seen?.record?.phase === 'leading' ? seen.record : null;
    const leader = isLeading ? this.#own(role.epoch) : role.t === 'following' ? record : null;
    const before = this.#leader;
    if (before?.stamp === leader?.stamp && before?.epoch === leader?.epoch) return;
    this.#leader = leader;
    this.#options.onLeader(leader);
  }

  #own(epoch: number): LeaderRecord {
    const { node, stamp, host, port } = this.#options;
    return {
      epoch,
      node,
      stamp,
      host,
      port,
      beat: this.#state.beat,
      phase: 'leading',
      watch: this.#state.watch,
      preferred: null,
    };
  }
}
