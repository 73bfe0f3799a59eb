/**
 * The replicated log as the control catalog sees it when lakes' metadata lies on an external server: databases of lakes
 * (`lake_<id>`) are made and dropped there, everything else stays in the log. What looks back in time does not reach them:
 * their history is the other server's backups.
 */
import { LakeError, toLakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ReplicatedLog } from '../replicated/ports.ts';
import type { LakeDatabases } from './lake-databases.ts';

/** Wraps the log: what is not about a lake's database goes to it as it is. */
export function withExternalLakes(log: ReplicatedLog, lakes: LakeDatabases, logger: Logger): ReplicatedLog {
  const own: Partial<ReplicatedLog> = {
    async databases() {
      const names = await lakes.names().catch((thrown: unknown) => {
        logger.warn(
          { error: toLakeError(thrown) },
          'the metadata server does not tell which lakes it has; nothing is tidied up there',
        );
        return [];
      });
      return [...(await log.databases()), ...names];
    },
    open: async (name) => (isLake(name) ? Promise.reject(elsewhere()) : log.open(name)),
    async create(name) {
      if (!isLake(name)) return log.create(name);
      await lakes.create(name);
      // Whoever makes a lake's database does not open it.
      return undefined as never;
    },
    drop: (name) => (isLake(name) ? lakes.drop(name) : log.drop(name)),
  };
  return new Proxy(log, {
    get(target, name) {
      if (name in own) return own[name as keyof ReplicatedLog];
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      const call = (value as (...args: unknown[]) => unknown).bind(target);
      // The past of a lake (restore, look): requests that name it.
      return (...args: unknown[]) =>
        isLake((args[0] as { of?: string } | undefined)?.of ?? '') ? Promise.reject(elsewhere()) : call(...args);
    },
  });
}

const isLake = (name: string): boolean => /^lake_[0-9a-f]{32}$/.test(name);

function elsewhere(): LakeError {
  return new LakeError('feature_not_supported', "this lake's metadata lies on an external server (BOILSTREAM_METADATA_URL)", {
    hint: 'Restore its database there, from the backups of that server.',
  });
}
