/**
 * The metadata worker: a thread with an event loop of its own that holds everything the barrier needs (store, log,
 * DuckDB's metadata databases, control catalog) and serves `<lake>__catalog` on a local socket. Nothing here waits for
 * the main thread. Engines must reach it through the socket: some DuckDB calls run libpq synchronously on the calling
 * thread, and would wait for themselves otherwise.
 */
import { readFileSync, rmSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { createSealer, parseKeyFile } from '../auth/seal.ts';
import { createVerifierMaker } from '../auth/verifier-maker.ts';
import { systemClock as clock } from '../base/clock.ts';
import type { Principal, Right } from '../base/domain.ts';
import { assert, LakeError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import { metricsRegistry } from '../base/metrics.ts';
import { systemRandom as random } from '../base/random.ts';
import type { SessionHooks, StatementSession } from '../base/statement-session.ts';
import { type ControlCatalog, createControlCatalog } from '../catalog/control/control-catalog.ts';
import { createLakeFiles } from '../catalog/maintenance/files.ts';
import { LakeMaintenance } from '../catalog/maintenance/maintenance.ts';
import type { GarbagePorts } from '../catalog/maintenance/ports.ts';
import { openKeyVendor } from '../catalog/keys/open-vendor.ts';
import { openExternalMetadata } from '../catalog/external/open-external.ts';
import type { ExternalSession } from '../catalog/external/sessions.ts';
import { createMetadataSessions } from '../catalog/metadata/sessions.ts';
import { createReplicatedLog } from '../catalog/replicated/log.ts';
import { createLogMetrics } from '../catalog/replicated/metrics.ts';
import { LakeRestorer } from '../catalog/restore/restore-lake.ts';
import { Listener } from '../protocols/pgwire/listener.ts';
import { openObjectStore } from '../storage/open.ts';
import { probeStore } from '../storage/probe.ts';
import type { LakeAccess, MetadataEndpoint } from './engine/ports.ts';
import { connectPeer } from './worker-call.ts';
import type { WorkerInput } from './worker-protocol.ts';

/** Port number in the socket's file name, as libpq spells it: `<dir>/.s.PGSQL.<port>`. */
const socketPort = 5432;
const tokenBytes = 32;
/** The metadata databases share one DuckDB instance; their rows are small and their state is bounded by the lakes. */
const metadataMemoryShare = 0.25;

assert(parentPort, 'the metadata worker runs as a worker thread');
const port = parentPort;
const input = workerData as WorkerInput;
const logger = createLogger(input.logLevel).child({ room: 'metadata' });
const tokens = new Map<string, Principal>();
const opened = new WeakMap<Principal, Set<Pick<SessionHooks, 'terminate'>>>();
/** Those who are clients, and not this pod itself. */
const clients = new WeakSet<Principal>();

async function start() {
  const store = await openObjectStore({ url: input.config.storageUrl, s3: input.config.s3, clock, random });
  const probed = await probeStore(store, { clock, random, cluster: false });
  logger.info({ store: store.url, strategy: probed.strategy }, probed.line);
  if (probed.strategy === 'single-writer') {
    logger.warn({ store: store.url }, 'this store does not honour create-only puts: a second pod on it would not be noticed');
  }
  const log = await createReplicatedLog({
    store,
    localDir: input.cacheDir,
    clock,
    random,
    log: logger,
    metrics: createLogMetrics(metricsRegistry),
    memoryBytes: Math.floor(input.config.memoryLimitBytes * metadataMemoryShare),
    threads: 1,
    retentionMs: input.config.logRetentionMs,
    onTrouble: (refusal) =>
      void peer
        .call('storeTrouble', refusal && { code: refusal.code, message: refusal.message, hint: refusal.hint })
        .catch(() => undefined),
  });
  const sealer = createSealer(parseKeyFile(readFileSync(input.encryptionKeyPath, 'utf8')), random);
  const external =
    input.config.metadataUrl === undefined
      ? undefined
      : await openExternalMetadata({
          url: input.config.metadataUrl,
          key: sealer.derive('external metadata'),
          log,
          lake: async (name) => (await knownLakes((await parts).control)).find((lake) => lake.name === name) ?? null,
          clock,
          random,
          logger,
        });
  const control = await createControlCatalog({
    log: external?.log ?? log,
    ownsDatabases: external === undefined,
    clock,
    random,
    sealer,
    verifiers: createVerifierMaker(random),
    logger,
    storageRoot: input.storageRoot,
  });
  const keys = await openKeyVendor({ config: input.config.s3, control, clock, logger });
  void keys.announce(`${input.storageRoot}/`);
  const sessions = createMetadataSessions({
    log,
    // The pod's own engines have keys already; a lookup for each file they open would only cost time.
    keys: (principal, { id, name, dataPath }) =>
      dataPath === undefined || !clients.has(principal) ? undefined : keys.forSession(principal, { id, name, dataPath }),
    lake: async (name) => (await knownLakes(control)).find((lake) => lake.name === name) ?? null,
    writeTransactionMsMax: input.config.deletionWaits.writeTransactionMsMax,
    clock,
    logger,
  });
  // Sessions on a lake let go of its database before the control catalog drops it.
  control.onChange(async (changes) => {
    for (const change of changes) {
      if (change.t === 'lake-dropped') await external?.sessions.terminate(change.lakeId);
      if (change.t === 'lake-dropped')
        await sessions.terminate(new LakeError('admin_shutdown', `ducklake "${change.name}" was dropped`), change.lakeId);
    }
  });
  const maintenance = new LakeMaintenance({
    log,
    sessions,
    control: maintenanceControl(control),
    files: createLakeFiles((url) => openObjectStore({ url, s3: input.config.s3, clock, random })),
    waits: { ...input.config.deletionWaits, ledSince: clock.now() },
    retentionMs: input.config.logRetentionMs,
    lakesPrefix: `${input.storageRoot.replace(/\/+$/, '')}/lakes/`,
    clock,
    logger: logger.child({ room: 'catalog/maintenance' }),
  });
  const restorer = new LakeRestorer({ log: external?.log ?? log, control, sessions, clock, random, logger });
  const socketFile = `${input.socketDir}/.s.PGSQL.${socketPort}`;
  const listener = new Listener({
    address: { path: socketFile },
    authentication: { t: 'token', authenticator: { token: async (_user, token) => principalOfToken(token) } },
    sessions: {
      async open(startup, hooks) {
        if (external) return followRelay(startup.principal, await external.sessions.open(startup));
        const session = await sessions.open(startup, hooks);
        follow(startup.principal, hooks, session);
        return { t: 'session', session };
      },
      cancelElsewhere: (processId, secretKey) => external?.sessions.cancel(processId, secretKey),
    },
    clock,
    random,
    logger,
  });
  rmSync(socketFile, { force: true });
  await listener.open();
  return { store, log, control, sessions, restorer, listener, maintenance };
}

function maintenanceControl(control: ControlCatalog): GarbagePorts['control'] {
  const by = { principal: { id: 'pod', kind: 'pod' } } as const;
  return {
    lakes: () => control.lakes(),
    droppedLakes: () => control.droppedLakes(),
    garbage: (lakeId) => control.garbage(lakeId),
    restoreFloor: (lakeId) => control.restoreFloor(lakeId, input.config.logRetentionMs),
    recordGarbage: async (lakeId, garbage) =>
      void (await control.execute({ name: 'record-maintenance', args: { lakeId, garbage } }, by)),
    forgetLake: async (lakeId, removed) =>
      void (await control.execute({ name: 'forget-lake', args: { lakeId, ...removed } }, by)),
  };
}

/** Lakes that are being made count too: the pod's first attach creates their tables. */
async function knownLakes(control: ControlCatalog) {
  return [...(await control.lakes()), ...(await control.creatingLakes())];
}

/** Sessions that a token opened end when it is revoked. */
function follow(principal: Principal, hooks: SessionHooks, session: StatementSession): void {
  const close = session.close.bind(session);
  const open = opened.get(principal) ?? new Set();
  opened.set(principal, open.add(hooks));
  session.close = async () => {
    open.delete(hooks);
    await close();
  };
}

function followRelay(principal: Principal, session: ExternalSession): ExternalSession {
  const open = opened.get(principal) ?? new Set();
  const entry = { terminate: () => session.end() };
  opened.set(principal, open.add(entry));
  void session.ended.then(() => open.delete(entry));
  return session;
}

function principalOfToken(token: string): Principal {
  const principal = tokens.get(token);
  if (!principal) throw new LakeError('invalid_password', 'this token opens nothing (any more)');
  return principal;
}

function issue(principal: Principal): MetadataEndpoint {
  const token = random.bytes(tokenBytes).toString('base64url');
  tokens.set(token, principal);
  return { host: input.socketDir, port: socketPort, user: principal.kind === 'pod' ? 'pod' : 'engine', token };
}

const parts = start();
// Whoever calls before the start has ended waits for it; a failed start is told through `started`.
parts.catch(() => undefined);

const peer = connectPeer(port, {
  started: async () => {
    const { log, store, control } = await parts;
    control.onChange((changes) => peer.call<void>('changed', changes));
    log.lost.addEventListener(
      'abort',
      () => void peer.call('lost', String((log.lost.reason as Error)?.message ?? log.lost.reason)),
    );
    return { epoch: log.position().epoch, store: store.url };
  },
  control: async (method: string, ...args: unknown[]) => {
    const { control } = await parts;
    const call = (control as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>)[method];
    assert(call, `the control catalog has a method ${method}`);
    return call.apply(control, args);
  },
  maintenance: async (method: string, ...args: unknown[]) => {
    const { maintenance } = await parts;
    const call = (maintenance as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>)[method];
    assert(call, `maintenance has a method ${method}`);
    return call.apply(maintenance, args);
  },
  issueToken: async (access: readonly LakeAccess[], owner: 'engine' | 'pod' | 'maintenance') => {
    await parts;
    const rights = new Map<string, Right>(access.map(({ lake, right }) => [lake.name, right]));
    return issue({ id: owner, name: owner, kind: owner === 'pod' ? 'pod' : 'user', superuser: false, rights });
  },
  restoreLake: async (...request: Parameters<LakeRestorer['restore']>) => (await parts).restorer.restore(...request),
  issuePrincipalToken: async (principal: Principal) => {
    await parts;
    clients.add(principal);
    return issue(principal);
  },
  revokeToken: async (token: string) => {
    const principal = tokens.get(token);
    tokens.delete(token);
    if (!principal) return;
    for (const hooks of opened.get(principal) ?? [])
      hooks.terminate(new LakeError('admin_shutdown', 'the rights of this session have ended'));
  },
  endIdleClients: async () => (await parts).listener.endIdle((principal) => clients.has(principal)),
  status: async () => {
    const { log, listener } = await parts;
    return { ...log.position(), databases: (await log.databases()).length, sessions: listener.counts.sessions };
  },
  metrics: () => metricsRegistry.metrics(),
  close: async () => {
    const { listener, control, log, store } = await parts;
    await listener.close(2_000);
    control.close();
    await log.close();
    await store.close();
  },
});
