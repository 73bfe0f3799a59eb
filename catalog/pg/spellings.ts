/**
 * Calls and operators that PostgreSQL spells otherwise than DuckDB, in any statement: aggregates of JSON, parsing of
 * dates, sets in a select list or under an alias, `substring(x FROM pattern)`, SIMILAR TO. Each function looks at the
 * name at place `i`, which is not qualified, and changes the text when it is such a spelling.
 */
import { LakeError } from '../../base/errors.ts';
import { nameOf, quoteString, stringOf } from '../../base/sql-lexer.ts';
import { strftimeFormat, strptimeFormat } from './datetime-format.ts';
import { notAlias, type StatementText } from './statement-text.ts';
import { pg } from './view.ts';

type Spelling = (text: StatementText, i: number, name: string) => void;

/** Words of these spellings, for the regular expression that lets most statements pass. */
export const spellingWords =
  'jsonb?_agg|jsonb?_object_agg|\\bevery\\b|\\bto_date\\b|\\bto_timestamp\\b|\\bto_char\\b|\\bsubstring\\b|\\bsimilar\\b|\\bgenerate_series\\b|\\bunnest\\b|\\bstring_to_array\\b|\\bregexp_split_to_array\\b|\\bformat\\s*\\(|\\b(?:from|join)\\s+(?:now|version|current_database|current_schema|random)\\s*\\(';

export const spellings: ReadonlyMap<string, Spelling> = new Map<string, Spelling>([
  ['json_agg', jsonList],
  ['jsonb_agg', jsonList],
  ['json_object_agg', renamed('json_group_object')],
  ['jsonb_object_agg', renamed('json_group_object')],
  ['every', renamed('bool_and')],
  ['to_date', parsedDate('DATE')],
  ['to_timestamp', parsedDate('TIMESTAMPTZ')],
  ['to_char', charOf],
  ['substring', substringOfPattern],
  ['similar', similarTo],
  ['generate_series', series],
  ['unnest', (text, i) => aliasColumns(text, i)],
  ['string_to_array', valueInFrom],
  ['format', formatted],
  ['regexp_split_to_array', valueInFrom],
  ...['now', 'version', 'current_database', 'current_schema', 'random'].map((name) => [name, valueInFrom] as const),
]);

/** `json_agg(x ORDER BY y) FILTER (WHERE z)` is a list made into JSON; the modifiers belong to the list. */
function jsonList(text: StatementText, i: number, name: string): void {
  if (text.text(i + 1) !== '(') return;
  let end = text.closing(i + 1);
  while ((text.word(end + 1) === 'filter' || text.word(end + 1) === 'over') && text.text(end + 2) === '(')
    end = text.closing(end + 2);
  text.set(i, 'to_json(list');
  text.suffix(end, ')');
  keepName(text, i, end, name);
}

function renamed(to: string): Spelling {
  return (text, i, name) => {
    if (text.text(i + 1) !== '(') return;
    text.set(i, to);
    keepName(text, i, text.closing(i + 1), name);
  };
}

/** `to_date(x, 'YYYY-MM-DD')`; with one argument `to_timestamp` is DuckDB's own. */
function parsedDate(type: string): Spelling {
  return (text, i, name) => {
    if (text.text(i + 1) !== '(') return;
    const end = text.closing(i + 1);
    const format = text.token(end - 1);
    if (format?.kind !== 'string' || text.text(end - 2) !== ',') return;
    const translated = strptimeFormat(stringOf(format));
    if (translated === null)
      throw new LakeError('feature_not_supported', `${name} does not understand the format ${format.text} here`, {
        hint: "strptime(text, '%Y-%m-%d %H:%M:%S') parses with DuckDB's formats.",
        position: format.start + 1,
      });
    text.set(i, 'CAST(strptime');
    text.set(end - 1, quoteString(translated));
    text.suffix(end, ` AS ${type})`);
    keepName(text, i, end, name);
  };
}

/** `to_char(x, 'YYYY-MM')`: a format that is written out says what x is, and mostly what strftime would be asked. */
function charOf(text: StatementText, i: number, name: string): void {
  // A view keeps the name that will always be there.
  if (text.text(i + 1) !== '(' || text.word(0) === 'create') return;
  const end = text.closing(i + 1);
  const format = text.token(end - 1);
  if (format?.kind !== 'string' || text.text(end - 2) !== ',') return;
  const written = stringOf(format);
  const translated = strftimeFormat(written);
  if (translated !== null) {
    text.set(i, pg('_to_char_plain'));
    text.suffix(end - 1, `, ${quoteString(translated)}`);
  } else if (/^[-90.,DGFMSPRIL$% ]*$/i.test(written) && /[90]/.test(written)) text.set(i, pg('_to_char_numeric'));
  else return;
  keepName(text, i, end, name);
}

function substringOfPattern(text: StatementText, i: number): void {
  if (text.text(i + 1) !== '(') return;
  const end = text.closing(i + 1);
  if (text.token(end - 1)?.kind !== 'string' || text.word(end - 2) !== 'from') return;
  text.set(i, pg('_substring'));
  text.set(end - 2, ',');
}

/** DuckDB takes the pattern of SIMILAR TO for a regular expression, in which `%` and `_` mean nothing. */
function similarTo(text: StatementText, i: number): void {
  if (text.word(i + 1) !== 'to' || !text.isOperandEnd(text.word(i - 1) === 'not' ? i - 2 : i - 1)) return;
  const end = text.operandEnd(i + 2);
  text.prefix(i + 2, `${pg('_similar')}(`);
  text.suffix(end - 1, ')');
}

/** Bounds and steps that are plain literals get a type; in a select list each value is a row. */
function series(text: StatementText, i: number, name: string): void {
  if (text.text(i + 1) !== '(') return;
  const end = text.closing(i + 1);
  let place = 0;
  let depth = 0;
  for (let k = i + 1; k < end; k++) {
    const at = text.text(k);
    if (at === '(' || at === '[') depth++;
    else if (at === ')' || at === ']') depth--;
    if (depth !== 1 || (k !== i + 1 && at !== ',')) continue;
    if (text.token(k + 1)?.kind === 'string' && (k + 2 === end || text.text(k + 2) === ','))
      text.prefix(k + 1, place === 2 ? 'INTERVAL ' : 'TIMESTAMP ');
    place++;
  }
  if (text.isSelectItem(i, end + 1)) {
    text.prefix(i, 'unnest(');
    text.suffix(end, ')');
    keepName(text, i, end, name);
  } else aliasColumns(text, i);
}

/** A function of one value in FROM is a relation of one row; DuckDB wants it as a query. */
function valueInFrom(text: StatementText, i: number, name: string): void {
  const before = text.word(i - 1) ?? text.text(i - 1);
  if (text.text(i + 1) !== '(') return;
  if (before !== 'from' && before !== 'join' && before !== 'lateral' && !(before === ',' && text.isInFrom(i - 1))) return;
  const end = text.closing(i + 1);
  const at = text.word(end + 1) === 'as' ? end + 2 : end + 1;
  const alias = text.token(at);
  const isNamed = (alias?.kind === 'name' || alias?.kind === 'quoted-name') && !notAlias.has(nameOf(alias));
  const isListed = isNamed && text.text(at + 1) === '(';
  // On the token before: the name itself may yet become our function's.
  text.suffix(i - 1, ' (SELECT');
  text.suffix(end, `${isListed ? '' : ` AS ${isNamed ? alias.text : name}`})${isNamed ? '' : ` ${name}`}`);
}

/**
 * `format('%I.%I', a, b)` put together in the text. The macro of that name does all of it, but has a lambda, which DuckDB
 * 1.5 cannot bind two subqueries deep (Metabase: `format(…)::regclass` of a column).
 */
function formatted(text: StatementText, i: number, name: string): void {
  const template = text.token(i + 2);
  if (text.text(i + 1) !== '(' || template?.kind !== 'string') return;
  const pieces = stringOf(template).split(/%([sIL])/);
  if (pieces.some((piece, at) => at % 2 === 0 && piece.includes('%'))) return;
  const end = text.closing(i + 1);
  const commas: number[] = [];
  for (let k = i + 3, depth = 0; k < end; k++) {
    const at = text.text(k);
    if (at === '(' || at === '[') depth++;
    else if (at === ')' || at === ']') depth--;
    else if (at === ',' && depth === 0) commas.push(k);
  }
  if (commas[0] !== i + 3 || commas.length * 2 + 1 !== pieces.length) return;
  const piece = (at: number): string => quoteString(pieces[at] as string);
  text.set(i, '');
  text.set(i + 2, piece(0));
  commas.forEach((comma, at) => {
    const close = at === 0 ? '' : `)::VARCHAR) || ${piece(at * 2)}`;
    text.set(comma, `${close} || ${pg('_format_argument')}(${piece(at * 2 + 1)}, (`);
  });
  text.prefix(end, `)::VARCHAR) || ${piece(pieces.length - 1)}`);
  keepName(text, i, end, name);
}

/** What was one call to the client keeps that call's name as a column. */
function keepName(text: StatementText, i: number, end: number, name: string): void {
  if (text.isSelectItem(i, end + 1) && text.word(end + 1) !== 'as') text.suffix(end, ` AS ${name}`);
}

/** `unnest(…) x` names the column x in PostgreSQL; DuckDB needs `x(x)`. */
export function aliasColumns(text: StatementText, i: number): void {
  if (text.text(i + 1) !== '(') return;
  const place = text.word(i - 1) ?? text.text(i - 1);
  // What stood before `pg_catalog.`, if that was there.
  const first = text.text(i - 1) === '.' ? i - 2 : i;
  const before = first === i ? place : (text.word(first - 1) ?? text.text(first - 1));
  if (before !== 'from' && before !== 'join' && before !== 'lateral' && !(before === ',' && text.isInFrom(first - 1))) return;
  let end = text.closing(i + 1) + 1;
  if (text.word(end) === 'with' && text.word(end + 1) === 'ordinality') return;
  if (text.word(end) === 'as') end++;
  const alias = text.token(end);
  if ((alias?.kind !== 'name' && alias?.kind !== 'quoted-name') || text.text(end + 1) === '(' || notAlias.has(nameOf(alias)))
    return;
  text.suffix(end, `(${alias.text})`);
}
