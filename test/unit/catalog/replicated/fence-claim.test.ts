/** A candidate in a cluster takes an epoch only while its claim holds; found by docs/spec/takeover.qnt. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { silentLogger } from '../../../../base/log.ts';
import { takeEpoch } from '../../../../catalog/replicated/fence.ts';
import { defaultLimits } from '../../../../catalog/replicated/limits.ts';
import { openLogReader } from '../../../../catalog/replicated/log-reader.ts';
import { logNames } from '../../../../catalog/replicated/names.ts';
import { MemoryBucket } from '../../../support/memory-store.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

const names = logNames('catalog/');

test('who slept after its claim reads on past the terminal of its successor, and does not depose it', async () => {
  const bucket = new MemoryBucket();
  const common = { store: bucket.connect(), names, limits: defaultLimits, clock: new SimulatedClock(), log: silentLogger };
  const candidate = (writer: number) => ({ ...common, writer: Buffer.alloc(16, writer) });
  const sleeper = await openLogReader(common);
  await sleeper.toTail(() => undefined);
  assert.equal(await takeEpoch(await openLogReader(common), () => undefined, candidate(2)), 1);
  const before = [...bucket.objects.keys()];
  const asked: string[] = [];
  const taking = takeEpoch(sleeper, () => undefined, {
    ...candidate(1),
    mayTake: () => {
      asked.push(`after ${sleeper.ledger.position.epoch}/${sleeper.ledger.position.seq}`);
      return false;
    },
  });
  await assert.rejects(taking, (error) => error instanceof LakeError && error.code === 'fenced');
  assert.deepEqual(asked, ['after 1/0'], 'asked when the tail was read, not before');
  assert.deepEqual([...bucket.objects.keys()], before);
});
