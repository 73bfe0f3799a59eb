/** Admission: fewer calls than threads, a bounded line, a deadline, and transactions never behind those that have not begun. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { LakeError } from '../../../../base/errors.ts';
import { Admission } from '../../../../server/engine/admission.ts';
import { defaultEngineLimits } from '../../../../server/engine/limits.ts';

const create = (waitMsMax = 1000): Admission =>
  new Admission(systemClock, { ...defaultEngineLimits, statementsMax: 2, transactionStatementsMax: 1, waitingMax: 2, waitMsMax });

test('no more run at once than there are places, the rest in order, and beyond the line they are refused', async () => {
  const admission = create();
  const order: number[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const calls = gates.map(({ promise }, i) =>
    admission.run('fresh', async () => {
      order.push(i);
      await promise;
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(order, [0, 1]);
  assert.deepEqual(admission.load, { running: 2, waiting: 2 });
  await assert.rejects(
    admission.run('fresh', async () => undefined),
    { code: 'limit_exceeded', retriable: true },
  );
  // A session inside a transaction holds what the others may be waiting for: it must get through.
  assert.equal(await admission.run('transaction', async () => 'through'), 'through');
  for (const gate of gates) gate.resolve();
  await Promise.all(calls);
  assert.deepEqual(order, [0, 1, 2, 3]);
  assert.deepEqual(admission.load, { running: 0, waiting: 0 });
});

test('who waits too long is refused, who is canceled stops waiting, and no place is lost', async () => {
  const admission = create(30);
  const gate = Promise.withResolvers<void>();
  const running = [1, 2].map(() => admission.run('fresh', () => gate.promise));
  const abort = new AbortController();
  const canceled = admission.run(
    'fresh',
    async () => undefined,
    () => abort.signal,
  );
  abort.abort(new LakeError('query_canceled', 'canceled'));
  await assert.rejects(canceled, { code: 'query_canceled' });
  await assert.rejects(
    admission.run('fresh', async () => undefined),
    { code: 'limit_exceeded' },
  );
  gate.resolve();
  await Promise.all(running);
  assert.deepEqual(admission.load, { running: 0, waiting: 0 });
});
