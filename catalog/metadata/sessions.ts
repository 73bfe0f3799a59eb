/**
 * Opens metadata sessions: finds the lake behind `<lake>__catalog`, checks the grant, and keeps one shared catalog per
 * lake. The caller says which lakes exist; what they hold lies in the replicated log.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { catalogSuffix, lakeDatabaseName } from '../../base/domain.ts';
import type { Lake, Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { SessionHooks, Startup, StatementSession } from '../../base/statement-session.ts';
import type { ReplicatedLog } from '../replicated/ports.ts';
import { defaultSchema } from './catalog-view.ts';
import { limits } from './limits.ts';
import type { SessionKeys } from './secrets-table.ts';
import { MetadataSession } from './session.ts';
import { SharedCatalog } from './shared-catalog.ts';
import type { Traffic } from './traffic.ts';

type SessionLake = Pick<Lake, 'id' | 'name'> & Partial<Pick<Lake, 'dataPath'>>;

export interface MetadataSessionsOptions {
  readonly log: ReplicatedLog;
  /** The live lake of that name, or null. */
  readonly lake: (name: string) => Promise<SessionLake | null>;
  /** Keys to the lake's data files that this principal's sessions are to be offered, if any are. */
  readonly keys?: (principal: Principal, lake: SessionLake) => SessionKeys | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Transactions older than this may not commit what they wrote, milliseconds. Default 6 hours. */
  readonly writeTransactionMsMax?: number;
}

export interface MetadataSessions {
  /** Opens a session on `<lake>__catalog`; throws `undefined_database`, `permission_denied`, `too_many_connections`. */
  open(startup: Startup, hooks: SessionHooks): Promise<StatementSession>;
  /** True if the principal may open `<name>__catalog`. */
  lakeExists(name: string, principal: Principal): Promise<boolean>;
  /** Ends all sessions on a lake (it is being dropped or restored), or all there are. */
  terminate(error: LakeError, lakeId?: string): Promise<void>;
  /** Ends all sessions on a lake, and refuses new ones with `error` until `release`. Resolves when none is left. */
  hold(lakeId: string, error: LakeError): Promise<void>;
  release(lakeId: string): void;
  /** The transactions that are open on a lake. */
  traffic(lake: Pick<Lake, 'id'>): Promise<Traffic>;
  /**
   * Runs work of the pod's own in a transaction on a lake's metadata, beside all sessions, and resolves when it is durable. `tables`
   * are those of DuckLake whose rows it changes. Rejects with DuckDB's error, rolled back.
   */
  write<T>(lake: Pick<Lake, 'id'>, tables: readonly string[], work: (connection: DuckDBConnection) => Promise<T>): Promise<T>;
  /** How many sessions are open now. */
  readonly count: number;
}

interface OpenSession {
  readonly lakeId: string;
  readonly hooks: SessionHooks;
  readonly session: MetadataSession;
}

/** Makes the room: nothing is opened before somebody comes. Sessions end by themselves when the log is lost. */
export function createMetadataSessions(options: MetadataSessionsOptions): MetadataSessions {
  const { log, clock } = options;
  const logger = options.logger.child({ room: 'catalog/metadata' });
  const sessions = new Set<OpenSession>();
  const catalogs = new Map<string, Promise<SharedCatalog>>();
  const held = new Map<string, LakeError>();

  // Nothing may be said any more, not even an error: memory may be ahead of what is durable (rule 6).
  log.lost.addEventListener('abort', () => {
    const fenced = new LakeError('fenced', 'this pod does not lead any more', { cause: log.lost.reason });
    for (const { hooks } of sessions) hooks.terminate(fenced);
  });

  function catalogOf(lake: Pick<Lake, 'id'>): Promise<SharedCatalog> {
    const known = catalogs.get(lake.id);
    if (known) return known;
    const opening = log
      .open(lakeDatabaseName(lake))
      .then((database) => SharedCatalog.open(database, clock, options.writeTransactionMsMax ?? limits.writeTransactionMsMax));
    catalogs.set(lake.id, opening);
    opening.catch(() => catalogs.delete(lake.id));
    return opening;
  }

  async function findLake(database: string, principal: Principal): Promise<SessionLake | null> {
    if (!database.endsWith(catalogSuffix)) return null;
    const name = database.slice(0, -catalogSuffix.length);
    if (principal.kind !== 'pod' && !principal.superuser && !principal.rights.has(name)) return null;
    return options.lake(name);
  }

  return {
    async open(startup, hooks) {
      const { principal, database } = startup;
      log.lost.throwIfAborted();
      const lake = await findLake(database, principal);
      // The same words for a lake that is not there and one that is not this principal's business.
      if (!lake)
        throw new LakeError('undefined_database', `database "${database}" does not exist`, {
          hint: 'Or you have no right on that lake.',
        });
      if (sessions.size >= limits.sessionsMax) {
        throw new LakeError('too_many_connections', `too many metadata sessions on this pod (${limits.sessionsMax})`, {
          retriable: true,
        });
      }
      const refusal = held.get(lake.id);
      if (refusal) throw refusal;
      const catalog = await catalogOf(lake);
      const connection = await catalog.database.connect();
      // Dates are read as this server announces (UTC), and whole numbers divide as in PostgreSQL, whatever the machine's settings.
      await connection.run("SET TimeZone = 'UTC'; SET integer_division = true");
      // A hold that began meanwhile has not seen this session.
      const late = held.get(lake.id);
      if (late) {
        connection.closeSync();
        throw late;
      }
      const right = principal.rights.get(lake.name);
      const canWrite = principal.kind === 'pod' || principal.superuser || right === 'owner' || right === 'write';
      const entry: OpenSession = {
        lakeId: lake.id,
        hooks,
        session: new MetadataSession({
          startup,
          hooks,
          catalog,
          connection,
          canWrite,
          keys: options.keys?.(principal, lake),
          dataPath: lake.dataPath,
          clock,
          onClose: () => {
            sessions.delete(entry);
            if (![...sessions].some((other) => other.lakeId === lake.id)) catalog.close();
          },
        }),
      };
      sessions.add(entry);
      logger.debug({ database, user: principal.name, canWrite, sessions: sessions.size }, 'metadata session opened');
      return entry.session;
    },
    async lakeExists(name, principal) {
      return (await findLake(name + catalogSuffix, principal)) !== null;
    },
    async terminate(error, lakeId) {
      const ending = [...sessions].filter((s) => lakeId === undefined || s.lakeId === lakeId);
      if (lakeId === undefined) catalogs.clear();
      else catalogs.delete(lakeId);
      for (const { hooks } of ending) hooks.terminate(error);
      await Promise.all(ending.map(({ session }) => session.close()));
    },
    async hold(lakeId, error) {
      held.set(lakeId, error);
      await this.terminate(error, lakeId);
    },
    release(lakeId) {
      held.delete(lakeId);
    },
    async traffic(lake) {
      return (await catalogOf(lake)).traffic;
    },
    async write(lake, tables, work) {
      const catalog = await catalogOf(lake);
      const connection = await catalog.database.connect();
      try {
        await catalog.startWriting(connection);
        await connection.run('BEGIN TRANSACTION');
        const result = await work(connection);
        const written = tables.flatMap((name) => catalog.view.find(defaultSchema, name) ?? []);
        const { durable } = await catalog.commit({ written, changes: [] }, () => catalog.database.commit(connection));
        await durable();
        return result;
      } catch (error) {
        // A refused COMMIT has rolled back already.
        await connection.run('ROLLBACK').catch(() => undefined);
        throw error;
      } finally {
        catalog.endWriting(connection);
        connection.closeSync();
      }
    },
    get count() {
      return sessions.size;
    },
  };
}
