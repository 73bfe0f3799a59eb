/** The administrative commands under /api/v1, made from their table: path, query string and body together are the arguments. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Principal } from '../../../base/domain.ts';
import { LakeError } from '../../../base/errors.ts';
import type { Admin } from '../../admin/admin.ts';
import { adminCommands } from '../../admin/commands/index.ts';

export const apiPrefix = '/api/v1';

export interface Caller {
  readonly principal: Principal;
  readonly isLocal: boolean;
}

/** `identify` throws invalid_authorization when nobody is logged in. */
export function addAdminRoutes(app: FastifyInstance, admin: Admin, identify: (request: FastifyRequest) => Promise<Caller>): void {
  for (const command of adminCommands) {
    app.route({
      method: command.http.method,
      url: apiPrefix + command.http.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      async handler(request, reply) {
        const { principal, isLocal } = await identify(request);
        const result = await admin.runCommand(command, argumentsOf(request), principal, {
          isLocal,
          idempotencyKey: idempotencyKey(request),
        });
        return reply.status(command.http.status ?? 200).send(result);
      },
    });
  }
}

function argumentsOf(request: FastifyRequest): Record<string, unknown> {
  const body = request.body ?? {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw new LakeError('invalid_argument', 'the request body must be a JSON object');
  // The path decides over the body: what was authorised by a proxy's path rule is what is acted on.
  return { ...body, ...(request.query as object), ...(request.params as object) };
}

function idempotencyKey(request: FastifyRequest): string | undefined {
  const header = request.headers['idempotency-key'];
  return Array.isArray(header) ? header[0] : header;
}
