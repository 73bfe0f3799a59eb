import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialWidth, narrowAfterMs, step, type WidthState } from '../../../../server/thread-pool/width.ts';

const limits = { spare: 4, size: 64 };
const calm = { lasting: 0, stuck: false };
const start = (): WidthState => initialWidth(limits, 0);

test('each lasting call has a thread beside those for short ones, at once', () => {
  assert.equal(step(start(), { lasting: 3, stuck: false }, 2, limits).width, 7);
});

test('never more than the pool has, never fewer than the spare ones', () => {
  assert.equal(step(start(), { lasting: 500, stuck: true }, 2, limits).width, 64);
  assert.equal(step(start(), calm, 10 * narrowAfterMs, limits).width, 4);
  assert.equal(initialWidth({ spare: 8, size: 4 }, 0).width, 4);
});

test('a pool that is stuck for another reason is widened until it moves', () => {
  let state = start();
  for (let i = 1; i <= 20; i++) state = step(state, { lasting: 0, stuck: true }, i, limits);
  assert.equal(state.width, 64);
});

test('narrows to the most that was needed, and only after a while in which less was enough', () => {
  let state = step(start(), { lasting: 20, stuck: false }, 0, limits);
  assert.equal(state.width, 24);
  state = step(state, { lasting: 6, stuck: false }, narrowAfterMs / 2, limits);
  assert.equal(state.width, 24);
  state = step(state, calm, narrowAfterMs + 1, limits);
  assert.equal(state.width, 10);
  state = step(state, calm, 2 * narrowAfterMs + 2, limits);
  assert.equal(state.width, 4);
});
