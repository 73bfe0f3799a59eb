/**
 * What kind of statement a text is, from its first words alone: which road it takes, its command tag, whether it may
 * change something, whether its answer is one bounded piece. It asks nothing of DuckDB. What a text really does is
 * decided by DuckDB's parser; a kind that is not listed here does not get there.
 */
import { nameOf, significantTokens, type Token } from '../../base/sql-lexer.ts';

/** Roads a statement can take. `engine` goes to DuckDB, the others are answered by a file of their own. */
export type Road =
  | 'engine'
  | 'explain'
  | 'call'
  | 'transaction'
  | 'set'
  | 'reset'
  | 'show'
  | 'use'
  | 'discard'
  | 'prepare'
  | 'execute'
  | 'deallocate'
  | 'declare'
  | 'fetch'
  | 'close'
  | 'copy'
  | 'admin'
  | 'no-op'
  | 'unsupported'
  | 'refused'
  | 'empty';

export interface Shape {
  readonly road: Road;
  /** Tokens without space and comments. */
  readonly tokens: readonly Token[];
  /** First word, lower case. */
  readonly word: string;
  /** Command tag without counts: `SELECT`, `INSERT`, `CREATE TABLE` … */
  readonly tag: string;
  /** Answers rows (RETURNING included). */
  readonly rows: boolean;
  /** May change a lake or the session's temporary things. */
  readonly writes: boolean;
  /** The result is small by its form (no FROM, nothing that multiplies rows): fetched in one go instead of streamed. */
  readonly bounded: boolean;
  /** Makes something temporary that lives in the connection only. */
  readonly temporary: boolean;
}

const queryWords = new Set(['select', 'from', 'values', 'table', 'pivot', 'unpivot', 'describe', 'desc', 'summarize']);
const changeTags: Readonly<Record<string, string>> = {
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  merge: 'MERGE',
  truncate: 'TRUNCATE TABLE',
};
const roads: Readonly<Record<string, Road>> = {
  begin: 'transaction',
  start: 'transaction',
  commit: 'transaction',
  end: 'transaction',
  rollback: 'transaction',
  abort: 'transaction',
  savepoint: 'transaction',
  release: 'transaction',
  set: 'set',
  reset: 'reset',
  show: 'show',
  use: 'use',
  discard: 'discard',
  prepare: 'prepare',
  execute: 'execute',
  deallocate: 'deallocate',
  declare: 'declare',
  fetch: 'fetch',
  move: 'fetch',
  close: 'close',
  copy: 'copy',
  explain: 'explain',
  call: 'call',
  grant: 'admin',
  revoke: 'admin',
  vacuum: 'no-op',
  analyze: 'no-op',
  listen: 'unsupported',
  notify: 'unsupported',
  unlisten: 'no-op',
  lock: 'unsupported',
  cluster: 'unsupported',
  reindex: 'unsupported',
  refresh: 'unsupported',
  security: 'unsupported',
  do: 'unsupported',
  import: 'refused',
  attach: 'refused',
  detach: 'refused',
  install: 'refused',
  load: 'refused',
  export: 'refused',
  pragma: 'refused',
  checkpoint: 'refused',
  force: 'refused',
};
const changing = new Set([...Object.keys(changeTags), 'create', 'drop', 'alter']);
const createModifiers = new Set([
  'or',
  'replace',
  'temp',
  'temporary',
  'local',
  'global',
  'unlogged',
  'recursive',
  'materialized',
  'unique',
  'persistent',
  'foreign',
  'if',
  'not',
  'exists',
]);
/** Things a client may create, drop or alter, with the word their tag ends in. */
const objects: Readonly<Record<string, string>> = {
  table: 'TABLE',
  view: 'VIEW',
  schema: 'SCHEMA',
  macro: 'FUNCTION',
  function: 'FUNCTION',
  sequence: 'SEQUENCE',
  type: 'TYPE',
  index: 'INDEX',
  column: 'TABLE',
};
/** Things PostgreSQL has and a lake has not; `definition` says so instead of forbidding them. */
const unsupportedObjects = new Set([
  'extension',
  'domain',
  'trigger',
  'rule',
  'procedure',
  'aggregate',
  'operator',
  'cast',
  'collation',
  'policy',
  'publication',
  'subscription',
  'tablespace',
  'event',
  'language',
  'statistics',
  'default',
]);
const adminObjects = new Set(['ducklake', 'user', 'role', 'group']);
/** Words that can make a SELECT without FROM answer many rows, or open a source. */
const multiplying = new Set([
  'from',
  'unnest',
  'table',
  'generate_subscripts',
  'recursive',
  'pivot',
  'unpivot',
  'describe',
  'summarize',
  'show',
]);

/** Looks at the first words of one statement (without a trailing semicolon). */
export function classify(sql: string): Shape {
  const all = significantTokens(sql);
  const tokens = all.at(-1)?.text === ';' ? all.slice(0, -1) : all;
  let first = 0;
  while (tokens[first]?.text === '(') first++;
  const token = tokens[first];
  if (token === undefined) return shape(tokens, '', 'empty', '');
  const word = token.kind === 'name' ? token.text.toLowerCase() : '';
  if (first > 0)
    return queryWords.has(word) || word === 'with'
      ? query(tokens, word)
      : shape(tokens, word, 'engine', 'SELECT', { rows: true });
  if (queryWords.has(word)) return query(tokens, word);
  if (word === 'with') return withQuery(tokens);
  if (word === 'update' && wordAt(tokens, 1) === 'extensions' && wordAt(tokens, 2) !== 'set')
    return shape(tokens, word, 'refused', 'UPDATE EXTENSIONS');
  const change = changeTags[word];
  if (change !== undefined)
    return shape(tokens, word, 'engine', change, { writes: true, rows: tokens.some((one) => isWord(one, 'returning')) });
  if (word === 'create' || word === 'drop' || word === 'alter' || word === 'comment') return definition(tokens, word);
  // EXPLAIN ANALYZE does what it explains.
  if (word === 'explain')
    return shape(tokens, word, 'explain', 'EXPLAIN', {
      rows: true,
      writes:
        tokens.some((one) => isWord(one, 'analyze')) &&
        tokens.some((one) => one.kind === 'name' && changing.has(one.text.toLowerCase())),
    });
  return shape(tokens, word, roads[word] ?? 'engine', word.toUpperCase(), { rows: roads[word] === undefined });
}

/** The word at a place, lower case; '' for what is not an unquoted name. */
export function wordAt(tokens: readonly Token[], at: number): string {
  const token = tokens[at];
  return token?.kind === 'name' ? token.text.toLowerCase() : '';
}

function isWord(token: Token, word: string): boolean {
  return token.kind === 'name' && token.text.length === word.length && token.text.toLowerCase() === word;
}

function shape(tokens: readonly Token[], word: string, road: Road, tag: string, more: Partial<Shape> = {}): Shape {
  return { road, tokens, word, tag, rows: false, writes: false, bounded: false, temporary: false, ...more };
}

function query(tokens: readonly Token[], word: string): Shape {
  const bounded =
    (word === 'select' || word === 'values') &&
    !tokens.some(
      (token) => (token.kind === 'name' || token.kind === 'quoted-name') && multiplying.has(nameOf(token).toLowerCase()),
    );
  return shape(tokens, word, 'engine', 'SELECT', { rows: true, bounded });
}

/** `WITH … INSERT`: the verb is the first one outside parentheses. */
function withQuery(tokens: readonly Token[]): Shape {
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    if (token.text === '(') depth++;
    else if (token.text === ')') depth--;
    else if (depth === 0 && i > 0 && token.kind === 'name' && tokens[i - 1]?.text === ')') {
      const word = token.text.toLowerCase();
      const change = changeTags[word];
      if (change !== undefined)
        return shape(tokens, 'with', 'engine', change, { writes: true, rows: tokens.some((one) => isWord(one, 'returning')) });
      if (queryWords.has(word)) break;
    }
  }
  return shape(tokens, 'with', 'engine', 'SELECT', { rows: true });
}

function definition(tokens: readonly Token[], word: string): Shape {
  let at = word === 'comment' && wordAt(tokens, 1) === 'on' ? 2 : 1;
  let temporary = false;
  while (word !== 'comment' && createModifiers.has(wordAt(tokens, at))) {
    temporary ||= wordAt(tokens, at).startsWith('temp');
    if (wordAt(tokens, at) === 'materialized')
      return shape(tokens, word, 'unsupported', `${word.toUpperCase()} MATERIALIZED VIEW`);
    at++;
  }
  const object = wordAt(tokens, at);
  if (adminObjects.has(object)) return shape(tokens, word, 'admin', `${word.toUpperCase()} ${object.toUpperCase()}`);
  const known = objects[object];
  if (known === undefined)
    return shape(
      tokens,
      word,
      unsupportedObjects.has(object) ? 'unsupported' : 'refused',
      `${word.toUpperCase()} ${object.toUpperCase()}`,
    );
  if (word === 'comment') return shape(tokens, word, 'engine', 'COMMENT', { writes: true });
  const tableAs = word === 'create' && object === 'table' && isTableAs(tokens, at + 1);
  return shape(tokens, word, 'engine', tableAs ? 'SELECT' : `${word.toUpperCase()} ${known}`, { writes: true, temporary });
}

/** CREATE TABLE x AS …, as told from CREATE TABLE x (a int DEFAULT (SELECT …)): AS outside parentheses. */
function isTableAs(tokens: readonly Token[], from: number): boolean {
  let depth = 0;
  for (let i = from; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (token.text === '(') depth++;
    else if (token.text === ')') depth--;
    else if (depth === 0 && isWord(token, 'as')) return true;
  }
  return false;
}
