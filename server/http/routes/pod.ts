/** What the pod says about itself, and draining it. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import type { Endpoint } from '../openapi.ts';
import type { PodPort } from '../ports.ts';
import { apiPrefix, type Caller } from './admin.ts';

const drainArgs = z.strictObject({ timeout_seconds: z.number().min(0).max(86_400).optional() });
const listener = z.object({ host: z.string(), port: z.number() }).nullable();

export const podEndpoints: readonly Endpoint[] = [
  {
    method: 'GET',
    path: `${apiPrefix}/pod/status`,
    summary: 'State of the pod that answers',
    args: z.strictObject({}),
    result: z.object({
      node: z.string(),
      version: z.string(),
      state: z.enum(['starting', 'ready', 'draining']),
      uptime_seconds: z.number(),
      listeners: z.record(z.string(), listener),
      sessions: z.number(),
      log: z.object({ epoch: z.number(), seq: z.number() }).nullable(),
    }),
  },
  {
    method: 'POST',
    path: `${apiPrefix}/pod/drain`,
    summary: 'Finish running work, refuse new, then stop the pod (administrators)',
    args: drainArgs,
    result: z.object({ unfinished: z.number() }),
  },
];

/** Adds status and drain. The answer to a drain is sent before the pod stops. */
export function addPodRoutes(app: FastifyInstance, pod: PodPort, identify: (request: FastifyRequest) => Promise<Caller>): void {
  app.get(`${apiPrefix}/pod/status`, async (request) => {
    await identify(request);
    return pod.status();
  });
  app.post(
    `${apiPrefix}/pod/drain`,
    { onResponse: async (_request, reply) => void (reply.statusCode === 200 && pod.stop()) },
    async (request) => {
      const { principal } = await identify(request);
      if (!principal.superuser) throw new LakeError('permission_denied', 'permission denied to drain a pod');
      const parsed = drainArgs.safeParse(request.body ?? {});
      if (!parsed.success) throw new LakeError('invalid_argument', 'timeout_seconds is a number up to a day');
      // A drain takes as long as the work does; the connection must outlast it.
      request.raw.setTimeout(0);
      request.raw.socket.setTimeout(0);
      return pod.drain(parsed.data.timeout_seconds === undefined ? undefined : parsed.data.timeout_seconds * 1000);
    },
  );
}
