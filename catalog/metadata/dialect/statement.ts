/**
 * One statement of a client, translated: what DuckDB is told, what it changes and what comes back. The first word
 * decides; a kind of statement that is not here is refused, so nothing reaches DuckDB that was not read and written
 * again by this room.
 */
import type { CopyFormat } from '../../../base/statement-session.ts';
import type { CatalogChange, ViewColumn, ViewTable } from '../catalog-view.ts';
import { readDelete, readInsert, readUpdate } from './change.ts';
import type { Change, WrittenValue } from './change.ts';
import { readCopy } from './copy.ts';
import { Cursor } from './cursor.ts';
import { readAlter, readCreate, readDrop } from './definition.ts';
import type { Definition } from './definition.ts';
import { readQuery, readWith, startsQuery } from './query.ts';
import { Translation } from './translation.ts';
import type { FoundTable, SelectItem, Shape, TranslationContext } from './translation.ts';

/** A text for DuckDB, and its shape if a plan for it is worth keeping. */
export interface Told {
  readonly sql: string;
  readonly shape?: Shape | undefined;
}

export type Statement =
  | (Told & { readonly t: 'query'; readonly items: readonly SelectItem[]; readonly parameterCount: number })
  | (Told & {
      readonly t: 'copy-out';
      readonly items: readonly SelectItem[];
      readonly format: CopyFormat;
      /** For a binary answer that depends on the rows of stored tables and on nothing else: those tables. */
      readonly fixed?: readonly ViewTable[] | undefined;
    })
  | { readonly t: 'copy-in'; readonly target: FoundTable; readonly columns: readonly ViewColumn[]; readonly format: CopyFormat }
  | (Told & {
      readonly t: 'change';
      readonly target: FoundTable;
      readonly verb: 'INSERT' | 'UPDATE' | 'DELETE';
      readonly returning: readonly SelectItem[] | null;
      readonly rows?: readonly (readonly WrittenValue[])[] | undefined;
      readonly parameterCount: number;
    })
  | { readonly t: 'truncate'; readonly sql: string; readonly target: FoundTable }
  | { readonly t: 'definition'; readonly definition: Definition };

/** The first word of a statement in lower case, or '(' or ''. */
export function firstWord(sql: string): string {
  const found = /^(?:\s+|--[^\n]*\n)*([A-Za-z]+|\()/.exec(sql);
  if (found) return (found[1] as string).toLowerCase();
  // A block comment in front: rare enough for the lexer.
  return new Cursor(sql).peek()?.text.toLowerCase() ?? '';
}

/** Translates anything but the control statements; throws LakeError. */
export function readStatement(sql: string, context: TranslationContext): Statement {
  const word = firstWord(sql);
  // Only COPY … (FORMAT binary) wants six bytes for a tid; its format is known only at its end, so the text is looked at first.
  const tidForm = word === 'copy' && /binary"?\s*\)?\s*;?\s*$/i.test(sql) ? 'binary' : 'text';
  const t = new Translation(sql, { ...context, tidForm });
  const statement = readKind(t, word);
  t.cursor.expectEnd();
  if (statement.t !== 'query' && statement.t !== 'copy-out' && statement.t !== 'change') return statement;
  const told = { sql: t.written(statement.sql), shape: t.shape(statement.sql) };
  if (statement.t !== 'copy-out') return { ...statement, ...told };
  return { ...statement, ...told, fixed: statement.format.format === 'binary' ? t.fixed() : undefined };
}

function readKind(t: Translation, word: string): Statement {
  const { cursor } = t;
  switch (word) {
    case 'select':
    case 'values':
    case 'table':
    case '(': {
      const query = readQuery(t);
      return { t: 'query', ...query, parameterCount: t.parameterCount };
    }
    case 'with': {
      const before = readWith(t);
      if (startsQuery(cursor)) {
        const query = readQuery(t);
        return { t: 'query', sql: before + query.sql, items: query.items, parameterCount: t.parameterCount };
      }
      return readVerb(t, cursor.word(), before);
    }
    case 'insert':
    case 'update':
    case 'delete':
      return readVerb(t, word, '');
    case 'copy':
      cursor.next();
      return copyStatement(t);
    case 'create':
      cursor.next();
      return { t: 'definition', definition: readCreate(t) };
    case 'drop':
      cursor.next();
      return { t: 'definition', definition: readDrop(t) };
    case 'alter':
      cursor.next();
      return { t: 'definition', definition: readAlter(t) };
    case 'truncate': {
      cursor.next();
      cursor.takeWords('table');
      const target = t.readTable();
      return { t: 'truncate', sql: `DELETE FROM ${target.sql}`, target };
    }
    default:
      if (!/^[a-z]+$/.test(word)) throw cursor.unexpected();
      cursor.next();
      throw cursor.refused(word.toUpperCase());
  }
}

function readVerb(t: Translation, word: string, before: string): Statement {
  const readers: Readonly<Record<string, readonly ['INSERT' | 'UPDATE' | 'DELETE', (t: Translation, before: string) => Change]>> =
    {
      insert: ['INSERT', readInsert],
      update: ['UPDATE', readUpdate],
      delete: ['DELETE', readDelete],
    };
  const reader = readers[word];
  if (!reader) throw t.cursor.unexpected();
  t.cursor.next();
  const change = reader[1](t, before);
  return { t: 'change', verb: reader[0], ...change, parameterCount: t.parameterCount };
}

function copyStatement(t: Translation): Statement {
  const copy = readCopy(t);
  if (copy.t === 'out') return { t: 'copy-out', sql: copy.sql, items: copy.items, format: copy.format };
  return { t: 'copy-in', target: copy.target, columns: copy.columns, format: copy.format };
}

/** How a statement changes the view, and which stored tables it writes. */
export function changesOf(statement: Statement): readonly CatalogChange[] {
  return statement.t === 'definition' ? statement.definition.changes : [];
}

/** The stored table that a statement writes rows of, if any. */
export function writtenTable(statement: Statement): ViewTable | undefined {
  if (statement.t !== 'change' && statement.t !== 'copy-in' && statement.t !== 'truncate') return undefined;
  return statement.target.temporary ? undefined : statement.target.table;
}
