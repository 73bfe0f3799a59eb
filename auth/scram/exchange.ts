/**
 * The server's side of one SCRAM exchange (RFC 5802, RFC 7677; channel binding tls-server-end-point by RFC 5929).
 * It computes two HMACs and one hash; the expensive PBKDF2 is only ever done by the client. Each failure after a
 * well-formed first message reads the same, whether the user, the secret, the binding or the time was wrong.
 */
import { timingSafeEqual } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import { digest, hashBytes, hmac, type Verifier } from './hash.ts';
import { type ClientFirst, parseClientFinal, parseClientFirst } from './message.ts';

export interface ExchangeOptions {
  /** Asked once, after the first message parsed; for unknown users it must give a believable verifier. */
  lookUp(userInMessage: string): Promise<Verifier>;
  /** The server's part of the nonce: at least 18 random bytes as base64. */
  readonly serverNonce: string;
  /** Was a -PLUS mechanism chosen? */
  readonly plus: boolean;
  /** Did the server offer -PLUS on this connection? Then the flag `y` betrays a downgrade. */
  readonly plusOffered: boolean;
  /** tls-server-end-point data: the hash of the server's certificate. */
  readonly channelBinding?: Buffer | undefined;
}

/** States: fresh → challenged → over. Any other order is a protocol_violation. */
export class ServerExchange {
  readonly #options: ExchangeOptions;
  #state:
    | { t: 'fresh' }
    | { t: 'challenged'; first: ClientFirst; serverFirst: string; nonce: string; verifier: Verifier }
    | { t: 'over' } = { t: 'fresh' };

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** client-first-message to server-first-message: `r=` nonce `,s=` salt `,i=` iterations. */
  async first(data: Buffer): Promise<Buffer> {
    if (this.#state.t !== 'fresh') throw outOfOrder();
    this.#state = { t: 'over' };
    const first = parseClientFirst(data);
    this.#checkFlag(first);
    const verifier = await this.#options.lookUp(first.user);
    const nonce = first.nonce + this.#options.serverNonce;
    const serverFirst = `r=${nonce},s=${verifier.salt.toString('base64')},i=${verifier.iterations}`;
    this.#state = { t: 'challenged', first, serverFirst, nonce, verifier };
    return Buffer.from(serverFirst);
  }

  /** client-final-message to server-final-message `v=` signature. Throws `invalid_password` when the proof is wrong. */
  final(data: Buffer): Buffer {
    if (this.#state.t !== 'challenged') throw outOfOrder();
    const { first, serverFirst, nonce, verifier } = this.#state;
    this.#state = { t: 'over' };
    const final = parseClientFinal(data);
    if (final.nonce !== nonce) throw wrong();
    const binding = Buffer.concat([
      Buffer.from(first.gs2Header),
      first.flag === 'p' ? (this.#options.channelBinding ?? Buffer.alloc(0)) : Buffer.alloc(0),
    ]);
    if (!final.binding.equals(binding)) throw wrong();
    const { hash } = verifier;
    if (final.proof.length !== hashBytes[hash]) throw wrong();
    const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
    const signature = hmac(hash, verifier.storedKey, authMessage);
    const clientKey = Buffer.allocUnsafe(signature.length);
    for (let at = 0; at < signature.length; at++) clientKey[at] = (final.proof[at] as number) ^ (signature[at] as number);
    if (!timingSafeEqual(digest(hash, clientKey), verifier.storedKey)) throw wrong();
    return Buffer.from(`v=${hmac(hash, verifier.serverKey, authMessage).toString('base64')}`);
  }

  /** Section 6: the flag must fit the mechanism that was chosen and what was offered. */
  #checkFlag(first: ClientFirst): void {
    const { plus, plusOffered, channelBinding } = this.#options;
    if (plus) {
      if (first.flag !== 'p')
        throw new LakeError('protocol_violation', 'a SCRAM -PLUS mechanism was chosen without channel binding');
      if (first.bindingName !== 'tls-server-end-point') {
        throw new LakeError('protocol_violation', 'unsupported SCRAM channel binding type', {
          hint: 'Use tls-server-end-point.',
        });
      }
      if (!channelBinding) throw new LakeError('protocol_violation', 'channel binding needs TLS');
    } else {
      if (first.flag === 'p') throw new LakeError('protocol_violation', 'channel binding data came for a mechanism without it');
      if (first.flag === 'y' && plusOffered) {
        throw new LakeError('invalid_authorization', 'SCRAM channel binding negotiation failed', {
          detail:
            'The client believes that this server does not support channel binding, but it does: somebody may stand between the two.',
        });
      }
    }
  }
}

/** The one text for every failed login. */
export function wrong(): LakeError {
  return new LakeError('invalid_password', 'password authentication failed', {
    hint: 'Check user name and secret; a credential may have expired or been revoked. `boilstream-admin credentials create` makes a new one.',
  });
}

function outOfOrder(): LakeError {
  return new LakeError('protocol_violation', 'SCRAM message out of order');
}
