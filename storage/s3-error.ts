/**
 * What S3 or the way to it answered, in the words of the store. The one question that matters for a write: did nothing
 * happen, or is it unknown? Unknown is said whenever it cannot be excluded (AWS S3 API, "Error responses"; a 500 or 503
 * may come after success).
 */
import { type ErrorCode, type ErrorFields, LakeError } from '../base/errors.ts';

export interface S3Failure {
  /** `putIfAbsent of log/1/7 (2104 bytes)` */
  readonly doing: string;
  /** `s3://bucket/prefix` */
  readonly url: string;
  readonly isWrite: boolean;
}

/** What `classify` found out about a thrown SDK error. */
export interface S3Verdict {
  readonly error: LakeError;
  /** The same request may be sent again at once by us: a read, or a write that certainly did nothing. */
  readonly again: boolean;
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly cause?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Errors of the way there that come before any byte of the request was sent. */
const notSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
]);

/** Of these, what is wrong with the way there is certificates. */
const untrusted = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Names under which stores refuse keys, whatever the status (one answers 404 to an access key it does not know). */
const refusedKeys = new Set([
  'InvalidAccessKeyId',
  'XAdminUserNotFound',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'ExpiredToken',
  'AccessDenied',
]);

/** Judges what an SDK call threw. */
export function classify(thrown: unknown, failure: S3Failure): S3Verdict {
  if (thrown instanceof LakeError) return { error: thrown, again: false };
  const sdk = thrown as SdkError;
  const status = sdk.$metadata?.httpStatusCode ?? 0;
  const name = sdk.name ?? '';
  const { doing, url, isWrite } = failure;
  const answer = `${name}${status ? `, ${status}` : ''}`;
  const make = (code: ErrorCode, text: string, fields: ErrorFields = {}): LakeError =>
    new LakeError(code, `${doing} in ${url}: ${text}`, { cause: thrown, ...fields });
  const final = (code: ErrorCode, text: string, hint?: string): S3Verdict => ({
    error: make(code, text, hint === undefined ? {} : { hint }),
    again: false,
  });

  if (status === 412) return final('precondition_failed', 'the condition does not hold');
  // Nothing landed, whatever the reason: another conditional request on the key was in flight.
  if (status === 409)
    return {
      error: make('store_unavailable', `the store was busy with the same key (${answer}); nothing was written`, {
        retriable: true,
      }),
      again: true,
    };
  if (name === 'NoSuchBucket')
    return final(
      'config_invalid',
      'there is no such bucket',
      'Create the bucket, or correct BOILSTREAM_STORAGE_URL or BOILSTREAM_S3_ENDPOINT.',
    );
  if (status === 403 || status === 401 || refusedKeys.has(name))
    return final('permission_denied', `the store refused the keys (${answer})`, permissionHint(name));
  if (status === 404) return final('not_found', 'there is no such object');
  if (status === 301 || status === 307 || name === 'AuthorizationHeaderMalformed')
    return final(
      'config_invalid',
      `the bucket is in another region (${answer})`,
      'Set BOILSTREAM_S3_REGION to the region of the bucket.',
    );
  if (name === 'CredentialsProviderError')
    return final(
      'config_invalid',
      'no S3 keys were found',
      'Set BOILSTREAM_S3_ACCESS_KEY_PATH and BOILSTREAM_S3_SECRET_KEY_PATH, or give the pod a role.',
    );
  if (name === 'QuotaExceeded' || name === 'XMinioStorageFull' || status === 507) {
    return {
      error: make('disk_full', `the store has no space left (${answer}); nothing was written`, {
        retriable: true,
        hint: 'Raise the quota or free space; writing goes on by itself then.',
      }),
      again: false,
    };
  }
  if (name === 'EntityTooLarge' || status === 413) return final('too_large', 'the object is larger than the store takes');
  if (status === 501 || name === 'NotImplemented')
    return final('store_unsupported', `the store does not know this request (${answer})`);
  if (status >= 400 && status < 500 && status !== 408 && status !== 429)
    return final('store_unavailable', `the store refused the request (${answer})`);

  const code = networkCode(thrown);
  if (code !== null && notSent.has(code)) {
    return {
      error: make('store_unavailable', `the store cannot be reached (${code}); nothing was sent`, {
        retriable: true,
        hint: reachHint(code),
      }),
      again: !isWrite,
    };
  }
  const what = status
    ? `the store answered ${answer}`
    : code !== null
      ? `the connection broke (${code})`
      : `no answer in time (${name})`;
  if (isWrite)
    return { error: make('store_unavailable', `${what}; whether it was written is unknown`, { retriable: false }), again: false };
  return { error: make('store_unavailable', what, { retriable: true }), again: true };
}

function permissionHint(name: string): string {
  switch (name) {
    case 'RequestTimeTooSkewed':
      return "Set this machine's clock: it is too far from the store's.";
    case 'ExpiredToken':
    case 'ExpiredTokenException':
      return 'The temporary keys have expired; renew them.';
    case 'InvalidAccessKeyId':
    case 'XAdminUserNotFound':
    case 'SignatureDoesNotMatch':
      return 'Check the access key and the secret key.';
    default:
      return 'Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on this bucket and prefix.';
  }
}

function reachHint(code: string): string {
  if (untrusted.has(code))
    return 'The certificate of the store is not trusted: set BOILSTREAM_S3_CA_PATH to the PEM file of its authority, and use a host name that the certificate has.';
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'BOILSTREAM_S3_ENDPOINT says https://, and the server there does not speak TLS: try http://.';
  return 'Check BOILSTREAM_S3_ENDPOINT and the network.';
}

function networkCode(thrown: unknown): string | null {
  for (
    let error = thrown as SdkError | undefined, depth = 0;
    error && depth < 4;
    error = error.cause as SdkError | undefined, depth++
  ) {
    if (typeof error.code === 'string' && /^[A-Z_]+$/.test(error.code)) return error.code;
  }
  return null;
}
