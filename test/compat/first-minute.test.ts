/** What a newcomer does first: `npm start`, then paste what it prints. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { needsClient, runClient, stockExtensionDirectory } from '../support/clients.ts';
import { projectRoot } from '../support/pod.ts';

test('the commands that npm start prints work when pasted, hold no secret, and Ctrl+C ends it in order', async (t) => {
  if (!needsClient(t, 'psql') || !needsClient(t, 'duckdb')) return;
  const dataDir = mkdtempSync(join(tmpdir(), 'boilstream first-minute '));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT'));
  const child = spawn('npm', ['start', '--silent'], {
    cwd: projectRoot,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...environment,
      BOILSTREAM_DATA_DIR: dataDir,
      BOILSTREAM_PGWIRE_PORT: '0',
      BOILSTREAM_AUTH_PORT: '0',
      BOILSTREAM_METRICS_PORT: '0',
    },
  });
  const exited = new Promise<number | string>((resolve) =>
    child.on('exit', (code, signal) => resolve(signal ?? (code as number))),
  );
  t.after(() => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  });
  let shown = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (shown += text));
  for (let waited = 0; !/^(?:\S+ )?.*\bready\b/m.test(shown); waited++) {
    assert.ok(child.exitCode === null && waited < 1500, `npm start did not get ready:\n${shown}`);
    await sleep(20);
  }

  const password = readFileSync(join(dataDir, 'superadmin-password'), 'utf8').trim();
  assert.ok(password.length >= 16);
  assert.ok(!shown.includes(password), 'the screen shows the password');
  for (const secret of ['superadmin-password', 'pgpass', 'encryption-key'])
    assert.equal(statSync(join(dataDir, secret)).mode & 0o077, 0, `${secret} can be read by others`);
  assert.ok(existsSync(join(dataDir, 'ca.pem')));

  const psqlLine = /^\s*(psql ".*")\s*$/m.exec(shown)?.[1];
  const attachLine = /^\s*(ATTACH '.*;)\s*$/m.exec(shown)?.[1];
  assert.ok(psqlLine && attachLine, `no psql or ATTACH line:\n${shown}`);
  const pasted = spawnSync(
    'bash',
    ['-c', `${psqlLine} -XAtqc 'CREATE TABLE first AS SELECT 42 AS answer' -c 'SELECT answer FROM first'`],
    { cwd: projectRoot, encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(pasted.stdout.trim(), '42', pasted.stderr);
  const attached = await runClient('duckdb', ['-csv', '-bail', '-no-init'], {
    input: `SET extension_directory = '${stockExtensionDirectory()}';\n${attachLine}\nSELECT answer FROM lake.first;`,
  });
  assert.match(attached.stdout, /^answer\r?\n42\r?$/m, attached.stderr);
  const adminLine = /^\s*(BOILSTREAM_DATA_DIR=.* npx boilstream-admin .*)$/m.exec(shown)?.[1];
  assert.ok(adminLine, `no boilstream-admin line:\n${shown}`);
  const administered = spawnSync('bash', ['-c', adminLine], { cwd: projectRoot, encoding: 'utf8', timeout: 60_000 });
  assert.match(administered.stdout, /\blake\b/, administered.stderr);

  // A terminal's Ctrl+C reaches npm and the pod, and npm passes it on once more: that is one wish to stop, not two.
  process.kill(-(child.pid as number), 'SIGINT');
  const how = await Promise.race([exited, sleep(30_000, 'still running', { ref: false })]);
  // npm ends by the signal itself once the pod has ended.
  assert.ok(how === 0 || how === 'SIGINT', `${how}\n${shown}`);
  assert.match(shown, /\bended\b/);
  assert.ok(!existsSync(join(dataDir, 'pod.lock')), 'the pod did not leave in order');
});
