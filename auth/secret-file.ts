/** Follows a file that holds a secret (a mounted Kubernetes Secret, a person's editor): a changed file is taken over without a restart. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

const pollMs = 5000;

export interface SecretFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes the text. At start a throw goes to the caller; later it is logged and the former text stays in force. */
  apply(text: string): Promise<void>;
}

/** Applies the file now and after each change. Returns how to stop. Throws config_invalid when it cannot be read now. */
export async function followSecretFile({ path, clock, logger, apply }: SecretFileOptions): Promise<() => void> {
  let text = await readSecret(path);
  await apply(text);
  let stop = (): void => {};
  let isStopped = false;
  const look = async (): Promise<void> => {
    try {
      const found = await readSecret(path);
      if (found !== text) {
        await apply(found);
        text = found;
        logger.info({ path }, 'a secret file has changed and is in force');
      }
    } catch (error) {
      logger.warn({ error, path }, 'a secret file cannot be taken over; the former secret stays in force');
    }
    if (!isStopped) stop = clock.after(pollMs, () => void look());
  };
  stop = clock.after(pollMs, () => void look());
  return () => {
    isStopped = true;
    stop();
  };
}

async function readSecret(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new LakeError('config_invalid', `the secret file ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
}
