/** The store fails under a pod: full disk, read-only disk, gone directory, wrong address. The message says what to do, and nothing acknowledged is lost. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Pod, startPod } from '../support/pod.ts';
import { openSmallDisk } from '../support/small-disk.ts';
import { fieldsOf, type Message, WireClient, wireOptionsOf } from '../support/wire-client.ts';

function dataDirOf(t: TestContext): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'boilstream-store-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

const logIn = (pod: Pod, deadlineMs = 60_000) => WireClient.logIn({ ...wireOptionsOf(pod), deadlineMs });

function refusal(messages: readonly Message[]): { code: string; text: string } {
  const error = messages.find(({ type }) => type === 'E');
  assert.ok(error, `it was not refused: ${messages.map(({ type }) => type).join('')}`);
  const fields = fieldsOf(error.body);
  return { code: fields['C'] ?? '', text: `${fields['M']} ${fields['H'] ?? ''} ${fields['D'] ?? ''}` };
}

async function values(pod: Pod): Promise<number[]> {
  const client = await logIn(pod);
  const rows = await client.rows('SELECT v FROM kept ORDER BY v');
  await client.close();
  return rows.map(([v]) => Number(v));
}

/**
 * While the store refuses: the commit that met it first waits (it may not be said to have failed, nor to be done), what
 * comes later is refused with the reason. When the store works again both go on.
 */
async function refusesAndGoesOn(
  pod: Pod,
  client: WireClient,
  breakStore: () => void,
  mend: () => void,
  expected: { code: RegExp; text: RegExp },
): Promise<void> {
  const olderSession = logIn(pod);
  await olderSession;
  breakStore();
  const waiting = client.query('INSERT INTO kept VALUES (2)');
  let isAnswered = false;
  void waiting.then(() => (isAnswered = true));
  await sleep(3_500); // shorter outages are waited for without a word
  const began = performance.now();
  const later = await logIn(pod).catch((error: Error) => error);
  if (later instanceof WireClient) {
    const { code, text } = refusal(await later.query('INSERT INTO kept VALUES (3)'));
    assert.match(code, expected.code, text);
    assert.match(text, expected.text);
    later.destroy();
  } else assert.match(later.message, expected.text);
  assert.ok(performance.now() - began < 15_000, 'nobody is left without an answer');
  const early = isAnswered ? await waiting : null;
  // An honest refusal of the first one is right too; "done" is not.
  if (early !== null) assert.match(refusal(early).text, expected.text);
  const old = await (await olderSession).query('SELECT count(*) FROM kept');
  if (early === null || old.some(({ type }) => type === 'E')) {
    assert.match(refusal(old).text, expected.text, 'a session that was there before is told too');
  } else {
    // Every write was refused outright, so nothing is undecided, and what is durable may be read.
    const row = old.find(({ type }) => type === 'D');
    assert.equal(row?.body.subarray(6).toString(), '1', 'only what is durable is shown');
  }
  mend();
  if (early === null) assert.equal((await waiting).at(-1)?.type, 'Z', 'it is answered when the store works again');
  // The put that waits is sent again within two seconds; until then the refusal stands.
  for (let left = 20; (await client.query('INSERT INTO kept VALUES (4)')).some(({ type }) => type === 'E'); left--) {
    assert.ok(left > 0, 'it does not go on');
    await sleep(500);
  }
}

test('a full disk: refused with what to do, goes on when there is space, and nothing acknowledged is lost', {
  timeout: 240_000,
}, async (t) => {
  const dataDir = dataDirOf(t);
  const disk = await openSmallDisk(t, join(dataDir, 'storage'), 32);
  if (disk === null) return;
  t.after(() => disk.close());
  let pod = await startPod({ dataDir, through: disk.through });
  t.after(() => pod.kill());
  const client = await logIn(pod, 120_000);
  await client.rows('CREATE TABLE kept (v INTEGER)');
  await client.rows('INSERT INTO kept VALUES (1)');
  await refusesAndGoesOn(pod, client, disk.fill, disk.free, { code: /^53100$|^58030$|^57P03$|^08/, text: /space|full/ });
  const before = await values(pod);
  assert.ok(before.includes(1) && before.includes(4) && !before.includes(3), String(before));

  disk.fill();
  const copy = await client.query(`CREATE TABLE large AS SELECT i, repeat('x', 500) AS filler FROM range(20000) t(i)`);
  assert.match(refusal(copy).text, /space|full/i, 'a data file that does not fit');
  disk.free();
  client.destroy();
  await pod.kill();
  pod = await startPod({ dataDir, through: disk.through });
  assert.deepEqual(await values(pod), before);
});

test('a pod does not start on a read-only disk, says so, and starts when it is writable again', {
  timeout: 240_000,
}, async (t) => {
  const dataDir = dataDirOf(t);
  const disk = await openSmallDisk(t, join(dataDir, 'storage'), 32);
  if (disk === null) return;
  t.after(() => disk.close());
  let pod = await startPod({ dataDir, through: disk.through });
  t.after(() => pod.kill());
  const client = await logIn(pod);
  await client.rows('CREATE TABLE kept (v INTEGER)');
  await client.rows('INSERT INTO kept VALUES (1)');
  client.destroy();
  await pod.kill();

  disk.readOnly(true);
  await assert.rejects(startPod({ dataDir, through: disk.through, readyDeadlineMs: 20_000 }), (error: Error) => {
    assert.match(error.message, /exit code [1-9]/, 'it ends by itself');
    assert.match(error.message, /storage.*read-only|read-only.*storage/s);
    return true;
  });
  disk.readOnly(false);
  pod = await startPod({ dataDir, through: disk.through });
  assert.deepEqual(await values(pod), [1]);
});

test('a storage directory that vanishes under the pod is never taken for an empty one', { timeout: 240_000 }, async (t) => {
  const dataDir = dataDirOf(t);
  const storage = join(dataDir, 'storage');
  let pod = await startPod({ dataDir });
  t.after(() => pod.kill());
  const client = await logIn(pod, 120_000);
  await client.rows('CREATE TABLE kept (v INTEGER)');
  await client.rows('INSERT INTO kept VALUES (1)');
  await refusesAndGoesOn(
    pod,
    client,
    () => renameSync(storage, `${storage}-away`),
    () => renameSync(`${storage}-away`, storage),
    { code: /^58/, text: /store/ },
  );
  const before = await values(pod);
  client.destroy();
  await pod.kill();
  pod = await startPod({ dataDir });
  assert.deepEqual(await values(pod), before);
});

for (const [what, url, message] of [
  ['is no URL', 'nonsense', /STORAGE_URL.*needed/],
  ['has an unknown scheme', 'ftp://host/x', /STORAGE_URL.*needed/],
  ['is a relative file', 'file://relative/path', /three slashes|absolute/],
  ['cannot be made', 'file:///proc/nothing/here', /\/proc\/nothing/],
  ['is an S3 nobody answers at', 's3://bucket/prefix', /cannot be reached|ECONNREFUSED/],
] as const) {
  test(`a storage URL that ${what} ends the start with a message`, { timeout: 60_000 }, async (t) => {
    const environment = {
      BOILSTREAM_STORAGE_URL: url,
      BOILSTREAM_S3_ENDPOINT: 'http://127.0.0.1:9',
      AWS_ACCESS_KEY_ID: 'k',
      AWS_SECRET_ACCESS_KEY: 's',
    };
    await assert.rejects(startPod({ dataDir: dataDirOf(t), environment, readyDeadlineMs: 40_000 }), (error: Error) => {
      assert.match(error.message, /exit code [1-9]/, 'it ends by itself');
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /at .*\.ts:\d+/, 'people get a sentence, not a stack');
      return true;
    });
  });
}
