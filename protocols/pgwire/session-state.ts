/**
 * What a message means in the state a session is in. Pure: the driver (session.ts) does what is decided here.
 * `discarding` is PostgreSQL's "discard until Sync" after an error in the extended protocol; `copying` is COPY FROM
 * STDIN, in which Flush and Sync mean nothing. Source: PostgreSQL documentation, sections 54.2.3 and 54.2.6.
 */

export type Mode = 'ready' | 'discarding' | 'copying';

/** `handle` it · `ignore` it · `copy`: it belongs to the COPY · `interrupt`: it ends the COPY with an error · `terminate` · `violate`: end the connection. */
export type Action = 'handle' | 'ignore' | 'copy' | 'interrupt' | 'terminate' | 'violate';

/** The frontend's type bytes. */
export const messageType = {
  query: 0x51,
  parse: 0x50,
  bind: 0x42,
  describe: 0x44,
  execute: 0x45,
  close: 0x43,
  flush: 0x48,
  sync: 0x53,
  functionCall: 0x46,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  terminate: 0x58,
  password: 0x70,
} as const;

const requests: ReadonlySet<number> = new Set([
  messageType.query,
  messageType.parse,
  messageType.bind,
  messageType.describe,
  messageType.execute,
  messageType.close,
  messageType.flush,
  messageType.sync,
  messageType.functionCall,
]);
const copies: ReadonlySet<number> = new Set([messageType.copyData, messageType.copyDone, messageType.copyFail]);

/** What a message of this type means in this mode; pure, the driver in session.ts does it. */
export function step(mode: Mode, type: number): Action {
  if (type === messageType.terminate) return 'terminate';
  if (copies.has(type)) return mode === 'copying' ? 'copy' : 'ignore';
  if (!requests.has(type)) return 'violate';
  if (mode === 'ready') return 'handle';
  if (mode === 'discarding') return type === messageType.sync ? 'handle' : 'ignore';
  return type === messageType.flush || type === messageType.sync ? 'ignore' : 'interrupt';
}
