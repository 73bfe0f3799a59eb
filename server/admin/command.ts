/** One administrative command: defined once; SQL, the REST API and the command line are three ways to say it. */
import type { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import type { Principal } from '../../base/domain.ts';
import type { Logger } from '../../base/log.ts';
import type { ControlPort, LakeInitialiser, LakeRestorer, MaintenancePort, PublicAddresses } from './ports.ts';
import type { SqlWords } from './sql-words.ts';

export interface AdminServices {
  readonly control: ControlPort;
  readonly lakes: LakeInitialiser;
  readonly restorer: LakeRestorer;
  /** Asked each time, as it begins after administration; undefined where none is done. */
  maintenance?(): MaintenancePort | undefined;
  readonly addresses: PublicAddresses;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface AdminContext extends AdminServices {
  readonly principal: Principal;
  readonly idempotencyKey?: string | undefined;
  /** The caller is on this machine, so paths on it mean something to it. */
  readonly isLocal: boolean;
}

/** A statement in SQL that is this command. */
export interface SqlForm<A> {
  /** As documentation shows it. */
  readonly syntax: string;
  /** First words, in lower case, any of which makes the statement ours: after them it is parsed or refused, never DuckDB's. */
  readonly begins: readonly (readonly string[])[];
  /** Reads the rest. Throws syntax_error. Several argument sets = done one after the other. */
  parse(words: SqlWords): A[];
  /** CommandComplete text of a command that returns no rows. */
  readonly tag: string;
}

export interface AdminCommand<A = unknown, R = unknown> {
  /** verb-noun, as the file. */
  readonly name: string;
  readonly summary: string;
  /** Who may, in words for documentation; the control catalog judges. */
  readonly needs: string;
  readonly args: z.ZodType<A>;
  readonly result: z.ZodType<R>;
  /** `{name}` in the path and the query string fill fields of `args`; the rest is the JSON body. */
  readonly http: { readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'; readonly path: string; readonly status?: number };
  readonly sql?: SqlForm<A>;
  /** For SQL: the result as a table of text. Absent = the command only has a tag. */
  readonly table?: { readonly columns: readonly string[]; rows(result: R): (string | null)[][] };
  run(args: A, context: AdminContext): Promise<R>;
}

/** Keeps the types of a definition together. */
export function adminCommand<A, R>(definition: AdminCommand<A, R>): AdminCommand<A, R> {
  return definition;
}
