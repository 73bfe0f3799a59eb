/**
 * Logins by SCRAM for every wire that carries it. It has the shape that the PostgreSQL listener asks for in its ports
 * (`mechanisms`, `begin`). Unknown names get an exchange that looks real and fails at the end; their salt depends
 * on the name and a cluster-wide key only, so asking twice, or another pod, tells nothing (as PostgreSQL's mock authentication).
 */
import type { Clock } from '../../base/clock.ts';
import type { Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { CredentialSource, FoundCredential } from '../ports.ts';
import type { LoginLimiter } from '../rate-limit.ts';
import { ServerExchange, wrong } from './exchange.ts';
import { hmac, iterationCountMin, mechanismHash, type ScramHash, type Verifier } from './hash.ts';

export interface AuthenticatorOptions {
  readonly credentials: CredentialSource;
  readonly limiter: LoginLimiter;
  readonly clock: Clock;
  readonly random: Random;
  /** 32 bytes, the same on every pod and after every start. */
  readonly mockKey: Buffer;
  /** Mechanisms without -PLUS; default SCRAM-SHA-256 as PostgreSQL has it. */
  readonly mechanisms?: readonly string[];
  /** False when the certificate defines no channel binding data (Ed25519); asked for each connection. */
  isBindingAvailable?(): boolean;
  /** Told after each decided login, for metrics and audit. Must not throw. */
  decided?(outcome: { readonly user: string; readonly remoteAddress: string; readonly ok: boolean }): void;
}

export interface BeginContext {
  readonly remoteAddress: string;
  /** tls-server-end-point data when the connection runs over TLS. */
  readonly channelBinding?: Buffer;
  /** A -PLUS mechanism was offered on this connection. */
  readonly plusOffered?: boolean;
}

export interface Exchange {
  first(data: Buffer): Promise<Buffer>;
  final(data: Buffer): Promise<{ readonly reply: Buffer; readonly principal: Principal }>;
}

export interface ScramAuthenticator {
  mechanisms(tls: boolean): readonly string[];
  begin(user: string, mechanism: string, context: BeginContext): Exchange;
}

/** Makes the authenticator. An empty `user` in `begin` means: take the name from the SCRAM message (Kafka). */
export function createAuthenticator(options: AuthenticatorOptions): ScramAuthenticator {
  const offered = options.mechanisms ?? ['SCRAM-SHA-256'];
  const withBinding = (tls: boolean): boolean => tls && (options.isBindingAvailable?.() ?? true);

  return {
    mechanisms: (tls) => (withBinding(tls) ? [...offered.map((name) => `${name}-PLUS`), ...offered] : offered),
    begin(user, mechanism, context) {
      const plus = mechanism.endsWith('-PLUS');
      const hash = mechanismHash[mechanism];
      const isOffered = offered.includes(plus ? mechanism.slice(0, -'-PLUS'.length) : mechanism);
      if (!hash || !isOffered)
        throw new LakeError('protocol_violation', 'the client chose a SASL mechanism that was not offered', {
          detail: `Offered: ${offered.join(', ')}.`,
        });
      return beginExchange(options, {
        user,
        hash,
        plus,
        plusOffered: context.plusOffered ?? false,
        context,
      });
    },
  };
}

interface Begun {
  readonly user: string;
  readonly hash: ScramHash;
  readonly plus: boolean;
  readonly plusOffered: boolean;
  readonly context: BeginContext;
}

function beginExchange(options: AuthenticatorOptions, begun: Begun): Exchange {
  const { credentials, limiter } = options;
  const { hash, context } = begun;
  let user = begun.user;
  let used: Verifier | undefined;
  const exchange = new ServerExchange({
    plus: begun.plus,
    plusOffered: begun.plusOffered,
    channelBinding: context.channelBinding,
    serverNonce: options.random.bytes(18).toString('base64'),
    async lookUp(userInMessage) {
      // PostgreSQL's clients leave the name in the SCRAM message empty: the startup packet's counts.
      if (user === '') user = userInMessage;
      limiter.check(user, context.remoteAddress);
      used = verifierOf(await credentials.findCredential(user), hash);
      return used ?? mockVerifier(options.mockKey, user, hash);
    },
  });

  return {
    first: (data) => exchange.first(data),
    async final(data) {
      // Again: many exchanges may have begun before the first of them failed.
      limiter.check(user, context.remoteAddress);
      try {
        const reply = exchange.final(data);
        // Asked again: the credential may have been revoked, or changed its rights, since the first message.
        const found = await credentials.findCredential(user);
        const now = verifierOf(found, hash);
        if (!found || !used || !now?.storedKey.equals(used.storedKey)) throw wrong();
        limiter.succeeded(user, context.remoteAddress);
        options.decided?.({ user, remoteAddress: context.remoteAddress, ok: true });
        return { reply, principal: found.principal };
      } catch (error) {
        // A catalog that cannot be asked is not the client's fault.
        if (error instanceof LakeError && (error.code === 'invalid_password' || error.code === 'protocol_violation')) {
          limiter.failed(user, context.remoteAddress);
          options.decided?.({ user, remoteAddress: context.remoteAddress, ok: false });
        }
        throw error;
      }
    },
  };
}

function verifierOf(found: FoundCredential | undefined, hash: ScramHash): Verifier | undefined {
  const stored = found?.verifiers.find((verifier) => verifier.hash === hash);
  if (!stored) return undefined;
  return {
    hash,
    iterations: stored.iterations,
    salt: Buffer.from(stored.salt),
    storedKey: Buffer.from(stored.storedKey),
    serverKey: Buffer.from(stored.serverKey),
  };
}

/** Believable and useless: nobody knows a key whose hash is this StoredKey. */
function mockVerifier(mockKey: Buffer, user: string, hash: ScramHash): Verifier {
  const part = (label: string): Buffer => hmac(hash, mockKey, `${label}\0${user}`);
  return {
    hash,
    iterations: iterationCountMin,
    salt: part('salt').subarray(0, saltBytes),
    storedKey: part('stored'),
    serverKey: part('server'),
  };
}

/** Length of every salt made here, real or not: it must not tell them apart. */
export const saltBytes = 16;
