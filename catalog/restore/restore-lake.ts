/**
 * Takes a lake back to a point of the retained log. The lake of now is never changed: a new database is made from the
 * log, gets numbers above all that were used, and takes the name over in one transaction of the control catalog. Until
 * that transaction nothing has happened; after it everything has. The state before is a point of the log like any other.
 */
import type { Clock } from '../../base/clock.ts';
import { lakeDatabaseName } from '../../base/domain.ts';
import { LakeError, toLakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { ActorReference } from '../control/actor.ts';
import type { ControlCatalog } from '../control/control-catalog.ts';
import type { LakeRow } from '../control/find.ts';
import type { LogPosition, ReplicatedLog, Until } from '../replicated/ports.ts';
import type { RestoredLake, RestoreLakeRequest, SessionsHold } from './ports.ts';
import { addRestoreSnapshot, assertCatalog, type Counters, readCounters } from './restored-catalog.ts';

export interface RestoreServices {
  readonly log: ReplicatedLog;
  readonly control: ControlCatalog;
  readonly sessions: SessionsHold;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Lakes whose restore runs now, by name: two of one lake would undo each other. */
export class LakeRestorer {
  readonly #services: RestoreServices;
  readonly #running = new Set<string>();

  constructor(services: RestoreServices) {
    this.#services = services;
  }

  /**
   * Restores and resolves when sessions can use the lake again. Throws `undefined_database`, `permission_denied`,
   * `not_found` (the lake did not exist at that point), `invalid_argument` (the log does not reach there), `corrupt` naming
   * the damaged object; after each of these nothing has changed.
   */
  async restore(request: RestoreLakeRequest, by: ActorReference, idempotencyKey?: string): Promise<RestoredLake> {
    const { name, as } = request;
    const busy = [name, as ?? name].find((each) => this.#running.has(each));
    if (busy !== undefined)
      throw new LakeError('precondition_failed', `ducklake "${busy}" is being restored already`, { retriable: true });
    const names = new Set([name, as ?? name]);
    for (const each of names) this.#running.add(each);
    try {
      if (idempotencyKey !== undefined) {
        const done = await this.#services.control.restoredBefore<RestoredLake>(askedOf(request), by, idempotencyKey);
        if (done) return done;
      }
      return await this.#restore(request, by, idempotencyKey);
    } finally {
      for (const each of names) this.#running.delete(each);
    }
  }

  async #restore(request: RestoreLakeRequest, by: ActorReference, idempotencyKey: string | undefined): Promise<RestoredLake> {
    const { log, control, sessions, clock, random, logger } = this.#services;
    const { name, as } = request;
    const lakes = await control.restorableLakes(by, name, as);
    const live = lakes.find(({ state }) => state === 'live') ?? null;
    if (request.to.t === 'drop' && live)
      throw new LakeError('invalid_argument', `ducklake "${name}" is not dropped: say to which point it is to be restored`, {
        hint: 'A time, or a position of the log: 2026-01-31T12:00:00Z, 10m ago, 3/1024.',
      });
    const began = clock.monotonic();
    const { source, until } = await this.#find(request, lakes);
    const newId = random.uuid();
    const database = lakeDatabaseName({ id: newId });
    const restored = await log.restore({ name: database, of: lakeDatabaseName(source), at: until, prepare: assertCatalog });
    const position = textOf(restored.point.position);
    // Everything slow is done, and nothing has happened yet. Now the lake's sessions end, so that its last numbers stand.
    const held = as === undefined ? live : null;
    try {
      if (held) await sessions.hold(held.id, beingRestored(name));
      const before = held ? textOf(await log.settled()) : null;
      await addRestoreSnapshot(restored.database, await this.#usedBy(lakes[0] as LakeRow, until), {
        author: 'boilstream',
        message: `restored${as === undefined ? '' : ` from ${name}`} as of ${saidOf(request, until)}`,
        now: clock.now(),
      });
      const answer = await control.putInPlace<RestoredLake>(
        {
          name,
          ...(as === undefined ? {} : { as }),
          sourceId: source.id,
          newId,
          replaces: held?.id ?? null,
          position,
          time: restored.point.time || null,
          before,
          asked: askedOf(request),
        },
        by,
        idempotencyKey,
      );
      const ms = Math.round(clock.monotonic() - began);
      logger.info({ lake: answer.lake.name, of: name, position, ms }, 'a ducklake was restored');
      return answer;
    } catch (error) {
      await this.#giveUp(database, error);
      throw error;
    } finally {
      if (held) sessions.release(held.id);
    }
  }

  /** An unknown outcome may mean that the lake has it: then the next start sees what is true. */
  async #giveUp(database: string, error: unknown): Promise<void> {
    const { log, logger } = this.#services;
    if (['commit_unknown', 'fenced'].includes(toLakeError(error).code)) return;
    await log
      .drop(database)
      .catch((failure: unknown) =>
        logger.warn({ error: failure, database }, 'what was restored in vain stays until the next start'),
      );
  }

  /** Which of the lakes that had the name is meant, and where. */
  async #find(request: RestoreLakeRequest, lakes: readonly LakeRow[]): Promise<{ source: LakeRow; until: Until }> {
    const { log, clock } = this.#services;
    const { to, name } = request;
    if (to.t === 'drop') {
      const source = lakes[0] as LakeRow;
      return { source, until: { t: 'drop', name: lakeDatabaseName(source) } };
    }
    if (to.t === 'time' && to.time > clock.now())
      throw new LakeError('invalid_argument', `${new Date(to.time).toISOString()} lies in the future`);
    const until: Until = to.t === 'time' ? to : { t: 'position', position: { epoch: to.epoch, seq: to.seq } };
    const [only] = lakes;
    if (only && lakes.length === 1) return { source: only, until };
    const { names, point } = await log.databasesAt(until);
    const existing = lakes.filter((lake) => names.includes(lakeDatabaseName(lake)));
    // While a restore ran, the restored one existed already and the other one was it still.
    const source = existing.find(({ created_at }) => created_at <= point.time) ?? existing.at(-1);
    if (!source) throw new LakeError('not_found', `there was no ducklake "${name}" at ${saidOf(request, until)}`);
    return { source, until };
  }

  /** The numbers that the lake's newest state has used; null when it cannot be read, which may be why it is restored. */
  async #usedBy(newest: LakeRow, until: Until): Promise<Counters | null> {
    const { log, logger } = this.#services;
    try {
      if (newest.state === 'live') {
        const connection = await (await log.open(lakeDatabaseName(newest))).connect();
        try {
          return await readCounters(connection);
        } finally {
          connection.closeSync();
        }
      }
      // Restored to its last state it has used nothing beyond that.
      if (until.t === 'drop') return { snapshot: 0n, schemaVersion: 0n, nextCatalogId: 0n, nextFileId: 0n };
      const database = lakeDatabaseName(newest);
      return await log.look({ of: database, at: { t: 'drop', name: database } }, readCounters);
    } catch (error) {
      if (log.lost.aborted) throw error;
      logger.warn(
        { error, lake: newest.name },
        'the newest state of a ducklake cannot be read; the restored one gets numbers far above it',
      );
      return null;
    }
  }
}

function beingRestored(name: string): LakeError {
  return new LakeError('cannot_connect_now', `ducklake "${name}" is being restored to an earlier state`, {
    hint: 'Try again in a moment.',
    retriable: true,
  });
}

function askedOf({ name, to, as, said }: RestoreLakeRequest): string {
  return JSON.stringify({ name, as, to: said ?? to });
}

function textOf({ epoch, seq }: LogPosition): string {
  return `${epoch}/${seq}`;
}

function saidOf({ to }: RestoreLakeRequest, until: Until): string {
  if (to.t === 'time') return new Date(to.time).toISOString();
  return until.t === 'position' ? textOf(until.position) : 'its drop';
}
