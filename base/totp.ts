/** Codes of one-time passwords by time: RFC 6238 with SHA-1, 30 s steps and 6 digits, as every authenticator app has them. */
import { createHmac } from 'node:crypto';
import { LakeError } from './errors.ts';

/** Milliseconds that a code stands for. */
export const totpStepMs = 30_000;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The code of a step (time / totpStepMs); RFC 4226, section 5.3. `digits` up to 8. */
export function totpCodeAt(secret: Buffer, step: number, digits = 6): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = (mac[19] as number) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits).padStart(digits, '0');
}

/** The secret as authenticator apps take it: base32 (RFC 4648), blanks and hyphens allowed. Throws config_invalid. */
export function decodeTotpSecret(text: string): Buffer {
  const clean = text.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase();
  if (!/^[A-Z2-7]{26,256}$/.test(clean)) {
    throw new LakeError('config_invalid', 'the MFA secret must be base32 with at least 128 bits (26 letters A-Z and digits 2-7)');
  }
  const bits = [...clean].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
}
