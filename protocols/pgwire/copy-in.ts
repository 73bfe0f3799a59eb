/**
 * COPY … FROM STDIN: CopyData until CopyDone or CopyFail. Small messages are gathered, so that a client that sends a
 * row at a time does not cost a call a row; nothing is read from the socket while the sink is busy (back-pressure).
 * Source: PostgreSQL documentation, section 54.2.6.
 */
import { LakeError } from '../../base/errors.ts';
import type { Outcome } from '../../base/statement-session.ts';
import type { Inbox } from './codec.ts';
import { BinaryCopyReader } from './copy-binary-in.ts';
import { writeCopyResponse } from './messages/copy-response.ts';
import { decodeText } from './messages/query.ts';
import { ConnectionGone, type Outbox } from './outbox.ts';
import { messageType, step } from './session-state.ts';

/** Gathered this much before the sink is called. */
const gatherBytes = 256 * 1024;

export interface CopyIn {
  readonly inbox: Inbox;
  readonly out: Outbox;
  readonly outcome: Outcome & { readonly t: 'copy-in' };
  /** Longest row of a binary COPY. */
  readonly tupleBytesMax: number;
  /** An error when the session is being ended from outside. */
  interrupted(): LakeError | null;
  /** The client broke the protocol: after this error the connection ends, as in PostgreSQL. */
  violated(error: LakeError): void;
}

/** Runs one COPY FROM STDIN; resolves to the number of rows. Whatever goes wrong, the sink is aborted first. */
export async function receiveCopy(copy: CopyIn): Promise<number> {
  const { sink, format } = copy.outcome;
  writeCopyResponse(copy.out, 'in', format.format === 'binary', sink.columns.length);
  try {
    await copy.out.flush();
    const write = sink.accepts === 'chunks' ? new BinaryCopyReader(sink, copy.tupleBytesMax) : new Gatherer(sink);
    await receive(copy, write);
    await write.end();
  } catch (thrown) {
    await sink.abort(thrown instanceof Error ? thrown.message : 'COPY failed').catch(() => undefined);
    throw thrown;
  }
  return sink.finish();
}

async function receive(copy: CopyIn, write: { push(data: Buffer): Promise<void> | undefined }): Promise<void> {
  const { inbox } = copy;
  for (;;) {
    const interrupted = copy.interrupted();
    if (interrupted) throw interrupted;
    const message = inbox.nextPiece(messageType.copyData);
    if (message === null) {
      if (inbox.ended) throw new ConnectionGone('the client left in the middle of COPY');
      await inbox.more();
      continue;
    }
    switch (step('copying', message.type)) {
      case 'ignore':
        continue;
      case 'terminate':
        throw new ConnectionGone('the client left in the middle of COPY');
      case 'copy': {
        if (message.type === messageType.copyDone) return;
        if (message.type === messageType.copyFail)
          throw new LakeError('query_canceled', `COPY from stdin failed: ${decodeText(message.body)}`);
        const waiting = write.push(message.body);
        if (waiting) await waiting;
        continue;
      }
      default: {
        const error = new LakeError(
          'protocol_violation',
          `unexpected message type 0x${message.type.toString(16).toUpperCase().padStart(2, '0')} during COPY from stdin`,
        );
        copy.violated(error);
        throw error;
      }
    }
  }
}

class Gatherer {
  readonly #sink: CopyIn['outcome']['sink'];
  #buffer: Buffer | null = null;
  #at = 0;

  constructor(sink: CopyIn['outcome']['sink']) {
    this.#sink = sink;
  }

  push(data: Buffer): Promise<void> | undefined {
    if (this.#at + data.length <= gatherBytes) {
      this.#buffer ??= Buffer.allocUnsafeSlow(gatherBytes);
      data.copy(this.#buffer, this.#at);
      this.#at += data.length;
      return undefined;
    }
    return this.#pass(data);
  }

  async end(): Promise<void> {
    if (this.#at > 0 && this.#buffer) await this.#sink.write(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
    this.#buffer = null;
  }

  async #pass(data: Buffer): Promise<void> {
    if (this.#at > 0 && this.#buffer) await this.#sink.write(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
    if (data.length > gatherBytes / 2) await this.#sink.write(data);
    else this.push(data);
  }
}
