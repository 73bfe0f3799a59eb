/** Taking epochs and reading the log: elections, conflicts, sleepers, holes. No DuckDB here. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { LakeError } from '../../../../base/errors.ts';
import { silentLogger } from '../../../../base/log.ts';
import { systemRandom } from '../../../../base/random.ts';
import { anchorOf, encodeAnchor } from '../../../../catalog/replicated/anchor.ts';
import { collect } from '../../../../catalog/replicated/collector.ts';
import type { Control } from '../../../../catalog/replicated/control.ts';
import { raiseFloor, readFloor } from '../../../../catalog/replicated/floor.ts';
import { checkLimits, defaultLimits } from '../../../../catalog/replicated/limits.ts';
import { openLogReader } from '../../../../catalog/replicated/log-reader.ts';
import { noMetrics } from '../../../../catalog/replicated/metrics.ts';
import { recover } from '../../../../catalog/replicated/recovery.ts';
import { step, type ShipperEvent, type ShipperState } from '../../../../catalog/replicated/shipper-state.ts';
import { Shipper } from '../../../../catalog/replicated/shipper.ts';
import { UploadLock } from '../../../../catalog/replicated/upload-lock.ts';
import type { ObjectStore } from '../../../../storage/object-store.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { testNames as names } from '../../../support/replicated-log.ts';

const limits = { ...defaultLimits, retryMsMin: 1, retryMsMax: 4, putMsMax: 500 };
const base = (n: number): Control => ({
  t: 'create',
  database: systemRandom.uuid(),
  name: `db${n}`,
  base: { generation: 1, file: [{ epoch: 1, sha256: 'a'.repeat(64), length: 1 }], wal: [] },
});

interface Leader {
  readonly epoch: number;
  readonly shipper: Shipper;
  lost: LakeError | null;
  put(n: number): Promise<unknown>;
}

async function lead(bucket: MemoryBucket, store: ObjectStore = bucket.connect()): Promise<Leader> {
  const writer = systemRandom.bytes(16);
  const common = { store, names, limits, clock: systemClock, log: silentLogger };
  const { reader, epoch } = await recover({ take: () => undefined, clear: () => undefined }, { ...common, writer });
  const leader: Leader = {
    epoch,
    lost: null,
    shipper: new Shipper({
      ...common,
      random: systemRandom,
      metrics: noMetrics,
      writer,
      ledger: reader.ledger.toLeading(),
      onLost: (reason) => {
        leader.lost = reason;
      },
    }),
    put: (n) => leader.shipper.whenShipped(leader.shipper.enqueue({ t: 'control', control: base(n) })),
  };
  return leader;
}

test('each start takes the next epoch; the one before is fenced', async () => {
  const bucket = new MemoryBucket();
  const first = await lead(bucket);
  await first.put(1);
  const second = await lead(bucket);
  assert.deepEqual([first.epoch, second.epoch], [1, 2]);
  await assert.rejects(first.put(2), { code: 'fenced' });
  await second.put(3);
  assert.ok(first.lost && !second.lost);
});

test('L5: of two leaders that race for one name exactly one writes it, and the loser answers nothing', async () => {
  for (let round = 0; round < 20; round++) {
    const bucket = new MemoryBucket({
      clock: systemClock,
      fault: () => ({ t: 'delay', delayMs: Math.floor(systemRandom.fraction() * 3) }),
    });
    const first = await lead(bucket);
    const [acknowledged, second] = await Promise.all([
      first.put(1).then(
        () => true,
        () => false,
      ),
      lead(bucket),
    ]);
    const { reader } = await recover(
      { take: () => undefined, clear: () => undefined },
      { store: bucket.connect(), names, limits, clock: systemClock, log: silentLogger, writer: systemRandom.bytes(16) },
    );
    assert.equal(reader.ledger.byName('db1') !== undefined, acknowledged, `round ${round}`);
    assert.equal(second.epoch, 2);
  }
});

test('L1: conflicts that are told as refusals do not make anybody believe that somebody else leads', async () => {
  const bucket = new MemoryBucket();
  let left = 5;
  bucket.fault = (call) =>
    call.operation === 'putIfAbsent' && left-- > 0
      ? { t: 'error', error: new LakeError('precondition_failed', 'conflict, nothing landed') }
      : null;
  const leader = await lead(bucket);
  assert.equal(leader.epoch, 1, 'elected within six attempts');
  left = 5;
  await leader.put(1);
  assert.equal(leader.lost, null);
});

test('L2: an election whose answer was lost is recognised as won', async () => {
  const bucket = new MemoryBucket();
  let count = 0;
  bucket.fault = (call) => (call.operation === 'putIfAbsent' && count++ === 0 ? { t: 'lost-answer' } : null);
  assert.equal((await lead(bucket)).epoch, 1);
});

test('L3, A4: a candidate that slept while its name was collected has not won', async () => {
  const bucket = new MemoryBucket();
  const first = await lead(bucket);
  await first.put(1);
  // The candidate has read to 1 and is about to create 2.
  const sleeper = Promise.withResolvers<void>();
  const inner = bucket.connect('sleeper');
  let isAsleep = false;
  const store = new Proxy(inner, {
    get(target, property) {
      if (property === 'putIfAbsent' && !isAsleep) {
        return async (...parameters: Parameters<ObjectStore['putIfAbsent']>) => {
          isAsleep = true;
          await sleeper.promise;
          return target.putIfAbsent(...parameters);
        };
      }
      const value = Reflect.get(target, property) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const candidate = lead(bucket, store);
  while (!isAsleep) await systemClock.sleep(1);
  for (let n = 2; n < 6; n++) await first.put(n);
  const reader = await openLogReader({ store: bucket.connect(), names, limits });
  await reader.toTail(() => undefined);
  await bucket.connect().put(names.anchor(reader.ledger.position), encodeAnchor(anchorOf(reader.ledger)));
  await collect(reader.ledger, {
    store: bucket.connect(),
    names,
    clock: systemClock,
    uploads: new UploadLock(),
    retentionMs: -1,
    epoch: 1,
  });
  assert.ok(!bucket.objects.has(names.segment({ epoch: 1, seq: 2 })), 'the name is free again');
  sleeper.resolve();
  const second = await candidate;
  assert.ok(second.shipper.position.epoch === 2);
  await assert.rejects(first.put(9), { code: 'fenced' });
  const third = await openLogReader({ store: bucket.connect(), names, limits });
  await third.toTail(() => undefined);
  assert.equal(third.ledger.databases.size, 5, 'nothing that the first leader acknowledged is gone');
});

test('R7: a missing object in the middle stops the restore with its name', async () => {
  const bucket = new MemoryBucket();
  const leader = await lead(bucket);
  for (let n = 1; n <= 5; n++) await leader.put(n);
  const key = names.segment({ epoch: 1, seq: 3 });
  bucket.objects.delete(key);
  await assert.rejects(lead(bucket), (error: LakeError) => error.code === 'corrupt' && error.message.includes(key));
  assert.equal(leader.lost, null);
  const still = names.segment({ epoch: 1, seq: 6 });
  assert.ok(!bucket.objects.has(still), 'nobody was deposed');
});

test('R7: a missing terminal stops the restore too', async () => {
  const bucket = new MemoryBucket();
  await (await lead(bucket)).put(1);
  await (await lead(bucket)).put(2);
  const key = names.segment({ epoch: 1, seq: 2 });
  bucket.objects.delete(key);
  await assert.rejects(lead(bucket), (error: LakeError) => error.code === 'corrupt' && error.message.includes(key));
});

test('a stale listing hides nothing: names are asked for one by one', async () => {
  const bucket = new MemoryBucket();
  bucket.freezeListing();
  const first = await lead(bucket);
  for (let n = 1; n <= 5; n++) await first.put(n);
  bucket.fault = (call) => (call.operation === 'list' ? { t: 'stale-list' } : null);
  const second = await lead(bucket);
  assert.equal(second.epoch, 2);
  assert.equal(second.shipper.position.epoch, 2);
  await assert.rejects(first.put(6), { code: 'fenced' });
});

test('a damaged anchor is passed over for the one before; without any the start stops with its name', async () => {
  const bucket = new MemoryBucket();
  const leader = await lead(bucket);
  await leader.put(1);
  const reader = await openLogReader({ store: bucket.connect(), names, limits });
  await reader.toTail(() => undefined);
  await bucket.connect().put(names.anchor(reader.ledger.position), encodeAnchor(anchorOf(reader.ledger)));
  await leader.put(2);
  const damaged = names.anchor({ epoch: 1, seq: 2 });
  await bucket.connect().put(damaged, Buffer.from('nothing'));
  assert.equal((await lead(bucket)).epoch, 2);
  await bucket.connect().delete(names.anchor({ epoch: 1, seq: 1 }));
  await assert.rejects(lead(bucket), (error: LakeError) => error.code === 'corrupt' && error.message.includes(damaged));
});

test('the floor only rises, whoever raises it', async () => {
  const store = new MemoryBucket({ etagDiffersOnGet: true }).connect();
  assert.equal(await readFloor(store, names, 4), 0);
  await raiseFloor(store, names, 4, 10);
  await raiseFloor(store, names, 4, 7);
  assert.equal(await readFloor(store, names, 4), 10);
  await Promise.all([raiseFloor(store, names, 4, 12), raiseFloor(store, names, 4, 15), raiseFloor(store, names, 4, 13)]);
  assert.equal(await readFloor(store, names, 4), 15);
});

test('a put that is not decided for too long ends the leader instead of answering', async () => {
  const bucket = new MemoryBucket();
  const short = { ...limits, putMsMax: 20, undecidedMsMax: 60 };
  const writer = systemRandom.bytes(16);
  const common = { store: bucket.connect(), names, limits: short, clock: systemClock, log: silentLogger };
  const { reader } = await recover({ take: () => undefined, clear: () => undefined }, { ...common, writer });
  const shipper = new Shipper({
    ...common,
    random: systemRandom,
    metrics: noMetrics,
    writer,
    ledger: reader.ledger.toLeading(),
    onLost: () => undefined,
  });
  bucket.fault = () => ({ t: 'unavailable' });
  await assert.rejects(shipper.whenShipped(shipper.enqueue({ t: 'control', control: base(1) })), {
    code: 'store_unavailable',
    retriable: false,
  });
});

test('decisions: what cannot come is refused loudly, and lost stays lost', () => {
  const times = { retryMsMin: 1, retryMsMax: 8, undecidedMsMax: 100 };
  const states: ShipperState[] = [
    { t: 'idle' },
    { t: 'putting', attempt: 1, since: 0 },
    { t: 'reading', attempt: 1, since: 0 },
    { t: 'pausing', attempt: 1, since: 0 },
    { t: 'lost', why: 'fenced' },
  ];
  const events: ShipperEvent['t'][] = [
    'segment',
    'put-done',
    'put-refused',
    'put-unknown',
    'found-nothing',
    'found-own',
    'found-terminal',
    'found-other',
    'read-failed',
    'paused',
    'probe-terminal',
  ];
  let settles = 0;
  for (const state of states) {
    for (const t of events) {
      let result: ReturnType<typeof step>;
      try {
        result = step(state, { t } as ShipperEvent, 10, 0.5, times);
      } catch {
        continue;
      }
      if (state.t === 'lost') assert.deepEqual(result.effects, []);
      for (const effect of result.effects) {
        if (effect.t !== 'settle') continue;
        settles++;
        assert.ok((state.t === 'putting' && t === 'put-done') || (state.t === 'reading' && t === 'found-own'));
      }
    }
  }
  assert.equal(settles, 2, 'there are two ways to know that a put happened, and no other');
});

test('B12: no text that this room sends makes DuckLake repeat a commit', () => {
  const folder = new URL('../../../../catalog/replicated/', import.meta.url);
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    const source = readFileSync(new URL(file, folder), 'utf8');
    for (const match of source.matchAll(/new LakeError\('\w+', (`[^`]*`|'[^']*')/g))
      assert.doesNotMatch(match[1] as string, /primary key|unique|conflict|concurrent/i, `${file}: ${match[1]}`);
  }
});

test('limits that contradict each other are refused', () => {
  assert.throws(() => checkLimits({ ...defaultLimits, chunkBytes: 1000 }), { code: 'config_invalid' });
  assert.throws(() => checkLimits({ ...defaultLimits, putMsMax: 1e9 }), { code: 'config_invalid' });
  assert.equal(checkLimits(defaultLimits), defaultLimits);
});
