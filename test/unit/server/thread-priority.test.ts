import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { yieldToEventLoops } from '../../../server/thread-priority.ts';

test('threads that compute give way to the event loop', {
  skip: process.platform !== 'linux' && 'priorities of threads are Linux',
}, async () => {
  const own = getPriority();
  await stat('.');
  yieldToEventLoops();
  const pool = readdirSync('/proc/self/task').filter((thread) =>
    readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').startsWith('libuv-worker'),
  );
  assert.ok(pool.length > 0);
  for (const thread of pool) assert.equal(getPriority(Number(thread)), 10);
  assert.equal(getPriority(), own);
});
