/** One Fastify instance as every listener of ours needs it: bounded, logged, with our errors and nobody else's. */
import { fastify, type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { Counter, Histogram } from 'prom-client';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { metricsRegistry } from '../../base/metrics.ts';
import type { Random } from '../../base/random.ts';
import { toHttp } from './errors.ts';
import {
  bodyBytesMax,
  connectionsMax,
  handlerTimeoutMs,
  keepAliveTimeoutMs,
  pathParameterLengthMax,
  requestTimeoutMs,
} from './limits.ts';

const requests = new Counter({
  name: 'boilstream_http_requests_total',
  help: 'Requests answered',
  labelNames: ['listener', 'method', 'route', 'status'],
  registers: [metricsRegistry],
});
const durations = new Histogram({
  name: 'boilstream_http_request_duration_seconds',
  help: 'From the head of a request to the end of its answer',
  labelNames: ['listener', 'route'],
  buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
  registers: [metricsRegistry],
});

export interface AppOptions {
  /** Label in metrics and logs. */
  readonly listener: 'api' | 'local' | 'metrics';
  readonly logger: Logger;
  readonly random: Random;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** Makes the instance; routes are added by the caller. */
export function createApp({ listener, logger, random, tls }: AppOptions): FastifyInstance {
  const options: FastifyServerOptions & { https?: object } = {
    logger: false,
    bodyLimit: bodyBytesMax,
    routerOptions: { maxParamLength: pathParameterLengthMax },
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionTimeout: handlerTimeoutMs,
    forceCloseConnections: 'idle',
    genReqId: () => random.uuid(),
    // A client's own request id would let it forge log lines.
    requestIdHeader: false,
    ...(tls ? { https: { ...tls, minVersion: 'TLSv1.2' } } : {}),
  };
  const app = fastify(options) as unknown as FastifyInstance;
  app.server.maxConnections = connectionsMax;
  app.server.headersTimeout = requestTimeoutMs;

  app.addHook('onRequest', async (_request, reply) => {
    void reply.headers({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      ...(tls ? { 'strict-transport-security': 'max-age=31536000' } : {}),
    });
  });
  app.addHook('onResponse', async (request, reply) => {
    // Unknown paths share one label: strangers must not be able to grow the registry.
    const route = request.routeOptions.url ?? 'unknown';
    requests.inc({ listener, method: request.method, route, status: String(reply.statusCode) });
    durations.observe({ listener, route }, reply.elapsedTime / 1000);
    logger.debug(
      { requestId: request.id, method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'request answered',
    );
  });
  app.setErrorHandler((thrown, request, reply) => {
    const { status, body, error } = toHttp(thrown, request.id);
    if (status >= 500)
      logger.error({ error: error.cause ?? error, requestId: request.id, route: request.routeOptions.url }, 'a request failed');
    if (status === 401) void reply.header('www-authenticate', 'Bearer realm="boilstream"');
    if (status === 429) void reply.header('retry-after', '60');
    return reply.status(status).send(body);
  });
  app.setNotFoundHandler((request, reply) => {
    const { body } = toHttp(
      new LakeError('not_found', `there is no ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}`, {
        hint: '/openapi.json lists what there is.',
      }),
      request.id,
    );
    return reply.status(404).send(body);
  });
  return app;
}
