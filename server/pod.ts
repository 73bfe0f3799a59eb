/**
 * Composes a pod: starts the rooms in a written order, hands each what it needs, and stops them in reverse. With the
 * metadata worker (its own composition) this is the only file that knows everybody.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { createLogin } from '../auth/login.ts';
import { createLoginRecord } from '../auth/login-record.ts';
import { createTotp } from '../auth/mfa/totp.ts';
import { LoginLimiter } from '../auth/rate-limit.ts';
import { createAuthenticator } from '../auth/scram/authenticator.ts';
import { VerifierCache } from '../auth/scram/verifier-cache.ts';
import { followSecretFile } from '../auth/secret-file.ts';
import { createSessions } from '../auth/sessions.ts';
import { createSuperadmin, passwordOfFile } from '../auth/superadmin.ts';
import { createVerifierMaker } from '../auth/verifier-maker.ts';
import { AddressList } from '../base/address-list.ts';
import { systemClock as clock } from '../base/clock.ts';
import { catalogSuffix, type Principal } from '../base/domain.ts';
import { assert, LakeError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import { metricsRegistry } from '../base/metrics.ts';
import { systemRandom as random } from '../base/random.ts';
import type { Startup } from '../base/statement-session.ts';
import { pgCatalog } from '../catalog/pg/install.ts';
import { pgNames } from '../catalog/pg/names.ts';
import type { Change } from '../catalog/control/command.ts';
import type { ControlCatalog } from '../catalog/control/control-catalog.ts';
import { Listener } from '../protocols/pgwire/listener.ts';
import { createDataKeys } from '../storage/data-keys.ts';
import { AccessCache } from './access-cache.ts';
import { createAdmin } from './admin/admin.ts';
import { openCertificates, writeWhole } from './certificates.ts';
import { productVersion } from './command.ts';
import { processEnvironment } from './config/environment.ts';
import type { Config } from './config/load.ts';
import { openDataDir, portHolder, writePgpass } from './data-dir.ts';
import { Engine } from './engine/engine.ts';
import type { EngineLimits } from './engine/limits.ts';
import type { LakeAccess, MetadataEndpoint } from './engine/ports.ts';
import { startApiServer } from './http/api-server.ts';
import { startMetricsServer } from './http/metrics-server.ts';
import { startMaintenance } from './maintenance/driver.ts';
import { limits as maintenanceLimits } from './maintenance/limits.ts';
import { createMaintenanceMetrics } from './maintenance/metrics.ts';
import type { MaintenanceCatalog } from './maintenance/ports.ts';
import { LiveSessions } from './live-sessions.ts';
import { createMetadataRelay, forwardCancel } from './metadata-relay.ts';
import { issueFollowed, openFollowed } from './session-door.ts';
import { firstScreen, type Listeners } from './screen.ts';
import { warnOfFewFiles } from './open-files.ts';
import { createPgwireMetrics } from './pgwire-metrics.ts';
import { StatementLog } from './statement-log.ts';
import { Backends } from './statements/backends.ts';
import { openStatementSession } from './statements/session.ts';
import { showDuration } from './statements/session-vars.ts';
import { connectPeer } from './worker-call.ts';
import { yieldToEventLoops } from './thread-priority.ts';
import { StoreTrouble } from './store-trouble.ts';
import type { MainCalls, WorkerCalls, WorkerInput } from './worker-protocol.ts';

const podActor = { id: 'pod', kind: 'pod' } as const;
const firstLake = 'lake';
/** How long closing may take once draining is over; then the process ends anyway. */
const closeDeadlineMs = 8_000;
/** How long a gateway may take for its PROXY header on the HTTPS port; the PostgreSQL port has a deadline for all of the login. */
const proxyHeaderMsMax = 5_000;

export interface Pod {
  /** Refuses new sessions, waits for running statements until the deadline. Resolves to what was cut off. */
  drain(timeoutMs: number | undefined): Promise<{ readonly unfinished: number }>;
  /** Closes everything; `ended` resolves after it. */
  stop(): void;
  /** Resolves when the pod has ended; to an error when it could not go on. */
  readonly ended: Promise<LakeError | undefined>;
}

/** Starts a pod and resolves when it is ready. What is started before a failure is closed again. */
export async function startPod(config: Config): Promise<Pod> {
  const began = clock.monotonic();
  const closers: Array<() => Promise<void> | void> = [];
  try {
    return await compose(config, began, closers);
  } catch (error) {
    for (const close of closers.reverse()) await Promise.resolve(close()).catch(() => undefined);
    throw error;
  }
}

async function compose(config: Config, began: number, closers: Array<() => Promise<void> | void>): Promise<Pod> {
  const logger = createLogger(config.logLevel).child({ room: 'pod' });
  const dataDir = openDataDir(config.dataDir, random, config);
  closers.push(() => dataDir.release());

  // The worker restores the log while this thread makes certificates and the engine's base database.
  const worker = new Worker(workerFile(), { workerData: workerInput(config, dataDir), stdout: false, stderr: false });
  const { promise: lost, resolve: lose } = Promise.withResolvers<LakeError | undefined>();
  const changeListeners = new Set<(changes: readonly Change[]) => void | Promise<void>>();
  const trouble = new StoreTrouble(clock);
  const peer = connectPeer(worker, {
    changed: async (changes: readonly Change[]) => {
      await Promise.all([...changeListeners].map((listener) => listener(changes)));
    },
    storeTrouble: (refusal: Parameters<MainCalls['storeTrouble']>[0]) => trouble.set(refusal),
    lost: (reason: string) => lose(new LakeError('fenced', `the catalog log is lost to this pod: ${reason}`)),
  });
  const call: WorkerCalls = new Proxy({} as WorkerCalls, {
    get:
      (_target, method) =>
      (...args: unknown[]) =>
        peer.call(String(method), ...args),
  });
  worker.on('error', (error) =>
    lose(new LakeError('internal', `the metadata worker failed: ${error.message}`, { cause: error })),
  );
  worker.on('exit', () => lose(new LakeError('internal', 'the metadata worker has ended')));
  closers.push(async () => {
    worker.removeAllListeners('exit');
    await Promise.race([call.close().catch(() => undefined), clock.sleep(closeDeadlineMs, { unref: true })]);
    await worker.terminate();
  });
  const control = new Proxy({} as ControlCatalog, {
    get:
      (_target, method) =>
      (...args: unknown[]) =>
        call.control(String(method), ...args),
  });

  const publicHost =
    config.publicHost ?? (isLoopback(config.bindHost) || config.bindHost === '0.0.0.0' ? 'localhost' : config.bindHost);
  const certificates = await openCertificates({
    dataDir: config.dataDir,
    certPath: config.tlsCertPath,
    keyPath: config.tlsKeyPath,
    hosts: [
      ...new Set([
        'localhost',
        '127.0.0.1',
        '::1',
        config.nodeName,
        publicHost,
        ...(config.bindHost === '0.0.0.0' || config.bindHost === '::' ? [] : [config.bindHost]),
      ]),
    ],
    clock,
    logger,
  });
  closers.push(() => certificates.close());

  const access = new AccessCache((principal) => accessOf(control, principal));
  // First of all listeners: whoever acts on a change must not be told what was true before it.
  changeListeners.add(() => access.clear());
  const engine = await Engine.start({
    lakes: {
      of: (principal) => access.of(principal),
      onChange: (listener) => {
        const entry = (changes: readonly Change[]): void => {
          if (changes.some(({ t }) => t === 'lake-created' || t === 'lake-dropped' || t === 'grants-changed')) listener();
        };
        changeListeners.add(entry);
        return () => changeListeners.delete(entry);
      },
    },
    tokens: { issue: (access) => call.issueToken(access, 'engine'), revoke: (endpoint) => call.revokeToken(endpoint.token) },
    dataKeys: createDataKeys(config.s3, clock),
    baseCatalog: pgCatalog,
    directory: dataDir.spillDir,
    limits: engineLimits(config),
    clock,
    random,
    log: logger.child({ room: 'engine' }),
  });
  closers.push(() => engine.close());
  yieldToEventLoops();

  const { epoch } = await call.started();
  logger.debug({ epoch, ms: Math.round(clock.monotonic() - began) }, 'metadata worker is up');

  const verifiers = createVerifierMaker(random);
  const { userId: superadminId } = (await control.execute(
    { name: 'ensure-superadmin', args: { email: config.superadminEmail.toLowerCase() } },
    { principal: podActor },
  )) as { userId: string };
  const superadminNow = (): Promise<Principal | undefined> => control.principalOf({ userId: superadminId });
  const superadmin = createSuperadmin({
    email: config.superadminEmail,
    verifiers,
    principal: superadminNow,
    credentials: { findCredential: (name) => control.findCredential(name) },
    isWireLoginAllowed: config.superadminMfaSecretPath === undefined,
  });
  const limiter = new LoginLimiter(clock);
  const logins = createLoginRecord({
    clock,
    logger: logger.child({ room: 'auth' }),
    superadminEmail: config.superadminEmail,
    audit: (action, target, detail) =>
      control.execute({ name: 'record-event', args: { action, target, detail } }, { principal: podActor }),
  });
  const cache = new VerifierCache(superadmin, clock);
  let onPasswordChanged = async (_password: string): Promise<void> => {};
  changeListeners.add(() => cache.invalidate());
  closers.push(
    await followSecretFile({
      path: dataDir.superadminPasswordPath,
      clock,
      logger,
      apply: async (text) => {
        await superadmin.setPassword(text);
        cache.invalidate();
        await onPasswordChanged(passwordOfFile(text));
      },
    }),
  );

  const listeners: { pgwire?: Listeners['pgwire']; auth?: Listeners['auth']; metrics?: Listeners['metrics'] } = {};
  const admin = createAdmin({
    control,
    lakes: { initialise: (lake) => engine.initialiseLake(lake) },
    restorer: { restore: (...request) => call.restoreLake(...request) },
    maintenance: () => maintenance,
    addresses: {
      pgwire: () => ({ host: publicHost, port: config.publicPgwirePort ?? (listeners.pgwire?.port as number) }),
      caPath: certificates.caPath,
    },
    clock,
    logger: logger.child({ room: 'admin' }),
  });
  await admin.finishCreating(firstLake);

  // With metadata in an external PostgreSQL its transactions are not known here, so nothing may be moved or deleted.
  const maintenance =
    config.metadataUrl === undefined
      ? startMaintenance({
          lakes: () => control.lakes(),
          catalog: new Proxy({} as MaintenanceCatalog, {
            get:
              (_target, method) =>
              (...args: unknown[]) =>
                call.maintenance(String(method), ...args),
          }),
          async openWorkshop(lake) {
            const endpoint = await call.issueToken([{ lake, right: 'owner' }], 'maintenance');
            const workshop = await engine.openWorkshop(lake, endpoint, workshopBudget(config)).catch(async (error: unknown) => {
              await call.revokeToken(endpoint.token);
              throw error;
            });
            return {
              run: (sql, message) => workshop.run(sql, message),
              interrupt: () => workshop.interrupt(),
              close() {
                workshop.close();
                void call.revokeToken(endpoint.token).catch(() => undefined);
              },
            };
          },
          records: {
            read: () => control.maintenance(),
            async write(lakeId, passed) {
              await control.execute({ name: 'record-maintenance', args: { lakeId, passed } }, { principal: podActor });
            },
          },
          settings: {
            enabled: config.maintenance.isOn,
            snapshotRetentionMs: config.maintenance.snapshotRetentionMs,
            flushAfterMs: config.maintenance.flushAfterMs,
          },
          intervalMs: config.maintenance.intervalMs,
          orphanMs: config.deletionWaits.writeTransactionMsMax + config.deletionWaits.marginMs,
          isBusy: () => engine.admission.load.waiting > 0,
          metrics: createMaintenanceMetrics(metricsRegistry),
          clock,
          logger,
        })
      : undefined;
  if (maintenance) closers.push(() => maintenance.close());

  const live = new LiveSessions();
  const backends = new Backends(clock.now());
  changeListeners.add((changes) => live.follow(changes));
  closers.push(live.watchExpiry({ clock, logger, principalOf: (who) => control.principalOf(who) }));
  const door = { live, logins: cache };
  const relay = (startup: Startup) => {
    let leave = (): void => {};
    const revoke = (endpoint: MetadataEndpoint): Promise<void> => call.revokeToken(endpoint.token);
    return createMetadataRelay({
      startup,
      clock,
      async issue() {
        const followed = await issueFollowed(startup, door, {
          issue: (principal) => call.issuePrincipalToken(principal),
          revoke,
        });
        leave = followed.leave;
        return followed.endpoint;
      },
      async revoke(endpoint) {
        leave();
        await revoke(endpoint);
      },
    });
  };
  const state = { draining: false };
  warnOfFewFiles(config.pgwireMaxConnections, logger);
  const statementLog = new StatementLog({
    minMs: config.logMinDurationMs,
    clock,
    logger: logger.child({ room: 'statements' }),
    registry: metricsRegistry,
  });
  const proxies = new AddressList(config.proxyProtocolFrom);
  const pgListener = new Listener({
    address: { host: config.bindHost, port: config.pgwirePort },
    authentication: {
      t: 'scram',
      authenticator: createAuthenticator({
        credentials: cache,
        limiter,
        clock,
        random,
        mockKey: Buffer.from(await control.secret('scram-mock')),
        isBindingAvailable: () => certificates.hasEndPointHash(),
        decided: (outcome) => logins.note({ way: 'pgwire', ...outcome }),
      }),
    },
    tls: { current: () => ({ context: certificates.context() }) },
    sessions: {
      async open(startup, hooks) {
        if (startup.database.endsWith(catalogSuffix)) {
          return relay(startup);
        }
        trouble.check();
        const session = await trouble.whileOpening(
          openFollowed(startup, hooks, door, (now) =>
            openStatementSession(now, hooks, {
              engine,
              admin,
              names: pgNames,
              defaults: sessionDefaults(config),
              backends,
              clock,
              random,
            }),
          ),
        );
        return { t: 'session', session: statementLog.follow(trouble.guard(session), startup) };
      },
      cancelElsewhere: (processId, secretKey) => forwardCancel(dataDir.socketDir, 5432, processId, secretKey),
    },
    proxies,
    limits: {
      connectionsMax: config.pgwireMaxConnections,
      connectionsPerUserMax: config.pgwireMaxConnectionsPerUser ?? config.pgwireMaxConnections,
      superuserConnectionsReserved: config.pgwireReservedConnections,
    },
    clock,
    random,
    logger,
  });
  await pgListener.open().catch((error: LakeError) => {
    throw takenPort(error, config.pgwirePort, 'BOILSTREAM_PGWIRE_PORT');
  });
  closers.push(() => pgListener.close(1_000));
  createPgwireMetrics(metricsRegistry, () => pgListener.counts);
  listeners.pgwire = { host: config.bindHost, port: pgListener.port };

  const { promise: ended, resolve: end } = Promise.withResolvers<LakeError | undefined>();
  let stopping = false;
  const stop = (reason?: LakeError): void => {
    if (stopping) return;
    stopping = true;
    void (async () => {
      const timer = clock.sleep(closeDeadlineMs, { unref: true });
      const closing = (async () => {
        for (const close of closers.reverse())
          await Promise.resolve(close()).catch((error: unknown) => logger.warn({ error }, 'closing'));
      })();
      await Promise.race([closing, timer]);
      logger.info({}, 'ended');
      end(reason);
    })();
  };
  void lost.then((reason) => {
    if (!stopping) {
      logger.error({ error: reason }, 'this pod cannot go on');
      stop(reason);
    }
  });

  const drain = async (timeoutMs = config.drainTimeoutMs): Promise<{ unfinished: number }> => {
    // Not ready any more, before the first client is refused.
    state.draining = true;
    logger.info({ timeoutMs, sessions: pgListener.counts.sessions }, 'draining');
    const deadline = clock.monotonic() + timeoutMs;
    pgListener.refuseNewcomers();
    pgListener.endIdle();
    await call.endIdleClients().catch(() => undefined);
    while (pgListener.counts.sessions > 0 && clock.monotonic() < deadline) await clock.sleep(20);
    return { unfinished: pgListener.counts.sessions };
  };

  const pod = {
    status: async () => {
      const log = await call.status();
      return {
        node: config.nodeName,
        version: productVersion(),
        state: state.draining ? ('draining' as const) : ('ready' as const),
        uptime_seconds: Math.round((clock.monotonic() - began) / 1000),
        listeners: { pgwire: listeners.pgwire ?? null, auth: listeners.auth ?? null, metrics: listeners.metrics ?? null },
        sessions: pgListener.counts.sessions,
        log: { epoch: log.epoch, seq: log.seq },
      };
    },
    notReady: () => (state.draining ? ['draining'] : []),
    drain,
    stop: () => stop(),
  };
  const totp =
    config.superadminMfaSecretPath === undefined
      ? undefined
      : createTotp(readFileSync(config.superadminMfaSecretPath, 'utf8'), clock);
  const login = createLogin({ superadmin, limiter, totp, decided: (outcome) => logins.note({ way: 'rest', ...outcome }) });
  const restSessions = createSessions({
    login,
    store: control,
    random,
    superadmin: async () => {
      const principal = await superadminNow();
      assert(principal, 'the superadmin exists while the pod runs');
      return principal;
    },
  });
  const [api, metrics] = await Promise.all([
    startApiServer({
      admin,
      sessions: restSessions,
      pod,
      tls: certificates,
      host: config.bindHost,
      port: config.authPort,
      socketPath: dataDir.adminSocket,
      version: productVersion(),
      proxies: { from: proxies, clock, deadlineMs: proxyHeaderMsMax },
      logger,
      random,
    }).catch((error: LakeError) => {
      throw takenPort(error, config.authPort, 'BOILSTREAM_AUTH_PORT');
    }),
    startMetricsServer({
      pod,
      host: config.bindHost,
      port: config.metricsPort,
      logger,
      random,
      workerMetrics: () => call.metrics(),
    }).catch((error: LakeError) => {
      throw takenPort(error, config.metricsPort, 'BOILSTREAM_METRICS_PORT');
    }),
  ]);
  closers.push(
    () => api.close(),
    () => metrics.close(),
  );
  listeners.auth = api.address;
  listeners.metrics = metrics.address;

  const pgpassPath = join(config.dataDir, 'pgpass');
  const pgwirePort = listeners.pgwire.port;
  const keepPgpass = (password: string): void =>
    writePgpass(pgpassPath, publicHost, pgwirePort, config.superadminEmail, password);
  keepPgpass(passwordOfFile(readFileSync(dataDir.superadminPasswordPath, 'utf8')));
  onPasswordChanged = async (password) => {
    live.endOfPassword(superadminId);
    await restSessions.endAll(superadminId);
    keepPgpass(password);
  };
  const ready = listeners as Listeners;
  if (config.readyFile) writeWhole(config.readyFile, `${JSON.stringify({ ...ready, node: config.nodeName })}\n`, 0o644);
  process.stdout.write(
    `${firstScreen({ version: productVersion(), listeners: ready, dataDir: config.dataDir, storageUrl: config.storageUrl, lake: firstLake, user: config.superadminEmail, caPath: certificates.caPath, pgpassPath, cwd: process.cwd() })}\n`,
  );
  process.stdout.write(`ready in ${((clock.monotonic() - began) / 1000).toFixed(1)} s\n`);
  return { drain, stop: () => stop(), ended };
}

/** Beside this file, as source or compiled. */
function workerFile(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './metadata-worker.ts' : './metadata-worker.js', import.meta.url);
}

function workerInput(config: Config, dataDir: { cacheDir: string; socketDir: string; encryptionKeyPath: string }): WorkerInput {
  const { storageUrl, metadataUrl, s3, logRetentionMs, deletionWaits, memoryLimitBytes, threads } = config;
  return {
    config: {
      storageUrl,
      ...(metadataUrl === undefined ? {} : { metadataUrl }),
      s3,
      logRetentionMs,
      deletionWaits,
      memoryLimitBytes,
      threads,
    },
    logLevel: config.logLevel,
    cacheDir: dataDir.cacheDir,
    socketDir: dataDir.socketDir,
    encryptionKeyPath: dataDir.encryptionKeyPath,
    storageRoot: storageUrl.startsWith('file:') ? fileURLToPath(storageUrl) : storageUrl,
  };
}

async function accessOf(control: ControlCatalog, principal: Principal): Promise<LakeAccess[]> {
  const [lakes, now] = await Promise.all([
    control.lakes(),
    control.principalOf(
      principal.credentialId === undefined ? { userId: principal.id } : { credentialId: principal.credentialId },
    ),
  ]);
  if (!now) return [];
  return lakes.flatMap((lake) => {
    const right = now.rights.get(lake.name);
    return right ? [{ lake, right }] : [];
  });
}

/** What sessions begin with, where the pod's settings say more than the table of settings does. */
function sessionDefaults(config: Config): Readonly<Record<string, string>> {
  return {
    ...Object.fromEntries(Object.entries(config.timeoutsMs).map(([name, ms]) => [name, showDuration(ms)])),
    ...(config.logMinDurationMs === undefined ? {} : { log_min_duration_statement: showDuration(config.logMinDurationMs) }),
    max_connections: String(config.pgwireMaxConnections),
    superuser_reserved_connections: String(config.pgwireReservedConnections),
  };
}

/** The metadata worker has its own share of the memory (metadata-worker.ts). */
const engineMemoryShare = 0.75;

function engineLimits(config: Config): Partial<EngineLimits> {
  return {
    memoryBytes: Math.floor(config.memoryLimitBytes * engineMemoryShare),
    threads: config.threads,
    spillBytesMax: config.spillLimitBytes,
    ...admissionFor(config.queryConcurrency, poolThreads()),
  };
}

/** What libuv makes when nobody says. */
const libuvThreadsDefault = 4;

function poolThreads(): number {
  return Number(processEnvironment['UV_THREADPOOL_SIZE'] ?? libuvThreadsDefault);
}

/**
 * Every running statement holds a thread of libuv's pool while it waits for metadata, which needs a thread of the same pool:
 * admit as many as there are threads and all wait for ever. So a small pool (a pod started without UV_THREADPOOL_SIZE) admits few.
 */
function admissionFor(wanted: number, poolThreads: number): Pick<EngineLimits, 'statementsMax' | 'transactionStatementsMax'> {
  return {
    statementsMax: Math.max(1, Math.min(wanted, Math.floor(poolThreads * 0.5))),
    transactionStatementsMax: Math.max(1, Math.min(16, Math.floor(poolThreads * 0.25))),
  };
}

/** What maintenance takes beside the engines of users. */
function workshopBudget(config: Config) {
  const { memoryShare, memoryBytesMin, memoryBytesMax, threads, spillBytesMax } = maintenanceLimits;
  const memoryBytes = Math.min(memoryBytesMax, Math.max(memoryBytesMin, Math.floor(config.memoryLimitBytes * memoryShare)));
  return { memoryBytes, threads, spillBytesMax };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Adds who holds the port, where the system tells. */
function takenPort(error: LakeError, port: number, variable: string): LakeError {
  if (error.code !== 'config_invalid' || port === 0) return error;
  const holder = portHolder(port);
  return holder
    ? new LakeError('config_invalid', `port ${port} is taken by ${holder}`, {
        hint: `Stop it, or set ${variable} to another port (0 = any free one).`,
      })
    : error;
}
