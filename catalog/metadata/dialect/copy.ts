/** COPY … TO STDOUT and COPY … FROM STDIN. Files and programs on the server are refused, whatever the rights. */
import { LakeError } from '../../../base/errors.ts';
import { quoteName } from '../../../base/sql-lexer.ts';
import type { CopyFormat } from '../../../base/statement-session.ts';
import type { ViewColumn } from '../catalog-view.ts';
import { stringValue } from './expression.ts';
import { readQuery } from './query.ts';
import type { FoundTable, SelectItem, Translation } from './translation.ts';

export type Copy =
  | { readonly t: 'out'; readonly sql: string; readonly items: readonly SelectItem[]; readonly format: CopyFormat }
  | { readonly t: 'in'; readonly target: FoundTable; readonly columns: readonly ViewColumn[]; readonly format: CopyFormat };

/** The word COPY is taken. */
export function readCopy(t: Translation): Copy {
  const { cursor } = t;
  if (cursor.takeSymbol('(')) {
    const query = readQuery(t);
    cursor.expectSymbol(')');
    cursor.expectWords('to');
    expectStream(t, 'stdout');
    const format = readOptions(t);
    return { t: 'out', sql: query.sql, items: query.items, format };
  }
  const target = t.readTable();
  const columns = readColumns(t, target);
  if (cursor.takeWords('to')) {
    expectStream(t, 'stdout');
    const items = columns.map((c): SelectItem => ({ t: 'item', name: c.name, tid: false }));
    return {
      t: 'out',
      sql: `SELECT ${columns.map((c) => quoteName(c.name)).join(', ')} FROM ${target.sql}`,
      items,
      format: readOptions(t),
    };
  }
  cursor.expectWords('from');
  expectStream(t, 'stdin');
  return { t: 'in', target, columns, format: readOptions(t) };
}

function readColumns(t: Translation, target: FoundTable): readonly ViewColumn[] {
  const { cursor } = t;
  if (!cursor.takeSymbol('(')) return target.table.columns;
  const columns: ViewColumn[] = [];
  do {
    const name = cursor.takeName();
    const column = target.table.columns.find((c) => c.name.toLowerCase() === name.toLowerCase());
    if (!column) throw new LakeError('undefined_column', `column "${name}" of relation "${target.table.name}" does not exist`);
    if (columns.includes(column)) throw new LakeError('duplicate_column', `column "${name}" specified more than once`);
    columns.push(column);
  } while (cursor.takeSymbol(','));
  cursor.expectSymbol(')');
  return columns;
}

function expectStream(t: Translation, stream: 'stdin' | 'stdout'): void {
  if (t.cursor.takeWords(stream)) return;
  if (t.cursor.peek()?.kind === 'string' || t.cursor.word() === 'program') {
    throw new LakeError('permission_denied', 'COPY with a file or a program on the server is not available', {
      hint: 'Use COPY … FROM STDIN or TO STDOUT (psql: \\copy).',
    });
  }
  throw t.cursor.unexpected();
}

function readOptions(t: Translation): CopyFormat {
  const { cursor } = t;
  const given = new Map<string, string>();
  cursor.takeWords('with');
  if (cursor.takeSymbol('(')) {
    do {
      const name = cursor.takeName();
      given.set(name, readOptionValue(t));
    } while (cursor.takeSymbol(','));
    cursor.expectSymbol(')');
  } else if (cursor.takeWords('binary')) given.set('format', 'binary');
  else if (cursor.takeWords('csv')) given.set('format', 'csv');
  cursor.expectEnd();
  for (const name of given.keys()) {
    if (!['format', 'delimiter', 'null', 'header', 'quote', 'escape', 'encoding'].includes(name)) {
      throw new LakeError('feature_not_supported', `COPY option "${name}" is not available in a lake's metadata database`);
    }
  }
  return toFormat(given);
}

function readOptionValue(t: Translation): string {
  const { cursor } = t;
  if (cursor.isSymbol(',') || cursor.isSymbol(')')) return 'true';
  const token = cursor.next();
  if (token.kind === 'string') return stringValue(() => cursor.unexpected(), token);
  if (token.kind === 'quoted-name') return token.text.slice(1, -1);
  if (token.kind === 'name' || token.kind === 'number') return token.text.toLowerCase();
  throw cursor.unexpected();
}

function toFormat(given: ReadonlyMap<string, string>): CopyFormat {
  const format = (given.get('format') ?? 'text').toLowerCase();
  if (format !== 'text' && format !== 'csv' && format !== 'binary')
    throw new LakeError('invalid_argument', `COPY format "${format}" not recognized`);
  if (format === 'binary' && (given.has('delimiter') || given.has('null') || given.has('header'))) {
    throw new LakeError('syntax_error', 'cannot specify DELIMITER, NULL or HEADER in BINARY mode');
  }
  const delimiter = given.get('delimiter') ?? (format === 'csv' ? ',' : '\t');
  if (Buffer.byteLength(delimiter) !== 1)
    throw new LakeError('invalid_argument', 'COPY delimiter must be a single one-byte character');
  const quote = given.get('quote') ?? '"';
  const header = ['true', 'on', '1', 'match'].includes((given.get('header') ?? 'false').toLowerCase());
  return {
    format,
    delimiter,
    nullText: given.get('null') ?? (format === 'csv' ? '' : '\\N'),
    header,
    quote,
    escape: given.get('escape') ?? quote,
    forceQuote: [],
  };
}
