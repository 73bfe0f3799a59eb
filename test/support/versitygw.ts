/** A real S3 server for compatibility tests: versitygw, built from the Go module proxy into .cache/bin once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, needsGoProgram } from './go-program.ts';

const program = { name: 'versitygw', module: 'github.com/versity/versitygw/cmd/versitygw', version: 'v1.8.0' };

export const versityKeys = { accessKeyId: 'test-access', secretAccessKey: 'test-secret' } as const;

export interface Versity {
  readonly endpoint: string;
  /** What it writes into: a bucket is a folder. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** True when the server is here or could be built (some minutes). When not: throws under CI=true, else skips the test. */
export function needsVersity(t: Pick<TestContext, 'skip'>): boolean {
  return needsGoProgram(t, program) !== undefined;
}

/** Starts it on a free port over a new directory with these buckets; `flags` follow `posix`. */
export async function startVersity(buckets: readonly string[], flags: readonly string[] = []): Promise<Versity> {
  const binary = needsGoProgram({ skip: () => {} }, program);
  if (binary === undefined) throw new Error('versitygw is not here');
  const directory = mkdtempSync(join(tmpdir(), 'versitygw-'));
  for (const bucket of buckets) mkdirSync(join(directory, bucket));
  const port = await freePort();
  const child = spawn(binary, ['--quiet', '--keep-alive', '--port', `127.0.0.1:${port}`, 'posix', ...flags, directory], {
    env: { ...process.env, ROOT_ACCESS_KEY: versityKeys.accessKeyId, ROOT_SECRET_KEY: versityKeys.secretAccessKey },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-5_000)));
  const endpoint = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 300; i++) {
    if (child.exitCode !== null) throw new Error(`versitygw ended: ${output}`);
    if (
      await fetch(endpoint).then(
        () => true,
        () => false,
      )
    )
      return { endpoint, directory, stop: () => stop(child, directory) };
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`versitygw did not answer: ${output}`);
}

async function stop(child: ChildProcess, directory: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  rmSync(directory, { recursive: true, force: true });
}
