/** Servers for compatibility tests that are built from the Go module proxy into .cache/bin once. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { projectRoot } from './pod.ts';

const folder = join(projectRoot, '.cache', 'bin');

export interface GoProgram {
  readonly name: string;
  /** Import path of the command. */
  readonly module: string;
  readonly version: string;
}

/** Path of the program when it is here or could be built (some minutes). When not: throws under CI=true, else skips the test. */
export function needsGoProgram(t: Pick<TestContext, 'skip'>, { name, module, version }: GoProgram): string | undefined {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('go', ['install', `${module}@${version}`], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
      stdio: 'pipe',
      timeout: 2_700_000,
    });
    return path;
  } catch (error) {
    const text = `${name} ${version} could not be built (it needs Go and the Go module proxy): ${(error as Error).message.slice(0, 300)}`;
    if (process.env['CI'] === 'true') throw new Error(text);
    t.skip(text);
    return undefined;
  }
}

/** A port of loopback that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
