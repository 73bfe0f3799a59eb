/** The policy that narrows temporary keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefixPolicy } from '../../../storage/s3-policy.ts';

const statements = (prefix: string, right: 'read' | 'write') =>
  (JSON.parse(prefixPolicy(prefix, right)) as { Statement: { Action: string[]; Resource: string[]; Condition?: object }[] })
    .Statement;

test('reading is reading and listing below the prefix; writing adds putting; nothing deletes', () => {
  const [files, list] = statements('s3://lakes/pre/l1/data/', 'read');
  assert.deepEqual(files?.Action, ['s3:GetObject']);
  assert.deepEqual(files?.Resource, ['arn:aws:s3:::lakes/pre/l1/data/*']);
  assert.deepEqual(list?.Action, ['s3:ListBucket']);
  assert.deepEqual(list?.Resource, ['arn:aws:s3:::lakes']);
  assert.deepEqual(list?.Condition, { StringLike: { 's3:prefix': ['pre/l1/data/*'] } });
  const write = prefixPolicy('s3://lakes/pre/l1/data/', 'write');
  assert.match(write, /s3:PutObject/);
  assert.doesNotMatch(write, /Delete|s3:\*/);
});

test('a prefix that a policy would read as a pattern, or that is no prefix, is refused', () => {
  for (const prefix of [
    's3://lakes/a*/',
    's3://lakes/a?/',
    's3://lakes/$' + '{aws:username}/',
    's3://lakes/"/',
    '/local/',
    's3://lakes',
  ])
    assert.throws(() => prefixPolicy(prefix, 'read'), { code: 'invalid_argument' }, prefix);
});
