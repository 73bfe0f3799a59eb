/**
 * Writes this pod's record, and, while this pod leads, surveys those of the others. What is decided lies in
 * `member-record.ts` (which state follows which) and `membership.ts` (who lives).
 */
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type MemberTimes, recordBytesMax } from './limits.ts';
import { encodeMember, type MemberRecord, type MemberState, moveState, parseMember } from './member-record.ts';
import {
  type Membership,
  type MembershipEffect,
  type MembershipEvent,
  noMembers,
  stepMembership,
  watchersOf,
} from './membership.ts';
import { brokerKey, brokersPrefix, checkNode } from './names.ts';

export interface MembersOptions {
  readonly node: string;
  readonly stamp: string;
  readonly host: string;
  readonly port: number;
  readonly store: ObjectStore;
  readonly times: MemberTimes;
  readonly clock: Clock;
  readonly log: Logger;
  /** As far as this pod has seen the log: `epoch/seq`. */
  readonly position: () => string;
  /** While this pod leads: something about the others changed. */
  readonly onChange: (effects: readonly MembershipEffect[], watchers: readonly string[]) => void;
}

export class Members {
  readonly #options: MembersOptions;
  #state: MemberState = 'active';
  #beat = 0;
  #membership: Membership = noMembers;
  #isSurveying = false;
  #isStopped = false;
  #cancelRefresh: () => void = () => undefined;
  #cancelSurvey: () => void = () => undefined;
  /** The own record's writes, one after the other: an older one never covers a newer. */
  #writing: Promise<void> = Promise.resolve();

  constructor(options: MembersOptions) {
    checkNode(options.node);
    this.#options = options;
  }

  /** Writes the own record and goes on doing so. Rejects when the first write fails. */
  async start(): Promise<void> {
    await this.#write();
    this.#refreshLater();
  }

  /** Writes nothing more; `setState('shutdown')` goes before it. */
  stop(): void {
    this.#isStopped = true;
    this.survey(false);
    this.#cancelRefresh();
  }

  get state(): MemberState {
    return this.#state;
  }

  /** The members as this pod, leading, has seen them; empty on a broker. */
  get membership(): Membership {
    return this.#membership;
  }

  /**
   * Changes the own state and says so in the store. Throws `invalid_argument` when the state does not follow, and as the
   * store does when it cannot be written; it is the pod's state all the same, and is written with the next refresh.
   */
  async setState(to: MemberState): Promise<void> {
    const { node, log } = this.#options;
    const from = this.#state;
    this.#state = moveState(node, from, to);
    if (from === to) return;
    log.info({ node, from, to }, 'the state of this pod changes');
    await this.#write();
  }

  /** Looks after the others; only the leader does. */
  survey(is: boolean): void {
    if (is === this.#isSurveying) return;
    this.#isSurveying = is;
    this.#cancelSurvey();
    this.#membership = noMembers;
    if (is) this.#surveyAfter(0);
  }

  #write(): Promise<void> {
    const { clock, store, times } = this.#options;
    const write = async (): Promise<void> => {
      const { node, stamp, host, port, position } = this.#options;
      const record: MemberRecord = { node, stamp, host, port, state: this.#state, beat: ++this.#beat, logPosition: position() };
      await store.put(brokerKey(node), Buffer.from(encodeMember(record)), { signal: clock.deadline(times.callMsMax) });
    };
    const written = this.#writing.then(write);
    this.#writing = written.catch(() => undefined);
    return written;
  }

  #refreshLater(): void {
    const { clock, times, log } = this.#options;
    this.#cancelRefresh = clock.after(times.refreshMs, () => {
      this.#write()
        .catch((error: unknown) => log.warn({ error }, 'the record of this pod was not written; trying again'))
        .finally(() => {
          if (!this.#isStopped) this.#refreshLater();
        });
    });
  }

  #surveyAfter(ms: number): void {
    const { clock, times, log } = this.#options;
    this.#cancelSurvey = clock.after(ms, () => {
      this.#surveyOnce()
        .catch((error: unknown) => log.warn({ error }, 'the records of the other pods cannot be read; trying again'))
        .finally(() => {
          if (this.#isSurveying) this.#surveyAfter(times.surveyMs);
        });
    });
  }

  async #surveyOnce(): Promise<void> {
    const { store, clock, times, node: self, onChange } = this.#options;
    const signal = clock.deadline(times.callMsMax);
    const versions = new Map<string, string>();
    for await (const { key, size, modified } of store.list(brokersPrefix, { signal }))
      versions.set(key.slice(brokersPrefix.length), `${size}/${modified}`);
    versions.delete(self);
    const told: MembershipEffect[] = [];
    for (const effect of this.#step({ t: 'listed', versions })) {
      if (!this.#isSurveying) return;
      if (effect.t === 'read') told.push(...(await this.#read(effect.node, effect.version)));
      else if (effect.t === 'delete') await this.#delete(effect.node);
      else told.push(effect);
    }
    if (told.length > 0 && this.#isSurveying) onChange(told, watchersOf(this.#membership, self));
  }

  async #read(node: string, version: string): Promise<readonly MembershipEffect[]> {
    const { store, clock, times } = this.#options;
    const range = { start: 0, end: recordBytesMax };
    const object = await store.get(brokerKey(node), { range, signal: clock.deadline(times.callMsMax) });
    // Gone between list and read: the next list says so.
    if (!object || !this.#isSurveying) return [];
    return this.#step({ t: 'record', node, version, record: parseMember(node, object.body.toString('utf8')) });
  }

  async #delete(node: string): Promise<void> {
    const { store, clock, times, log } = this.#options;
    // Unconditional: stores ignore If-Match on DELETE. A pod that came back meanwhile writes its record again.
    await store.delete(brokerKey(node), { signal: clock.deadline(times.callMsMax) });
    log.info({ node }, 'the record of a pod that is long gone is deleted');
  }

  #step(event: MembershipEvent): readonly MembershipEffect[] {
    const { clock, times, log } = this.#options;
    const { state, effects } = stepMembership(this.#membership, event, clock.monotonic(), times);
    this.#membership = state;
    for (const { t, node } of effects)
      if (t === 'twins')
        log.error(
          { node, error: new LakeError('config_invalid', `two pods call themselves ${node}`) },
          'give each pod its own BOILSTREAM_NODE_NAME',
        );
    return effects;
  }
}
