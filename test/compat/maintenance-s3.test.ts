/** Background maintenance of a lake whose files lie on S3: small objects merged, objects that nothing names deleted, a dropped lake's prefix emptied. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needsClient, psql } from '../support/clients.ts';
import { admin, type Shown, until } from '../support/maintained-lake.ts';
import { startPod } from '../support/pod.ts';
import { S3Access } from '../support/s3-access.ts';
import { S3Server } from '../support/s3-server.ts';

test('a lake on S3 is kept in order', async (t) => {
  if (!needsClient(t, 'psql')) return;
  const secret = 'secret-of-the-pod-0123456789';
  const server = await S3Server.start(['lakes'], { access: new S3Access({ keys: { podkey: secret }, hasTokenService: false }) });
  t.after(() => server.close());
  const keyDir = mkdtempSync(join(tmpdir(), 's3-keys-'));
  t.after(() => rmSync(keyDir, { recursive: true, force: true }));
  writeFileSync(join(keyDir, 'access'), 'podkey');
  writeFileSync(join(keyDir, 'secret'), secret);
  const pod = await startPod({
    environment: {
      BOILSTREAM_STORAGE_URL: 's3://lakes/pre/fix',
      BOILSTREAM_S3_ENDPOINT: server.endpoint,
      BOILSTREAM_S3_ACCESS_KEY_PATH: join(keyDir, 'access'),
      BOILSTREAM_S3_SECRET_KEY_PATH: join(keyDir, 'secret'),
      BOILSTREAM_MAINTENANCE_INTERVAL: '1s',
      BOILSTREAM_LOG_RETENTION: '1s',
      BOILSTREAM_READER_AGE_MAX: '1s',
      BOILSTREAM_DELETION_MARGIN: '0s',
      BOILSTREAM_WRITE_TRANSACTION_MAX: '20s',
    },
  });
  t.after(() => pod.stop());
  const sql = async (text: string, database = 'lake'): Promise<string> => {
    const ran = await psql(pod, ['-At'], { input: text, database });
    assert.equal(ran.code, 0, `${text}\n${ran.stderr}\n${pod.log()}`);
    return ran.stdout.trim();
  };
  await sql("CREATE DUCKLAKE s; ALTER DUCKLAKE s SET (maintenance = off, snapshot_retention = '1s')");
  const { id } = await admin(pod, 'ducklakes', 'show', 's');
  const prefix = `pre/fix/lakes/${id}/`;
  const objects = (): string[] => server.keys('lakes').filter((key) => key.startsWith(prefix));
  await sql(
    `CREATE TABLE t (i BIGINT); ${Array.from({ length: 9 }, (_, n) => `INSERT INTO t SELECT i + ${n * 50} FROM range(50) r(i);`).join(' ')}`,
    's',
  );
  assert.equal(objects().length, 9);
  const run = async () => (await admin(pod, 'ducklakes', 'maintenance', 's', '--on', '--run')) as unknown as Shown['maintenance'];
  const told = await run();
  assert.deepEqual([told.last_run?.end, told.last_run?.files_merged], ['done', 9], `${JSON.stringify(told)}\n${pod.log()}`);
  assert.equal(objects().length, 10, 'nothing is deleted at once');
  await until('the merged objects are deleted', pod, () => objects().length === 1);
  assert.equal(await sql('SELECT count(*), sum(i) FROM t', 's'), '450|101025');

  await sql('DROP DUCKLAKE s');
  await until('the prefix of the dropped ducklake is empty', pod, () => objects().length === 0);
});
