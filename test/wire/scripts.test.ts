/** Runs every `.pgt` script against our wire, and against a real PostgreSQL when TEST_POSTGRES (host:port:user:password:database) names one. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { WireClient, type WireOptions } from '../support/wire-client.ts';
import { runScript } from '../support/wire-script.ts';
import { startWireServer } from '../support/wire-server.ts';

const server = await startWireServer();
after(() => server.close());

const oracle = process.env['TEST_POSTGRES']?.split(':');
const targets: [string, WireOptions][] = [['us', server.options]];
if (oracle) {
  const [host, port, user, password, database] = oracle as [string, string, string, string, string];
  targets.push(['PostgreSQL', { host, port: Number(port), user, password, database, tls: 'off', deadlineMs: 10_000 }]);
}

const scripts = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.pgt'));
assert.ok(scripts.length > 0);

for (const [target, options] of targets) {
  for (const script of scripts) {
    test(`${script} against ${target}`, async () => {
      const client = await WireClient.logIn(options);
      try {
        const results = await runScript(client, readFileSync(new URL(script, import.meta.url), 'utf8'));
        assert.ok(results.length > 0, 'the script expects something');
        for (const { line, expected, actual } of results)
          assert.deepEqual(actual, expected, `${script}, block before line ${line}`);
      } finally {
        await client.close();
      }
    });
  }
}
