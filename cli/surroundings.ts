/** What the command line has around it; tests give their own. */
import type { Readable, Writable } from 'node:stream';

export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly cwd: string;
  readonly stdin: Readable & { isTTY?: boolean; setRawMode?(mode: boolean): unknown };
  readonly stdout: Writable & { isTTY?: boolean };
  readonly stderr: Writable & { isTTY?: boolean };
}

/** A reason to end with exit code 1: refused or failed. One line for people, and what to do. */
export class Refused extends Error {
  readonly hint: string | undefined;
  /** The server's code, if it was the server that refused. */
  readonly code: string | undefined;

  constructor(message: string, more: { readonly hint?: string | undefined; readonly code?: string | undefined } = {}) {
    super(message);
    this.hint = more.hint;
    this.code = more.code;
  }
}

/** A reason to end with exit code 2: the command was written wrongly. */
export class WrongUsage extends Error {}
