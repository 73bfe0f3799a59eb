/** One-time codes by time: RFC 6238 with SHA-1, 30 s steps and 6 digits, as every authenticator app has them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';

const stepMs = 30_000;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export interface Totp {
  /** True once for each code: one that was accepted, and all before it, are not accepted again. */
  accept(code: string): boolean;
}

/** `secretText`: base32 as authenticator apps take it (RFC 4648), blanks allowed. Throws config_invalid. */
export function createTotp(secretText: string, clock: Clock): Totp {
  const secret = decodeBase32(secretText);
  let lastStep = -1;
  return {
    accept(code) {
      if (!/^\d{6}$/.test(code)) return false;
      const now = Math.floor(clock.now() / stepMs);
      // One step to either side for clocks that differ (section 5.2).
      for (const step of [now - 1, now, now + 1]) {
        if (timingSafeEqual(Buffer.from(codeAt(secret, step)), Buffer.from(code)) && step > lastStep) {
          lastStep = step;
          return true;
        }
      }
      return false;
    },
  };
}

/** The code of a step; RFC 4226, section 5.3. `digits` up to 8. */
export function codeAt(secret: Buffer, step: number, digits = 6): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = (mac[19] as number) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits).padStart(digits, '0');
}

function decodeBase32(text: string): Buffer {
  const clean = text.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase();
  if (!/^[A-Z2-7]{26,256}$/.test(clean)) {
    throw new LakeError('config_invalid', 'the MFA secret must be base32 with at least 128 bits (26 letters A-Z and digits 2-7)', { hint: 'It lies in the file that BOILSTREAM_SUPERADMIN_MFA_SECRET_PATH names.' });
  }
  const bits = [...clean].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
}
