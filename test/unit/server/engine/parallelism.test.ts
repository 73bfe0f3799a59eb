/** DuckDB's own threads help the statements that are worth it, and are not there for the others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import {
  helpAfterMs,
  helpEndsAfterMs,
  Parallelism,
  type ParallelismState,
  patientHelpAfterMs,
  step,
  type Work,
} from '../../../../server/engine/parallelism.ts';
import { SimulatedClock } from '../../../support/simulated-clock.ts';

const work = (patienceMs: number = helpAfterMs): Work => ({ spentMs: 0, patienceMs });

/** Lets milliseconds pass. */
const pass = (clock: SimulatedClock, ms: number): Promise<void> => clock.run(clock.monotonic() + ms);

function threads(clock: SimulatedClock): { readonly parallelism: Parallelism; readonly turns: boolean[] } {
  const turns: boolean[] = [];
  return { parallelism: new Parallelism(clock, 2, async (on) => turns.push(on)), turns };
}

test('a statement that has been at work for a while gets help; when none is, the help goes', async () => {
  const clock = new SimulatedClock();
  const { parallelism, turns } = threads(clock);
  const done = parallelism.run(work(), () => clock.sleep(100));
  await pass(clock, helpAfterMs - 1);
  assert.deepEqual(turns, []);
  await pass(clock, 20);
  assert.deepEqual(turns, [true]);
  await pass(clock, 100);
  await done;
  await pass(clock, helpEndsAfterMs / 2);
  assert.deepEqual(turns, [true], 'the next one may come soon');
  await pass(clock, helpEndsAfterMs);
  assert.deepEqual(turns, [true, false]);
});

test('short statements get none, however many there are', async () => {
  const clock = new SimulatedClock();
  const { parallelism, turns } = threads(clock);
  for (let i = 0; i < 200; i++) {
    const done = parallelism.run(work(), () => clock.sleep(2));
    await pass(clock, 3);
    await done;
  }
  assert.deepEqual(turns, []);
});

test('a result that is pulled in short pieces counts as one piece of work', async () => {
  const clock = new SimulatedClock();
  const { parallelism, turns } = threads(clock);
  const statement = work();
  for (let i = 0; i < 10; i++) {
    const done = parallelism.run(statement, () => clock.sleep(2));
    await pass(clock, 3);
    await done;
  }
  assert.deepEqual(turns, [true]);
});

test('with a statement for every core there is nobody to help', async () => {
  const clock = new SimulatedClock();
  const { parallelism, turns } = threads(clock);
  const done = [1, 2].map(() => parallelism.run(work(), () => clock.sleep(100)));
  await pass(clock, 200);
  await Promise.all(done);
  assert.deepEqual(turns, []);
});

test('what mostly waits has to wait longer', async () => {
  const clock = new SimulatedClock();
  const { parallelism, turns } = threads(clock);
  const done = parallelism.run(work(patientHelpAfterMs), () => clock.sleep(2 * patientHelpAfterMs));
  await pass(clock, patientHelpAfterMs - 5);
  assert.deepEqual(turns, []);
  await pass(clock, 2 * patientHelpAfterMs);
  await done;
  assert.deepEqual(turns, [true]);
});

test('the decision: on at once, off after a while', () => {
  let state: ParallelismState = { isOn: false, seenAt: 0 };
  state = step(state, true, 1_000);
  assert.deepEqual(state, { isOn: true, seenAt: 1_000 });
  assert.equal(step(state, false, 1_000 + helpEndsAfterMs - 1).isOn, true);
  assert.equal(step(state, false, 1_000 + helpEndsAfterMs).isOn, false);
});

test('DuckDB takes and gives up threads while it runs', async () => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', external_threads: '2' });
  const connection = await instance.connect();
  try {
    for (const external of [1, 2, 1, 2]) {
      await connection.run(`SET external_threads = ${external}`);
      const found = await connection.runAndReadAll('SELECT sum(i) FROM range(300000) t(i)');
      assert.deepEqual(found.getRowsJson(), [['44999850000']]);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});
