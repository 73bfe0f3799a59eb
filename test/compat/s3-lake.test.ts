/** Lakes on the test's own S3, with a token service and without; the same promises hold on real servers in s3-lake.long.test.ts. */
import { S3Access } from '../support/s3-access.ts';
import { testS3Lake } from '../support/s3-lake-promises.ts';
import { S3Server } from '../support/s3-server.ts';

for (const hasTokenService of [true, false]) {
  testS3Lake({
    name: hasTokenService ? 'an S3 with a token service' : 'an S3 without a token service',
    narrows: hasTokenService,
    async open() {
      const access = new S3Access({ keys: { podkey: 'secret-of-the-pod-0123456789' }, hasTokenService });
      const server = await S3Server.start(['lakes'], { access });
      return {
        endpoint: server.endpoint,
        accessKeyId: 'podkey',
        secretAccessKey: 'secret-of-the-pod-0123456789',
        keys: () => server.keys('lakes'),
        secrets: () => access.secrets,
        stop: () => server.close(),
      };
    },
  });
}
