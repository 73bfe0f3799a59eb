/**
 * Makes a new lake usable: the first attach creates DuckLake's tables in its metadata database. Runs as the pod itself,
 * in a short-lived instance, so that no tenant's session ever creates a catalog.
 */
import { mkdirSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Lake } from '../../base/domain.ts';
import { attachLakeSql, dataSecretSql, metadataSecretSql } from './attach.ts';
import { loadExtensions } from './extensions.ts';
import type { DataKeys, MetadataTokens } from './ports.ts';

export interface InitialiseOptions {
  readonly lake: Lake;
  readonly tokens: MetadataTokens;
  readonly dataKeys?: DataKeys | undefined;
}

/** Creates DuckLake's tables for the lake, unencrypted; a lake that has them already is left as it is. */
export async function initialiseLake({ lake, tokens, dataKeys }: InitialiseOptions): Promise<void> {
  if (lake.dataPath.startsWith('/')) mkdirSync(lake.dataPath, { recursive: true });
  const endpoint = await tokens.issue([{ lake, right: 'owner' }]);
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: '256MiB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_persistent_secrets: 'false',
  });
  try {
    const connection = await instance.connect();
    await loadExtensions(connection, ['ducklake', 'postgres_scanner', 'httpfs']);
    await connection.run(metadataSecretSql('metadata', endpoint));
    const keys = await dataKeys?.forLake(lake, 'owner');
    if (keys) await connection.run(dataSecretSql('data', lake, keys));
    await connection.run(
      attachLakeSql({ lake, readOnly: false, secret: 'metadata', metadataCatalog: '__ducklake_metadata_new', create: true }),
    );
    connection.closeSync();
  } finally {
    instance.closeSync();
    await tokens.revoke(endpoint);
  }
}
