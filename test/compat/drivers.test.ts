/** Drivers that people use: each type through their own parameter formats and back, transactions, cursors, errors they branch on. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fixture, javaProgram, needsClient, nodeProgram, python } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';
import { isLong } from '../support/tier.ts';

describe('drivers', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod();
  });
  after(() => pod.stop());

  for (const driver of ['psycopg', 'asyncpg', 'pg8000']) {
    test(`${driver} gets back what it sent, for every common type`, async (t) => {
      if (!needsClient(t, 'python')) return;
      const ran = await python(pod, fixture(new URL('./drivers.py', import.meta.url)), { args: [driver] });
      assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
    });
  }

  for (const [name, driver] of [
    ['node-postgres', 'pg'],
    ['postgres.js', 'postgres'],
  ] as const) {
    test(`${name} checks the certificate, logs in, and does what its users do`, async (t) => {
      if (!needsClient(t, 'node')) return;
      const ran = await nodeProgram(pod, new URL('./node-drivers.mjs', import.meta.url), [driver]);
      assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
    });
  }

  test('pgjdbc checks the certificate, logs in, and does what its users do', async (t) => {
    if (!needsClient(t, 'java')) return;
    const ran = await javaProgram(pod, new URL('./jdbc-driver.java', import.meta.url), isLong ? ['long'] : []);
    assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
  });
});
