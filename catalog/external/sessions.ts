/**
 * Metadata sessions when lakes' metadata lies on an external server: the lake is found and the grant checked as for the
 * embedded catalog, then the client's bytes go to a session of its own there, logged in as the lake's reading or
 * writing role. One session here is one there: PostgreSQL's state belongs to a connection.
 */
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { catalogSuffix, type Lake, lakeDatabaseName, type Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Startup } from '../../base/statement-session.ts';
import { type Connected, type ConnectOptions, requestCancel } from './connect.ts';
import { Guard } from './guard.ts';
import type { LakeDatabases } from './lake-databases.ts';

export interface ExternalSessionsOptions extends ConnectOptions {
  readonly databases: LakeDatabases;
  /** The live lake of that name, or null. */
  readonly lake: (name: string) => Promise<Pick<Lake, 'id' | 'name'> | null>;
  readonly logger: Logger;
}

export interface ExternalSession {
  readonly t: 'relay';
  /** Carries the client's bytes until either side ends. Never rejects. */
  run(stream: Duplex, head: Buffer): Promise<void>;
  /** Cuts it. */
  end(): void;
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
}

export interface ExternalSessions {
  /** Throws `undefined_database`; `store_unavailable` (retriable) when the server is out of reach. */
  open(startup: Startup): Promise<ExternalSession>;
  /** Passes a CancelRequest on if it is for one of these sessions. */
  cancel(processId: number, secretKey: Buffer): void;
  /** Ends the sessions on a lake, or all. Resolves when they are gone. */
  terminate(lakeId?: string): Promise<void>;
  readonly count: number;
}

/** What a client says of itself that the server is told; everything else would be settings of the role's session. */
const passedOn: ReadonlySet<string> = new Set([
  'application_name',
  'DateStyle',
  'TimeZone',
  'IntervalStyle',
  'extra_float_digits',
]);

/** Makes the room for sessions; nothing is connected before somebody comes. */
export function createExternalSessions(options: ExternalSessionsOptions): ExternalSessions {
  const logger = options.logger.child({ room: 'catalog/external' });
  const open = new Map<ExternalSession, { readonly lakeId: string; readonly connected: Connected }>();

  async function findLake({ database, principal }: Startup): Promise<Pick<Lake, 'id' | 'name'>> {
    const name = database.endsWith(catalogSuffix) ? database.slice(0, -catalogSuffix.length) : undefined;
    const isAllowed = name !== undefined && (principal.kind === 'pod' || principal.superuser || principal.rights.has(name));
    const lake = isAllowed ? await options.lake(name) : null;
    // The same words for a lake that is not there and one that is not this principal's business.
    if (!lake)
      throw new LakeError('undefined_database', `database "${database}" does not exist`, {
        hint: 'Or you have no right on that lake.',
      });
    return lake;
  }

  function cancelOn({ processId, secretKey }: Connected): void {
    requestCancel(options, { processId, secretKey }).catch((error: unknown) =>
      logger.debug({ error }, 'a cancel request did not reach the metadata server'),
    );
  }

  return {
    async open(startup) {
      const lake = await findLake(startup);
      const role = canWrite(startup.principal, lake.name) ? 'rw' : 'ro';
      const parameters = Object.fromEntries([...startup.parameters].filter(([name]) => passedOn.has(name)));
      const connected = await options.databases
        .connect(lakeDatabaseName(lake), role, { ...parameters, client_encoding: 'UTF8' })
        .catch((error: unknown) => {
          logger.warn({ error, lake: lake.name }, 'no session on the metadata server');
          throw error;
        });
      const { promise: ended, resolve: settle } = Promise.withResolvers<void>();
      const guard = new Guard();
      const session: ExternalSession = {
        t: 'relay',
        ended,
        end: () => guard.destroy(new LakeError('admin_shutdown', 'the session was ended')),
        async run(stream, head) {
          try {
            stream.write(Buffer.concat([connected.greeting, connected.rest]));
            if (head.length > 0) guard.write(head);
            await carry(stream, guard, connected.stream);
          } catch (error) {
            logger.debug({ error, lake: lake.name }, 'a session on the metadata server ended');
          } finally {
            // What still runs there would hold its locks until it is done.
            if (!guard.isTerminated && !connected.stream.destroyed) cancelOn(connected);
            stream.destroy();
            connected.stream.destroy();
            open.delete(session);
            settle();
          }
        },
      };
      open.set(session, { lakeId: lake.id, connected });
      return session;
    },
    cancel(processId, secretKey) {
      for (const { connected } of open.values())
        if (connected.processId === processId && connected.secretKey.equals(secretKey)) cancelOn(connected);
    },
    async terminate(lakeId) {
      const ending = [...open].filter(([, entry]) => lakeId === undefined || entry.lakeId === lakeId).map(([session]) => session);
      for (const session of ending) session.end();
      await Promise.all(ending.map((session) => session.ended));
    },
    get count() {
      return open.size;
    },
  };
}

/** Until either direction ends: half-closed is closed for this protocol. */
async function carry(client: Duplex, guard: Guard, server: Duplex): Promise<void> {
  const both = [pipeline(client, guard, server), pipeline(server, client)];
  await Promise.race(both).finally(() => {
    for (const one of both) one.catch(() => undefined);
  });
}

function canWrite(principal: Principal, lake: string): boolean {
  const right = principal.rights.get(lake);
  return principal.kind === 'pod' || principal.superuser || right === 'owner' || right === 'write';
}
