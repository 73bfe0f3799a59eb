/**
 * How long each statement takes, from its start until all of its answer is sent and what it did is committed, as a metric;
 * and a line in the log for those that take longer than `log_min_duration`. Every literal is left out of the line, and
 * parameters are only counted: nobody knows which of them is a secret.
 */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { LakeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { tokenize } from '../base/sql-lexer.ts';
import type { Startup, StatementSession } from '../base/statement-session.ts';

/** Of a longer text only the beginning is read. */
const readCharactersMax = 16_384;
/** Of what is left of it without literals only this is logged. */
const shownCharactersMax = 2_000;

export interface StatementLogOptions {
  /** Milliseconds; statements that take as long or longer are logged. Undefined: none. */
  readonly minMs: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
}

interface Running {
  readonly sql: string;
  readonly parameters: number;
  readonly began: number;
  code: string | undefined;
}

export class StatementLog {
  readonly #options: StatementLogOptions;
  readonly #seconds: Histogram;
  readonly #slow: Counter;

  /** Registers the metrics: one for a registry. */
  constructor(options: StatementLogOptions) {
    this.#options = options;
    const registers = [options.registry];
    this.#seconds = new Histogram({
      name: 'boilstream_statement_duration_seconds',
      help: 'SQL statements, from their start until their answer was sent and committed',
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
      registers,
    });
    this.#slow = new Counter({
      name: 'boilstream_slow_statements_total',
      help: 'SQL statements that took log_min_duration or longer',
      registers,
    });
  }

  /** The session, with its statements followed. */
  follow(session: StatementSession, startup: Startup): StatementSession {
    const { clock } = this.#options;
    let running: Running | null = null;
    const over = (): void => {
      if (running) this.#over(running, session, startup);
      running = null;
    };
    const begin = (sql: string, parameters: number): void => {
      // The answer of the one before it, in the same message, has been sent.
      over();
      running = { sql, parameters, began: clock.monotonic(), code: undefined };
    };
    const { simple, prepare, failed, sync, close } = session;
    session.simple = (sql, position) => {
      begin(sql, 0);
      return simple.call(session, sql, position);
    };
    session.prepare = async (sql, oids) => {
      const prepared = await prepare.call(session, sql, oids);
      const { execute } = prepared;
      return {
        ...prepared,
        execute: (parameters) => {
          begin(sql, parameters.length);
          return execute.call(prepared, parameters);
        },
      };
    };
    session.failed = (error: LakeError) => {
      if (running) running.code = error.code;
      return failed.call(session, error);
    };
    session.sync = async () => {
      try {
        await sync.call(session);
      } finally {
        over();
      }
    };
    session.close = () => {
      if (running) running.code ??= 'connection_closed';
      over();
      return close.call(session);
    };
    return session;
  }

  #over(running: Running, session: StatementSession, { principal, database, remoteAddress, processId }: Startup): void {
    const { clock, logger, minMs } = this.#options;
    const ms = clock.monotonic() - running.began;
    this.#seconds.observe(ms / 1000);
    if (minMs === undefined || ms < minMs) return;
    this.#slow.inc();
    logger.info(
      {
        ms: Math.round(ms),
        user: principal.name,
        database,
        client: remoteAddress,
        application: session.parameters.get('application_name'),
        pid: processId,
        statement: withoutLiterals(running.sql),
        ...(running.parameters > 0 ? { parameters: running.parameters } : {}),
        ...(running.code === undefined ? {} : { failed: running.code }),
      },
      'slow statement',
    );
  }
}

/** A statement's text with `?` for every string and number, without comments, on one line. */
export function withoutLiterals(sql: string): string {
  const read = sql.slice(0, readCharactersMax);
  let shown = '';
  for (const { kind, text } of tokenize(read)) {
    if (kind === 'space' || kind === 'comment') shown += shown === '' || shown.endsWith(' ') ? '' : ' ';
    else shown += kind === 'string' || kind === 'number' ? '?' : text;
    if (shown.length > shownCharactersMax) break;
  }
  return shown.length > shownCharactersMax || read.length < sql.length
    ? `${shown.slice(0, shownCharactersMax)} …`
    : shown.trimEnd();
}
