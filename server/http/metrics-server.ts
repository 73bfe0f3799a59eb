/** Plain HTTP for machines: `/metrics`, `/healthz` (the process answers), `/readyz` (send traffic here). No secret is in any of them. */
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics } from 'prom-client';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { metricsRegistry } from '../../base/metrics.ts';
import type { Random } from '../../base/random.ts';
import { createApp } from './app.ts';
import { mergeMetrics } from './metrics-text.ts';
import type { PodPort } from './ports.ts';

export interface MetricsServerOptions {
  readonly pod: Pick<PodPort, 'notReady'>;
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly logger: Logger;
  readonly random: Random;
  /** Text of the metadata worker's registry. */
  workerMetrics?(): Promise<string>;
}

let areDefaultsCollected = false;

/** Listens. Throws `config_invalid` when the port is taken. */
export async function startMetricsServer(
  options: MetricsServerOptions,
): Promise<{ readonly address: { readonly host: string; readonly port: number }; close(): Promise<void> }> {
  const { pod, host, port, logger, random } = options;
  // Once for the process: event loop lag, heap, handles, CPU.
  if (!areDefaultsCollected) collectDefaultMetrics({ register: metricsRegistry });
  areDefaultsCollected = true;
  const app = createApp({ listener: 'metrics', logger, random });
  app.get('/healthz', async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', async (_request, reply) => {
    const reasons = pod.notReady();
    return reply
      .status(reasons.length === 0 ? 200 : 503)
      .type('text/plain')
      .send(reasons.length === 0 ? 'ready\n' : `not ready: ${reasons.join('; ')}\n`);
  });
  app.get('/metrics', async (_request, reply) => {
    const own = await metricsRegistry.metrics();
    // A worker that does not answer must not hide the metrics that tell why.
    const others = await options.workerMetrics?.().catch((error: unknown) => {
      logger.warn({ error }, 'the metadata worker gives no metrics');
      return '';
    });
    return reply.type(metricsRegistry.contentType).send(others ? mergeMetrics(own, others, 'metadata') : own);
  });
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new LakeError(
      'config_invalid',
      `cannot listen on ${host}:${port}: ${code === 'EADDRINUSE' ? 'it is taken' : (error as Error).message}`,
      { hint: 'BOILSTREAM_METRICS_PORT chooses another.', cause: error },
    );
  }
  return { address: { host, port: (app.server.address() as AddressInfo).port }, close: () => app.close() };
}
