/** Login, session, logout. The password travels in TLS only: the routes exist on the TLS listener alone. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import type { SessionPort } from '../ports.ts';
import type { Endpoint } from '../openapi.ts';

const session = z.object({ user: z.string(), admin: z.boolean(), expires_at: z.iso.datetime() });
const loginArgs = z.strictObject({
  email: z.string().min(1).max(200).optional().describe("default: the superadmin's"),
  password: z.string().min(1).max(1024),
  mfa_code: z.string().max(10).optional().describe('one-time code, when the answer was mfa_required'),
});

export const authEndpoints: readonly Endpoint[] = [
  {
    method: 'POST',
    path: '/auth/login',
    summary: 'Log in (superadmin in this release); gives a token for about an hour',
    isPublic: true,
    args: loginArgs,
    result: z.union([
      session.extend({ token: z.string(), token_type: z.literal('Bearer') }),
      z.object({ mfa_required: z.literal(true) }),
    ]),
  },
  { method: 'GET', path: '/auth/session', summary: 'Whose session this is', args: z.strictObject({}), result: session },
  { method: 'POST', path: '/auth/logout', summary: 'End this session', args: z.strictObject({}), result: z.object({}) },
];

/** Adds the routes to the TLS listener. */
export function addAuthRoutes(app: FastifyInstance, sessions: SessionPort): void {
  app.post('/auth/login', async (request) => {
    const parsed = loginArgs.safeParse(request.body ?? {});
    if (!parsed.success)
      throw new LakeError('invalid_argument', 'a login is {"email", "password"} and, when asked for, "mfa_code"');
    const { email, password, mfa_code } = parsed.data;
    const outcome = await sessions.login({ email, password, mfaCode: mfa_code, address: request.ip });
    if (outcome.t === 'mfa-needed') return { mfa_required: true };
    return {
      token: outcome.token,
      token_type: 'Bearer',
      user: outcome.principal.name,
      admin: outcome.principal.superuser,
      expires_at: new Date(outcome.expiresAt).toISOString(),
    };
  });
  app.get('/auth/session', async (request) => {
    const found = await sessions.find(request.headers.authorization);
    if (!found) throw notLoggedIn();
    return { user: found.principal.name, admin: found.principal.superuser, expires_at: new Date(found.expiresAt).toISOString() };
  });
  app.post('/auth/logout', async (request) => {
    await sessions.logout(request.headers.authorization);
    return {};
  });
}

/** The answer to every request without a session that lasts. */
export function notLoggedIn(): LakeError {
  return new LakeError('invalid_authorization', 'not logged in, or the session is over', {
    hint: 'boilstream-admin auth login --server URL',
  });
}
