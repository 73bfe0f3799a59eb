/**
 * The schema of the control catalog and how an older one becomes the present one: each migration is one transaction,
 * durable before the next begins. A migration that has been released is never edited; a new one is added.
 */
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { peopleAndLakes } from './migrations/0001-people-and-lakes.ts';
import { sessions } from './migrations/0002-sessions.ts';
import { maintenance } from './migrations/0003-maintenance.ts';
import type { ControlStore } from './store.ts';

export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

export const migrations: readonly Migration[] = [peopleAndLakes, sessions, maintenance];

/** Brings the store to `upTo` (default: the newest). Throws `store_unsupported` when a newer release has written it. */
export async function migrate(store: ControlStore, now: number, logger: Logger, upTo = migrations.length): Promise<void> {
  let version = await versionOf(store);
  if (version > upTo) {
    throw new LakeError('store_unsupported', `the control catalog has schema version ${version}, this release knows ${upTo}`, {
      hint: 'A newer release has been running on this storage: start that one, or restore the catalog to a time before the upgrade.',
    });
  }
  for (; version < upTo; version++) {
    const migration = migrations[version] as Migration;
    await store.write(async (tx) => {
      for (const statement of migration.statements) await tx.run(statement);
      await tx.run('INSERT INTO schema_version VALUES ($1, $2)', [migration.version, now]);
    });
    logger.info({ version: migration.version }, 'control catalog schema migrated');
  }
}

async function versionOf(store: ControlStore): Promise<number> {
  const exists = await store.read((tx) =>
    tx.one("SELECT 1 AS one FROM duckdb_tables() WHERE database_name = current_database() AND table_name = 'schema_version'"),
  );
  if (!exists) {
    await store.write((tx) => tx.run('CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)'));
    return 0;
  }
  const row = await store.read((tx) =>
    tx.one<{ version: number }>('SELECT coalesce(max(version), 0)::INTEGER AS version FROM schema_version'),
  );
  return row?.version ?? 0;
}
