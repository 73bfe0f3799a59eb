/**
 * The object store's keys that this pod holds itself: the configured key files, read anew when they change, else the AWS SDK's
 * default chain (environment, IRSA, instance profile), which renews what expires. Its engines read and write data files with them.
 */
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import { keysFromFiles } from './s3-credentials.ts';

/** Where DuckDB must be told a region and AWS was not: what S3-compatible stores take. */
const regionDefault = 'us-east-1';

/** Two files that hold a pair of keys. */
export interface KeyFiles {
  readonly accessKeyPath: string;
  readonly secretKeyPath: string;
}

/** What the settings say about the store. */
export interface StoreSettings extends Partial<KeyFiles> {
  /** PEM file with the authorities of the endpoint's certificate. */
  readonly caPath?: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly pathStyle: boolean;
}

/** A pair of keys of this moment. */
export interface StaticKeys {
  readonly keyId: string;
  readonly secret: string;
  readonly sessionToken?: string;
  /** Wall clock, ms; absent: they do not expire by themselves. */
  readonly expiresAt?: number;
}

/** Where DuckDB finds the store. */
export interface StorePlace {
  readonly region: string;
  /** `host[:port]` without scheme; absent for AWS. */
  readonly endpoint?: string;
  readonly useTls: boolean;
  readonly pathStyle: boolean;
}

/** For lakes in a local directory there are no keys. Errors: config_invalid when a key file cannot be read or there are no credentials. */
export function createDataKeys(config: StoreSettings, clock: Clock) {
  const keys = podKeys(config, clock);
  const place = { ...storePlace(config, config.endpoint), ...(config.caPath === undefined ? {} : { caPath: config.caPath }) };
  return {
    async forLake(lake: { readonly dataPath: string }): Promise<(StorePlace & StaticKeys & { readonly caPath?: string }) | null> {
      if (!lake.dataPath.startsWith('s3://')) return null;
      return { ...place, ...(await keys()) };
    },
  };
}

/** The store at this address, as DuckDB is told. */
export function storePlace(config: StoreSettings, address: string | undefined): StorePlace {
  const endpoint = address === undefined ? undefined : new URL(address);
  return {
    region: config.region ?? regionDefault,
    useTls: endpoint?.protocol !== 'http:',
    pathStyle: config.pathStyle,
    ...(endpoint ? { endpoint: endpoint.host } : {}),
  };
}

/** The pod's own keys, those of this moment at each call. */
export function podKeys(config: StoreSettings, clock: Clock): () => Promise<StaticKeys> {
  const { accessKeyPath, secretKeyPath } = config;
  if (accessKeyPath !== undefined && secretKeyPath !== undefined) return fileKeys({ accessKeyPath, secretKeyPath }, clock);
  let chain: Promise<() => Promise<StaticKeys>> | undefined;
  return async () => {
    chain ??= defaultChain(config);
    return (await chain)();
  };
}

/** Keys from two files, those of this moment at each call. */
export function fileKeys({ accessKeyPath, secretKeyPath }: KeyFiles, clock: Clock): () => Promise<StaticKeys> {
  const read = keysFromFiles(accessKeyPath, secretKeyPath, clock);
  return async () => {
    const { accessKeyId, secretAccessKey } = await read();
    return { keyId: accessKeyId, secret: secretAccessKey };
  };
}

async function defaultChain(config: StoreSettings): Promise<() => Promise<StaticKeys>> {
  // Loaded late: the embedded default does without the SDK.
  const { S3Client } = await import('@aws-sdk/client-s3');
  // The client remembers what the chain found and asks again shortly before it expires.
  const client = new S3Client({ region: config.region ?? regionDefault });
  return async () => {
    try {
      const found = await client.config.credentials();
      return {
        keyId: found.accessKeyId,
        secret: found.secretAccessKey,
        ...(found.sessionToken === undefined ? {} : { sessionToken: found.sessionToken }),
        ...(found.expiration === undefined ? {} : { expiresAt: found.expiration.getTime() }),
      };
    } catch (error) {
      throw new LakeError('config_invalid', 'there are no keys for the object store', {
        hint: 'Set BOILSTREAM_S3_ACCESS_KEY_PATH and BOILSTREAM_S3_SECRET_KEY_PATH, or give the pod AWS credentials.',
        cause: error,
      });
    }
  };
}
