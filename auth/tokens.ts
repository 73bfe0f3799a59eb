/**
 * Session tokens of the REST API: 256 random bits that the client keeps, and a hash of them that is stored. Whoever reads
 * the store cannot use what is in it. Lifetime and owner live in the control catalog, so any pod accepts what one gave out.
 */
import { createHash } from 'node:crypto';
import type { Random } from '../base/random.ts';

/** Recognisable, so that secret scanners find a token that was published by mistake. */
const prefix = 'bs_session_';

export const sessionTtlMs = 3_600_000;

/** A new token and what is stored of it (hex SHA-256). */
export function mintToken(random: Random): { readonly token: string; readonly hash: string } {
  const token = prefix + random.bytes(32).toString('base64url');
  return { token, hash: hashToken(token) };
}

/** Plain SHA-256 is enough: the token is random, there is nothing to guess. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The token of an `Authorization: Bearer` header, or undefined when there is none that could be ours. */
export function bearerToken(header: string | undefined): string | undefined {
  const found = header === undefined || header.length > 200 ? null : /^Bearer +(bs_session_[A-Za-z0-9_-]{43})$/i.exec(header);
  return found?.[1];
}
