/** A control catalog over the fake log, and short words for what tests do with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { createSealer } from '../../auth/seal.ts';
import { createVerifierMaker } from '../../auth/verifier-maker.ts';
import { systemClock } from '../../base/clock.ts';
import type { Lake } from '../../base/domain.ts';
import { type ErrorCode, LakeError } from '../../base/errors.ts';
import { type Logger, silentLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { type ControlCatalog, createControlCatalog } from '../../catalog/control/control-catalog.ts';
import { type FakeLog, openFakeLog } from './fake-replicated-log.ts';

export interface By {
  readonly principal: { readonly id: string; readonly kind: 'pod' | 'user'; readonly credentialId?: string };
  readonly idempotencyKey?: string;
}

export const pod: By = { principal: { id: 'pod', kind: 'pod' } };

export interface Control {
  readonly control: ControlCatalog;
  readonly log: FakeLog;
  /** Does a command; the answer. */
  execute(name: string, args: object, by?: By): Promise<Record<string, unknown>>;
  makeLake(name: string, by?: By): Promise<Lake>;
  /** A new user, ready to act. */
  makeUser(name: string, options?: { admin?: boolean }): Promise<By>;
  /** A new credential of somebody, ready to act. */
  makeCredential(by: By, args?: object): Promise<By & { readonly login: string; readonly secret: string }>;
  /** As a crash would: nothing is closed in order. */
  stop(): Promise<void>;
}

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A folder that goes when the tests of the file are over. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'control-'));
  directories.push(directory);
  return directory;
}

/** Opens the catalog below `directory`; the same directory again plays a restart. */
export async function startControl(
  directory: string,
  options: { now?: () => number; keys?: readonly Buffer[]; logger?: Logger } = {},
): Promise<Control> {
  const log = await openFakeLog(directory);
  const control = await createControlCatalog({
    log,
    clock: options.now ? { ...systemClock, now: options.now } : systemClock,
    random: systemRandom,
    sealer: createSealer(options.keys ?? [Buffer.alloc(32, 7)], systemRandom),
    verifiers: createVerifierMaker(systemRandom),
    logger: options.logger ?? silentLogger,
    storageRoot: '/store',
  }).catch(async (error: unknown) => {
    await log.close();
    throw error;
  });
  const execute: Control['execute'] = (name, args, by = pod) => control.execute({ name, args }, by);
  return {
    control,
    log,
    execute,
    async makeLake(name, by) {
      const { lake } = (await execute('create-lake', { name }, by)) as unknown as { lake: Lake };
      await execute('activate-lake', { lakeId: lake.id });
      return lake;
    },
    async makeUser(name, { admin = false } = {}) {
      const { user } = (await execute('create-user', { name, admin })) as unknown as { user: { id: string } };
      return { principal: { id: user.id, kind: 'user' } };
    },
    async makeCredential(by, args = {}) {
      const made = (await execute('create-credential', args, by)) as unknown as { id: string; user: string; secret: string };
      return { principal: { ...by.principal, credentialId: made.id }, login: made.user, secret: made.secret };
    },
    async stop() {
      control.close();
      await log.close();
    },
  };
}

/** For `assert.rejects`: this code, and a message that fits. */
export function refusedWith(code: ErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof LakeError && error.code === code && message.test(error.message);
}
