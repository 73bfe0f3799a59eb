/**
 * An object store in an S3 bucket (AWS S3 API 2006-03-01). The SDK's own retries are off: it would send a conditional
 * put again after a lost answer and report our own object as somebody else's. Here reads are repeated with growing
 * pauses; a write is repeated only when S3 says that nothing landed (409); any other doubt is `store_unavailable`
 * with `retriable: false`, and the caller reads again before it believes anything. A body is one PUT, never multipart.
 */
import { readFileSync } from 'node:fs';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { checkKey, checkPrefix, compareKeys } from './key.ts';
import { bodyBytesMax, connectMsMax, listPageKeysMax, requestMsMax, slowestBytesPerMs, socketsMax } from './limits.ts';
import type { CallOptions, ListedObject, ObjectStore, StoredObject } from './object-store.ts';
import { keysFromFiles } from './s3-credentials.ts';
import { S3Requests } from './s3-request.ts';

export interface S3StoreOptions {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** An S3-compatible server; AWS when not given. */
  readonly endpoint?: string;
  readonly region?: string;
  /** Bucket name in the path; default: only for endpoints that are an address or `localhost`. */
  readonly pathStyle?: boolean;
  /** Files with the keys; default: the SDK's chain (environment, profile, web identity, instance role). */
  readonly accessKeyPath?: string;
  readonly secretKeyPath?: string;
  /** PEM file with the authorities of the endpoint's certificate, in place of the system's. */
  readonly caPath?: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** How `If-Match` must be spelled; the start-up probe finds out. */
export type ETagSpelling = 'quoted' | 'bare';

/** Opens a store; makes no request yet. Errors: `config_invalid`. */
export function openS3Store(options: S3StoreOptions): S3Store {
  if ((options.accessKeyPath === undefined) !== (options.secretKeyPath === undefined)) {
    throw new LakeError('config_invalid', 'BOILSTREAM_S3_ACCESS_KEY_PATH and BOILSTREAM_S3_SECRET_KEY_PATH must be set together');
  }
  return new S3Store(options);
}

export class S3Store implements ObjectStore {
  readonly url: string;
  etagSpelling: ETagSpelling = 'quoted';
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #requests: S3Requests;

  constructor(options: S3StoreOptions) {
    const { endpoint } = options;
    this.#bucket = options.bucket;
    this.#prefix = options.prefix === '' ? '' : `${options.prefix}/`;
    this.url = `s3://${options.bucket}${options.prefix === '' ? '' : `/${options.prefix}`}`;
    this.#requests = new S3Requests(this.url, options.clock, options.random);
    const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
    this.#client = new S3Client({
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(options.accessKeyPath !== undefined && options.secretKeyPath !== undefined
        ? { credentials: keysFromFiles(options.accessKeyPath, options.secretKeyPath, options.clock) }
        : {}),
      forcePathStyle: options.pathStyle ?? (endpoint !== undefined && isAddress(endpoint)),
      maxAttempts: 1,
      // Stores that are not AWS answer whole-object checksums to ranged reads, or refuse the trailer.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Some stores never answer 100-continue, and the wait is longer than the put.
      expectContinueHeader: false,
      requestHandler: {
        connectionTimeout: connectMsMax,
        socketAcquisitionWarningTimeout: requestMsMax,
        httpAgent: { keepAlive: true, maxSockets: socketsMax },
        httpsAgent: {
          keepAlive: true,
          maxSockets: socketsMax,
          ...(options.caPath === undefined ? {} : { ca: readAuthorities(options.caPath) }),
        },
      },
    });
  }

  async get(
    key: string,
    options: CallOptions & { readonly range?: { readonly start: number; readonly end: number } } = {},
  ): Promise<StoredObject | null> {
    const { range } = options;
    const doing = `get of ${key}`;
    if (range !== undefined && range.end <= range.start) return this.#head(key, options);
    try {
      return await this.#requests.read(doing, options.signal, async (abortSignal, extend) => {
        const output = await this.#client.send(
          new GetObjectCommand({
            ...this.#target(key),
            ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
          }),
          { abortSignal },
        );
        const length = output.ContentLength ?? 0;
        if (length > bodyBytesMax)
          throw new LakeError(
            'too_large',
            `${doing}: the object has ${length} bytes, more than the ${bodyBytesMax} that are read at once`,
          );
        extend(length / slowestBytesPerMs);
        let body = Buffer.from((await output.Body?.transformToByteArray()) ?? []);
        if (output.ContentLength !== undefined && body.length !== length)
          throw Object.assign(new Error('the body was cut short'), { code: 'ECONNRESET' });
        // A store that does not know ranges answers the whole.
        if (range !== undefined && output.ContentRange === undefined) body = body.subarray(range.start, range.end);
        return { body, etag: bare(output.ETag) };
      });
    } catch (thrown) {
      if (isNotFound(thrown)) return null;
      // A range that begins past the end (416) is an empty part.
      if (range !== undefined && thrown instanceof LakeError && statusOf(thrown.cause) === 416) return this.#head(key, options);
      throw thrown;
    }
  }

  put(key: string, body: Uint8Array, options: CallOptions = {}): Promise<{ etag: string }> {
    return this.#put('put', key, body, options, {});
  }

  putIfAbsent(key: string, body: Uint8Array, options: CallOptions = {}): Promise<{ etag: string }> {
    return this.#put('putIfAbsent', key, body, options, { IfNoneMatch: '*' });
  }

  async putIfMatch(key: string, body: Uint8Array, etag: string, options: CallOptions = {}): Promise<{ etag: string }> {
    // An empty ETag (a store that tells none) must never become an unconditional put.
    if (etag === '')
      throw new LakeError('store_unsupported', `putIfMatch of ${key} in ${this.url}: the store tells no ETag to compare with`);
    try {
      return await this.#put('putIfMatch', key, body, options, { IfMatch: this.etagSpelling === 'quoted' ? `"${etag}"` : etag });
    } catch (thrown) {
      if (isNotFound(thrown))
        throw new LakeError('precondition_failed', `putIfMatch of ${key} in ${this.url}: there is no such object`, {
          cause: thrown,
        });
      throw thrown;
    }
  }

  async *list(
    prefix: string,
    options: CallOptions & { readonly startAfter?: string; readonly limit?: number } = {},
  ): AsyncIterable<ListedObject> {
    checkPrefix(prefix);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let after = options.startAfter;
    let token: string | undefined;
    while (left > 0) {
      const page: ListObjectsV2CommandOutput = await this.#requests.read(
        `list of ${prefix || 'everything'}`,
        options.signal,
        (abortSignal) =>
          this.#client.send(
            new ListObjectsV2Command({
              Bucket: this.#bucket,
              Prefix: this.#prefix + prefix,
              MaxKeys: Math.min(left, listPageKeysMax),
              ...(token !== undefined
                ? { ContinuationToken: token }
                : after !== undefined
                  ? { StartAfter: this.#prefix + after }
                  : {}),
            }),
            { abortSignal },
          ),
      );
      for (const entry of page.Contents ?? []) {
        const key = (entry.Key ?? '').slice(this.#prefix.length);
        if (after !== undefined && compareKeys(key, after) <= 0)
          throw new LakeError(
            'store_unsupported',
            `${this.url} does not list in ascending order (${key} after ${after}), which this product relies on`,
          );
        after = key;
        yield { key, size: entry.Size ?? 0, modified: entry.LastModified?.getTime() ?? 0 };
        if (--left <= 0) return;
      }
      if (!page.IsTruncated || page.NextContinuationToken === undefined) return;
      token = page.NextContinuationToken;
    }
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    const doing = `delete of ${key}`;
    try {
      await this.#requests.write(doing, options.signal, 0, (abortSignal) =>
        this.#client.send(new DeleteObjectCommand(this.#target(key)), { abortSignal }),
      );
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #head(key: string, options: CallOptions): Promise<StoredObject | null> {
    try {
      const output = await this.#requests.read(`get of ${key}`, options.signal, (abortSignal) =>
        this.#client.send(new HeadObjectCommand(this.#target(key)), { abortSignal }),
      );
      return { body: Buffer.alloc(0), etag: bare(output.ETag) };
    } catch (thrown) {
      if (isNotFound(thrown)) return null;
      throw thrown;
    }
  }

  async #put(
    operation: string,
    key: string,
    body: Uint8Array,
    options: CallOptions,
    condition: { IfNoneMatch?: string; IfMatch?: string },
  ): Promise<{ etag: string }> {
    const doing = `${operation} of ${key} (${body.length} bytes)`;
    const target = this.#target(key);
    if (body.length > bodyBytesMax)
      throw new LakeError('too_large', `${doing} was refused: an object may have ${bodyBytesMax} bytes`);
    const output = await this.#requests.write(doing, options.signal, body.length, (abortSignal) =>
      this.#client.send(new PutObjectCommand({ ...target, ...condition, Body: body, ContentLength: body.length }), {
        abortSignal,
      }),
    );
    return { etag: bare(output.ETag) };
  }

  #target(key: string): { Bucket: string; Key: string } {
    checkKey(key);
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }
}

/** ETags are kept without quotes and weakness mark, so that what PUT, GET and LIST tell can be compared. */
export function bare(etag: string | undefined): string {
  return (etag ?? '').replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
}

/** The PEM text of a file of authorities. Throws `config_invalid` naming the file that cannot be read or holds none. */
export function readAuthorities(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new LakeError(
      'config_invalid',
      `the file of authorities ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      {
        hint: 'See BOILSTREAM_S3_CA_PATH.',
        cause: error,
      },
    );
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new LakeError('config_invalid', `${path} holds no certificate in PEM form`, { hint: 'See BOILSTREAM_S3_CA_PATH.' });
  return text;
}

function isNotFound(thrown: unknown): boolean {
  return thrown instanceof LakeError && thrown.code === 'not_found';
}

function statusOf(cause: unknown): number | undefined {
  return (cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

function isAddress(endpoint: string): boolean {
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : '';
  return host === 'localhost' || /^[\d.]+$/.test(host) || host.startsWith('[');
}
