/** The S3 store and its probe against a real server: the same promises as on our own stand-in, and the refusal of a store that ignores conditions. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { LakeError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { probeStore } from '../../storage/probe.ts';
import { openS3Store, type S3Store } from '../../storage/s3.ts';
import { testStorePromises } from '../support/store-promises.ts';
import { needsVersity, startVersity, type Versity, versityKeys } from '../support/versitygw.ts';

process.env['AWS_ACCESS_KEY_ID'] = versityKeys.accessKeyId;
process.env['AWS_SECRET_ACCESS_KEY'] = versityKeys.secretAccessKey;

const probing = { clock: systemClock, random: systemRandom };
const storeAt = (server: Versity, prefix = 'pre/fix'): S3Store =>
  openS3Store({ bucket: 'lakes', prefix, endpoint: server.endpoint, clock: systemClock, random: systemRandom });

let main: Versity | undefined;
before(async () => {
  // Without the server the promises below fail; only what names the missing tool is marked as skipped.
  if (needsVersity({ skip: () => {} })) main = await startVersity(['lakes']);
});
after(() => main?.stop());

// One folder per key part: like a directory store, this server cannot hold both "a" and "a/b".
testStorePromises({
  name: 'versitygw',
  open: async () => {
    if (main === undefined) throw new Error('versitygw did not start');
    return storeAt(main);
  },
});

test('versitygw carries a cluster', async (t) => {
  if (!needsVersity(t) || main === undefined) return;
  const probed = await probeStore(storeAt(main), { ...probing, cluster: true });
  t.diagnostic(probed.line);
  assert.equal(probed.strategy, 'swap');
  assert.equal(probed.report.etag, 'same');
});

test('versitygw without metadata ignores create-only and is refused', async (t) => {
  if (!needsVersity(t)) return;
  const server = await startVersity(['lakes'], ['--nometa']);
  t.after(() => server.stop());
  const probed = await probeStore(storeAt(server), { ...probing, cluster: false });
  t.diagnostic(probed.line);
  assert.equal(probed.strategy, 'single-writer');
  await assert.rejects(
    probeStore(storeAt(server), { ...probing, cluster: true }),
    (error: LakeError) => error.code === 'store_unsupported',
  );
});

test('two stores of two processes race on one server: one winner', async (t) => {
  if (!needsVersity(t) || main === undefined) return;
  const stores = [storeAt(main), storeAt(main)];
  for (let round = 0; round < 10; round++) {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => (stores[i % 2] as S3Store).putIfAbsent(`race-${round}`, Buffer.from(`${i}`))),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  }
});
