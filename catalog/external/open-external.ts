/** Puts the room together: what the metadata worker needs when BOILSTREAM_METADATA_URL is set. */
import type { Clock } from '../../base/clock.ts';
import type { Lake } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { ReplicatedLog } from '../replicated/ports.ts';
import { LakeDatabases } from './lake-databases.ts';
import { withExternalLakes } from './lake-log.ts';
import { createExternalSessions, type ExternalSessions } from './sessions.ts';
import { parseMetadataUrl } from './url.ts';

export interface ExternalMetadata {
  readonly sessions: ExternalSessions;
  /** What the control catalog takes instead of the log. */
  readonly log: ReplicatedLog;
}

/**
 * Looks at the server once. Throws config_invalid when the URL or the account is of no use; a server that does not answer is
 * only warned about, because it may be back before anybody asks.
 */
export async function openExternalMetadata(options: {
  readonly url: string;
  /** Installation's own 32 bytes. */
  readonly key: Buffer;
  readonly log: ReplicatedLog;
  readonly lake: (name: string) => Promise<Pick<Lake, 'id' | 'name'> | null>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Promise<ExternalMetadata> {
  const { log, lake, clock, random, key } = options;
  const logger = options.logger.child({ room: 'catalog/external' });
  const server = parseMetadataUrl(options.url);
  const databases = new LakeDatabases({ server, clock, random, key, logger });
  const where = { host: server.host, port: server.port, sslMode: server.sslMode };
  try {
    await databases.check();
    logger.info(where, "lakes' metadata lies on an external server");
  } catch (error) {
    if (error instanceof LakeError && error.code === 'config_invalid') throw error;
    // It answers, and does not know us: waiting would not help.
    if (error instanceof LakeError && error.cause instanceof LakeError)
      throw new LakeError('config_invalid', `${error.message}: ${error.cause.message}`);
    logger.warn({ ...where, error }, 'the metadata server cannot be used now; lakes are back when it is');
  }
  return {
    sessions: createExternalSessions({ server, clock, random, databases, lake, logger }),
    log: withExternalLakes(log, databases, logger),
  };
}
