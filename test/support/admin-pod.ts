/**
 * The administrative half of a pod in this process: control catalog over the fake log, logins, REST API on TLS and Unix
 * socket. No engine: making DuckLake's tables is a function the test gives.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogin } from '../../auth/login.ts';
import { LoginLimiter } from '../../auth/rate-limit.ts';
import { createTotp } from '../../auth/mfa/totp.ts';
import { createSealer } from '../../auth/seal.ts';
import { createSessions } from '../../auth/sessions.ts';
import { createSuperadmin, type Superadmin } from '../../auth/superadmin.ts';
import { createVerifierMaker } from '../../auth/verifier-maker.ts';
import { systemClock } from '../../base/clock.ts';
import type { Lake, Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { type ControlCatalog, createControlCatalog } from '../../catalog/control/control-catalog.ts';
import { type Admin, createAdmin } from '../../server/admin/admin.ts';
import { openCertificates } from '../../server/certificates.ts';
import { startApiServer } from '../../server/http/api-server.ts';
import { openFakeLog } from './fake-replicated-log.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly body: any;
}

export interface AdminPod {
  readonly directory: string;
  readonly url: string;
  readonly caPath: string;
  readonly socketPath: string;
  readonly password: string;
  readonly control: ControlCatalog;
  readonly admin: Admin;
  readonly superadmin: Superadmin;
  /** Lakes whose tables were made, in order. */
  readonly initialised: Lake[];
  readonly stops: string[];
  superadminPrincipal(): Promise<Principal>;
  call(
    method: string,
    path: string,
    options?: { token?: string; body?: unknown; headers?: Record<string, string>; local?: boolean },
  ): Promise<Answer>;
  login(): Promise<string>;
  close(): Promise<void>;
}

/** Starts one on a free port. `initialise` may throw to play a failing engine. */
export async function startAdminPod(
  options: { initialise?(lake: Lake): Promise<void>; mfaSecret?: string } = {},
): Promise<AdminPod> {
  const directory = mkdtempSync(join(tmpdir(), 'admin-pod-'));
  const log = await openFakeLog(directory);
  const verifiers = createVerifierMaker(systemRandom);
  const control = await createControlCatalog({
    log,
    clock: systemClock,
    random: systemRandom,
    sealer: createSealer([systemRandom.bytes(32)], systemRandom),
    verifiers,
    logger: silentLogger,
    storageRoot: `${directory}/storage`,
  });
  const { userId } = (await control.execute(
    { name: 'ensure-superadmin', args: { email: 'admin@localhost' } },
    { principal: { id: 'pod', kind: 'pod' } },
  )) as { userId: string };
  const superadminPrincipal = async (): Promise<Principal> => (await control.principalOf({ userId })) as Principal;
  const superadmin = createSuperadmin({
    email: 'admin@localhost',
    verifiers,
    principal: superadminPrincipal,
    credentials: control,
    isWireLoginAllowed: options.mfaSecret === undefined,
  });
  const password = systemRandom.bytes(12).toString('base64url');
  await superadmin.setPassword(`${password}\n`);
  const initialised: Lake[] = [];
  const admin = createAdmin({
    control,
    clock: systemClock,
    logger: silentLogger,
    lakes: {
      async initialise(lake) {
        await options.initialise?.(lake);
        initialised.push(lake);
      },
    },
    restorer: {
      restore: async () => {
        throw new LakeError('feature_not_supported', 'the fake log keeps no past');
      },
    },
    addresses: { pgwire: () => ({ host: 'localhost', port: 15432 }), caPath: join(directory, 'ca.pem') },
  });
  const certificates = await openCertificates({
    dataDir: directory,
    hosts: ['localhost', '127.0.0.1'],
    clock: systemClock,
    logger: silentLogger,
  });
  const login = createLogin({
    superadmin,
    limiter: new LoginLimiter(systemClock),
    totp: options.mfaSecret === undefined ? undefined : createTotp(options.mfaSecret, systemClock),
  });
  const stops: string[] = [];
  const server = await startApiServer({
    admin,
    sessions: createSessions({ login, store: control, random: systemRandom, superadmin: superadminPrincipal }),
    pod: {
      status: async () => ({
        node: 'test-0',
        version: '0',
        state: 'ready',
        uptime_seconds: 1,
        listeners: {},
        sessions: 0,
        log: null,
      }),
      notReady: () => [],
      drain: async () => ({ unfinished: 0 }),
      stop: () => void stops.push('stopped'),
    },
    tls: certificates,
    host: '127.0.0.1',
    port: 0,
    socketPath: join(directory, 'admin.sock'),
    version: '0',
    logger: silentLogger,
    random: systemRandom,
  });
  const caPath = join(directory, 'ca.pem');
  const url = `https://127.0.0.1:${server.address.port}`;
  const ca = readFileSync(caPath);

  const pod: AdminPod = {
    directory,
    url,
    caPath,
    socketPath: join(directory, 'admin.sock'),
    password,
    control,
    admin,
    superadmin,
    initialised,
    stops,
    superadminPrincipal,
    call(method, path, { token, body, headers = {}, local = false } = {}) {
      const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
      const all = {
        ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      };
      return new Promise((resolve, reject) => {
        const answered = (response: import('node:http').IncomingMessage): void => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () => {
            const whole = Buffer.concat(parts).toString();
            resolve({
              status: response.statusCode as number,
              headers: response.headers,
              body: whole.startsWith('{') ? JSON.parse(whole) : whole,
            });
          });
        };
        const sent = local
          ? httpRequest({ socketPath: pod.socketPath, method, path, headers: all, agent: false }, answered)
          : httpsRequest(url + path, { method, ca, headers: all, agent: false }, answered);
        sent.on('error', reject);
        sent.end(text);
      });
    },
    async login() {
      return (await pod.call('POST', '/auth/login', { body: { email: 'admin@localhost', password } })).body.token as string;
    },
    async close() {
      await server.close();
      certificates.close();
      control.close();
      await log.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return pod;
}
