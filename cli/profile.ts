/** Sessions on this machine: `~/.boilstream/sessions/<profile>.json` (0600), and which of them is used when none is named. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refused, WrongUsage } from './surroundings.ts';

export interface Session {
  readonly server: string;
  readonly user: string;
  readonly token: string;
  /** ISO 8601. */
  readonly expires_at: string;
  /** CA file that checks the server, absolute; null = the system's. */
  readonly ca_path: string | null;
  /** The certificate was not checked at login and is not now. */
  readonly insecure: boolean;
}

const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export class Profiles {
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = join(home, '.boilstream');
  }

  /** Throws WrongUsage on a name that could leave the folder. */
  static checkName(name: string): string {
    if (!nameForm.test(name)) throw new WrongUsage(`"${name}" is no profile name: letters, digits and . _ - only`);
    return name;
  }

  /** The profile that is used when none is named, or undefined before the first login. */
  current(): string | undefined {
    const name = read(join(this.#folder, 'current'))?.trim();
    return name !== undefined && nameForm.test(name) ? name : undefined;
  }

  switchTo(name: string): void {
    if (!this.load(name))
      throw new Refused(`there is no profile "${name}"`, {
        hint:
          this.names().length === 0
            ? 'boilstream-admin auth login --server URL makes one'
            : `there are: ${this.names().join(', ')}`,
      });
    this.#write(join(this.#folder, 'current'), `${name}\n`);
  }

  names(): string[] {
    try {
      return readdirSync(join(this.#folder, 'sessions'))
        .filter((file) => file.endsWith('.json'))
        .map((file) => file.slice(0, -5))
        .sort();
    } catch {
      return [];
    }
  }

  load(name: string): Session | undefined {
    const text = read(this.#path(name));
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as Session;
    } catch {
      throw new Refused(`the session file ${this.#path(name)} is damaged`, {
        hint: `remove it and log in again: boilstream-admin auth login --as-profile ${name}`,
      });
    }
  }

  save(name: string, session: Session): void {
    this.#write(this.#path(Profiles.checkName(name)), `${JSON.stringify(session, null, 2)}\n`);
    this.#write(join(this.#folder, 'current'), `${name}\n`);
  }

  remove(name: string): void {
    rmSync(this.#path(name), { force: true });
    if (this.current() === name) rmSync(join(this.#folder, 'current'), { force: true });
  }

  #path(name: string): string {
    return join(this.#folder, 'sessions', `${Profiles.checkName(name)}.json`);
  }

  /** Whole or not at all, and never readable by others, not even for a moment. */
  #write(path: string, text: string): void {
    mkdirSync(join(this.#folder, 'sessions'), { recursive: true, mode: 0o700 });
    chmodSync(this.#folder, 0o700);
    const beside = `${path}.${process.pid}.new`;
    writeFileSync(beside, text, { mode: 0o600, flag: 'wx' });
    renameSync(beside, path);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Refused(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
