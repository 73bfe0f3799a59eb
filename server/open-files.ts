/**
 * How many files (sockets among them) the process may have open. Node raises the soft limit to the hard one by itself when it
 * starts; what is left to do is to say so when the hard one is too low for the sessions that the settings promise.
 */
import { readFileSync } from 'node:fs';
import type { Logger } from '../base/log.ts';

/** What the pod itself needs beside one for each session: table files, spill, metadata connections, listeners, logs. */
const ownFiles = 1_000;

/** The limit now; undefined where the system does not tell (not Linux). */
export function openFilesLimit(limits = '/proc/self/limits'): number | undefined {
  try {
    const found = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync(limits, 'utf8'))?.[1];
    return found === undefined ? undefined : found === 'unlimited' ? Number.POSITIVE_INFINITY : Number(found);
  } catch {
    return undefined;
  }
}

/** Warns when `sessions` at once cannot be had. */
export function warnOfFewFiles(sessions: number, logger: Logger, limit = openFilesLimit()): void {
  if (limit === undefined || limit >= sessions + ownFiles) return;
  logger.warn(
    { limit, sessions },
    `the process may have ${limit} files open, too few for BOILSTREAM_PGWIRE_MAX_CONNECTIONS=${sessions}: raise the hard limit (ulimit -Hn, LimitNOFILE=) to ${sessions + ownFiles}, or lower the setting`,
  );
}
