/** Opens the object store that a URL names: `file:///absolute/directory` or `s3://bucket[/prefix]`. */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import { openDirectoryStore } from './directory.ts';
import type { ObjectStore } from './object-store.ts';

export interface OpenStoreOptions {
  readonly url: string;
  readonly clock: Clock;
}

/** Errors: `config_invalid` (what is wrong with the URL), and those of the store that is opened. */
export async function openObjectStore(options: OpenStoreOptions): Promise<ObjectStore> {
  const url = parseUrl(options.url);
  switch (url.protocol) {
    case 'file:':
      if (url.host !== '') throw invalid(options.url, 'it needs three slashes: file:///absolute/directory');
      return openDirectoryStore({ path: fileURLToPath(url), clock: options.clock });
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
  return new LakeError('config_invalid', `the store ${JSON.stringify(url)} cannot be opened: ${why}`, { hint: 'Examples: file:///var/lib/boilstream/store, s3://my-bucket/lakes' });
}
