/**
 * Which S3 keys a client's metadata session gets for the data files of its lake: temporary ones, narrowed to the lake's prefix and
 * to what the grant allows, where there is a token service; configured ones where there is none. Keys are made once for each
 * login, lake and right, and anew when half their life is over; each time a session is given keys it had not before, the audit says so first.
 */
import type { Clock } from '../../base/clock.ts';
import type { Lake, Principal, Right } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ObjectStoreSecret } from '../metadata/duckdb-secret.ts';
import type { SessionKeys } from '../metadata/secrets-table.ts';
import { prefixPolicy } from '../../storage/s3-policy.ts';
import type { StaticKeys } from '../../storage/data-keys.ts';
import type { Sts } from '../../storage/sts.ts';

export interface KeyVendorOptions {
  readonly mode: 'auto' | 'sts' | 'keys' | 'off';
  /** Where clients reach the store. */
  readonly place: Pick<ObjectStoreSecret, 'region' | 'endpoint' | 'useTls' | 'pathStyle'>;
  /** Undefined where there cannot be one (AWS without a role). */
  readonly sts: Sts | undefined;
  readonly ttlMs: number;
  /** The configured keys for this right. */
  keysFor(right: Right): Promise<StaticKeys>;
  /** What the principal may do in the lake at this moment; undefined: nothing. */
  rightOf(principal: Principal, lakeName: string): Promise<Right | undefined>;
  /** Resolves when the line is durable. */
  audit(target: string, detail: Readonly<Record<string, string | number | null>>): Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Vended {
  readonly keys: StaticKeys;
  readonly how: 'temporary' | 'configured';
  /** Wall clock, ms; null: they do not expire. */
  readonly expiresAt: number | null;
  /** Monotonic ms after which others are asked for. */
  readonly renewAt: number;
}

/** Configured keys are looked at again after this long (ms): their files may have been rotated. */
const configuredLifeMs = 60_000;
/** Clocks differ; keys that seem to live shorter than this (ms) are still used so long. */
const lifeMsMin = 30_000;
/** Sets of keys that are remembered; one more only costs a request. */
const rememberedMax = 4_096;

export class KeyVendor {
  readonly #options: KeyVendorOptions;
  readonly #made = new Map<string, Promise<Vended>>();
  /** What `auto` has found out. */
  #found: 'sts' | 'keys' | undefined;

  constructor(options: KeyVendorOptions) {
    this.#options = options;
  }

  /** Keys for a session, or undefined when its lake has no keys to vend: then the session has no `duckdb_secrets`. */
  forSession(principal: Principal, lake: Lake): SessionKeys | undefined {
    if (principal.kind === 'pod' || !this.#vends(lake)) return undefined;
    let given: Vended | undefined;
    let giving: Promise<Vended> | undefined;
    return async () => {
      if (given === undefined || this.#options.clock.monotonic() >= given.renewAt) {
        giving ??= this.#give(principal, lake, given).finally(() => {
          giving = undefined;
        });
        given = await giving;
      }
      return [{ name: `boilstream_${lake.name}`, scope: lake.dataPath, ...this.#options.place, ...given.keys }];
    };
  }

  /** Asks the token service once, so that the log says at start what clients will get. Never rejects. */
  async announce(prefix: string): Promise<void> {
    const { mode, logger } = this.#options;
    if (!prefix.startsWith('s3://')) return;
    if (!this.#vends({ dataPath: prefix })) {
      logger.info({}, 'clients get no S3 keys from this pod: they need their own');
      return;
    }
    try {
      const how = mode === 'keys' ? 'configured' : (await this.#make('boilstream-start', prefix, 'read')).how;
      if (how === 'temporary') logger.info({}, 'clients get temporary S3 keys, narrowed to their lake and grant');
      else
        logger.warn(
          {},
          'clients get configured S3 keys, which are not narrowed to their lake and grant: see docs/s3.md, BOILSTREAM_S3_VEND',
        );
    } catch (error) {
      logger.warn({ error }, 'S3 keys for clients cannot be made now');
    }
  }

  #vends({ dataPath }: Pick<Lake, 'dataPath'>): boolean {
    const { mode, sts } = this.#options;
    if (!dataPath.startsWith('s3://') || mode === 'off') return false;
    return mode === 'keys' || sts !== undefined;
  }

  async #give(principal: Principal, lake: Lake, before: Vended | undefined): Promise<Vended> {
    const { audit, rightOf } = this.#options;
    const right = await rightOf(principal, lake.name);
    if (right === undefined)
      throw new LakeError(
        'permission_denied',
        `there are no keys for you: you have no right on ducklake "${lake.name}" any more`,
      );
    const vended = await this.#remembered(principal, lake, right);
    if (vended.keys.keyId !== before?.keys.keyId) {
      await audit(lake.name, {
        user: principal.name,
        user_id: principal.id,
        credential_id: principal.credentialId ?? null,
        access: right,
        key_id: vended.keys.keyId,
        kind: vended.how,
        expires_at: vended.expiresAt === null ? null : new Date(vended.expiresAt).toISOString(),
      });
    }
    return vended;
  }

  async #remembered(principal: Principal, lake: Lake, right: Right): Promise<Vended> {
    const access = right === 'read' ? 'read' : 'write';
    const key = JSON.stringify([principal.id, principal.credentialId, lake.id, lake.dataPath, access]);
    const known = this.#made.get(key);
    if (known && this.#options.clock.monotonic() < (await known).renewAt) return known;
    const making = this.#make(principal.name, lake.dataPath, access);
    this.#made.delete(key);
    this.#made.set(key, making);
    for (const oldest of this.#made.keys()) {
      if (this.#made.size <= rememberedMax) break;
      this.#made.delete(oldest);
    }
    making.catch(() => {
      if (this.#made.get(key) === making) this.#made.delete(key);
    });
    return making;
  }

  async #make(name: string, prefix: string, access: 'read' | 'write'): Promise<Vended> {
    const { mode, sts, clock, ttlMs } = this.#options;
    if (mode === 'keys' || this.#found === 'keys' || sts === undefined) return this.#configured(access);
    try {
      const keys = await sts.assume({ policy: prefixPolicy(prefix, access), name, seconds: Math.floor(ttlMs / 1000) });
      this.#found = 'sts';
      const { keyId, secret, sessionToken, expiresAt } = keys;
      const life = Math.max(lifeMsMin, Math.min(ttlMs, expiresAt - clock.now()));
      return { keys: { keyId, secret, sessionToken }, how: 'temporary', expiresAt, renewAt: clock.monotonic() + life / 2 };
    } catch (error) {
      // Only "there is none" turns to configured keys, and only before one was seen: no outage may widen what clients get.
      if (mode !== 'auto' || this.#found !== undefined || !(error instanceof LakeError) || error.code !== 'store_unsupported')
        throw error;
      this.#found = 'keys';
      return this.#configured(access);
    }
  }

  async #configured(access: 'read' | 'write'): Promise<Vended> {
    const { keysFor, clock } = this.#options;
    return {
      keys: await keysFor(access),
      how: 'configured',
      expiresAt: null,
      renewAt: clock.monotonic() + configuredLifeMs,
    };
  }
}
