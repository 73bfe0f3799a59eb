/**
 * A metadata server in a thread of its own, as a pod has one: `<lake>__catalog` on a local socket, opened by tokens. Its
 * catalogs lie in plain DuckDB files, without log and barrier. Started by engine-pod.ts; run as a worker by itself.
 */
import { mkdirSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { lakeDatabaseName, type Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { createMetadataSessions } from '../../catalog/metadata/sessions.ts';
import { Listener } from '../../protocols/pgwire/listener.ts';
import { openFakeLog } from './fake-replicated-log.ts';

export type MetadataRequest =
  | { readonly id: number; readonly t: 'lake'; readonly name: string }
  | {
      readonly id: number;
      readonly t: 'token';
      readonly token: string;
      readonly rights: readonly (readonly [string, 'owner' | 'write' | 'read'])[];
    }
  | { readonly id: number; readonly t: 'revoke'; readonly token: string }
  | { readonly id: number; readonly t: 'close' };

if (!isMainThread && parentPort) {
  const port = parentPort;
  const { directory } = workerData as { directory: string };
  mkdirSync(`${directory}/log`, { recursive: true });
  const log = await openFakeLog(`${directory}/log`);
  const lakes = new Set<string>();
  const tokens = new Map<string, Principal>();
  const sessions = createMetadataSessions({
    log,
    lake: async (name) => (lakes.has(name) ? { id: name, name } : null),
    clock: systemClock,
    logger: silentLogger,
  });
  const listener = new Listener({
    address: { path: `${directory}/.s.PGSQL.5432` },
    authentication: {
      t: 'token',
      authenticator: {
        token: async (_user, token) => {
          const principal = tokens.get(token);
          if (!principal) throw new LakeError('invalid_password', 'this token opens nothing');
          return principal;
        },
      },
    },
    sessions: {
      open: async (startup, hooks) => ({ t: 'session', session: await sessions.open(startup, hooks) }),
      cancelElsewhere: () => undefined,
    },
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  await listener.open();
  port.on('message', async (request: MetadataRequest) => {
    if (request.t === 'lake') {
      await log.create(lakeDatabaseName({ id: request.name }));
      lakes.add(request.name);
    } else if (request.t === 'token') {
      const rights = new Map(request.rights);
      const pod = [...rights.values()].every((right) => right === 'owner') && request.token.startsWith('pod');
      tokens.set(request.token, {
        id: pod ? 'pod' : 'engine',
        name: pod ? 'pod' : 'engine',
        kind: pod ? 'pod' : 'user',
        superuser: false,
        rights,
      });
    } else if (request.t === 'revoke') tokens.delete(request.token);
    else {
      await listener.close();
      await log.close();
    }
    port.postMessage(request.id);
  });
  port.postMessage(0);
}
