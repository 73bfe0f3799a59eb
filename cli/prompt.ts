/** Passwords and codes: from the files that variables name, else asked for on the terminal without showing them. Never from arguments. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { decodeTotpSecret, totpCodeAt, totpStepMs } from '../base/totp.ts';
import { Refused, type Surroundings } from './surroundings.ts';

/** The password for `who`. */
export async function readPassword(around: Surroundings, who: string): Promise<string> {
  const path = around.environment['BOILSTREAM_PASSWORD_PATH'];
  if (path) return readSecretFile(path, 'BOILSTREAM_PASSWORD_PATH').replace(/\r?\n$/, '');
  return ask(around, `Password of ${who}: `, 'set BOILSTREAM_PASSWORD_PATH to a file with the password');
}

/** A one-time code for now: computed from the secret in BOILSTREAM_MFA_SECRET_PATH, or asked for. */
export async function readMfaCode(around: Surroundings, nowMs: number): Promise<string> {
  const path = around.environment['BOILSTREAM_MFA_SECRET_PATH'];
  if (path)
    return totpCodeAt(decodeTotpSecret(readSecretFile(path, 'BOILSTREAM_MFA_SECRET_PATH')), Math.floor(nowMs / totpStepMs));
  return (await ask(around, 'One-time code: ', 'set BOILSTREAM_MFA_SECRET_PATH to a file with the secret')).trim();
}

function readSecretFile(path: string, variable: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Refused(`${variable} names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function ask(around: Surroundings, question: string, hint: string): Promise<string> {
  if (!around.stdin.isTTY) throw new Refused('there is no terminal to ask for a secret on', { hint });
  around.stderr.write(question);
  // readline edits the line; what it would echo goes nowhere.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: around.stdin, output: silent, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.on('line', resolve);
      lines.on('close', () => reject(new Refused('nothing was entered')));
      lines.on('SIGINT', () => reject(new Refused('interrupted')));
    });
  } finally {
    around.stderr.write('\n');
    lines.removeAllListeners('close');
    lines.close();
  }
}
