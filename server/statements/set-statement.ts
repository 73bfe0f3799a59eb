/** The grammar of SET, RESET and SHOW. Source: PostgreSQL 15 documentation, "SET", "SET TRANSACTION", "SHOW". */
import { LakeError } from '../../base/errors.ts';
import { nameOf, stringOf, type Token } from '../../base/sql-lexer.ts';
import { wordAt } from './classify.ts';

export type SetStatement =
  | {
      readonly t: 'set';
      readonly name: string /** null is DEFAULT. */;
      readonly value: string | null;
      readonly values: readonly string[];
      readonly local: boolean;
    }
  | { readonly t: 'transaction'; readonly session: boolean; readonly modes: TransactionModes }
  | { readonly t: 'variable' }
  | { readonly t: 'role'; readonly value: string | null };

export interface TransactionModes {
  readonly isolation?: string;
  readonly readOnly?: boolean;
  readonly deferrable?: boolean;
}

/** Parses SET …; throws syntax_error. */
export function parseSet(tokens: readonly Token[]): SetStatement {
  let at = 1;
  let local = false;
  let session = false;
  if (wordAt(tokens, at) === 'variable') return { t: 'variable' };
  if (wordAt(tokens, at) === 'global') throw new LakeError('permission_denied', 'settings of the pod cannot be changed by SQL');
  if (wordAt(tokens, at) === 'local' || wordAt(tokens, at) === 'session') {
    // `SET SESSION AUTHORIZATION` and `SET SESSION CHARACTERISTICS` begin alike.
    local = wordAt(tokens, at) === 'local';
    session = !local;
    at++;
    if (wordAt(tokens, at) === 'variable') return { t: 'variable' };
  }
  const word = wordAt(tokens, at);
  if (session && word === 'characteristics') return { t: 'transaction', session: true, modes: parseModes(tokens, at + 3) };
  if (word === 'transaction') return { t: 'transaction', session: false, modes: parseModes(tokens, at + 1) };
  if (word === 'role' || (session && word === 'authorization'))
    return {
      t: 'role',
      value: optionalValue(tokens, tokens[at + 1]?.text === '=' || wordAt(tokens, at + 1) === 'to' ? at + 2 : at + 1),
    };
  if (word === 'time' && wordAt(tokens, at + 1) === 'zone') {
    const value = optionalValue(tokens, at + 2);
    return {
      t: 'set',
      name: 'timezone',
      value: value === null || value.toLowerCase() === 'local' ? null : value,
      values: [],
      local,
    };
  }
  if (word === 'names' || word === 'schema') {
    const value = optionalValue(tokens, at + 1);
    return {
      t: 'set',
      name: word === 'names' ? 'client_encoding' : 'search_path',
      value,
      values: value === null ? [] : [value],
      local,
    };
  }
  const [name, next] = settingName(tokens, at);
  if (tokens[next]?.text !== '=' && wordAt(tokens, next) !== 'to') throw syntax(tokens[next]);
  const values: string[] = [];
  for (let i = next + 1; i < tokens.length; ) {
    const [value, after] = settingValue(tokens, i);
    values.push(value);
    if (after === tokens.length) break;
    if (tokens[after]?.text !== ',') throw syntax(tokens[after]);
    i = after + 1;
  }
  if (values.length === 0) throw syntax(undefined);
  if (values.length === 1 && tokens[next + 1]?.kind === 'name' && wordAt(tokens, next + 1) === 'default')
    return { t: 'set', name, value: null, values: [], local };
  return { t: 'set', name, value: values.join(', '), values, local };
}

/** The name after SHOW or RESET; 'all' for ALL. */
export function parseName(tokens: readonly Token[]): string {
  const words = [1, 2, 3]
    .map((at) => wordAt(tokens, at))
    .join(' ')
    .trim();
  if (words === 'transaction isolation level' || words === 'time zone' || words === 'session authorization') return words;
  const [name, next] = settingName(tokens, 1);
  if (next !== tokens.length) throw syntax(tokens[next]);
  return name;
}

/** BEGIN's and SET TRANSACTION's modes; separated by commas or nothing. */
export function parseModes(tokens: readonly Token[], from: number): TransactionModes {
  let modes: TransactionModes = {};
  for (let at = from; at < tokens.length; ) {
    const two = `${wordAt(tokens, at)} ${wordAt(tokens, at + 1)}`;
    if (tokens[at]?.text === ',') at++;
    else if (two === 'isolation level') {
      const level = wordAt(tokens, at + 2);
      const long = level === 'read' || level === 'repeatable' ? `${level} ${wordAt(tokens, at + 3)}` : level;
      if (!['read committed', 'read uncommitted', 'repeatable read', 'serializable'].includes(long)) throw syntax(tokens[at + 2]);
      modes = { ...modes, isolation: long };
      at += long.includes(' ') ? 4 : 3;
    } else if (two === 'read only' || two === 'read write') {
      modes = { ...modes, readOnly: two === 'read only' };
      at += 2;
    } else if (wordAt(tokens, at) === 'deferrable' || two === 'not deferrable') {
      modes = { ...modes, deferrable: wordAt(tokens, at) === 'deferrable' };
      at += two === 'not deferrable' ? 2 : 1;
    } else throw syntax(tokens[at]);
  }
  return modes;
}

function settingName(tokens: readonly Token[], at: number): [name: string, next: number] {
  const token = tokens[at];
  if (token?.kind !== 'name' && token?.kind !== 'quoted-name') throw syntax(token);
  let name = nameOf(token);
  let next = at + 1;
  while (tokens[next]?.text === '.' && tokens[next + 1] !== undefined) {
    name += `.${nameOf(tokens[next + 1] as Token)}`;
    next += 2;
  }
  return [name, next];
}

function settingValue(tokens: readonly Token[], at: number): [value: string, next: number] {
  const token = tokens[at];
  if (token === undefined) throw syntax(undefined);
  if (token.kind === 'string') return [stringOf(token), at + 1];
  if (token.kind === 'number') return [token.text, at + 1];
  if (token.kind === 'name' || token.kind === 'quoted-name') return [token.kind === 'name' ? token.text : nameOf(token), at + 1];
  if ((token.text === '-' || token.text === '+') && tokens[at + 1]?.kind === 'number')
    return [token.text + (tokens[at + 1] as Token).text, at + 2];
  throw syntax(token);
}

function optionalValue(tokens: readonly Token[], at: number): string | null {
  const [value, next] = settingValue(tokens, at);
  if (next !== tokens.length) throw syntax(tokens[next]);
  return tokens[at]?.kind === 'name' && ['default', 'none'].includes(value.toLowerCase()) ? null : value;
}

function syntax(token: Token | undefined): LakeError {
  return token === undefined
    ? new LakeError('syntax_error', 'syntax error at end of input')
    : new LakeError('syntax_error', `syntax error at or near "${token.text}"`, { position: token.start + 1 });
}
