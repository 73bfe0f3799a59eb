/**
 * Instances by set of grants. Sessions whose principals have the same lakes with the same rights share one; a changed
 * grant, a new or dropped lake gives another key, so sessions opened (or refreshed) after it get another instance and the
 * old one ends with its last session. The count and the memory of all together are bounded.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { canAttach, EngineInstance } from './instance.ts';
import { type EngineLimits, instanceMemoryBytesMin, memoryShare, roomyShare, unavailableRetryMs } from './limits.ts';
import type { DataKeys, LakeAccess, Lakes, MetadataEndpoint, MetadataTokens } from './ports.ts';

export interface PoolOptions {
  readonly lakes: Lakes;
  readonly tokens: MetadataTokens;
  readonly dataKeys: DataKeys | undefined;
  readonly limits: EngineLimits;
  readonly basePath: string;
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Entry {
  /** Where it stands in the pool; changed when another instance takes over the grants. */
  key: string;
  readonly opening: Promise<EngineInstance>;
  readonly memoryBytes: number;
  endpoint?: MetadataEndpoint;
  /** When lakes that it lacks were last tried; monotonic milliseconds. */
  triedAt: number;
  users: number;
  cancelIdle: (() => void) | undefined;
}

/** A session's hold on an instance. `release` must be called after its connection is closed; idempotent. */
export interface Lease {
  readonly instance: EngineInstance;
  /** Names the set of grants; another key than the principal's present one means that the lease is out of date. */
  readonly key: string;
  release(): void;
}

export class InstancePool {
  readonly #options: PoolOptions;
  readonly #entries = new Map<string, Entry>();
  #closing = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The instance for the principal's present grants, opened if there is none. */
  async lease(principal: Principal): Promise<Lease> {
    const access = await this.#options.lakes.of(principal);
    const key = grantsKey(access);
    await this.#renew(key);
    if (this.#closing) throw new LakeError('admin_shutdown', 'the pod is shutting down');
    const entry = this.#entries.get(key) ?? this.#add(key, access);
    entry.cancelIdle?.();
    entry.cancelIdle = undefined;
    entry.users++;
    try {
      const instance = await entry.opening;
      let released = false;
      return {
        instance,
        key,
        release: () => {
          if (released) return;
          released = true;
          this.#leave(entry);
        },
      };
    } catch (error) {
      this.#leave(entry);
      throw error;
    }
  }

  /** The key `lease` would use now. */
  async keyOf(principal: Principal): Promise<{ readonly key: string; readonly access: readonly LakeAccess[] }> {
    const access = await this.#options.lakes.of(principal);
    return { key: grantsKey(access), access };
  }

  /** Closes idle instances now and refuses new ones. Sessions must have been closed. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const entry of [...this.#entries.values()]) {
      entry.cancelIdle?.();
      this.#entries.delete(entry.key);
      await this.#dispose(entry);
    }
  }

  /**
   * An instance that lacks lakes gives its place to a new one as soon as one of them can be attached; sessions that it has keep
   * it until they end. It is looked at when a session comes, and not more often than once in `unavailableRetryMs`.
   */
  async #renew(key: string): Promise<void> {
    const entry = this.#entries.get(key);
    const instance = await entry?.opening.catch(() => undefined);
    if (!entry || !instance || instance.unavailable.size === 0) return;
    const now = this.#options.clock.monotonic();
    if (now - entry.triedAt < unavailableRetryMs) return;
    entry.triedAt = now;
    const lacking = [...instance.unavailable.values()].map(({ one }) => one);
    const endpoint = await this.#options.tokens.issue(lacking);
    try {
      const back = await Promise.all(lacking.map((one) => canAttach(one, endpoint)));
      if (!back.includes(true) || this.#entries.get(key) !== entry) return;
    } finally {
      await this.#options.tokens.revoke(endpoint);
    }
    this.#entries.delete(key);
    entry.key = `${key} until ${now}`;
    this.#entries.set(entry.key, entry);
    if (entry.users === 0) this.#retire(entry);
  }

  #add(key: string, access: readonly LakeAccess[]): Entry {
    const { limits } = this.#options;
    const share = (): number => {
      const used = [...this.#entries.values()].reduce((sum, entry) => sum + entry.memoryBytes, 0);
      return Math.floor((limits.memoryBytes - used) * memoryShare);
    };
    while (this.#entries.size >= limits.instancesMax || share() < limits.memoryBytes * roomyShare) if (!this.#evictIdle()) break;
    const memoryBytes = share();
    if (this.#entries.size >= limits.instancesMax || memoryBytes < instanceMemoryBytesMin) {
      throw new LakeError(
        'too_many_connections',
        `the pod has no room for another set of grants (${this.#entries.size} are in use)`,
        {
          hint: 'Close sessions of users with other grants, give the pod more memory (BOILSTREAM_MEMORY_LIMIT), or connect to another pod.',
          retriable: true,
        },
      );
    }
    const entry: Entry = {
      key,
      memoryBytes,
      triedAt: this.#options.clock.monotonic(),
      users: 0,
      cancelIdle: undefined,
      opening: this.#open(access, memoryBytes, (endpoint) => {
        entry.endpoint = endpoint;
      }),
    };
    this.#entries.set(key, entry);
    // An instance that cannot be opened must not be what the next session gets.
    entry.opening.then(
      ({ unavailable }) => {
        for (const [lake, { reason }] of unavailable)
          this.#options.log.warn(
            { lake, reason: String(reason) },
            'a ducklake cannot be attached; the others are served without it',
          );
      },
      (error: unknown) => {
        this.#options.log.warn({ err: error, lakes: access.map(({ lake }) => lake.name) }, 'instance did not open');
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    return entry;
  }

  async #open(
    access: readonly LakeAccess[],
    memoryBytes: number,
    issued: (endpoint: MetadataEndpoint) => void,
  ): Promise<EngineInstance> {
    const { tokens, dataKeys, basePath, directory, limits, clock, random, log } = this.#options;
    const endpoint = await tokens.issue(access);
    issued(endpoint);
    try {
      return await EngineInstance.open({
        access,
        endpoint,
        dataKeys,
        basePath,
        directory,
        memoryBytes,
        threads: limits.threads,
        spillBytesMax: limits.spillBytesMax,
        clock,
        random,
        log,
      });
    } catch (error) {
      await tokens.revoke(endpoint);
      throw error;
    }
  }

  #leave(entry: Entry): void {
    entry.users--;
    if (entry.users > 0 || this.#entries.get(entry.key) !== entry) return;
    entry.cancelIdle = this.#options.clock.after(this.#options.limits.instanceIdleMsMax, () => {
      if (entry.users === 0 && this.#entries.get(entry.key) === entry) this.#retire(entry);
    });
  }

  /** Makes room by closing the oldest instance that nobody uses; false when all are in use. */
  #evictIdle(): boolean {
    const idle = [...this.#entries.values()].find((entry) => entry.users === 0);
    if (idle) this.#retire(idle);
    return idle !== undefined;
  }

  #retire(entry: Entry): void {
    entry.cancelIdle?.();
    this.#entries.delete(entry.key);
    void this.#dispose(entry);
  }

  async #dispose(entry: Entry): Promise<void> {
    try {
      const instance = await entry.opening;
      instance.close();
      if (entry.endpoint) await this.#options.tokens.revoke(entry.endpoint);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'instance did not close cleanly');
    }
  }
}

/** Same lakes, same rights, same place: same key. */
function grantsKey(access: readonly LakeAccess[]): string {
  const lines = access.map(({ lake, right }) => JSON.stringify([lake.id, lake.name, lake.dataPath, right])).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}
