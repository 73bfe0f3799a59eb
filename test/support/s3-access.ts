/**
 * Who may do what on the test's S3: keys with session policies, and the token service that makes them (AssumeRole). Policies are
 * judged as IAM does for `Allow` with `Resource` and `s3:prefix`; signatures are not checked, a real server does that in the long tier.
 */
import type { S3Request } from './s3-server.ts';

interface Statement {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: { readonly StringLike: { readonly 's3:prefix': readonly string[] } };
}

interface Key {
  readonly secret: string;
  readonly token?: string;
  /** Undefined: may do everything. */
  readonly policy?: readonly Statement[];
  readonly expiresAt: number;
}

export interface Asked extends S3Request {
  readonly query: URLSearchParams;
}

export class S3Access {
  /** False: the server knows no AssumeRole, as most. */
  hasTokenService: boolean;
  /** Answers every AssumeRole with this status instead. */
  tokenServiceStatus: number | undefined;
  /** Policies that were asked for, in order. */
  readonly assumed: string[] = [];
  readonly #keys = new Map<string, Key>();

  constructor(options: { readonly keys: Readonly<Record<string, string>>; readonly hasTokenService: boolean }) {
    this.hasTokenService = options.hasTokenService;
    for (const [id, secret] of Object.entries(options.keys)) this.#keys.set(id, { secret, expiresAt: Number.POSITIVE_INFINITY });
  }

  /** Adds a key, or takes it away. */
  set(id: string, secret: string | null): void {
    if (secret === null) this.#keys.delete(id);
    else this.#keys.set(id, { secret, expiresAt: Number.POSITIVE_INFINITY });
  }

  /** Every secret and token there ever was, which must not be found in any log. */
  get secrets(): string[] {
    return [...this.#keys.values()].flatMap(({ secret, token }) => (token === undefined ? [secret] : [secret, token]));
  }

  /** The error code with which a request is refused, or null. */
  refusal(asked: Asked): string | null {
    const key = this.#keyOf(asked);
    if (!key) return 'InvalidAccessKeyId';
    if (key.token !== asked.headers['x-amz-security-token']) return 'InvalidToken';
    if (Date.now() > key.expiresAt) return 'ExpiredToken';
    return key.policy === undefined || key.policy.some((statement) => allows(statement, asked)) ? null : 'AccessDenied';
  }

  /** Answers an AssumeRole: status and XML. */
  assume(asked: Asked, form: URLSearchParams): { status: number; code?: string; text?: string } {
    if (!this.hasTokenService) return { status: 405, code: 'MethodNotAllowed' };
    if (this.tokenServiceStatus !== undefined) return { status: this.tokenServiceStatus, code: 'InternalFailure' };
    const caller = this.#keyOf(asked);
    if (!caller || caller.policy) return { status: 403, code: 'AccessDenied' };
    const policy = form.get('Policy') ?? '';
    this.assumed.push(policy);
    const id = `TEMPORARY${String(this.#keys.size).padStart(7, '0')}`;
    const expiresAt = Date.now() + Number(form.get('DurationSeconds') ?? 3600) * 1000;
    const key = {
      secret: `secret-of-${id}-0123456789`,
      token: `token-of-${id}-0123456789`,
      policy: (JSON.parse(policy) as { Statement: Statement[] }).Statement,
      expiresAt,
    };
    this.#keys.set(id, key);
    const text = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${key.secret}</SecretAccessKey><SessionToken>${key.token}</SessionToken><Expiration>${new Date(expiresAt).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
    return { status: 200, text };
  }

  #keyOf({ headers }: Asked): Key | undefined {
    return this.#keys.get(/Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? '');
  }
}

function allows(statement: Statement, asked: Asked): boolean {
  const { bucket, key, operation, query } = asked;
  const isList = operation === 'LIST';
  const resource = `arn:aws:s3:::${bucket}${isList ? '' : `/${key}`}`;
  if (!statement.Action.includes(actionOf(asked)) || !statement.Resource.some((pattern) => like(pattern, resource))) return false;
  const prefixes = statement.Condition?.StringLike['s3:prefix'];
  return prefixes === undefined || prefixes.some((pattern) => like(pattern, query.get('prefix') ?? ''));
}

function actionOf({ operation, query }: Asked): string {
  switch (operation) {
    case 'LIST':
      return 's3:ListBucket';
    case 'GET':
    case 'HEAD':
      return 's3:GetObject';
    case 'DELETE':
      return query.has('uploadId') ? 's3:AbortMultipartUpload' : 's3:DeleteObject';
    default:
      return query.has('delete') ? 's3:DeleteObject' : 's3:PutObject';
  }
}

function like(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`, 's').test(text);
}
