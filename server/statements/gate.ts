/**
 * The statement gate: which statements a client may send at all, in front of DuckDB's own lockdown. An allow-list of
 * kinds and a list of names (base/sql-refusal.ts); whoever passes both still meets an instance that opens no files,
 * attaches nothing and changes no setting.
 */
import { catalogSuffix, type Right } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import { nameOf, stringOf, type Token } from '../../base/sql-lexer.ts';
import {
  allowedTableFunctions,
  maintenanceFunctions,
  maintenanceMethods,
  refuseNames,
  writerMaintenance,
} from '../../base/sql-refusal.ts';
import { type Shape, wordAt } from './classify.ts';

/** What the gate needs to know of the session. */
export interface GateContext {
  /** The lake of the session. */
  readonly lake: string;
  /** The right on a lake, undefined for one the session may not see. */
  rightOn(lake: string): Right | undefined;
}

const maxDepth = 500;

/** Refuses (`permission_denied`, `feature_not_supported`, `too_large`) what may not reach DuckDB. Cheap: one pass over the tokens. */
export function checkGate(shape: Shape, context: GateContext): void {
  if (shape.road === 'refused') throw refusedKind(shape);
  if (shape.road === 'unsupported') throw unsupportedKind(shape);
  const inner = innerStatement(shape);
  if (inner !== null && innerRefused.has(inner.word))
    throw refusedKind({ ...shape, word: inner.word, tag: inner.word.toUpperCase() });
  checkNesting(shape.tokens);
  refuseNames(shape.tokens, shape.road === 'call' ? checkCall(shape, context) : -1);
  refuseCatalogTables(shape, context);
}

const innerRefused = new Set([
  'attach',
  'detach',
  'install',
  'load',
  'export',
  'import',
  'pragma',
  'checkpoint',
  'force',
  'copy',
  'set',
  'reset',
  'call',
  'use',
  'vacuum',
  'analyze',
]);

/** The statement inside EXPLAIN [ANALYZE] [(…)] or PREPARE name [(…)] AS. */
export function innerStatement(shape: Shape): { readonly at: number; readonly word: string } | null {
  const { tokens } = shape;
  let at = 1;
  if (shape.road === 'explain') {
    while (['analyze', 'verbose'].includes(wordAt(tokens, at))) at++;
    if (tokens[at]?.text === '(' && !['select', 'with', 'values', 'from', '('].includes(wordAt(tokens, at + 1)))
      at = closing(tokens, at) + 1;
    while (['analyze', 'verbose'].includes(wordAt(tokens, at))) at++;
  } else if (shape.road === 'prepare') {
    at = 2;
    if (tokens[at]?.text === '(') at = closing(tokens, at) + 1;
    if (wordAt(tokens, at) === 'as') at++;
  } else return null;
  return { at, word: wordAt(tokens, at) };
}

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i]?.text === '(') depth++;
    else if (tokens[i]?.text === ')' && --depth === 0) return i;
  }
  return tokens.length;
}

/** CALL of a function that changes a lake: who may. Returns the index of the called name. */
function checkCall(shape: Shape, context: GateContext): number {
  const { tokens } = shape;
  let at = 1;
  while (tokens[at + 1]?.text === '.' && tokens[at + 2] !== undefined) at += 2;
  const called = tokens[at];
  if (called === undefined || (called.kind !== 'name' && called.kind !== 'quoted-name'))
    throw new LakeError('syntax_error', 'CALL needs a function');
  const name = nameOf(called).toLowerCase();
  const method = at > 1;
  const full = maintenanceFunctions.has(name) ? name : method && maintenanceMethods.has(name) ? `ducklake_${name}` : undefined;
  if (full === undefined) {
    if (allowedTableFunctions.has(name) || allowedTableFunctions.has(`ducklake_${name}`)) return at;
    throw new LakeError('undefined_function', `procedure ${name} does not exist`, {
      hint: 'CALL reaches the maintenance functions of DuckLake, such as CALL sales.set_commit_message(…).',
    });
  }
  const argument = tokens[at + 2];
  const lake = method ? nameOf(tokens[1] as Token) : argument?.kind === 'string' ? stringOf(argument) : undefined;
  if (lake === undefined)
    throw new LakeError('invalid_argument', `${name} needs the name of the lake as a literal`, {
      hint: `CALL ${full}('${context.lake}', …)`,
    });
  const right = context.rightOn(lake.toLowerCase()) ?? context.rightOn(lake);
  const needed: Right = writerMaintenance.has(full) ? 'write' : 'owner';
  if (full === 'ducklake_commit' || full === 'ducklake_add_data_files')
    throw new LakeError('feature_not_supported', `${name} is not available here`, {
      hint: 'Connect to <lake>__catalog with DuckDB.',
    });
  if (right === undefined || right === 'read' || (needed === 'owner' && right !== 'owner')) {
    throw new LakeError(
      'permission_denied',
      `${name} needs ${needed === 'owner' ? 'ownership' : 'the right to write'} of lake "${lake}"`,
    );
  }
  return at;
}

/**
 * A stock DuckDB that attaches `ducklake:postgres:` to the lake's SQL database looks for DuckLake's tables there and, when
 * told a data path, begins to make them. They would be tables of the lake, and the attach would look as if it had worked.
 */
function refuseCatalogTables({ tokens, word }: Shape, context: GateContext): void {
  if (word === 'create') {
    for (let i = 1; i < Math.min(tokens.length, 13); i++) {
      const token = tokens[i] as Token;
      const isName = token.kind === 'name' || token.kind === 'quoted-name';
      if (isName && nameOf(token).toLowerCase().startsWith('ducklake_') && tokens[i + 1]?.text !== '.')
        throw wrongDatabase(context.lake);
    }
  } else if (
    word === 'select' &&
    tokens.some(
      (token, i) =>
        token.kind === 'string' &&
        token.text === "'ducklake_metadata'" &&
        tokens[i - 1]?.text === '=' &&
        wordAt(tokens, i - 2) === 'relname',
    )
  ) {
    throw wrongDatabase(context.lake);
  }
}

function wrongDatabase(lake: string): LakeError {
  return new LakeError(
    'permission_denied',
    `"${lake}" is the SQL database of the lake; DuckLake's metadata is in "${lake}${catalogSuffix}"`,
    {
      hint: `ATTACH 'ducklake:postgres:dbname=${lake}${catalogSuffix} …' AS ${lake}`,
    },
  );
}

/** DuckDB's parser recurses; a text nested without end would use up its stack. */
function checkNesting(tokens: readonly Token[]): void {
  let depth = 0;
  for (const { text } of tokens) {
    if (text === '(' || text === '[' || text === '{') {
      if (++depth > maxDepth) throw new LakeError('too_large', `statement is nested deeper than ${maxDepth} parentheses`);
    } else if (text === ')' || text === ']' || text === '}') depth--;
  }
}

function refusedKind(shape: Shape): LakeError {
  const hints: Readonly<Record<string, string>> = {
    attach: 'Lakes you may use are attached already (SHOW DUCKLAKES); other databases can be attached in your own DuckDB.',
    detach: 'Lakes stay attached for the whole session.',
    pragma: 'Use SHOW, information_schema or DESCRIBE.',
    checkpoint: 'The pod compacts and flushes by itself; an owner may CALL ducklake_merge_adjacent_files(…).',
    export: "Copy out table by table: \\copy table TO 'file.csv' CSV.",
    import: "Copy in table by table: \\copy table FROM 'file.csv' CSV.",
    copy: "Use COPY … TO STDOUT or psql's \\copy.",
    create: 'CREATE DUCKLAKE makes a lake; CREATE TABLE, VIEW, SCHEMA and MACRO make things in it.',
    drop: 'DROP DUCKLAKE removes a lake.',
  };
  return new LakeError('permission_denied', `${shape.tag} is not allowed in a lake session`, {
    hint: hints[shape.word] ?? 'Extensions, settings and files of the pod belong to its operator.',
  });
}

const unsupportedHints: Readonly<Record<string, string>> = {
  lock: 'Transactions see a snapshot; a conflicting commit fails with 40001 and can be repeated.',
  listen: 'Notifications are not delivered here: ask the tables again; the function ducklake_snapshots says what has changed.',
  notify: 'Notifications are not delivered here.',
  do: 'There is no procedural language: send the statements one by one.',
  create: 'CREATE VIEW computes it when asked; CREATE TABLE … AS keeps the rows.',
  refresh: 'CREATE OR REPLACE TABLE … AS computes the rows anew.',
};

/** What to do instead, by what is to be created, dropped or altered. */
const objectHints: Readonly<Record<string, string>> = {
  EXTENSION: 'There are none to install: gen_random_uuid(), md5(), sha256() and the like are there already.',
  DOMAIN: 'Use the type itself.',
  TRIGGER: 'Nothing runs by itself when rows change: do it in the same transaction.',
  RULE: 'Make a view.',
  PROCEDURE: 'There is no procedural language; CREATE MACRO makes functions of one expression or query.',
  POLICY: 'Rights are on whole lakes: give readers a lake with the rows they may see.',
  DEFAULT: 'Rights are on whole lakes: GRANT READ ON DUCKLAKE lake TO user.',
};

function unsupportedKind(shape: Shape): LakeError {
  const hint =
    shape.word === 'create' || shape.word === 'drop' || shape.word === 'alter'
      ? shape.tag.endsWith('MATERIALIZED VIEW')
        ? unsupportedHints['create']
        : objectHints[shape.tag.split(' ')[1] ?? '']
      : unsupportedHints[shape.word];
  return new LakeError('feature_not_supported', `${shape.tag} is not supported`, hint === undefined ? {} : { hint });
}
