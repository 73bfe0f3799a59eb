/**
 * Keys with which this pod's engines read and write data files on S3: the configured key files, read anew for each engine so
 * that rotated keys are taken over, else the AWS SDK's default chain (environment, IRSA, instance profile).
 */
import { readFile } from 'node:fs/promises';
import { LakeError } from '../base/errors.ts';
import type { Config } from './config/load.ts';
import type { DataKeys, ObjectStoreKeys } from './engine/ports.ts';

/** Where DuckDB must be told a region and AWS was not: what S3-compatible stores take. */
const regionDefault = 'us-east-1';

/** For lakes in a local directory there are no keys. Errors: config_invalid when a key file cannot be read or there are no credentials. */
export function createDataKeys(config: Config['s3']): DataKeys {
  return {
    async forLake(lake) {
      if (!lake.dataPath.startsWith('s3://')) return null;
      const endpoint = config.endpoint === undefined ? undefined : new URL(config.endpoint);
      const place: Pick<ObjectStoreKeys, 'region' | 'endpoint' | 'useTls' | 'pathStyle'> = {
        region: config.region ?? regionDefault,
        useTls: endpoint?.protocol !== 'http:',
        pathStyle: config.pathStyle,
        ...(endpoint ? { endpoint: endpoint.host } : {}),
      };
      return { ...place, ...(await credentials(config)) };
    },
  };
}

async function credentials(config: Config['s3']): Promise<Pick<ObjectStoreKeys, 'keyId' | 'secret' | 'sessionToken'>> {
  if (config.accessKeyPath !== undefined && config.secretKeyPath !== undefined) {
    const [keyId, secret] = await Promise.all([readKey(config.accessKeyPath), readKey(config.secretKeyPath)]);
    return { keyId, secret };
  }
  // Loaded late: the embedded default does without the SDK.
  const { S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ region: config.region ?? regionDefault });
  try {
    const found = await client.config.credentials();
    return {
      keyId: found.accessKeyId,
      secret: found.secretAccessKey,
      ...(found.sessionToken === undefined ? {} : { sessionToken: found.sessionToken }),
    };
  } catch (error) {
    throw new LakeError('config_invalid', 'there are no keys for the object store', {
      hint: 'Set BOILSTREAM_S3_ACCESS_KEY_PATH and BOILSTREAM_S3_SECRET_KEY_PATH, or give the pod AWS credentials.',
      cause: error,
    });
  } finally {
    client.destroy();
  }
}

async function readKey(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new LakeError('config_invalid', `the key file ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
