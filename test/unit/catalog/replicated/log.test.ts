/** The replicated log with real DuckDB files over an object store in memory: what is promised, rule by rule. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { LakeError } from '../../../../base/errors.ts';
import { Registry } from 'prom-client';
import { createLogMetrics } from '../../../../catalog/replicated/metrics.ts';
import { summarizeFrames } from '../../../../catalog/replicated/wal-frames.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { begin, execute, isPendingAfter, logObjects, openLog, rows, testNames } from '../../../support/replicated-log.ts';

const isLog = (key: string): boolean => key.startsWith(testNames.logPrefix);
const isChunk = (key: string): boolean => key.startsWith(testNames.chunkPrefix);

test('commits of two databases are there after a kill, on another machine', async (t) => {
  const bucket = new MemoryBucket();
  const first = await openLog(bucket, t);
  const sales = await first.create('sales');
  const control = await first.create('control');
  await execute(sales, 'CREATE TABLE t(i INTEGER PRIMARY KEY, s VARCHAR)');
  await execute(control, 'CREATE TABLE u(i INTEGER)');
  for (let i = 0; i < 20; i++) {
    await execute(sales, `INSERT INTO t VALUES (${i}, 'row ${i}')`);
    if (i % 3 === 0) await execute(control, `INSERT INTO u VALUES (${i})`);
  }
  await execute(sales, `UPDATE t SET s = 'changed' WHERE i = 7`, 'DELETE FROM t WHERE i = 8');
  const before = [await rows(sales, 'SELECT * FROM t ORDER BY i'), await rows(control, 'SELECT * FROM u ORDER BY i')];
  // No close: the process is gone, its disk too.
  const second = await openLog(bucket, t);
  assert.deepEqual(await second.databases(), ['control', 'sales']);
  const after = [
    await rows(await second.open('sales'), 'SELECT * FROM t ORDER BY i'),
    await rows(await second.open('control'), 'SELECT * FROM u ORDER BY i'),
  ];
  assert.deepEqual(after, before);
  assert.equal(after[0]?.length, 19);
});

test('A1: a commit waits while its database is checkpointed and copied, and is not answered before the snapshot is durable', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  let slow = true;
  bucket.fault = (call) => (slow && isChunk(call.key) ? { t: 'delay', delayMs: 300 } : null);
  const maintaining = log.maintain();
  await systemClock.sleep(50);
  const commit = execute(sales, 'INSERT INTO t VALUES (1)');
  assert.ok(await isPendingAfter(commit, 150), 'the commit was answered while the snapshot was on its way');
  slow = false;
  await Promise.all([maintaining, commit]);
  const last = logObjects(bucket).at(-1)?.object;
  assert.ok(
    last?.t === 'segment' && last.entries[0]?.t === 'wal' && last.entries[0].generation === 2,
    'the commit belongs to the new generation',
  );
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t'), [[1]]);
});

test('A1: snapshots among busy writers lose nothing', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER PRIMARY KEY, s VARCHAR)');
  let isWriting = true;
  const snapshots = (async () => {
    while (isWriting) {
      await log.maintain();
      await systemClock.sleep(5);
    }
  })();
  await Promise.all(
    [0, 1, 2, 3].map(async (writer) => {
      for (let i = 0; i < 25; i++)
        await execute(
          sales,
          `INSERT INTO t VALUES (${writer * 1000 + i}, repeat('x', 100))`,
          `UPDATE t SET s = 'seen' WHERE i = ${writer * 1000 + i - 3}`,
        );
    }),
  );
  isWriting = false;
  await snapshots;
  const generations = logObjects(bucket)
    .flatMap(({ object }) => (object.t === 'segment' ? object.entries : []))
    .filter((entry) => entry.t === 'control');
  assert.ok(generations.length > 3, `only ${generations.length} control records`);
  const digest = "SELECT count(*)::INTEGER, md5(string_agg(i || s, ',' ORDER BY i)) FROM t";
  const restored = await rows(await (await openLog(bucket, t)).open('sales'), digest);
  assert.equal(restored[0]?.[0], 100);
  assert.deepEqual(restored, await rows(sales, digest));
});

test('A2: every segment ends where a commit ends, and begins where the last one ended', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER, s VARCHAR)');
  await Promise.all(
    Array.from({ length: 30 }, (_, i) => execute(sales, `INSERT INTO t SELECT range, repeat('x', ${i * 50}) FROM range(50)`)),
  );
  let wal = Buffer.alloc(0);
  let segments = 0;
  for (const { object } of logObjects(bucket)) {
    for (const entry of object.t === 'segment' ? object.entries : []) {
      if (entry.t !== 'wal') continue;
      assert.equal(entry.start, wal.length);
      wal = Buffer.concat([wal, entry.bytes]);
      assert.ok(summarizeFrames((offset, length) => wal.subarray(offset, offset + length), entry.start, wal.length).isWhole);
      segments++;
    }
  }
  assert.ok(segments > 1);
});

test('A2: each leader goes on at the clean end of the one before', async (t) => {
  const bucket = new MemoryBucket();
  for (let leader = 0; leader < 4; leader++) {
    const log = await openLog(bucket, t);
    const sales = leader === 0 ? await log.create('sales') : await log.open('sales');
    if (leader === 0) await execute(sales, 'CREATE TABLE t(i INTEGER PRIMARY KEY)');
    for (let i = 0; i < 3; i++) await execute(sales, `INSERT INTO t VALUES (${leader * 10 + i})`);
    assert.equal((await rows(sales, 'SELECT * FROM t')).length, (leader + 1) * 3);
  }
});

test('A4: a deposed leader that wakes after its successor wrote and collected acknowledges nothing', async (t) => {
  const bucket = new MemoryBucket();
  const first = await openLog(bucket, t);
  const old = await first.create('sales');
  await execute(old, 'CREATE TABLE t(i INTEGER)');
  const second = await openLog(bucket, t, { retentionMs: -1, collectMs: 0, limits: { snapshotWalBytes: 1 } });
  const sales = await second.open('sales');
  for (let i = 0; i < 5; i++) {
    await execute(sales, `INSERT INTO t VALUES (${i})`);
    await second.maintain();
  }
  assert.ok(!bucket.objects.has(testNames.segment({ epoch: 1, seq: 1 })), 'the first segments are collected');
  assert.ok(
    logObjects(bucket).some(({ object }) => object.t === 'terminal' && object.epoch === 1),
    'the terminal of the deposed epoch stays',
  );
  await assert.rejects(execute(old, 'INSERT INTO t VALUES (99)'), { code: 'fenced' });
  assert.ok(first.lost.aborted);
  await assert.rejects(execute(old, 'INSERT INTO t VALUES (100)'), { code: 'fenced' });
  await assert.rejects(async () => old.barrier(), { code: 'fenced' });
  const third = await openLog(bucket, t);
  assert.deepEqual(await rows(await third.open('sales'), 'SELECT * FROM t ORDER BY i'), [[0], [1], [2], [3], [4]]);
});

test('A5, L2: a put whose answer is lost is known again by its own bytes', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  let lost = 0;
  bucket.fault = (call) => (call.operation === 'putIfAbsent' && isLog(call.key) && lost++ === 0 ? { t: 'lost-answer' } : null);
  await execute(sales, 'INSERT INTO t VALUES (1)');
  assert.ok(lost > 1, 'it was sent again');
  assert.ok(!log.lost.aborted);
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t'), [[1]]);
});

test('A5: what waits while one put is in flight shares the next', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  let inFlight = 0;
  bucket.fault = (call) => {
    if (call.operation !== 'putIfAbsent' || !isLog(call.key)) return null;
    assert.equal(++inFlight, 1, 'two puts of the log are in flight');
    void systemClock.sleep(40).then(() => inFlight--);
    return { t: 'delay', delayMs: 50 };
  };
  const before = log.position().seq;
  await Promise.all(Array.from({ length: 20 }, (_, i) => execute(sales, `INSERT INTO t VALUES (${i})`)));
  assert.ok(log.position().seq - before <= 6, `${log.position().seq - before} puts for 20 commits`);
});

test('A6, L11: while an outcome is unknown answers wait and nothing new is executed; then all goes on', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t, { limits: { admitWaitMsMax: 100 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  let isDown = true;
  bucket.fault = (call) => (isDown && isLog(call.key) ? { t: 'unavailable' } : null);
  const held = (await begin(sales, 'INSERT INTO t VALUES (1)')).durable();
  const reader = sales.barrier();
  assert.ok(reader !== null && (await isPendingAfter(reader, 100)), 'a reader was answered with what may be lost');
  await assert.rejects(execute(sales, 'INSERT INTO t VALUES (2)'), { code: 'store_unavailable', retriable: true });
  assert.deepEqual(await rows(sales, 'SELECT i FROM t WHERE i = 2'), [], 'what was refused did not happen');
  isDown = false;
  await held;
  await execute(sales, 'INSERT INTO t VALUES (3)');
  assert.equal(sales.barrier(), null);
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT i FROM t ORDER BY i'), [[1], [3]]);
});

test('A6: a full disk under the store holds answers until there is room', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  let left = 3;
  bucket.fault = (call) =>
    isLog(call.key) && call.operation === 'putIfAbsent' && left-- > 0
      ? { t: 'error', error: new LakeError('disk_full', 'no space') }
      : null;
  await execute(sales, 'INSERT INTO t VALUES (1)');
  assert.ok(left < 0);
});

test('A7: a deposed leader notices by looking, without writing', async (t) => {
  const bucket = new MemoryBucket();
  const first = await openLog(bucket, t, { probeMs: 20 });
  await first.create('sales');
  const second = await openLog(bucket, t);
  if (!first.lost.aborted) await new Promise((resolve) => first.lost.addEventListener('abort', resolve, { once: true }));
  assert.equal((first.lost.reason as LakeError).code, 'fenced');
  assert.ok(!second.lost.aborted);
});

test('A8: a damaged log does not depose the leader that is there', async (t) => {
  const bucket = new MemoryBucket();
  const first = await openLog(bucket, t);
  const sales = await first.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  const key = testNames.segment({ epoch: 1, seq: 2 });
  const whole = bucket.objects.get(key) as { body: Buffer; etag: string; modified: number };
  const damaged = Buffer.from(whole.body);
  damaged.writeUInt8(damaged.readUInt8(damaged.length >> 1) ^ 1, damaged.length >> 1);
  bucket.objects.set(key, { ...whole, body: damaged });
  await assert.rejects(openLog(bucket, t), (error: LakeError) => error.code === 'corrupt' && error.message.includes(key));
  await execute(sales, 'INSERT INTO t VALUES (1)');
  bucket.objects.set(key, whole);
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t'), [[1]]);
});

test('A9: a commit whose rows bypass the WAL is stored as an image before it is answered', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i BIGINT, s VARCHAR)');
  // More than two row groups: DuckDB writes them into the file and points at them.
  await execute(sales, "INSERT INTO t SELECT range, 'row' || (range % 97) FROM range(4200000)");
  await execute(sales, "INSERT INTO t VALUES (-1, 'after')", 'DELETE FROM t WHERE i BETWEEN 10 AND 20');
  const bases = logObjects(bucket)
    .flatMap(({ object }) => (object.t === 'segment' ? object.entries : []))
    .filter((entry) => entry.t === 'control' && entry.control.t === 'base');
  assert.equal(bases.length, 1);
  const digest = 'SELECT count(*)::INTEGER, sum(i)::VARCHAR, sum(hash(s) % 1000)::VARCHAR FROM t';
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), digest), await rows(sales, digest));
});

test('A9: a commit of many rows below that stays in the WAL', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i BIGINT)');
  await execute(sales, 'INSERT INTO t SELECT range FROM range(300000)');
  const last = logObjects(bucket).at(-1)?.object;
  assert.ok(last?.t === 'segment' && last.entries[0]?.t === 'wal' && last.entries[0].bytes.length > 300_000);
});

test('A9: a commit larger than a segment may be is stored as an image', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t, { limits: { commitBytesMax: 10_000 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i BIGINT)', 'INSERT INTO t SELECT range FROM range(30000)');
  await execute(sales, 'INSERT INTO t VALUES (-1)');
  const restored = await (await openLog(bucket, t)).open('sales');
  assert.deepEqual(await rows(restored, 'SELECT count(*)::INTEGER FROM t'), [[30_001]]);
  await execute(restored, 'INSERT INTO t VALUES (-2)');
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT count(*)::INTEGER FROM t'), [[30_002]]);
});

test('A9: a checkpoint that somebody else ran is noticed at the next commit', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)', 'INSERT INTO t VALUES (1)');
  await rows(sales, 'CHECKPOINT');
  await execute(sales, 'INSERT INTO t VALUES (2)');
  await execute(sales, 'INSERT INTO t VALUES (3)');
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t ORDER BY i'), [[1], [2], [3]]);
});

test('A9: a checkpoint that somebody else ran while commits wait to be shipped mixes nothing up', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  bucket.fault = (call) => (isLog(call.key) ? { t: 'delay', delayMs: 100 } : null);
  const commits = [];
  for (let i = 0; i < 3; i++) commits.push(await begin(sales, `INSERT INTO t VALUES (${i})`));
  await rows(sales, 'CHECKPOINT');
  commits.push(await begin(sales, 'INSERT INTO t VALUES (3)'), await begin(sales, 'INSERT INTO t VALUES (4)'));
  for (const commit of commits) await commit.durable();
  assert.ok(!log.lost.aborted);
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t ORDER BY i'), [
    [0],
    [1],
    [2],
    [3],
    [4],
  ]);
});

test('metrics tell what was put, where the log stands and what a restart would replay', async (t) => {
  const registry = new Registry();
  const log = await openLog(new MemoryBucket(), t, { metrics: createLogMetrics(registry) });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  const text = await registry.metrics();
  assert.match(text, /boilstream_log_puts_total 2\n/);
  assert.match(text, /boilstream_log_epoch 1\n/);
  assert.match(text, /boilstream_log_seq 2\n/);
  assert.match(text, /boilstream_log_wal_bytes [1-9]/);
});

test('A9: a snapshot uploads only the chunks that changed', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1, chunkBytes: 256 * 1024 } });
  const sales = await log.create('sales');
  await execute(
    sales,
    'CREATE TABLE t(i BIGINT, s VARCHAR)',
    'INSERT INTO t SELECT range, md5(range::VARCHAR) FROM range(200000)',
  );
  await log.maintain();
  const before = [...bucket.objects.keys()].filter(isChunk).length;
  await execute(sales, 'CREATE TABLE u(i INTEGER)', 'INSERT INTO u VALUES (1)');
  await log.maintain();
  const added = [...bucket.objects.keys()].filter(isChunk).length - before;
  assert.ok(before > 10 && added > 0 && added < before / 3, `${added} chunks added to ${before}`);
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT count(*)::INTEGER FROM t, u'), [[200_000]]);
});

test('A9: a lake that waits for its snapshot holds back only itself', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
  const slow = await log.create('slow');
  const other = await log.create('other');
  await execute(slow, 'CREATE TABLE t(i INTEGER)');
  bucket.fault = (call) => (isChunk(call.key) && call.key.includes(slow.uuid) ? { t: 'delay', delayMs: 400 } : null);
  const maintaining = log.maintain();
  await systemClock.sleep(30);
  assert.equal(await isPendingAfter(execute(other, 'CREATE TABLE t(i INTEGER)'), 250), false);
  assert.ok(await isPendingAfter(execute(slow, 'INSERT INTO t VALUES (1)'), 50));
  await maintaining;
});

test('the barrier costs nothing when nothing is in flight, and covers a COMMIT that DuckDB has not answered', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  assert.equal(sales.barrier(), null);
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  assert.equal(sales.barrier(), null);
  bucket.fault = (call) => (isLog(call.key) ? { t: 'delay', delayMs: 60 } : null);
  const connection = await sales.connect();
  await connection.run('BEGIN');
  await connection.run('INSERT INTO t VALUES (1)');
  const committing = sales.commit(connection);
  await Promise.resolve();
  await Promise.resolve();
  const during = sales.barrier();
  assert.ok(during !== null, 'COMMIT is running, and may be visible');
  const commit = await committing;
  const position = log.position().seq;
  assert.ok(sales.barrier() !== null);
  await during;
  assert.equal(log.position().seq, position + 1);
  await commit.durable();
  assert.equal(sales.barrier(), null);
  connection.closeSync();
});

test('a COMMIT that DuckDB refuses has done nothing', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER PRIMARY KEY)');
  const [a, b] = [await sales.connect(), await sales.connect()];
  for (const connection of [a, b]) {
    await connection.run('BEGIN');
    await connection.run('INSERT INTO t VALUES (1)');
  }
  await (await sales.commit(a)).durable();
  const position = log.position();
  await assert.rejects(sales.commit(b), /conflict|unique|primary key/i);
  assert.deepEqual(log.position(), position);
  await execute(sales, 'INSERT INTO t VALUES (2)');
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t ORDER BY i'), [[1], [2]]);
});

test('what was committed past commit() is shipped with the next commit', async (t) => {
  const bucket = new MemoryBucket();
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await rows(sales, 'CREATE TABLE t(i INTEGER)');
  await execute(sales, 'INSERT INTO t VALUES (1)');
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t'), [[1]]);
});

test('databases are created, found and dropped durably', async (t) => {
  const bucket = new MemoryBucket();
  const first = await openLog(bucket, t);
  const sales = await first.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  await assert.rejects(first.create('sales'), { code: 'already_exists' });
  await assert.rejects(first.create('SALES'), { code: 'already_exists' });
  await assert.rejects(first.create('memory'), { code: 'invalid_argument' });
  await assert.rejects(first.open('nothing'), { code: 'not_found' });
  await first.drop('sales');
  await assert.rejects(first.open('sales'), { code: 'not_found' });
  await assert.rejects(execute(sales, 'INSERT INTO t VALUES (1)'));
  const again = await first.create('sales');
  assert.notEqual(again.uuid, sales.uuid);
  await execute(again, 'CREATE TABLE other(i INTEGER)');
  const second = await openLog(bucket, t);
  assert.deepEqual(await second.databases(), ['sales']);
  assert.deepEqual(await rows(await second.open('sales'), 'SELECT table_name FROM information_schema.tables'), [['other']]);
});

test('a damaged snapshot keeps only its own database closed', async (t) => {
  const bucket = new MemoryBucket();
  const first = await openLog(bucket, t, { limits: { snapshotWalBytes: 1 } });
  for (const name of ['sales', 'other'])
    await execute(await first.create(name), 'CREATE TABLE t(i INTEGER)', 'INSERT INTO t VALUES (7)');
  await first.maintain();
  const sales = await first.open('sales');
  const chunk = [...bucket.objects.keys()].filter((key) => isChunk(key) && key.includes(sales.uuid)).at(-1) as string;
  const whole = bucket.objects.get(chunk) as { body: Buffer; etag: string; modified: number };
  for (const key of [...bucket.objects.keys()].filter((key) => isChunk(key) && key.includes(sales.uuid))) {
    const entry = bucket.objects.get(key) as typeof whole;
    const body = Buffer.from(entry.body);
    body.writeUInt8(body.readUInt8(body.length - 1) ^ 1, body.length - 1);
    bucket.objects.set(key, { ...entry, body });
  }
  const second = await openLog(bucket, t);
  await assert.rejects(
    second.open('sales'),
    (error: LakeError) => error.code === 'corrupt' && error.message.includes('sales') && error.message.includes('catalog/chunk/'),
  );
  assert.deepEqual(await rows(await second.open('other'), 'SELECT * FROM t'), [[7]]);
  await second.drop('sales');
  assert.deepEqual(await (await openLog(bucket, t)).databases(), ['other'], 'what cannot be opened can be dropped');
});

test('collection leaves what a restart needs, and little else', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t, { retentionMs: -1, collectMs: 0, limits: { snapshotWalBytes: 1 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  for (let i = 0; i < 10; i++) {
    await execute(sales, `INSERT INTO t VALUES (${i})`);
    await log.maintain();
  }
  const keys = [...bucket.objects.keys()];
  assert.ok(keys.filter(isLog).length < 6, `${keys.filter(isLog).length} log objects are left`);
  assert.ok(keys.filter(isChunk).length < 6, `${keys.filter(isChunk).length} chunks are left`);
  assert.equal((await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t')).length, 10);
});

test('collection keeps everything younger than the retention time', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t, { retentionMs: 60_000, collectMs: 0, limits: { snapshotWalBytes: 1 } });
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  const kept = new Set<string>();
  for (let i = 0; i < 5; i++) {
    await execute(sales, `INSERT INTO t VALUES (${i})`);
    await log.maintain();
    for (const key of bucket.objects.keys()) kept.add(key);
  }
  for (const key of kept) assert.ok(bucket.objects.has(key), `${key} was deleted`);
});

test('close waits for what is on its way, and the next start has it', async (t) => {
  const bucket = new MemoryBucket({ clock: systemClock });
  const log = await openLog(bucket, t);
  const sales = await log.create('sales');
  await execute(sales, 'CREATE TABLE t(i INTEGER)');
  bucket.fault = (call) => (isLog(call.key) ? { t: 'delay', delayMs: 50 } : null);
  const commit = await begin(sales, 'INSERT INTO t VALUES (1)');
  await log.close();
  await commit.durable();
  assert.deepEqual(await rows(await (await openLog(bucket, t)).open('sales'), 'SELECT * FROM t'), [[1]]);
});
