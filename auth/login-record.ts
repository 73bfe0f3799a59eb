/**
 * What is kept of logins: a metric of each, a line in the log of each refusal, and for the superadmin's password a line in the
 * audit. Guessing must not fill log and audit: past a number a minute only the metric counts on.
 */
import { Counter } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { metricsRegistry } from '../base/metrics.ts';

const logins = new Counter({
  name: 'boilstream_auth_logins_total',
  help: 'Logins decided, by way in and outcome',
  labelNames: ['way', 'outcome'],
  registers: [metricsRegistry],
});

const linesPerMinute = 60;

export interface LoginEvent {
  readonly way: 'pgwire' | 'rest';
  /** The name that was claimed; for refusals it may be anything. */
  readonly user: string;
  readonly remoteAddress: string;
  readonly ok: boolean;
}

export interface LoginRecord {
  /** Never throws and never waits. */
  note(event: LoginEvent): void;
}

/** `audit` writes a line for the superadmin's account; it may fail, the login does not depend on it. */
export function createLoginRecord(options: {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly superadminEmail: string;
  audit(action: string, target: string, detail: Record<string, string>): Promise<unknown>;
}): LoginRecord {
  const { clock, logger } = options;
  const email = options.superadminEmail.toLowerCase();
  let minute = -1;
  let lines = 0;
  return {
    note({ way, user, remoteAddress, ok }) {
      logins.inc({ way, outcome: ok ? 'in' : 'refused' });
      const isSuperadmin = user.toLowerCase() === email;
      // Logins with credentials are many and of no interest one by one; a REST login has its line as the session it opens.
      if (ok && (!isSuperadmin || way === 'rest')) return;
      const now = Math.floor(clock.monotonic() / 60_000);
      if (now !== minute) [minute, lines] = [now, 0];
      if (++lines > linesPerMinute) return;
      const claimed = user.slice(0, 100);
      if (!ok) logger.warn({ way, user: claimed, remoteAddress }, 'login refused');
      if (isSuperadmin) {
        options
          .audit(ok ? 'login' : 'login-refused', email, { way, address: remoteAddress })
          .catch((error: unknown) => logger.warn({ error }, 'a login could not be written to the audit'));
      }
    },
  };
}
