/** What a command of the control catalog is: a name, checked arguments, and one transaction that does it. */
import type { z } from 'zod';
import type { Random } from '../../base/random.ts';
import type { Actor } from './actor.ts';
import type { Sealer, VerifierMaker } from './ports.ts';
import type { Tx } from './store.ts';

/** What others must learn when a command is durable: sessions and engines are closed, caches emptied. */
export type Change =
  | { readonly t: 'lake-creating'; readonly lakeId: string; readonly name: string }
  | { readonly t: 'lake-created'; readonly lakeId: string; readonly name: string }
  | { readonly t: 'lake-dropped'; readonly lakeId: string; readonly name: string }
  | { readonly t: 'grants-changed'; readonly userId: string }
  | { readonly t: 'user-deleted'; readonly userId: string }
  | { readonly t: 'credential-created'; readonly credentialId: string; readonly userId: string }
  | { readonly t: 'credential-revoked'; readonly credentialId: string; readonly userId: string }
  | { readonly t: 'session-ended'; readonly userId: string };

export interface CommandContext {
  readonly actor: Actor;
  /** Wall clock of the pod that executes, milliseconds. */
  readonly now: number;
  readonly random: Random;
  readonly sealer: Sealer;
  readonly verifiers: VerifierMaker;
  /** Prefix under which a new lake's files go, ending in `/`. */
  readonly lakesPrefix: string;
}

export interface Applied<R> {
  /** Plain data; stored with the idempotency key, so never a secret. */
  readonly result: R;
  /** Shown once to the caller and kept nowhere. */
  readonly shownOnce?: object;
  /** What the audit says was acted on, and facts about it. Absent = nothing happened worth a line. */
  readonly audit?: { readonly target: string; readonly detail?: Record<string, string | number | boolean | null> };
  readonly changes?: readonly Change[];
}

export interface Command<A = unknown, R extends object = object> {
  /** verb-noun, as the file. */
  readonly name: string;
  readonly args: z.ZodType<A>;
  /** Throws LakeError to refuse; then nothing has happened. */
  run(tx: Tx, args: A, context: CommandContext): Promise<Applied<R>>;
}

/** Keeps the types of a definition together. */
export function command<A, R extends object>(definition: Command<A, R>): Command<A, R> {
  return definition;
}
