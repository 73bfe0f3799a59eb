/** The token service as clients of it see it: keys, or a reason that says what to do. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import type { LakeError } from '../../../base/errors.ts';
import { prefixPolicy } from '../../../storage/s3-policy.ts';
import { openSts } from '../../../storage/sts.ts';
import { S3Access } from '../../support/s3-access.ts';
import { S3Server } from '../../support/s3-server.ts';

process.env.AWS_ACCESS_KEY_ID = 'podkey';
process.env.AWS_SECRET_ACCESS_KEY = 'podsecret';

const access = new S3Access({ keys: { podkey: 'podsecret' }, hasTokenService: true });
const server = await S3Server.start(['lakes'], { access });
const sts = openSts({ endpoint: server.endpoint, clock: systemClock });
after(async () => {
  sts.close();
  await server.close();
});
const request = { policy: prefixPolicy('s3://lakes/a/', 'read'), name: 'ann+x@example.com / ü', seconds: 900 };
const refusalOf = async (): Promise<LakeError> => {
  const error = await sts.assume(request).then(
    () => assert.fail('keys were given'),
    (thrown: LakeError) => thrown,
  );
  assert.ok(!`${error.message} ${error.hint}`.includes('podsecret'));
  return error;
};

test('keys come with token and expiry, under the policy that was asked for', async () => {
  const keys = await sts.assume(request);
  assert.match(keys.keyId, /^TEMPORARY/);
  assert.ok(keys.secret && keys.sessionToken);
  assert.ok(Math.abs(keys.expiresAt - Date.now() - 900_000) < 60_000);
  assert.equal(access.assumed.at(-1), request.policy);
});

test('a server without one is told apart from one that fails', async () => {
  access.tokenServiceStatus = 500;
  assert.deepEqual([(await refusalOf()).code, (await refusalOf()).retriable], ['store_unavailable', true]);
  access.tokenServiceStatus = undefined;
  access.hasTokenService = false;
  const none = await refusalOf();
  assert.equal(none.code, 'store_unsupported');
  assert.match(none.hint ?? '', /BOILSTREAM_S3_STS_ENDPOINT|BOILSTREAM_S3_VEND/);
  access.hasTokenService = true;
  access.set('podkey', null);
  const refused = await refusalOf();
  assert.equal(refused.code, 'permission_denied');
  assert.match(refused.hint ?? '', /BOILSTREAM_S3_STS_ROLE_ARN/);
});
