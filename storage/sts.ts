/**
 * Temporary keys from a security token service (AWS STS API 2011-06-15, AssumeRole with a session policy), which AWS has and
 * some S3-compatible servers speak at their own address.
 */
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import { connectMsMax, requestMsMax, socketsMax } from './limits.ts';
import { readAuthorities } from './s3.ts';
import { keysFromFiles } from './s3-credentials.ts';
import { classify } from './s3-error.ts';

export interface StsOptions {
  /** Address of the service; AWS's of the region when not given. */
  readonly endpoint?: string;
  readonly region?: string;
  /** Whose keys are given out, narrowed by the policy. AWS needs one; servers whose keys are narrowed from the caller's own ignore it. */
  readonly roleArn?: string;
  readonly accessKeyPath?: string;
  readonly secretKeyPath?: string;
  readonly caPath?: string;
  readonly clock: Clock;
}

export interface TemporaryKeys {
  readonly keyId: string;
  readonly secret: string;
  readonly sessionToken: string;
  /** Wall clock, ms. */
  readonly expiresAt: number;
}

export interface Sts {
  /**
   * Keys for at least 15 minutes that may do what `policy` (JSON) says. `name` shows up in the service's own audit. Errors: `store_unsupported`
   * (the server has no such service), `permission_denied`, `config_invalid`, `store_unavailable`.
   */
  assume(request: { readonly policy: string; readonly name: string; readonly seconds: number }): Promise<TemporaryKeys>;
  close(): void;
}

/** What must be said although nobody looks at it: the API wants an ARN. */
const noRole = 'arn:aws:iam::000000000000:role/boilstream';
const attemptsMax = 3;

/** Opens a client; makes no request yet. */
export function openSts(options: StsOptions): Sts {
  const { endpoint, accessKeyPath, secretKeyPath } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const agent = { keepAlive: true, maxSockets: socketsMax };
  const client = new STSClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyPath !== undefined && secretKeyPath !== undefined
      ? { credentials: keysFromFiles(accessKeyPath, secretKeyPath, options.clock) }
      : {}),
    maxAttempts: attemptsMax,
    requestHandler: {
      connectionTimeout: connectMsMax,
      httpAgent: agent,
      httpsAgent: { ...agent, ...(options.caPath === undefined ? {} : { ca: readAuthorities(options.caPath) }) },
    },
  });
  const url = endpoint ?? 'AWS STS';
  return {
    async assume({ policy, name, seconds }) {
      const command = new AssumeRoleCommand({
        RoleArn: options.roleArn ?? noRole,
        RoleSessionName: name
          .replace(/[^\w+=,.@-]/g, '-')
          .slice(0, 64)
          .padEnd(2, '-'),
        DurationSeconds: seconds,
        Policy: policy,
      });
      const answer = await client
        .send(command, { abortSignal: options.clock.deadline(requestMsMax) })
        .catch((thrown: unknown) => {
          throw refusal(thrown, url);
        });
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
      if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) throw unsupported(url, 'an answer without keys');
      return { keyId: AccessKeyId, secret: SecretAccessKey, sessionToken: SessionToken, expiresAt: Expiration.getTime() };
    },
    close: () => client.destroy(),
  };
}

/** Names that a service gives for a request it understood and will not do: then it is there, and something is to be put right. */
const understood = /Policy|Validation|Malformed|Token|Signature|AccessKey|AdminUser|RegionDisabled|Throttl/;

function refusal(thrown: unknown, url: string): LakeError {
  const { name = '', $metadata } = thrown as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? 0;
  if ([400, 404, 405, 501].includes(status) && !understood.test(name))
    return unsupported(url, `${name || 'answered'}, ${status}`);
  // A request for keys changes nothing, so it is judged like a read.
  const { error } = classify(thrown, { doing: 'AssumeRole', url, isWrite: false });
  if (error.code !== 'permission_denied' || /Signature|AccessKey|AdminUser|Token/.test(name)) return error;
  return new LakeError('permission_denied', error.message, {
    hint: 'Let the pod call sts:AssumeRole on BOILSTREAM_S3_STS_ROLE_ARN, and the role trust the pod.',
    cause: thrown,
  });
}

function unsupported(url: string, what: string): LakeError {
  return new LakeError('store_unsupported', `there is no security token service at ${url} (${what})`, {
    hint: 'Set BOILSTREAM_S3_STS_ENDPOINT if it is elsewhere, or BOILSTREAM_S3_VEND=keys to give out configured keys.',
  });
}
