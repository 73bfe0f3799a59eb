/** In a process of its own: the size of libuv's pool is decided once, before its first use. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const module = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

function inPool(program: string): { readonly status: number | null; readonly stdout: string } {
  const directory = mkdtempSync(join(tmpdir(), 'thread-pool-'));
  const prelude = `
    import { systemClock } from ${JSON.stringify(module('base/clock.ts'))};
    import { ThreadPool } from ${JSON.stringify(module('server/thread-pool/thread-pool.ts'))};
    import { constants, fstat, openSync, read, writeSync } from 'node:fs';
    import { execFileSync } from 'node:child_process';
    const path = ${JSON.stringify(directory)};
    const pool = ThreadPool.open({ path: path + '/park', size: 32, cores: 1, clock: systemClock });
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    execFileSync('mkfifo', [path + '/slow']);
    const slow = openSync(path + '/slow', constants.O_RDWR);
    const lasts = () => new Promise((resolve) => read(slow, Buffer.alloc(1), 0, 1, null, resolve));
    const counted = async () => { const begun = pool.begin(); await lasts(); pool.end(begun); };
    const quick = () => new Promise((resolve) => { const at = performance.now(); fstat(slow, () => resolve(performance.now() - at)); });
  `;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', prelude + program], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '32' },
    encoding: 'utf8',
    timeout: 30_000,
  });
  rmSync(directory, { recursive: true });
  if (done.status !== 0) process.stderr.write(done.stderr);
  return done;
}

test('lasting calls never keep a short one waiting, and threads go to sleep again after them', () => {
  const { status, stdout } = inPool(`
    console.log(pool.width);
    const calls = Array.from({ length: 20 }, counted);
    await sleep(100);
    console.log(pool.width >= 24, (await quick()) < 1000);
    writeSync(slow, Buffer.alloc(20));
    await Promise.all(calls);
    await sleep(2500);
    console.log(pool.width);
    pool.close();
    process.exit(0);
  `);
  assert.equal(status, 0);
  assert.deepEqual(stdout.trim().split('\n'), ['4', 'true true', '4']);
});

test('calls nobody counts are noticed by their effect: the pool opens until a short call passes', () => {
  const { status, stdout } = inPool(`
    const calls = Array.from({ length: 20 }, lasts);
    console.log((await quick()) < 5000, pool.width > 4);
    writeSync(slow, Buffer.alloc(20));
    await Promise.all(calls);
    pool.close();
    process.exit(0);
  `);
  assert.equal(status, 0);
  assert.equal(stdout.trim(), 'true true');
});

test('a process ends although threads are parked, closed or not', () => {
  assert.equal(inPool('process.exit(0);').status, 0);
  assert.equal(inPool("setTimeout(() => { throw new Error('on purpose'); }, 10);").status, 1);
  assert.equal(inPool('pool.close();').status, 0);
});
