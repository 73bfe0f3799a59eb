/** A measurement that could not be made is seen: the client's failure reaches whoever runs the benchmark. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBenchClient } from '../../support/bench-client.ts';
import { needsClient } from '../../support/clients.ts';

test('a client that fails is an error with its exit code', async (t) => {
  if (!needsClient(t, 'python')) return;
  await assert.rejects(runBenchClient('tpch', ['--no-such-flag']), /tpch\.py ended with exit code 2/);
});
