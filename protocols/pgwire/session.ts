/**
 * The driver of one authenticated session: takes messages in order, asks session-state.ts what they mean, runs them
 * against the StatementSession and writes the answers. Nothing leaves before the barrier (Outbox.flush), and every
 * error goes through `#fail`: to the client, to the statement session, and to the log when it is ours.
 * Source: PostgreSQL documentation, sections 54.2.2 (simple) and 54.2.3 (extended).
 * Over 300 lines: one short handler per message, all on the same mode, statements and portals; apart they would share it all.
 */
import type { Clock } from '../../base/clock.ts';
import { LakeError, toLakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Outcome, SessionHooks, StatementSession } from '../../base/statement-session.ts';
import type { Inbox, Message } from './codec.ts';
import { receiveCopy } from './copy-in.ts';
import { createCopyWriter, sendCopyBytes } from './copy-out.ts';
import type { Limits } from './limits.ts';
import { decodeBind, spreadFormats } from './messages/bind.ts';
import { writeCopyDone, writeCopyResponse } from './messages/copy-response.ts';
import { DataRowWriter } from './messages/data-row.ts';
import { writeErrorResponse, writeNoticeResponse } from './messages/error-response.ts';
import { decodeExecute } from './messages/execute.ts';
import { decodeParse } from './messages/parse.ts';
import { decodeText } from './messages/query.ts';
import { writeRowDescription } from './messages/row-description.ts';
import {
  writeBindComplete,
  writeCloseComplete,
  writeCommandComplete,
  writeEmptyQueryResponse,
  writeNoData,
  writeParameterDescription,
  writeParameterStatus,
  writeParseComplete,
  writePortalSuspended,
  writeReadyForQuery,
} from './messages/small.ts';
import { decodeTarget } from './messages/target.ts';
import { ConnectionGone, type Outbox } from './outbox.ts';
import { HeldStatement, Portals, Statements } from './portals.ts';
import { RowPump } from './row-pump.ts';
import { type Mode, messageType, step } from './session-state.ts';
import { Settings } from './settings.ts';

export interface SessionOptions {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly clock: Clock;
}

export class Session {
  readonly #inbox: Inbox;
  readonly #out: Outbox;
  readonly #limits: Limits;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #settings = new Settings();
  readonly #statements: Statements;
  readonly #portals: Portals;
  #execution: StatementSession | null = null;
  #mode: Mode = 'ready';
  #terminating: LakeError | null = null;
  /** What the session ends with when it is idle. */
  #lastWords: LakeError | null = null;
  /** ReadyForQuery was the last thing said: the session waits for its client. */
  #isIdle = true;
  #stopIdleTimer: (() => void) | null = null;
  /** Messages handled; and how many there were when it was last asked for. */
  #messages = 0;
  #messagesSeen = -1;
  #messagesRested = -1;

  constructor(options: SessionOptions) {
    this.#inbox = options.inbox;
    this.#out = options.outbox;
    this.#limits = options.limits;
    this.#logger = options.logger;
    this.#clock = options.clock;
    this.#statements = new Statements(options.limits.statementsMax);
    this.#portals = new Portals(options.limits.portalsMax);
  }

  /** What the statement session calls back; valid before `run`. */
  readonly hooks: SessionHooks = {
    notice: (severity, code, message, hint) => writeNoticeResponse(this.#out, severity, code, message, hint),
    parameter: (name, value) => {
      this.#settings.set(name, value);
      writeParameterStatus(this.#out, name, value);
    },
    deallocate: (name) => {
      if (name === null) this.#statements.clear();
      return name !== null && this.#statements.delete(name);
    },
    prepared: () => this.#statements.named(),
    terminate: (error) => this.terminate(error),
  };

  /** Interrupts what runs now. */
  cancel(): void {
    this.#execution?.cancel();
  }

  /** Ends the session with a FATAL error, now when it is idle, else after what runs was interrupted. */
  terminate(error: LakeError): void {
    this.#terminating ??= error;
    this.#execution?.cancel();
    // Waiting for the client, idle or in the middle of COPY: the wait looks again.
    this.#inbox.wake();
  }

  /** Ends the session with a FATAL error as soon as it waits for its client outside a transaction. */
  terminateWhenIdle(error: LakeError): void {
    this.#lastWords ??= error;
    this.#inbox.wake();
  }

  /** Called now and then: a session whose client has said nothing since the last call gives back what it can. True if it did. */
  rest(): boolean {
    const isQuiet = this.#isIdle && this.#messages === this.#messagesSeen;
    const isNew = this.#messages !== this.#messagesRested;
    this.#messagesSeen = this.#messages;
    if (!isQuiet || !isNew) return false;
    this.#messagesRested = this.#messages;
    void this.#execution?.rest?.().catch(() => undefined);
    return true;
  }

  /** Announces the session's parameters and serves it until the client leaves. `announceKey` writes BackendKeyData. */
  async run(execution: StatementSession, announceKey: () => void): Promise<void> {
    this.#execution = execution;
    this.#out.barrier = () => execution.barrier();
    for (const [name, value] of execution.parameters) this.hooks.parameter(name, value);
    announceKey();
    writeReadyForQuery(this.#out, execution.transactionStatus());
    try {
      await this.#out.flush();
      await this.#serve();
    } finally {
      this.#stopIdleTimer?.();
      await this.#portals.clear();
      this.#statements.clear();
      await execution.close();
    }
  }

  async #serve(): Promise<void> {
    for (;;) {
      if (this.#terminating) throw this.#terminating;
      const message = this.#inbox.next();
      if (message === null) {
        if (this.#inbox.ended) return;
        if (this.#lastWords && this.#isIdle && this.#running().transactionStatus() === 'I') throw this.#lastWords;
        this.#startIdleTimer();
        await this.#inbox.more();
        continue;
      }
      this.#isIdle = false;
      this.#messages++;
      this.#stopIdleTimer?.();
      this.#stopIdleTimer = null;
      const action = step(this.#mode, message.type);
      if (action === 'terminate') return;
      if (action === 'violate') throw new LakeError('protocol_violation', `invalid frontend message type ${message.type}`);
      if (action === 'handle') await this.#handle(message);
    }
  }

  /** A message that comes in pieces is waited for no longer than a whole one. */
  #startIdleTimer(): void {
    if (!this.#isIdle || this.#stopIdleTimer !== null) return;
    const limit = this.#running().idleLimit?.();
    if (limit) this.#stopIdleTimer = this.#clock.after(limit.ms, () => this.terminate(limit.error));
  }

  async #handle(message: Message): Promise<void> {
    switch (message.type) {
      case messageType.query:
        return this.#query(message.body);
      case messageType.sync:
        return this.#sync();
      case messageType.flush:
        return this.#out.flush();
      case messageType.functionCall:
        return this.#functionCall();
    }
    try {
      switch (message.type) {
        case messageType.parse:
          return await this.#parse(message.body);
        case messageType.bind:
          return await this.#bind(message.body);
        case messageType.describe:
          return this.#describe(message.body);
        case messageType.execute:
          return await this.#execute(message.body);
        case messageType.close:
          return await this.#close(message.body);
      }
    } catch (thrown) {
      this.#mode = 'discarding';
      await this.#fail(thrown);
      await this.#out.flush();
    }
  }

  async #query(body: Buffer): Promise<void> {
    const execution = this.#running();
    try {
      // A simple query takes the place of the unnamed statement and portal.
      this.#statements.delete('');
      await this.#portals.delete('');
      const statements = execution.split(decodeText(body));
      if (statements.length === 0) writeEmptyQueryResponse(this.#out);
      for (const [index, sql] of statements.entries()) {
        const outcome = await execution.simple(sql, { index, count: statements.length });
        const last = index === statements.length - 1;
        await this.#answer(outcome, last);
      }
      if (statements.length === 0) await execution.sync();
    } catch (thrown) {
      await this.#fail(thrown);
      await this.#settle();
    }
    await this.#ready();
  }

  /** Sends the whole outcome of a simple statement. What `last` acknowledges is committed before its CommandComplete is written. */
  async #answer(outcome: Outcome, last: boolean): Promise<void> {
    const tag = await this.#sendOutcome(outcome, null);
    if (last) await this.#running().sync();
    if (tag === null) writeEmptyQueryResponse(this.#out);
    else writeCommandComplete(this.#out, tag);
  }

  /** Everything of an outcome but its CommandComplete. Returns its tag, null for an empty statement. */
  async #sendOutcome(outcome: Outcome, formats: readonly (0 | 1)[] | null): Promise<string | null> {
    const out = this.#out;
    switch (outcome.t) {
      case 'empty':
        return null;
      case 'command':
        return outcome.tag;
      case 'rows': {
        if (formats === null) writeRowDescription(out, outcome.rows.columns, []);
        const pump = this.#pump(outcome, formats ?? []);
        try {
          return outcome.tag(await pump.send(out, 0));
        } finally {
          await pump.close();
        }
      }
      case 'copy-out': {
        const binary = outcome.format.format === 'binary';
        const writer = createCopyWriter(outcome.format, outcome.rows.columns, this.#settings, this.#limits);
        const pump = new RowPump(outcome.rows, writer, this.#limits.flushBytes);
        const { keep } = outcome;
        try {
          if (keep) out.startRecord(keep.bytesMax);
          writeCopyResponse(out, 'out', binary, outcome.rows.columns.length);
          writer.begin(out);
          const count = await pump.send(out, 0);
          writer.end(out);
          writeCopyDone(out);
          const encoded = keep ? out.takeRecord() : null;
          if (encoded) keep?.keep(encoded, count);
          return `COPY ${count}`;
        } finally {
          if (keep) out.takeRecord();
          await pump.close();
        }
      }
      case 'copy-out-kept': {
        if (outcome.encoded.length < this.#limits.flushBytes) out.bytes(outcome.encoded);
        else await out.send(outcome.encoded);
        return `COPY ${outcome.rows}`;
      }
      case 'copy-out-bytes': {
        try {
          writeCopyResponse(out, 'out', outcome.format.format === 'binary', outcome.columns.length);
          const count = await sendCopyBytes(out, outcome, this.#limits);
          writeCopyDone(out);
          return `COPY ${count}`;
        } finally {
          await outcome.close();
        }
      }
      case 'copy-in': {
        this.#mode = 'copying';
        try {
          const count = await receiveCopy({
            inbox: this.#inbox,
            out,
            outcome,
            tupleBytesMax: this.#limits.messageBytesMax,
            interrupted: () => this.#terminating,
            violated: (error) => {
              this.#terminating ??= error;
            },
          });
          return `COPY ${count}`;
        } finally {
          this.#mode = 'ready';
        }
      }
    }
  }

  async #parse(body: Buffer): Promise<void> {
    const { statement, sql, parameterOids } = decodeParse(body);
    if (statement === '') this.#statements.delete('');
    else this.#statements.checkNew(statement);
    const prepared = await this.#running().prepare(sql, parameterOids);
    this.#statements.set(statement, new HeldStatement(prepared, sql, this.#clock.now()));
    writeParseComplete(this.#out);
  }

  async #bind(body: Buffer): Promise<void> {
    const bind = decodeBind(body);
    const statement = this.#statements.get(bind.statement);
    const { prepared } = statement;
    const count = prepared.parameters.length;
    if (bind.parameters.length !== count) {
      throw new LakeError(
        'protocol_violation',
        `bind message supplies ${bind.parameters.length} parameters, but prepared statement "${bind.statement}" requires ${count}`,
      );
    }
    const formats = prepared.columns ? spreadFormats(bind.resultFormats, prepared.columns.length) : [];
    if (bind.portal === '') await this.#portals.delete('');
    const parameters = bind.parameters.map((value, index) => ({
      oid: prepared.parameters[index] as number,
      format: bind.parameterFormats[bind.parameterFormats.length > 1 ? index : 0] ?? (0 as const),
      // A named portal may live long and should not keep the whole received buffer.
      value: value !== null && bind.portal !== '' ? Buffer.from(value) : value,
    }));
    this.#portals.add(bind.portal, { statement, parameters, formats, state: { t: 'bound' } });
    writeBindComplete(this.#out);
  }

  #describe(body: Buffer): void {
    const target = decodeTarget(body);
    if (target.kind === 'statement') {
      const { prepared } = this.#statements.get(target.name);
      writeParameterDescription(this.#out, prepared.parameters);
      if (prepared.columns) writeRowDescription(this.#out, prepared.columns, []);
      else writeNoData(this.#out);
      return;
    }
    // A cursor that SQL declared is a portal too, and drivers ask for its columns before they FETCH.
    const cursor = this.#portals.has(target.name) ? undefined : this.#running().cursorColumns?.(target.name);
    if (cursor) return writeRowDescription(this.#out, cursor, []);
    const portal = this.#portals.get(target.name);
    if (portal.statement.prepared.columns) writeRowDescription(this.#out, portal.statement.prepared.columns, portal.formats);
    else writeNoData(this.#out);
  }

  async #execute(body: Buffer): Promise<void> {
    const { portal: name, rowsMax } = decodeExecute(body);
    const portal = this.#portals.get(name);
    if (portal.state.t === 'bound') {
      const outcome = await portal.statement.prepared.execute(portal.parameters);
      if (outcome.t === 'rows') {
        const { columns } = outcome.rows;
        if (portal.statement.prepared.columns === null || columns.length !== portal.statement.prepared.columns.length) {
          await outcome.rows.close();
          throw new LakeError('feature_not_supported', 'cached plan must not change result type', {
            hint: 'Prepare the statement again.',
          });
        }
        portal.state = { t: 'rows', pump: this.#pump(outcome, portal.formats), tag: outcome.tag };
      } else {
        portal.state = { t: 'done' };
        const tag = await this.#sendOutcome(outcome, portal.formats);
        if (tag === null) writeEmptyQueryResponse(this.#out);
        else writeCommandComplete(this.#out, tag);
        return;
      }
    }
    if (portal.state.t === 'done') throw new LakeError('invalid_argument', `portal "${name}" cannot be run again`);
    const { pump, tag } = portal.state;
    const sent = await pump.send(this.#out, rowsMax);
    // As in PostgreSQL: a portal that stopped at its limit is suspended, even if there were no more rows.
    if (rowsMax !== 0 && sent === rowsMax) writePortalSuspended(this.#out);
    else writeCommandComplete(this.#out, tag(sent));
  }

  async #close(body: Buffer): Promise<void> {
    const target = decodeTarget(body);
    if (target.kind === 'portal') await this.#portals.delete(target.name);
    else this.#statements.delete(target.name);
    writeCloseComplete(this.#out);
  }

  async #sync(): Promise<void> {
    this.#mode = 'ready';
    await this.#settle();
    await this.#ready();
  }

  /** FunctionCall was PostgreSQL 7's way; nothing current sends it. */
  async #functionCall(): Promise<void> {
    await this.#fail(
      new LakeError('feature_not_supported', 'the function call protocol is not supported', { hint: 'Use SELECT function(…).' }),
    );
    await this.#settle();
    await this.#ready();
  }

  /** Commits the implicit transaction, if there is one; its failure is one more error. */
  async #settle(): Promise<void> {
    try {
      await this.#running().sync();
    } catch (thrown) {
      await this.#fail(thrown);
    }
  }

  async #ready(): Promise<void> {
    const status = this.#running().transactionStatus();
    // Portals live as long as the transaction they were made in.
    if (status !== 'T') await this.#portals.clear();
    writeReadyForQuery(this.#out, status);
    await this.#out.flush();
    this.#isIdle = true;
  }

  async #fail(thrown: unknown): Promise<void> {
    if (thrown instanceof ConnectionGone) throw thrown;
    const error = toLakeError(thrown);
    if (error.code === 'internal') this.#logger.error({ error: error.cause ?? error }, 'a statement failed for a reason of ours');
    await this.#portals.clearStarted();
    await this.#running().failed(error);
    // What ends the session is said once, by whoever ends it.
    if (this.#terminating) throw this.#terminating;
    writeErrorResponse(this.#out, error);
  }

  #pump(outcome: Outcome & { readonly t: 'rows' }, formats: readonly (0 | 1)[]): RowPump {
    const writer = new DataRowWriter(outcome.rows.columns, formats, this.#settings, this.#limits);
    return new RowPump(outcome.rows, writer, this.#limits.flushBytes);
  }

  #running(): StatementSession {
    if (!this.#execution) throw new LakeError('internal', 'the session is not open');
    return this.#execution;
  }
}
