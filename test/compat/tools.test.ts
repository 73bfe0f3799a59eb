/** Libraries over the drivers: SQLAlchemy with its reflection, pandas, polars, the ADBC driver, psycopg 2. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fixture, needsClient, python } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';

describe('tools', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod();
  });
  after(() => pod.stop());

  for (const tool of ['sqlalchemy-psycopg', 'sqlalchemy-psycopg2', 'pandas', 'polars', 'adbc', 'psycopg2']) {
    test(`${tool} writes, reads and looks at the schema`, async (t) => {
      if (!needsClient(t, 'python')) return;
      const ran = await python(pod, fixture(new URL('./tools.py', import.meta.url)), { args: [tool] });
      assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
    });
  }
});
