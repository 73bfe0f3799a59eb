/**
 * Calls from the main thread into the metadata worker and back, over one MessagePort. Arguments and results are
 * structured-cloneable; errors travel as their fields and come out as LakeError again. Order is kept; there is no
 * deadline here because what is called has its own.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { type ErrorCode, LakeError, toLakeError } from '../base/errors.ts';

type Handler = (...args: never[]) => unknown;
type Handlers = Record<string, Handler>;

interface Call {
  readonly t: 'call';
  readonly id: number;
  readonly method: string;
  readonly args: unknown[];
}
interface Reply {
  readonly t: 'reply';
  readonly id: number;
  readonly value?: unknown;
  readonly error?: {
    code: ErrorCode;
    message: string;
    hint?: string | undefined;
    detail?: string | undefined;
    retriable: boolean;
    position?: number | undefined;
  };
}

export interface Peer {
  /** Calls `method` on the other side. Rejects with its LakeError, or `admin_shutdown` when the other side is gone. */
  call<T>(method: string, ...args: unknown[]): Promise<T>;
  close(): void;
}

/** Connects both directions on a port: serves `handlers`, and lets us call the other side's. */
export function connectPeer(port: MessagePort | Worker, handlers: Handlers): Peer {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: unknown) => void }>();
  let nextId = 1;
  let closed: LakeError | undefined;
  const post = (message: Call | Reply): void => (port as MessagePort).postMessage(message);

  const onMessage = (message: Call | Reply): void => {
    if (message.t === 'reply') {
      const caller = waiting.get(message.id);
      waiting.delete(message.id);
      if (!caller) return;
      if (message.error) caller.reject(new LakeError(message.error.code, message.error.message, definedFields(message.error)));
      else caller.resolve(message.value as never);
    } else if (message.t === 'call') void answer(message);
  };
  const answer = async (call: Call): Promise<void> => {
    try {
      const handler = handlers[call.method];
      if (!handler) throw new LakeError('internal', `no such call between threads: ${call.method}`);
      post({ t: 'reply', id: call.id, value: await handler(...(call.args as never[])) });
    } catch (thrown) {
      const error = toLakeError(thrown);
      const cause = thrown instanceof LakeError ? undefined : String((thrown as Error)?.stack ?? thrown);
      const detail = error.detail ?? cause;
      post({
        t: 'reply',
        id: call.id,
        error: {
          code: error.code,
          message: error.message,
          hint: error.hint,
          detail,
          retriable: error.retriable,
          position: error.position,
        },
      });
    }
  };
  const end = (): void => {
    closed ??= new LakeError('admin_shutdown', 'the metadata worker has ended');
    for (const caller of waiting.values()) caller.reject(closed);
    waiting.clear();
  };
  port.on('message', onMessage);
  port.on('close', end);
  port.on('exit', end);
  return {
    call: (method, ...args) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(closed);
        const id = nextId++;
        waiting.set(id, { resolve: resolve as (value: never) => void, reject });
        post({ t: 'call', id, method, args });
      }),
    close: () => {
      port.off('message', onMessage);
      end();
    },
  };
}

function definedFields(error: NonNullable<Reply['error']>): {
  hint?: string;
  detail?: string;
  retriable: boolean;
  position?: number;
} {
  return {
    retriable: error.retriable,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    ...(error.position === undefined ? {} : { position: error.position }),
  };
}
