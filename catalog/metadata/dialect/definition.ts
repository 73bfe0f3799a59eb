/**
 * CREATE, DROP and ALTER of what may exist in a metadata database: DuckLake's tables, schemas that hold them, and
 * temporary tables. Each statement also says how the CatalogView changes. One file, because they share how a table is read.
 */
import { LakeError } from '../../../base/errors.ts';
import { quoteName } from '../../../base/sql-lexer.ts';
import { defaultSchema, toStoredSchema } from '../catalog-view.ts';
import type { CatalogChange, ViewColumn, ViewTable } from '../catalog-view.ts';
import { limits } from '../limits.ts';
import { readExpression } from './expression.ts';
import { startsQuery } from './query.ts';
import { isServedName } from './translation.ts';
import type { Translation } from './translation.ts';
import { readType } from './types.ts';

export interface Definition {
  /** Statements for DuckDB, in order; empty if there is nothing to do. */
  readonly sql: readonly string[];
  readonly tag: string;
  readonly changes: readonly CatalogChange[];
  /** A temporary table that comes or goes; with `columns` unknown when it is made from a query. */
  readonly temporary?:
    | { readonly t: 'create'; readonly table: ViewTable; readonly dropOnCommit: boolean }
    | { readonly t: 'drop'; readonly name: string };
  /** What PostgreSQL would say as a notice. */
  readonly notice?: string;
}

const temporaryWords: ReadonlySet<string> = new Set(['temporary', 'temp']);

/** `IF EXISTS` of what does not, `IF NOT EXISTS` of what does: a notice, and the rest of the text means nothing. */
function nothingToDo(t: Translation, tag: string, notice: string): Definition {
  t.cursor.skipRest();
  return { sql: [], tag, changes: [], notice };
}

/** CREATE …; the word CREATE is taken. */
export function readCreate(t: Translation): Definition {
  const { cursor } = t;
  if (cursor.takeWords('schema')) return readCreateSchema(t);
  if (!cursor.takeWords('local')) cursor.takeWords('global');
  const temporary = cursor.takeOneOf(temporaryWords) !== '';
  cursor.takeWords('unlogged');
  if (!cursor.takeWords('table')) throw cursor.refused(`CREATE ${cursor.word().toUpperCase()}`);
  const ifNotExists = cursor.takeWords('if', 'not', 'exists');
  const { schema = temporary ? 'pg_temp' : defaultSchema, name } = t.readQualifiedName();
  return temporary ? readCreateTemporary(t, name, ifNotExists) : readCreateTable(t, schema, name, ifNotExists);
}

function readCreateSchema(t: Translation): Definition {
  const { cursor } = t;
  const ifNotExists = cursor.takeWords('if', 'not', 'exists');
  const schema = cursor.takeName();
  cursor.expectEnd();
  const tag = 'CREATE SCHEMA';
  if (/^(pg_|main$|temp$|system$|information_schema$)/i.test(schema)) {
    throw new LakeError('invalid_argument', `unacceptable schema name "${schema}"`, {
      detail: 'The names main, temp, system, information_schema and pg_… are reserved.',
    });
  }
  if (t.context.view.hasSchema(schema)) {
    if (ifNotExists) return nothingToDo(t, tag, `schema "${schema}" already exists, skipping`);
    throw new LakeError('duplicate_schema', `schema "${schema}" already exists`);
  }
  return {
    sql: [`CREATE SCHEMA ${quoteName(t.context.alias)}.${quoteName(schema)}`],
    tag,
    changes: [{ t: 'create-schema', schema }],
  };
}

function readCreateTable(t: Translation, schema: string, name: string, ifNotExists: boolean): Definition {
  const tag = 'CREATE TABLE';
  const { cursor, context } = t;
  if (!context.view.hasSchema(schema)) throw new LakeError('undefined_schema', `schema "${schema}" does not exist`);
  if (!isServedName(name)) {
    throw new LakeError('permission_denied', `table "${name}" cannot be created: this database holds DuckLake metadata only`, {
      hint: 'Tables of the lake are created in the database named like the lake, without __catalog.',
    });
  }
  if (context.view.find(schema, name)) {
    if (ifNotExists) return nothingToDo(t, tag, `relation "${name}" already exists, skipping`);
    throw new LakeError('duplicate_table', `relation "${name}" already exists`);
  }
  if (!cursor.isSymbol('(')) throw cursor.refused('CREATE TABLE … AS');
  const table = readTableBody(t, schema, name);
  cursor.expectEnd();
  return {
    sql: [`CREATE TABLE ${t.storedName(schema, name)} (${table.sql})`],
    tag,
    changes: [{ t: 'create-table', table: table.table }],
  };
}

function readCreateTemporary(t: Translation, name: string, ifNotExists: boolean): Definition {
  const { cursor, context } = t;
  const tag = 'CREATE TABLE';
  if (context.temporary.has(name.toLowerCase())) {
    if (ifNotExists) return nothingToDo(t, tag, `relation "${name}" already exists, skipping`);
    throw new LakeError('duplicate_table', `relation "${name}" already exists`);
  }
  if (!cursor.isSymbol('(') || startsQuery(cursor))
    throw cursor.refused('CREATE TEMPORARY TABLE … AS', 'Create it with its columns and INSERT … SELECT into it.');
  const body = readTableBody(t, 'pg_temp', name);
  let dropOnCommit = false;
  if (cursor.takeWords('on', 'commit')) {
    if (cursor.takeWords('drop')) dropOnCommit = true;
    else if (cursor.takeWords('delete', 'rows')) throw cursor.refused('ON COMMIT DELETE ROWS');
    else cursor.expectWords('preserve', 'rows');
  }
  cursor.expectEnd();
  return {
    sql: [`CREATE TEMPORARY TABLE ${quoteName(name)} (${body.sql})`],
    tag,
    changes: [],
    temporary: { t: 'create', table: body.table, dropOnCommit },
  };
}

/** `( column type constraint…, …, PRIMARY KEY (…) )`. */
function readTableBody(t: Translation, schema: string, name: string): { sql: string; table: ViewTable } {
  const { cursor } = t;
  const columns: ViewColumn[] = [];
  const keys: { primary: boolean; columns: string[] }[] = [];
  const parts: string[] = [];
  cursor.expectSymbol('(');
  do {
    if (cursor.takeWords('constraint')) cursor.takeName();
    const primary = cursor.takeWords('primary', 'key');
    if (primary || (cursor.word() === 'unique' && cursor.isSymbol('(', 1) && cursor.takeWords('unique'))) {
      const key = readKeyColumns(t);
      keys.push({ primary, columns: key });
      parts.push(`${primary ? 'PRIMARY KEY' : 'UNIQUE'} (${key.map(quoteName).join(', ')})`);
      continue;
    }
    const column = readColumn(t, keys);
    if (columns.some((c) => c.name.toLowerCase() === column.column.name.toLowerCase())) {
      throw new LakeError('duplicate_column', `column "${column.column.name}" specified more than once`);
    }
    columns.push(column.column);
    parts.push(column.sql);
    if (columns.length > limits.tableColumnsMax)
      throw new LakeError('too_large', `tables can have at most ${limits.tableColumnsMax} columns`);
  } while (cursor.takeSymbol(','));
  cursor.expectSymbol(')');
  keys.sort((a, b) => Number(b.primary) - Number(a.primary));
  const primary = new Set(keys.filter((k) => k.primary).flatMap((k) => k.columns.map((c) => c.toLowerCase())));
  const settled = columns.map((c) => (primary.has(c.name.toLowerCase()) ? { ...c, notNull: true } : c));
  return { sql: parts.join(', '), table: { schema, name, columns: settled, keys } };
}

function readKeyColumns(t: Translation): string[] {
  const { cursor } = t;
  const columns: string[] = [];
  cursor.expectSymbol('(');
  do columns.push(cursor.takeName());
  while (cursor.takeSymbol(','));
  cursor.expectSymbol(')');
  return columns;
}

function readColumn(t: Translation, keys: { primary: boolean; columns: string[] }[]): { sql: string; column: ViewColumn } {
  const { cursor } = t;
  const name = cursor.takeName();
  const type = readType(cursor);
  let sql = `${quoteName(name)} ${type.duckdb}`;
  let notNull = false;
  for (;;) {
    if (cursor.takeWords('not', 'null')) {
      notNull = true;
      sql += ' NOT NULL';
    } else if (cursor.takeWords('null')) continue;
    else if (cursor.takeWords('primary', 'key')) {
      keys.push({ primary: true, columns: [name] });
      sql += ' PRIMARY KEY';
    } else if (cursor.takeWords('unique')) {
      keys.push({ primary: false, columns: [name] });
      sql += ' UNIQUE';
    } else if (cursor.takeWords('default')) sql += ` DEFAULT (${t.written(readExpression(t).sql)})`;
    else if (cursor.takeWords('collate')) cursor.takeName();
    else break;
  }
  return { sql, column: { name, type, notNull } };
}

/** DROP …; the word DROP is taken. */
export function readDrop(t: Translation): Definition {
  const { cursor, context } = t;
  if (cursor.takeWords('schema')) return readDropSchema(t);
  if (!cursor.takeWords('table')) throw cursor.refused(`DROP ${cursor.word().toUpperCase()}`);
  const ifExists = cursor.takeWords('if', 'exists');
  const { schema, name } = t.readQualifiedName();
  if (cursor.takeSymbol(',')) throw cursor.refused('DROP TABLE of several tables', 'Drop them one by one.');
  if (!cursor.takeWords('cascade')) cursor.takeWords('restrict');
  cursor.expectEnd();
  const tag = 'DROP TABLE';
  const known = context.temporary.has(name.toLowerCase()) && (schema === undefined || schema === 'pg_temp');
  const stored = context.view.find(schema ?? defaultSchema, name);
  if (!known && (!stored || !isServedName(stored.name))) {
    if (ifExists) return nothingToDo(t, tag, `table "${name}" does not exist, skipping`);
    throw new LakeError('undefined_table', `table "${name}" does not exist`);
  }
  const found = t.findTable(schema, name);
  if (found.temporary) return { sql: [`DROP TABLE ${found.sql}`], tag, changes: [], temporary: { t: 'drop', name } };
  return {
    sql: [`DROP TABLE ${found.sql}`],
    tag,
    changes: [{ t: 'drop-table', schema: found.table.schema, name: found.table.name }],
  };
}

function readDropSchema(t: Translation): Definition {
  const { cursor, context } = t;
  const tag = 'DROP SCHEMA';
  const ifExists = cursor.takeWords('if', 'exists');
  const schema = cursor.takeName();
  const cascade = cursor.takeWords('cascade');
  if (!cascade) cursor.takeWords('restrict');
  cursor.expectEnd();
  if (!context.view.hasSchema(schema)) {
    if (ifExists) return nothingToDo(t, tag, `schema "${schema}" does not exist, skipping`);
    throw new LakeError('undefined_schema', `schema "${schema}" does not exist`);
  }
  if (schema.toLowerCase() === defaultSchema)
    throw new LakeError('dependent_objects', `schema "${schema}" cannot be dropped: it is the default of every client`);
  const tables = [...(context.view.schemas.get(schema.toLowerCase())?.values() ?? [])];
  if (tables.length > 0 && !cascade)
    throw new LakeError('dependent_objects', `schema "${schema}" cannot be dropped: it holds ${tables.length} tables`, {
      hint: 'DROP SCHEMA … CASCADE drops them too.',
    });
  if (tables.some((table) => !isServedName(table.name)))
    throw new LakeError('permission_denied', `schema "${schema}" cannot be dropped`);
  const stored = `${quoteName(context.alias)}.${quoteName(toStoredSchema(schema))}`;
  return { sql: [`DROP SCHEMA ${stored}${cascade ? ' CASCADE' : ''}`], tag, changes: [{ t: 'drop-schema', schema }] };
}

/** ALTER TABLE …; the word ALTER is taken. What DuckLake's own migrations use. */
export function readAlter(t: Translation): Definition {
  const { cursor } = t;
  if (!cursor.takeWords('table')) throw cursor.refused(`ALTER ${cursor.word().toUpperCase()}`);
  const tag = 'ALTER TABLE';
  const ifExists = cursor.takeWords('if', 'exists');
  cursor.takeWords('only');
  const { schema = defaultSchema, name } = t.readQualifiedName();
  if (ifExists && !t.context.view.find(schema, name)) return nothingToDo(t, tag, `relation "${name}" does not exist, skipping`);
  const { table, sql } = t.findTable(schema, name);
  const at = { schema: table.schema, name: table.name };
  const has = (column: string): boolean => table.columns.some((c) => c.name.toLowerCase() === column.toLowerCase());
  if (cursor.takeWords('rename')) {
    const isTable = cursor.word() === 'to';
    if (!isTable) cursor.takeWords('column');
    const column = isTable ? undefined : cursor.takeName();
    cursor.expectWords('to');
    const to = cursor.takeName();
    cursor.expectEnd();
    if (column === undefined) {
      if (!isServedName(to))
        throw new LakeError(
          'permission_denied',
          `table "${name}" cannot be renamed to "${to}": this database holds DuckLake metadata only`,
        );
      if (t.context.view.find(table.schema, to)) throw new LakeError('duplicate_table', `relation "${to}" already exists`);
      return { sql: [`ALTER TABLE ${sql} RENAME TO ${quoteName(to)}`], tag, changes: [{ t: 'rename-table', ...at, to }] };
    }
    if (!has(column)) throw new LakeError('undefined_column', `column "${column}" does not exist`);
    const columns = table.columns.map((c) => (c.name.toLowerCase() === column.toLowerCase() ? { ...c, name: to } : c));
    return {
      sql: [`ALTER TABLE ${sql} RENAME COLUMN ${quoteName(column)} TO ${quoteName(to)}`],
      tag,
      changes: [{ t: 'set-columns', ...at, columns }],
    };
  }
  if (cursor.takeWords('add')) {
    cursor.takeWords('column');
    const ifNotExists = cursor.takeWords('if', 'not', 'exists');
    const keys: { primary: boolean; columns: string[] }[] = [];
    const added = readColumn(t, keys);
    cursor.expectEnd();
    if (keys.length > 0) throw cursor.refused('ADD COLUMN with a key');
    if (has(added.column.name)) {
      if (ifNotExists) return nothingToDo(t, tag, `column "${added.column.name}" of relation "${name}" already exists, skipping`);
      throw new LakeError('duplicate_column', `column "${added.column.name}" of relation "${name}" already exists`);
    }
    return {
      sql: [`ALTER TABLE ${sql} ADD COLUMN ${added.sql}`],
      tag,
      changes: [{ t: 'set-columns', ...at, columns: [...table.columns, added.column] }],
    };
  }
  if (cursor.takeWords('drop')) {
    cursor.takeWords('column');
    const ifColumn = cursor.takeWords('if', 'exists');
    const column = cursor.takeName();
    if (!cursor.takeWords('cascade')) cursor.takeWords('restrict');
    cursor.expectEnd();
    if (!has(column)) {
      if (ifColumn) return nothingToDo(t, tag, `column "${column}" of relation "${name}" does not exist, skipping`);
      throw new LakeError('undefined_column', `column "${column}" of relation "${name}" does not exist`);
    }
    const columns = table.columns.filter((c) => c.name.toLowerCase() !== column.toLowerCase());
    return { sql: [`ALTER TABLE ${sql} DROP COLUMN ${quoteName(column)}`], tag, changes: [{ t: 'set-columns', ...at, columns }] };
  }
  throw cursor.refused('this form of ALTER TABLE');
}
