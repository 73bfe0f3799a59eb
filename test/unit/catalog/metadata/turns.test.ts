/** Promises of the turns to commit: one at a time, in arrival order, and nobody waits for one who stalls. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../../catalog/metadata/limits.ts';
import { type EndTurn, Turns } from '../../../../catalog/metadata/turns.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

test('turns are given one at a time, in the order in which they were asked for', async () => {
  const turns = new Turns(new SimulatedClock());
  const order: number[] = [];
  const ends: EndTurn[] = [];
  await Promise.all(
    Array.from({ length: 16 }, async (_, n) => {
      const end = await turns.take();
      order.push(n);
      ends.push(end);
      assert.equal(ends.length - order.indexOf(n), 1);
      await Promise.resolve();
      end();
    }),
  );
  assert.deepEqual(order, [...Array(16).keys()]);
  assert.equal(turns.waiting, 0);
});

test('a turn ends by itself, once, and its late end takes nothing from the next one', async () => {
  const clock = new SimulatedClock();
  const turns = new Turns(clock);
  const stalled = turns.take() as EndTurn;
  const given: EndTurn[] = [];
  for (let n = 0; n < 2; n++) void Promise.resolve(turns.take()).then((end) => given.push(end));
  await clock.run(limits.turnMsMax - 1);
  assert.equal(given.length, 0);
  await clock.run(limits.turnMsMax);
  assert.equal(given.length, 1);
  stalled();
  await clock.run(limits.turnMsMax + 1);
  assert.equal(given.length, 1, 'the second one still has it');
  given[0]?.();
  await clock.run(limits.turnMsMax + 1);
  assert.equal(given.length, 2);
});

test('one who has waited too long goes on without a turn', async () => {
  const clock = new SimulatedClock();
  const turns = new Turns(clock);
  const count = Math.ceil(limits.turnWaitMsMax / limits.turnMsMax) + 4;
  let going = 0;
  for (let n = 0; n < count; n++) void Promise.resolve(turns.take()).then(() => going++);
  await clock.run(limits.turnWaitMsMax);
  assert.equal(going, count);
  assert.equal(turns.waiting, 0);
});
