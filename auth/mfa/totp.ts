/** Checks one-time codes (RFC 6238): a step to either side for clocks that differ, and no code twice. */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { decodeTotpSecret, totpCodeAt, totpStepMs } from '../../base/totp.ts';

export interface Totp {
  /** True once for each code: one that was accepted, and all before it, are not accepted again. */
  accept(code: string): boolean;
}

/** `secretText`: base32 as authenticator apps take it (RFC 4648), blanks allowed. Throws config_invalid. */
export function createTotp(secretText: string, clock: Clock): Totp {
  const secret = decodeTotpSecret(secretText);
  let lastStep = -1;
  return {
    accept(code) {
      if (!/^\d{6}$/.test(code)) return false;
      const now = Math.floor(clock.now() / totpStepMs);
      // One step to either side for clocks that differ (section 5.2).
      for (const step of [now - 1, now, now + 1]) {
        if (timingSafeEqual(Buffer.from(totpCodeAt(secret, step)), Buffer.from(code)) && step > lastStep) {
          lastStep = step;
          return true;
        }
      }
      return false;
    },
  };
}
