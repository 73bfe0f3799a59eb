/** A real S3 server that the Python environment of the test clients brings along: `rclone serve s3`. It checks signatures, ignores conditional writes, and has no token service. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientProgram } from './clients.ts';
import { freePort } from './go-program.ts';
import type { S3ForLakes } from './s3-lake-promises.ts';

const accessKeyId = 'test-access';
const secretAccessKey = 'test-secret-0123456789';

/** Starts it on a free port over a new directory with the bucket `lakes`. */
export async function startRclone(): Promise<S3ForLakes> {
  const directory = mkdtempSync(join(tmpdir(), 'rclone-'));
  mkdirSync(join(directory, 'served', 'lakes'), { recursive: true });
  const port = await freePort();
  const child = spawn(
    clientProgram('rclone'),
    ['serve', 's3', '--auth-key', `${accessKeyId},${secretAccessKey}`, '--addr', `127.0.0.1:${port}`, join(directory, 'served')],
    { env: { ...process.env, RCLONE_CONFIG: join(directory, 'rclone.conf') }, stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const keys = (): string[] =>
    readdirSync(join(directory, 'served', 'lakes'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(directory, 'served', 'lakes/').length));
  for (let i = 0; i < 600; i++) {
    const isUp = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (isUp) return { endpoint, accessKeyId, secretAccessKey, keys, secrets: () => [secretAccessKey], stop };
    await sleep(50);
  }
  await stop();
  throw new Error('rclone did not answer');
}
