/** Statements about the session and its transaction: BEGIN, COMMIT, SET, SHOW, DISCARD and their relatives. */
import { LakeError } from '../../../base/errors.ts';
import { Cursor } from './cursor.ts';
import { stringValue } from './expression.ts';

export type Control =
  | { readonly t: 'begin'; readonly readOnly: boolean; readonly tag: string }
  | { readonly t: 'commit'; readonly chain: boolean }
  | { readonly t: 'rollback'; readonly chain: boolean }
  | { readonly t: 'set'; readonly name: string; readonly value: string }
  | { readonly t: 'set-transaction'; readonly readOnly: boolean }
  | { readonly t: 'show'; readonly name: string }
  | { readonly t: 'discard'; readonly what: string }
  /** Accepted because there is nothing to do: DEALLOCATE, CLOSE, UNLISTEN, RESET. */
  | { readonly t: 'nothing'; readonly tag: string };

const firstWords: ReadonlySet<string> = new Set([
  'begin',
  'start',
  'commit',
  'end',
  'rollback',
  'abort',
  'savepoint',
  'release',
  'prepare',
  'set',
  'reset',
  'show',
  'discard',
  'deallocate',
  'close',
  'unlisten',
  'lock',
  'listen',
  'notify',
  'declare',
  'fetch',
  'move',
  'execute',
]);

/** True if the text begins like one of these statements. */
export function isControl(firstWord: string): boolean {
  return firstWords.has(firstWord);
}

/** Reads one such statement; throws `syntax_error`, or `feature_not_supported` for savepoints, snapshots, roles and cursors. */
export function readControl(sql: string): Control {
  const cursor = new Cursor(sql);
  const control = readStatement(cursor, cursor.next().text.toLowerCase());
  cursor.expectEnd();
  return control;
}

function readStatement(cursor: Cursor, first: string): Control {
  switch (first) {
    case 'begin':
    case 'start':
      if (first === 'start') cursor.expectWords('transaction');
      else readTransactionWord(cursor);
      return { t: 'begin', readOnly: readModes(cursor), tag: first === 'start' ? 'START TRANSACTION' : 'BEGIN' };
    case 'commit':
    case 'end':
      readTransactionWord(cursor);
      if (cursor.word() === 'prepared') throw cursor.refused('two-phase commit');
      return { t: 'commit', chain: readChain(cursor) };
    case 'rollback':
    case 'abort':
      readTransactionWord(cursor);
      if (cursor.word() === 'to') throw savepoints();
      if (cursor.word() === 'prepared') throw cursor.refused('two-phase commit');
      return { t: 'rollback', chain: readChain(cursor) };
    case 'savepoint':
    case 'release':
      throw savepoints();
    case 'prepare':
      if (cursor.word() === 'transaction') throw cursor.refused('two-phase commit');
      throw cursor.refused('PREPARE as a statement', 'Use the protocol: every driver prepares that way.');
    case 'set':
      return readSet(cursor);
    case 'reset':
      while (!cursor.ended) cursor.next();
      return { t: 'nothing', tag: 'RESET' };
    case 'show':
      if (cursor.takeWords('transaction', 'isolation', 'level')) return { t: 'show', name: 'transaction_isolation' };
      if (cursor.takeWords('time', 'zone')) return { t: 'show', name: 'TimeZone' };
      return { t: 'show', name: readParameterName(cursor) };
    case 'discard': {
      const what = cursor.takeOneOf(new Set(['all', 'plans', 'sequences', 'temp', 'temporary']));
      if (what === '') throw cursor.unexpected();
      return { t: 'discard', what: what === 'temporary' ? 'temp' : what };
    }
    case 'deallocate':
    case 'close':
    case 'unlisten':
      while (!cursor.ended) cursor.next();
      return { t: 'nothing', tag: first === 'deallocate' ? 'DEALLOCATE' : first === 'close' ? 'CLOSE CURSOR' : 'UNLISTEN' };
    default:
      throw cursor.refused(first.toUpperCase());
  }
}

function savepoints(): LakeError {
  return new LakeError('feature_not_supported', "savepoints are not available in a lake's metadata database", {
    hint: 'Use one transaction per unit of work.',
  });
}

function readTransactionWord(cursor: Cursor): void {
  if (!cursor.takeWords('work')) cursor.takeWords('transaction');
}

/** Isolation levels: every transaction sees one snapshot and fails on a lost update, so all of them hold. */
function readModes(cursor: Cursor): boolean {
  let readOnly = false;
  for (;;) {
    if (cursor.takeWords('isolation', 'level')) {
      if (!cursor.takeWords('serializable') && !cursor.takeWords('repeatable', 'read') && !cursor.takeWords('read', 'committed'))
        cursor.expectWords('read', 'uncommitted');
    } else if (cursor.takeWords('read', 'only')) readOnly = true;
    else if (cursor.takeWords('read', 'write')) readOnly = false;
    else if (!cursor.takeWords('deferrable') && !cursor.takeWords('not', 'deferrable')) return readOnly;
    cursor.takeSymbol(',');
  }
}

function readChain(cursor: Cursor): boolean {
  if (cursor.takeWords('and', 'no', 'chain')) return false;
  return cursor.takeWords('and', 'chain');
}

function readParameterName(cursor: Cursor): string {
  let name = cursor.takeName();
  while (cursor.takeSymbol('.')) name += `.${cursor.takeName()}`;
  return name;
}

function readSet(cursor: Cursor): Control {
  if (cursor.takeWords('transaction')) {
    if (cursor.word() === 'snapshot')
      throw cursor.refused('SET TRANSACTION SNAPSHOT', 'Snapshots cannot be shared between connections; read within one.');
    return { t: 'set-transaction', readOnly: readModes(cursor) };
  }
  if (!cursor.takeWords('session')) cursor.takeWords('local');
  if (cursor.takeWords('characteristics', 'as', 'transaction')) {
    readModes(cursor);
    return { t: 'nothing', tag: 'SET' };
  }
  if (cursor.word() === 'role' || cursor.word() === 'authorization') throw cursor.refused('changing the role');
  if (cursor.takeWords('time', 'zone')) return { t: 'set', name: 'TimeZone', value: readValue(cursor) };
  if (cursor.takeWords('names')) return { t: 'set', name: 'client_encoding', value: readValue(cursor) };
  const name = readParameterName(cursor);
  if (!cursor.takeSymbol('=')) cursor.expectWords('to');
  const values = [readValue(cursor)];
  while (cursor.takeSymbol(',')) values.push(readValue(cursor));
  return { t: 'set', name, value: values.join(', ') };
}

function readValue(cursor: Cursor): string {
  const sign = cursor.takeSymbol('-') ? '-' : '';
  const token = cursor.next();
  if (token.kind === 'string') return stringValue(() => cursor.unexpected(), token);
  if (token.kind === 'quoted-name') return token.text.slice(1, -1);
  if (token.kind === 'name' || token.kind === 'number') return sign + token.text;
  throw cursor.unexpected();
}
