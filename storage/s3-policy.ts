/**
 * The session policy that narrows temporary keys to one prefix (IAM JSON policy language 2012-10-17; S3 actions, "Actions,
 * resources, and condition keys for Amazon S3"). What is not allowed here is not allowed, whatever the role may do.
 */
import { LakeError } from '../base/errors.ts';

/** `write` is what adding files needs; nobody gets the right to delete. */
export type PrefixRight = 'read' | 'write';

/** The policy's JSON text for `s3://bucket/prefix/`. Throws `invalid_argument` for a prefix that a pattern of the policy would read otherwise. */
export function prefixPolicy(prefix: string, right: PrefixRight): string {
  const found = /^s3:\/\/([^/]+)\/(.*)$/.exec(prefix);
  if (!found || /[*?$"\\]/.test(prefix))
    throw new LakeError('invalid_argument', `keys cannot be narrowed to ${JSON.stringify(prefix)}`, {
      hint: 'A data path with keys of its own is s3://bucket/prefix/ without any of * ? $ " and backslash.',
    });
  const [, bucket = '', path = ''] = found;
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: [
          's3:GetObject',
          ...(right === 'write' ? ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'] : []),
        ],
        Resource: [`arn:aws:s3:::${bucket}/${path}*`],
      },
      {
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: [`arn:aws:s3:::${bucket}`],
        Condition: { StringLike: { 's3:prefix': [`${path}*`] } },
      },
    ],
  });
}
