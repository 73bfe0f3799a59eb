/** The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), and the verifier a server keeps. Without channel binding. */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { limits } from './limits.ts';

const nonceBytes = 18;
const saltBytes = 16;
const iterations = 4096;

export interface ScramClient {
  readonly first: Buffer;
  /** The answer to server-first-message. */
  answer(serverFirst: string): Buffer;
  /** Throws unless the server has shown that it knows the verifier. */
  verify(serverFinal: string): void;
}

/** One exchange. The user's name is the startup message's, as PostgreSQL has it. */
export function scramClient(password: string, random: Random): ScramClient {
  const nonce = random.bytes(nonceBytes).toString('base64');
  const bare = `n=,r=${nonce}`;
  let expected: Buffer = Buffer.alloc(0);
  return {
    first: Buffer.from(`n,,${bare}`),
    answer(serverFirst) {
      const found = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=(\d{1,9})$/.exec(serverFirst);
      const rounds = Number(found?.[3]);
      if (
        !found ||
        !(found[1] as string).startsWith(nonce) ||
        found[1] === nonce ||
        rounds < 1 ||
        rounds > limits.scramIterationsMax
      )
        throw wrong();
      const salted = pbkdf2Sync(password.normalize('NFKC'), Buffer.from(found[2] as string, 'base64'), rounds, 32, 'sha256');
      const without = `c=biws,r=${found[1]}`;
      const signed = `${bare},${serverFirst},${without}`;
      const clientKey = hmac(salted, 'Client Key');
      const signature = hmac(hash(clientKey), signed);
      const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] as number)));
      expected = hmac(hmac(salted, 'Server Key'), signed);
      return Buffer.from(`${without},p=${proof.toString('base64')}`);
    },
    verify(serverFinal) {
      const given = Buffer.from(/^v=([A-Za-z0-9+/=]+)/.exec(serverFinal)?.[1] ?? '', 'base64');
      if (expected.length === 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) throw wrong();
    },
  };
}

/** What `CREATE ROLE … PASSWORD` takes instead of a password, so that no password is in the server's log. */
export function scramVerifier(password: string, random: Random): string {
  const salt = random.bytes(saltBytes);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const stored = hash(hmac(salted, 'Client Key')).toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${hmac(salted, 'Server Key').toString('base64')}`;
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const hash = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
const wrong = (): LakeError =>
  new LakeError('invalid_password', 'the metadata server did not keep to SCRAM: is it the right one?');
