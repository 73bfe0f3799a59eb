/** Promises of the turns to commit: one at a time, in arrival order, and nobody waits for one who stalls. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../../catalog/metadata/limits.ts';
import { type Turn, Turns } from '../../../../catalog/metadata/turns.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

test('turns are given one at a time, in the order in which they were asked for', async () => {
  const turns = new Turns(new SimulatedClock());
  const order: number[] = [];
  const ends: Turn[] = [];
  await Promise.all(
    Array.from({ length: 16 }, async (_, n) => {
      const end = await turns.take();
      order.push(n);
      ends.push(end);
      assert.equal(ends.length - order.indexOf(n), 1);
      await Promise.resolve();
      end.end();
    }),
  );
  assert.deepEqual(order, [...Array(16).keys()]);
  assert.equal(turns.waiting, 0);
});

test('a turn ends when its holder falls silent, and its late end takes nothing from the next one', async () => {
  const clock = new SimulatedClock();
  const turns = new Turns(clock);
  const stalled = turns.take() as Turn;
  const given: Turn[] = [];
  for (let n = 0; n < 2; n++) void Promise.resolve(turns.take()).then((turn) => given.push(turn));
  const silence = limits.turnSilenceMsMax;
  await clock.run(silence - 1);
  stalled.touch();
  await clock.run(2 * silence - 2);
  assert.equal(given.length, 0, 'it was at work');
  await clock.run(2 * silence);
  assert.equal(given.length, 1);
  stalled.end();
  await clock.run(2 * silence + 1);
  assert.equal(given.length, 1, 'the second one still has it');
  given[0]?.end();
  await clock.run(2 * silence + 2);
  assert.equal(given.length, 2);
});

test('one who was refused again and again may be silent for longer, and not for ever', async () => {
  for (const [refusals, silence] of [
    [1, 2 * limits.turnSilenceMsMax],
    [3, 8 * limits.turnSilenceMsMax],
    [1_000, limits.turnMsMax],
  ] as const) {
    const clock = new SimulatedClock();
    const turns = new Turns(clock);
    turns.take(refusals);
    let isNext = false;
    void Promise.resolve(turns.take()).then(() => {
      isNext = true;
    });
    await clock.run(silence - 1);
    assert.equal(isNext, false);
    await clock.run(silence);
    assert.equal(isNext, true);
  }
});

test('one who never falls silent has a turn for so long and no longer', async () => {
  const clock = new SimulatedClock();
  const turns = new Turns(clock);
  const busy = turns.take() as Turn;
  let isNext = false;
  void Promise.resolve(turns.take()).then(() => {
    isNext = true;
  });
  for (let at = 0; at < limits.turnMsMax; at += 100) {
    await clock.run(at);
    assert.equal(isNext, false);
    busy.touch();
  }
  await clock.run(limits.turnMsMax);
  assert.equal(isNext, true);
});

test('one who has waited too long goes on without a turn', async () => {
  const clock = new SimulatedClock();
  const turns = new Turns(clock);
  const count = Math.ceil(limits.turnWaitMsMax / limits.turnSilenceMsMax) + 40;
  let going = 0;
  for (let n = 0; n < count; n++) void Promise.resolve(turns.take()).then(() => going++);
  await clock.run(limits.turnWaitMsMax);
  assert.equal(going, count);
  assert.equal(turns.waiting, 0);
});

test('who comes back at once has some turns in a row, and not more; who does not is not waited for', async () => {
  const clock = new SimulatedClock();
  const turns = new Turns(clock);
  const order: string[] = [];
  const works = async (name: string, pauseMs: number, count: number): Promise<void> => {
    const owner = {};
    for (let i = 0; i < count; i++) {
      const turn = await turns.take(0, owner);
      order.push(name);
      await clock.sleep(1);
      turn.end(true);
      await clock.sleep(pauseMs);
    }
  };
  const all = [works('a', 2, 20), works('b', 2, 20), works('slow', 40, 6)];
  await clock.run(10_000);
  await Promise.all(all);
  assert.equal(order.length, 46);
  const busy = order.slice(0, Math.max(order.lastIndexOf('a'), order.lastIndexOf('b')) + 1);
  const rows = busy.join(' ').match(/(\b\w+\b)(?: \1\b)*/g) ?? [];
  const longest = (name: string): number =>
    Math.max(...rows.filter((row) => row.startsWith(name)).map((row) => row.split(' ').length));
  assert.equal(longest('a'), limits.turnsInRowMax);
  assert.equal(longest('b'), limits.turnsInRowMax);
  assert.equal(longest('slow'), 1);
});

test('one who was waited for and does not come delays the others by a moment', async () => {
  const clock = new SimulatedClock();
  const turns = new Turns(clock);
  const owner = {};
  (turns.take(0, owner) as Turn).end(true);
  const second = turns.take(0, owner) as Turn;
  let isNext = false;
  void Promise.resolve(turns.take(0, {})).then(() => {
    isNext = true;
  });
  second.end(true);
  await clock.run(limits.turnReturnMsMax - 1);
  assert.equal(isNext, false);
  await clock.run(limits.turnReturnMsMax);
  assert.equal(isNext, true);
});
