/**
 * The control catalog: lakes, users, grants, credentials, audit, in one replicated database named `control`. It runs in
 * the metadata worker; every argument and result can be cloned to another thread. Reads show durable state only.
 */
import type { Clock } from '../../base/clock.ts';
import { type Lake, lakeDatabaseName, type Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { ReplicatedDatabase, ReplicatedLog } from '../replicated/ports.ts';
import { type ActorReference, loadActor } from './actor.ts';
import type { Change } from './command.ts';
import type { RestoreLakeArgs } from './commands/restore-lake.ts';
import { executeOn, findDone, forgetOld } from './execute.ts';
import type { CredentialRow, LakeRow } from './find.ts';
import {
  type AuditListing,
  type CredentialListing,
  type LakeListing,
  listAudit,
  listCredentials,
  listGrants,
  listLakes,
  listUsers,
  type UserListing,
} from './listings.ts';
import type { Sealer, VerifierMaker } from './ports.ts';
import { findLogin, lakeOf, type LoginRecord, principalOf } from './principals.ts';
import { relocate } from './relocate.ts';
import { assertNewName, type RestoreFloor, restorableLakes, restoreFloor } from './restorable.ts';
import { type GarbageRow, type MaintenanceRow, readGarbage, readMaintenance } from './maintenance.ts';
import { migrate } from './schema.ts';
import { openSecret, resealSecrets } from './secrets.ts';
import { ControlStore } from './store.ts';

export interface ControlOptions {
  readonly log: ReplicatedLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly sealer: Sealer;
  readonly verifiers: VerifierMaker;
  readonly logger: Logger;
  /** Prefix for new lakes' files: an absolute directory or `s3://bucket/prefix`, with or without `/` at the end. `lakes/<id>/data/` is appended. */
  readonly storageRoot: string;
  /** False when lakes' databases lie where others may have theirs too: then none is dropped for not being known here. */
  readonly ownsDatabases?: boolean;
}

export type ChangeListener = (changes: readonly Change[]) => void | Promise<void>;

/** How long a command waits for sessions to be closed because of it, before it is answered all the same. */
const changeDeadlineMs = 10_000;

/** At most so often; it costs two small DELETEs. */
const forgetEveryMs = 3_600_000;

/** Opens the control database (creates and migrates it) and finishes what a crash left half done, except `creatingLakes`. */
export async function createControlCatalog(options: ControlOptions): Promise<ControlCatalog> {
  const { log, clock, logger } = options;
  const store = new ControlStore(await openOrCreate(log, 'control'));
  await migrate(store, clock.now(), logger);
  await resealSecrets(store, options.sealer, logger);
  await relocate(store, log, options.storageRoot, logger);
  await forgetOld(store, clock.now());
  const catalog = new ControlCatalog(options, store);
  await catalog.recover();
  return catalog;
}

export class ControlCatalog {
  readonly #options: ControlOptions;
  readonly #store: ControlStore;
  readonly #listeners = new Set<ChangeListener>();
  #forgotAt: number;

  constructor(options: ControlOptions, store: ControlStore) {
    this.#options = options;
    this.#store = store;
    this.#forgotAt = options.clock.monotonic();
  }

  /**
   * Does a command once and resolves to its answer when it is durable and every listener has acted on it. `name` and `args`
   * as in commands/index.ts. Throws LakeError; see execute.ts for what a refusal means.
   */
  async execute(
    command: { readonly name: string; readonly args: unknown },
    by: { readonly principal: ActorReference; readonly idempotencyKey?: string | undefined },
  ): Promise<Record<string, unknown>> {
    const { clock, random, sealer, verifiers, storageRoot } = this.#options;
    const executed = await executeOn(
      this.#store,
      { ...command, actor: by.principal, idempotencyKey: by.idempotencyKey },
      { now: clock.now(), random, sealer, verifiers, lakesPrefix: `${storageRoot.replace(/\/+$/, '')}/lakes/` },
    );
    await this.#publish(executed.changes);
    this.#forgetNowAndThen();
    return executed.answer;
  }

  /** Calls back with every durable change, in order, before the command that made it is answered. Returns how to stop. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The credential with this login name if it may be used now. */
  findCredential(login: string): Promise<LoginRecord | undefined> {
    if (login.length > 200) return Promise.resolve(undefined);
    return this.#store.read((tx) => findLogin(tx, login, this.#options.clock.now()));
  }

  /** Who a user, or the holder of a credential, is now; undefined when gone, revoked or expired. */
  principalOf(who: { readonly userId: string } | { readonly credentialId: string }): Promise<Principal | undefined> {
    return this.#store.read(async (tx) => {
      if ('userId' in who) return principalOf(tx, who);
      const credential = await tx.one<CredentialRow>(
        'SELECT * FROM credentials WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)',
        [who.credentialId, this.#options.clock.now()],
      );
      return credential ? principalOf(tx, { userId: credential.user_id, credential }) : undefined;
    });
  }

  /** Whose session of the REST API this token hash is, while it lasts. */
  findSession(tokenHash: string): Promise<{ principal: Principal; expiresAt: number } | undefined> {
    return this.#store.read(async (tx) => {
      const session = await tx.one<{ user_id: string; expires_at: number }>(
        'SELECT user_id, expires_at FROM sessions WHERE token_hash = $1 AND expires_at > $2',
        [tokenHash, this.#options.clock.now()],
      );
      const principal = session && (await principalOf(tx, { userId: session.user_id }));
      return principal && { principal, expiresAt: session.expires_at };
    });
  }

  /** All live lakes, oldest first. */
  lakes(): Promise<Lake[]> {
    return this.#store.read(async (tx) =>
      (
        await tx.all<LakeRow & { owner: string | null }>(
          "SELECT lakes.*, users.name AS owner FROM lakes LEFT JOIN users ON users.id = lakes.created_by WHERE lakes.state = 'live' ORDER BY lakes.created_at, lakes.id",
        )
      ).map((row) => ({ ...lakeOf(row), ...(row.owner === null ? {} : { owner: row.owner }) })),
    );
  }

  /** Lakes whose making a crash interrupted: their database exists and is to be initialised, then `activate-lake`. */
  creatingLakes(): Promise<Lake[]> {
    return this.#store.read(async (tx) =>
      (await tx.all<LakeRow>("SELECT * FROM lakes WHERE state = 'creating' ORDER BY created_at, id")).map(lakeOf),
    );
  }

  /**
   * All lakes that had a name, the newest first, as far as the principal may restore them (restorable.ts). With `as` it is
   * also judged whether a new lake may be made and called that.
   */
  restorableLakes(principal: ActorReference, name: string, as?: string): Promise<LakeRow[]> {
    return this.#read(principal, async (tx, actor) => {
      if (as !== undefined) await assertNewName(tx, actor, as);
      return restorableLakes(tx, actor, name);
    });
  }

  /** What restores within `retentionMs` may still need of a lake's files: ask before deleting any. */
  restoreFloor(lakeId: string, retentionMs: number): Promise<RestoreFloor> {
    const keepSince = this.#options.clock.now() - retentionMs;
    return this.#store.read((tx) => restoreFloor(tx, lakeId, keepSince));
  }

  /** The last step of a restore (commands/restore-lake.ts); `T` is what it answers. */
  async putInPlace<T>(args: RestoreLakeArgs, principal: ActorReference, idempotencyKey?: string): Promise<T> {
    return (await this.execute({ name: 'restore-lake', args }, { principal, idempotencyKey })) as T;
  }

  /** What `putInPlace` answered to this request with this key, if it was done already. */
  async restoredBefore<T>(asked: string, principal: ActorReference, idempotencyKey: string): Promise<T | undefined> {
    return this.#read(principal, (tx, actor) => findDone(tx, { name: 'restore-lake', asked, actor, idempotencyKey })) as Promise<
      T | undefined
    >;
  }

  /** Live lakes the principal has a right on, with the right. */
  async lakesOf(principal: ActorReference): Promise<LakeListing[]> {
    return this.#read(principal, (tx, actor) => listLakes(tx, actor));
  }

  /** Lakes that were dropped and not forgotten yet, with when. Their files are still there. */
  droppedLakes(): Promise<(Lake & { readonly droppedAt: number })[]> {
    return this.#store.read(async (tx) =>
      (await tx.all<LakeRow>("SELECT * FROM lakes WHERE state = 'dropped' ORDER BY dropped_at, id")).map((row) => ({
        ...lakeOf(row),
        droppedAt: row.dropped_at ?? row.created_at,
      })),
    );
  }

  /** What owners have set for the maintenance of lakes, and what passes have left. */
  maintenance(): Promise<MaintenanceRow[]> {
    return this.#store.read(readMaintenance);
  }

  /** Files of a lake that are on their way out. */
  garbage(lakeId: string): Promise<GarbageRow[]> {
    return this.#store.read((tx) => readGarbage(tx, lakeId));
  }

  listUsers(principal: ActorReference): Promise<UserListing[]> {
    return this.#read(principal, listUsers);
  }

  listGrants(principal: ActorReference, lake: string): Promise<{ user: string; access: string; grantedAt: number }[]> {
    return this.#read(principal, (tx, actor) => listGrants(tx, actor, lake));
  }

  /** `ofUser` undefined = one's own, `*` = everyone's. */
  listCredentials(principal: ActorReference, ofUser?: string): Promise<CredentialListing[]> {
    return this.#read(principal, (tx, actor) => listCredentials(tx, actor, ofUser, this.#options.clock.now()));
  }

  listAudit(principal: ActorReference, limit: number): Promise<AuditListing[]> {
    return this.#read(principal, (tx, actor) => listAudit(tx, actor, limit));
  }

  /** A cluster-wide random secret of 32 bytes, made when first asked for and sealed at rest. Never leaves the pods. */
  secret(name: string): Promise<Uint8Array> {
    return openSecret(this.#store, this.#options.sealer, this.#options.random, name);
  }

  /** Ends what a crash left: databases of dropped lakes go, databases of lakes being made come. Called at start. */
  async recover(): Promise<void> {
    const { log, logger } = this.#options;
    const lakes = await this.#store.read((tx) => tx.all<LakeRow>('SELECT * FROM lakes'));
    const present = new Set(await log.databases());
    // A restore that a crash cut off before it took a name; whoever asked for it was not told anything.
    const known = new Set(lakes.map(lakeDatabaseName));
    for (const database of this.#options.ownsDatabases === false ? [] : present) {
      if (!/^lake_[0-9a-f]{32}$/.test(database) || known.has(database)) continue;
      await log.drop(database);
      logger.info({ database }, 'dropped what a restore that was cut off had left');
    }
    for (const lake of lakes) {
      const database = lakeDatabaseName(lake);
      if (lake.state === 'creating' && !present.has(database)) await log.create(database);
      if (lake.state === 'dropped' && present.has(database)) {
        await log.drop(database);
        logger.info({ lake: lake.name, lakeId: lake.id }, 'finished dropping a ducklake');
      }
    }
  }

  /** Waits for nothing; call after sessions are closed. */
  close(): void {
    this.#store.close();
  }

  async #read<T>(
    principal: ActorReference,
    work: (tx: Parameters<Parameters<ControlStore['read']>[0]>[0], actor: Awaited<ReturnType<typeof loadActor>>) => Promise<T>,
  ): Promise<T> {
    return this.#store.read(async (tx) => work(tx, await loadActor(tx, principal, this.#options.clock.now())));
  }

  /** What is remembered for a day (idempotency keys) does not pile up in a pod that runs for months. */
  #forgetNowAndThen(): void {
    const { clock, logger } = this.#options;
    if (clock.monotonic() - this.#forgotAt < forgetEveryMs) return;
    this.#forgotAt = clock.monotonic();
    void forgetOld(this.#store, clock.now()).catch((error: unknown) =>
      logger.warn({ error }, 'old idempotency keys could not be forgotten'),
    );
  }

  /** Order matters: whoever holds the lake's database open lets go of it (listeners) before it is dropped. */
  async #publish(changes: readonly Change[]): Promise<void> {
    const { clock, logger } = this.#options;
    if (changes.length === 0) return;
    const told = Promise.allSettled([...this.#listeners].map(async (listener) => listener(changes)));
    const results = await Promise.race([told, clock.sleep(changeDeadlineMs, { unref: true })]);
    if (!results) logger.warn({ changes }, 'sessions are slow to follow a change of the control catalog');
    for (const result of results ?? [])
      if (result.status === 'rejected')
        logger.error({ error: result.reason, changes }, 'a change of the control catalog was not followed');
    for (const change of changes) {
      if (change.t === 'lake-creating') await this.#createDatabase(change.lakeId);
      if (change.t === 'lake-dropped') await this.#dropDatabase(change.lakeId);
    }
  }

  /** The lake is durably dropped already: if its database cannot go now, the next start finishes it. */
  async #dropDatabase(lakeId: string): Promise<void> {
    const { log, logger } = this.#options;
    try {
      await log.drop(lakeDatabaseName({ id: lakeId }));
    } catch (error) {
      if (error instanceof LakeError && error.code === 'not_found') return;
      logger.warn({ error, lakeId }, 'the database of a dropped ducklake stays until the next start');
    }
  }

  async #createDatabase(lakeId: string): Promise<void> {
    try {
      await this.#options.log.create(lakeDatabaseName({ id: lakeId }));
    } catch (error) {
      await this.execute(
        { name: 'abandon-lake', args: { lakeId, reason: 'its database could not be created' } },
        { principal: { id: 'pod', kind: 'pod' } },
      );
      throw error;
    }
  }
}

async function openOrCreate(log: ReplicatedLog, name: string): Promise<ReplicatedDatabase> {
  try {
    return await log.open(name);
  } catch (error) {
    if (error instanceof LakeError && error.code === 'not_found') return log.create(name);
    throw error;
  }
}
