/**
 * The REST API: on 8443 over TLS for people with a session, and on a Unix socket in the data directory for whoever may open
 * it (its permissions are the authentication: `boilstream drain|status`, the command line on the pod's own machine).
 */
import { chmodSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type ProxiedOptions, takeProxyHeaders } from '../../base/proxied-socket.ts';
import type { Random } from '../../base/random.ts';
import type { Admin } from '../admin/admin.ts';
import { createApp } from './app.ts';
import { openApiDocument } from './openapi.ts';
import type { PodPort, SessionPort, TlsMaterial } from './ports.ts';
import { addAdminRoutes, apiPrefix } from './routes/admin.ts';
import { addAuthRoutes, authEndpoints, notLoggedIn } from './routes/auth.ts';
import { addPodRoutes, podEndpoints } from './routes/pod.ts';

export interface ApiServerOptions {
  readonly admin: Admin;
  readonly sessions: SessionPort;
  readonly pod: PodPort;
  readonly tls: TlsMaterial;
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** The Unix socket; its folder must be closed to others (0700). */
  readonly socketPath: string;
  readonly version: string;
  /** Gateways whose connections begin with a PROXY header. Default: none. */
  readonly proxies?: ProxiedOptions;
  readonly logger: Logger;
  readonly random: Random;
}

export interface ApiServer {
  readonly address: { readonly host: string; readonly port: number };
  /** Refuses new connections, lets running requests end, closes idle ones. */
  close(): Promise<void>;
}

/** Listens on both. Throws `config_invalid` when the port is taken or the socket cannot be made. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { admin, sessions, pod, tls, logger, random, host, port, socketPath } = options;
  const document = openApiDocument(options.version, apiPrefix, [...authEndpoints, ...podEndpoints]);

  const api = createApp({ listener: 'api', logger, random, tls: tls.pem() });
  const identify = async (request: {
    readonly headers: { readonly authorization?: string | undefined };
  }): Promise<{ principal: Awaited<ReturnType<SessionPort['local']>>; isLocal: boolean }> => {
    const session = await sessions.find(request.headers.authorization);
    if (!session) throw notLoggedIn();
    return { principal: session.principal, isLocal: false };
  };
  addAuthRoutes(api, sessions);
  addAdminRoutes(api, admin, identify);
  addPodRoutes(api, pod, identify);
  addDocument(api, document);
  tls.onReload(() => (api.server as unknown as TlsServer).setSecureContext({ ...tls.pem(), minVersion: 'TLSv1.2' }));

  const local = createApp({ listener: 'local', logger, random });
  const identifyLocal = async (): Promise<{ principal: Awaited<ReturnType<SessionPort['local']>>; isLocal: boolean }> => ({
    principal: await sessions.local(),
    isLocal: true,
  });
  addAdminRoutes(local, admin, identifyLocal);
  addPodRoutes(local, pod, identifyLocal);
  addDocument(local, document);

  if (options.proxies) takeProxyHeaders(api.server, options.proxies);
  await listen(api, { host, port }, `${host}:${port}`, 'BOILSTREAM_AUTH_PORT');
  // The data directory is locked: a socket file that lies there belongs to nobody.
  rmSync(socketPath, { force: true });
  await listen(local, { path: socketPath }, socketPath, 'BOILSTREAM_DATA_DIR').catch(async (error: unknown) => {
    await api.close();
    throw error;
  });
  chmodSync(socketPath, 0o600);
  return {
    address: { host, port: (api.server.address() as AddressInfo).port },
    async close() {
      await Promise.all([api.close(), local.close()]);
    },
  };
}

function addDocument(app: FastifyInstance, document: object): void {
  app.get('/openapi.json', async () => document);
}

async function listen(
  app: FastifyInstance,
  where: { host: string; port: number } | { path: string },
  shown: string,
  variable: string,
): Promise<void> {
  try {
    await app.listen(where);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new LakeError(
      'config_invalid',
      `cannot listen on ${shown}: ${code === 'EADDRINUSE' ? 'it is taken' : code === 'EACCES' ? 'not allowed' : (error as Error).message}`,
      { hint: `${variable} chooses another.`, cause: error },
    );
  }
}
