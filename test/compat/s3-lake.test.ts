/**
 * Lakes on S3: the tests' own one over HTTPS with an authority of its own and a token service, and rclone, a real server that has none. The same
 * promises hold on more real servers in s3-lake.long.test.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { openCertificates } from '../../server/certificates.ts';
import { startRclone } from '../support/rclone.ts';
import { S3Access } from '../support/s3-access.ts';
import { testS3Lake } from '../support/s3-lake-promises.ts';
import { S3Server } from '../support/s3-server.ts';

const secretAccessKey = 'secret-of-the-pod-0123456789';

testS3Lake({
  name: 'an S3 with a token service, over HTTPS',
  narrows: true,
  async open() {
    const dataDir = mkdtempSync(join(tmpdir(), 's3-tls-'));
    const certificates = await openCertificates({ dataDir, hosts: ['127.0.0.1'], clock: systemClock, logger: silentLogger });
    certificates.close();
    const access = new S3Access({ keys: { podkey: secretAccessKey }, hasTokenService: true });
    const server = await S3Server.start(['lakes'], { access, tls: certificates.pem() });
    return {
      endpoint: server.endpoint,
      accessKeyId: 'podkey',
      secretAccessKey,
      caPath: certificates.caPath as string,
      keys: () => server.keys('lakes'),
      secrets: () => access.secrets,
      async stop() {
        await server.close();
        rmSync(dataDir, { recursive: true, force: true });
      },
    };
  },
});

testS3Lake({ name: 'rclone', narrows: false, open: startRclone, needs: 'rclone' });
