/** Statements of the pod's own on the metadata server: a connection for a few of them, each with its deadline. */
import type { Clock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import { type Connected, connect, type ConnectOptions, type StartupOptions } from './connect.ts';
import { limits } from './limits.ts';
import { message, Reader, readError, text } from './message.ts';

export interface Session {
  /** Runs one statement; resolves to its rows as text. Throws what the server says. */
  run(sql: string): Promise<readonly (readonly (string | null)[])[]>;
}

/** Opens a session, hands it to `work`, and closes it whatever happens. */
export async function withSession<T>(
  options: ConnectOptions,
  startup: StartupOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const connected = await connect(options, {
    ...startup,
    parameters: { application_name: 'boilstream', client_encoding: 'UTF8' },
  });
  try {
    return await work(createSession(connected, options.clock));
  } finally {
    connected.stream.end(message('X', Buffer.alloc(0)));
  }
}

function createSession({ stream }: Connected, clock: Clock): Session {
  const reader = new Reader(stream, limits.answerBytesMax);
  return {
    async run(sql) {
      const signal = clock.deadline(limits.statementMsMax);
      const rows: (string | null)[][] = [];
      let failure: LakeError | undefined;
      try {
        stream.write(message('Q', text(sql)));
        for (;;) {
          const { type, body } = await reader.next(signal);
          if (type === 'D') rows.push(readRow(body));
          else if (type === 'E') failure = readError(body);
          else if (type === 'Z') break;
        }
      } catch (cause) {
        stream.destroy();
        if (cause instanceof LakeError) throw cause;
        throw new LakeError('store_unavailable', 'the metadata server went away', { retriable: true, cause });
      }
      if (failure) throw failure;
      return rows;
    },
  };
}

function readRow(body: Buffer): (string | null)[] {
  const values: (string | null)[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : body.toString('utf8', at, at + length));
    at += Math.max(length, 0);
  }
  return values;
}
