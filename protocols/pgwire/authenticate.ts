/**
 * The authentication exchange: SASL (SCRAM) on the public port, a token as cleartext password on local sockets. Who it
 * is and whether the proof holds is decided behind the ports; this file only carries the messages.
 * Source: PostgreSQL documentation, section 54.3 "SASL Authentication".
 */
import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Inbox } from './codec.ts';
import { certificateHash } from './certificate-hash.ts';
import {
  decodePassword,
  decodeSaslInitialResponse,
  writeCleartextPasswordRequest,
  writeSasl,
  writeSaslContinue,
  writeSaslFinal,
} from './messages/authentication.ts';
import { ConnectionGone, type Outbox } from './outbox.ts';
import type { Authentication } from './ports.ts';
import { messageType } from './session-state.ts';

export interface AuthenticateOptions {
  readonly authentication: Authentication;
  readonly inbox: Inbox;
  readonly out: Outbox;
  readonly user: string;
  readonly remoteAddress: string;
  readonly tls: TLSSocket | null;
}

/** Throws invalid_password, invalid_authorization or protocol_violation. AuthenticationOk is left to the caller. */
export async function authenticate(options: AuthenticateOptions): Promise<Principal> {
  const { authentication, out, user } = options;
  if (authentication.t === 'token') {
    writeCleartextPasswordRequest(out);
    await out.flush();
    return authentication.authenticator.token(user, decodePassword(await answer(options)));
  }
  const { authenticator } = authentication;
  const mechanisms = authenticator
    .mechanisms(options.tls !== null)
    .filter((name) => options.tls !== null || !name.endsWith('-PLUS'));
  writeSasl(out, mechanisms);
  await out.flush();
  const initial = decodeSaslInitialResponse(await answer(options));
  if (!mechanisms.includes(initial.mechanism))
    throw new LakeError('protocol_violation', 'client selected an invalid SASL authentication mechanism');
  const channelBinding = options.tls && initial.mechanism.endsWith('-PLUS') ? endPoint(options.tls) : undefined;
  const exchange = authenticator.begin(user, initial.mechanism, {
    remoteAddress: options.remoteAddress,
    plusOffered: mechanisms.some((name) => name.endsWith('-PLUS')),
    ...(channelBinding ? { channelBinding } : {}),
  });
  writeSaslContinue(out, await exchange.first(Buffer.from(initial.data)));
  await out.flush();
  const { reply, principal } = await exchange.final(Buffer.from(await answer(options)));
  writeSaslFinal(out, reply);
  return principal;
}

/** tls-server-end-point: the hash of our certificate. Source: RFC 5929, section 4. */
function endPoint(tls: TLSSocket): Buffer | undefined {
  const certificate = tls.getX509Certificate();
  if (!certificate) return undefined;
  return createHash(certificateHash(certificate)).update(certificate.raw).digest();
}

async function answer(options: AuthenticateOptions): Promise<Buffer> {
  const { inbox } = options;
  for (;;) {
    const message = inbox.next();
    if (message) {
      if (message.type === messageType.password) return message.body;
      throw message.type === messageType.terminate
        ? new ConnectionGone('the client left during authentication')
        : new LakeError('protocol_violation', `expected password response, got message type ${message.type}`);
    }
    if (inbox.ended) throw new ConnectionGone('the client left during authentication');
    await inbox.more();
  }
}
