/**
 * The object store: the only shared, durable thing there is. Small on purpose; everything the cluster promises rests
 * on `putIfAbsent` being atomic and on a put being durable when it resolves. Two implementations: `s3.ts`, `directory.ts`.
 */

export interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
  /** Wall-clock milliseconds by the store's clock; for people and for garbage ages only. */
  readonly modified: number;
}

export interface CallOptions {
  /** Aborting leaves the outcome of a write unknown: re-read before believing anything. */
  readonly signal?: AbortSignal;
}

/**
 * Errors (LakeError): `not_found` (get of nothing is null instead), `precondition_failed` = the condition was judged and
 * refused, nothing was written; `store_unavailable` (retriable: false on writes = the outcome is UNKNOWN); `disk_full`;
 * `permission_denied`. A write that resolves is durable.
 */
export interface ObjectStore {
  /** Where this is, without secrets, for people. */
  readonly url: string;
  /** The whole object, or null when there is none. `range` is [start, end) in bytes, cut at the object's end; past it the body is empty. */
  get(
    key: string,
    options?: CallOptions & { readonly range?: { readonly start: number; readonly end: number } },
  ): Promise<StoredObject | null>;
  /** Creates or replaces. Resolves to the new ETag as the store told it (may differ from what GET says: see probe). */
  put(key: string, body: Uint8Array, options?: CallOptions): Promise<{ readonly etag: string }>;
  /** Creates; `precondition_failed` when the key exists. */
  putIfAbsent(key: string, body: Uint8Array, options?: CallOptions): Promise<{ readonly etag: string }>;
  /** Replaces only while the ETag is still `etag`; `precondition_failed` otherwise. */
  putIfMatch(key: string, body: Uint8Array, etag: string, options?: CallOptions): Promise<{ readonly etag: string }>;
  /** Keys under `prefix` in ascending byte order, after `startAfter` if given. */
  list(
    prefix: string,
    options?: CallOptions & { readonly startAfter?: string; readonly limit?: number },
  ): AsyncIterable<ListedObject>;
  /** Deletes; no error when there is nothing. */
  delete(key: string, options?: CallOptions): Promise<void>;
  close(): Promise<void>;
}
