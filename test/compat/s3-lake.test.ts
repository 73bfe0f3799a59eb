/**
 * Lakes on the test's own S3: over HTTPS with an authority of its own and a token service, and plain without one. The same promises hold
 * on real servers in s3-lake.long.test.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { openCertificates } from '../../server/certificates.ts';
import { S3Access } from '../support/s3-access.ts';
import { type S3ForLakes, testS3Lake } from '../support/s3-lake-promises.ts';
import { S3Server, type S3ServerOptions } from '../support/s3-server.ts';

const secretAccessKey = 'secret-of-the-pod-0123456789';

async function open(hasTokenService: boolean, options: S3ServerOptions = {}): Promise<S3ForLakes> {
  const access = new S3Access({ keys: { podkey: secretAccessKey }, hasTokenService });
  const server = await S3Server.start(['lakes'], { access, ...options });
  return {
    endpoint: server.endpoint,
    accessKeyId: 'podkey',
    secretAccessKey,
    keys: () => server.keys('lakes'),
    secrets: () => access.secrets,
    stop: () => server.close(),
  };
}

testS3Lake({
  name: 'an S3 with a token service, over HTTPS',
  narrows: true,
  async open() {
    const dataDir = mkdtempSync(join(tmpdir(), 's3-tls-'));
    const certificates = await openCertificates({ dataDir, hosts: ['127.0.0.1'], clock: systemClock, logger: silentLogger });
    certificates.close();
    const server = await open(true, { tls: certificates.pem() });
    return {
      ...server,
      caPath: certificates.caPath as string,
      async stop() {
        await server.stop();
        rmSync(dataDir, { recursive: true, force: true });
      },
    };
  },
});

testS3Lake({ name: 'an S3 without a token service', narrows: false, open: () => open(false) });
