/**
 * Runs administrative commands for whoever asks: SQL sessions (`parse`, then `run`) and the REST API (`runCommand`). What
 * may be done is judged by the control catalog; here arguments are checked and steps put in order.
 */
import type { z } from 'zod';
import type { Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import { significantTokens } from '../../base/sql-lexer.ts';
import type { AdminCommand, AdminContext, AdminServices } from './command.ts';
import { finishLake } from './commands/create-ducklake.ts';
import { adminCommands } from './commands/index.ts';
import { SqlWords } from './sql-words.ts';

export interface AdminStatement {
  readonly command: AdminCommand;
  /** One entry for each thing that is to be done. */
  readonly args: readonly unknown[];
}

export interface AdminAnswer {
  /** CommandComplete text; for rows without the count. */
  readonly tag: string;
  /** All columns are text. */
  readonly rows?: { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] };
}

export interface CallOptions {
  readonly idempotencyKey?: string | undefined;
  readonly isLocal: boolean;
}

export interface Admin {
  /** The administrative statement in `sql`, or null when it is none of ours. Throws syntax_error and the like. Cheap on other SQL. */
  parse(sql: string): AdminStatement | null;
  /** Columns of a statement before it runs, or null when it returns no rows. */
  columns(statement: AdminStatement): readonly string[] | null;
  /** Does a parsed statement as the principal. Cannot run inside a transaction block: the caller refuses that. */
  run(statement: AdminStatement, principal: Principal): Promise<AdminAnswer>;
  /** For the REST API. Throws invalid_argument when `args` do not fit. */
  runCommand(command: AdminCommand, args: unknown, principal: Principal, options: CallOptions): Promise<unknown>;
  /** At start: finishes lakes whose making a crash interrupted, and makes the first lake of a new pod. */
  finishCreating(firstLake?: string): Promise<void>;
}

/** Composes the commands with what they work on. */
export function createAdmin(services: AdminServices): Admin {
  const contextOf = (principal: Principal, options: CallOptions): AdminContext => ({ ...services, principal, ...options });
  return {
    parse: parseStatement,
    columns: ({ command }) => command.table?.columns ?? null,
    async run({ command, args }, principal) {
      let rows: AdminAnswer['rows'];
      for (const each of args) {
        const result = await command.run(each, contextOf(principal, { isLocal: false }));
        if (command.table) rows = { columns: command.table.columns, rows: command.table.rows(result) };
      }
      return { tag: command.sql?.tag ?? command.name.toUpperCase(), ...(rows ? { rows } : {}) };
    },
    async runCommand(command, args, principal, options) {
      const parsed = command.args.safeParse(args);
      if (!parsed.success) throw wrongArguments(parsed.error);
      return command.run(parsed.data, contextOf(principal, options));
    },
    async finishCreating(firstLake) {
      const pod = { id: 'pod', kind: 'pod' } as const;
      for (const lake of await services.control.creatingLakes()) {
        try {
          await finishLake(lake, services);
          services.logger.info({ lake: lake.name }, 'finished creating a ducklake that a restart had interrupted');
        } catch (error) {
          services.logger.warn({ error, lake: lake.name }, 'gave up creating a ducklake that a restart had interrupted');
        }
      }
      if (firstLake === undefined || (await services.control.lakes()).length > 0) return;
      const { lake } = (await services.control.execute(
        { name: 'create-lake', args: { name: firstLake } },
        { principal: pod },
      )) as { lake: Parameters<typeof finishLake>[0] };
      await finishLake(lake, services);
    },
  };
}

/** First words of every statement that is ours: nearly all SQL is told apart by its first word alone. */
const firstWords = new Set(adminCommands.flatMap(({ sql }) => sql?.begins.map(([word]) => word) ?? []));

function parseStatement(sql: string): AdminStatement | null {
  if (!firstWords.has(firstWordOf(sql))) return null;
  for (const command of adminCommands) {
    for (const begin of command.sql?.begins ?? []) {
      const words = new SqlWords(sql);
      if (!words.take(...begin)) continue;
      const args = command.sql?.parse(words) ?? [];
      words.end();
      return { command, args };
    }
  }
  return null;
}

/** The first word in lower case; text that begins with a comment is taken apart by the lexer. */
function firstWordOf(sql: string): string | undefined {
  const plain = /^\s*([A-Za-z]+)\b/.exec(sql);
  if (plain) return (plain[1] as string).toLowerCase();
  return /^\s*(?:--|\/\*)/.test(sql) ? significantTokens(sql)[0]?.text.toLowerCase() : undefined;
}

function wrongArguments(error: z.ZodError): LakeError {
  const [issue] = error.issues;
  const where = issue?.path.join('.') ?? '';
  return new LakeError('invalid_argument', `${where === '' ? '' : `${where}: `}${issue?.message ?? 'wrong arguments'}`);
}
