/** A real S3 server with a token service for compatibility tests: MinIO, built from the Go module proxy into .cache/bin once. Used as a program only. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, needsGoProgram } from './go-program.ts';

const program = { name: 'minio', module: 'github.com/minio/minio', version: 'v0.0.0-20260212201848-7aac2a2c5b7c' };

export const minioKeys = { accessKeyId: 'test-access', secretAccessKey: 'test-secret-key' } as const;

export interface Minio {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** True when the server is here or could be built (some minutes). When not: throws under CI=true, else skips the test. */
export function needsMinio(t: Pick<TestContext, 'skip'>): boolean {
  return needsGoProgram(t, program) !== undefined;
}

/** Starts it on a free port over a new directory with these buckets. */
export async function startMinio(buckets: readonly string[]): Promise<Minio> {
  const path = needsGoProgram({ skip: () => {} }, program);
  if (path === undefined) throw new Error('minio is not here');
  const directory = mkdtempSync(join(tmpdir(), 'minio-'));
  for (const bucket of buckets) mkdirSync(join(directory, bucket));
  const port = await freePort();
  const child = spawn(path, ['server', '--quiet', '--address', `127.0.0.1:${port}`, directory], {
    env: {
      ...process.env,
      MINIO_ROOT_USER: minioKeys.accessKeyId,
      MINIO_ROOT_PASSWORD: minioKeys.secretAccessKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 600; i++) {
    const isUp = await fetch(`${endpoint}/minio/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return { endpoint, stop };
    await sleep(50);
  }
  await stop();
  throw new Error('minio did not answer');
}
