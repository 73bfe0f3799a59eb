/** Opens the object store that a URL names: `file:///absolute/directory` or `s3://bucket[/prefix]`. */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { openDirectoryStore } from './directory.ts';
import { checkKey } from './key.ts';
import type { ObjectStore } from './object-store.ts';

export interface OpenStoreOptions {
  readonly url: string;
  /** Only for `s3://`; see S3StoreOptions. */
  readonly s3?: {
    readonly endpoint?: string;
    readonly region?: string;
    readonly pathStyle?: boolean;
    readonly accessKeyPath?: string;
    readonly secretKeyPath?: string;
    readonly caPath?: string;
  };
  readonly clock: Clock;
  readonly random: Random;
}

/** Errors: `config_invalid` (what is wrong with the URL), and those of the store that is opened. */
export async function openObjectStore(options: OpenStoreOptions): Promise<ObjectStore> {
  const url = parseUrl(options.url);
  switch (url.protocol) {
    case 'file:':
      if (url.host !== '') throw invalid(options.url, 'it needs three slashes: file:///absolute/directory');
      return openDirectoryStore({ path: fileURLToPath(url), clock: options.clock });
    case 's3:': {
      const prefix = decodeURIComponent(url.pathname).replace(/^\/|\/$/g, '');
      if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.host))
        throw invalid(options.url, 'after s3:// comes the name of the bucket (3 to 63 lower-case letters, digits, dots, dashes)');
      if (prefix !== '') checkKey(prefix);
      // The SDK takes a noticeable part of a second to load; the embedded default does not need it.
      const { openS3Store } = await import('./s3.ts');
      return openS3Store({ bucket: url.host, prefix, ...options.s3, clock: options.clock, random: options.random });
    }
    default:
      throw invalid(options.url, 'the scheme must be file:// or s3://');
  }
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw invalid(text, 'it is not a URL');
  }
}

function invalid(url: string, why: string): LakeError {
  return new LakeError('config_invalid', `the store ${JSON.stringify(url)} cannot be opened: ${why}`, {
    hint: 'Examples: file:///var/lib/boilstream/store, s3://my-bucket/lakes',
  });
}
