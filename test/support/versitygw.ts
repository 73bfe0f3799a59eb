/** A real S3 server for compatibility tests: versitygw, built from the Go module proxy into .cache/bin once. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from './pod.ts';

const version = 'v1.8.0';
const folder = join(projectRoot, '.cache', 'bin');
const binary = join(folder, 'versitygw');

export const versityKeys = { accessKeyId: 'test-access', secretAccessKey: 'test-secret' } as const;

export interface Versity {
  readonly endpoint: string;
  /** What it writes into: a bucket is a folder. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** True when the server is here or could be built (some minutes). When not: throws under CI=true, else skips the test. */
export function needsVersity(t: Pick<TestContext, 'skip'>): boolean {
  if (existsSync(binary)) return true;
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${version}`], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
      stdio: 'pipe',
      timeout: 1_500_000,
    });
    return true;
  } catch (error) {
    const text = `versitygw ${version} could not be built (it needs Go and the Go module proxy): ${(error as Error).message.slice(0, 300)}`;
    if (process.env['CI'] === 'true') throw new Error(text);
    t.skip(text);
    return false;
  }
}

/** Starts it on a free port over a new directory with these buckets; `flags` follow `posix`. */
export async function startVersity(buckets: readonly string[], flags: readonly string[] = []): Promise<Versity> {
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

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
