/** Lakes on real S3 servers: versitygw, which has no token service, and MinIO, which has one. They check signatures and policies themselves. */
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { openS3Store } from '../../storage/s3.ts';
import { minioKeys, needsMinio, startMinio } from '../support/minio.ts';
import { type S3ForLakes, testS3Lake } from '../support/s3-lake-promises.ts';
import { needsVersity, startVersity, versityKeys } from '../support/versitygw.ts';

interface Server {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Looks into the bucket as the pod itself would. */
function withKeys(server: Server, keys: { accessKeyId: string; secretAccessKey: string }): S3ForLakes {
  process.env['AWS_ACCESS_KEY_ID'] = keys.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = keys.secretAccessKey;
  const store = openS3Store({
    bucket: 'lakes',
    prefix: '',
    endpoint: server.endpoint,
    pathStyle: true,
    clock: systemClock,
    random: systemRandom,
  });
  return {
    ...keys,
    endpoint: server.endpoint,
    async keys() {
      const found: string[] = [];
      for await (const { key } of store.list('')) found.push(key);
      return found;
    },
    secrets: () => [keys.secretAccessKey],
    async stop() {
      await store.close();
      await server.stop();
    },
  };
}

test('the servers are here', (t) => {
  needsVersity(t);
  needsMinio(t);
});

testS3Lake({
  name: 'versitygw',
  narrows: false,
  open: async () => withKeys(await startVersity(['lakes']), versityKeys),
});

testS3Lake({ name: 'MinIO', narrows: true, open: async () => withKeys(await startMinio(['lakes']), minioKeys) });
