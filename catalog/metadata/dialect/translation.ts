/** What is known while one statement is translated, and what it turns out to use. */
import { LakeError } from '../../../base/errors.ts';
import { quoteName } from '../../../base/sql-lexer.ts';
import { defaultSchema, storedName, undefinedTable } from '../catalog-view.ts';
import type { CatalogView, ViewTable } from '../catalog-view.ts';
import { limits } from '../limits.ts';
import { Cursor } from './cursor.ts';

/** Handed in by the session for each statement. */
export interface TranslationContext {
  /** The database name as the client knows it. */
  readonly database: string;
  /** The alias in the DuckDB instance. */
  readonly alias: string;
  readonly view: CatalogView;
  /** This session's temporary tables by name. */
  readonly temporary: ReadonlyMap<string, ViewTable>;
  /** A relation of pg_catalog or information_schema as a DuckDB subquery, or undefined. */
  systemRelation(schema: string, name: string): string | undefined;
  /** A function that is answered by the session (version(), to_regclass …) as a DuckDB expression, or undefined. */
  sessionFunction(name: string, literals: readonly (string | null)[]): string | undefined;
  /** ctid as six bytes (binary COPY) or as text. */
  readonly tidForm: 'binary' | 'text';
}

/** A table that a statement reads or changes, found in the view. */
export interface FoundTable {
  readonly table: ViewTable;
  readonly temporary: boolean;
  /** How DuckDB is told about it: always with the database, so that no other can be meant. */
  readonly sql: string;
}

/** DuckLake's tables and, in DuckLake's schemas, nothing else. */
const servedTable = /^ducklake_[a-z0-9_]+$/;

/** A text without its literals: texts that differ only in them are asked alike. */
export interface Shape {
  /** With `?` for each literal; the text itself if there are none. */
  readonly sql: string;
  readonly literalCount: number;
}

/** Marks where a literal was taken out; both are private-use characters. */
const [markStart, markEnd] = ['\u{e000}', '\u{e001}'];
const marks = /\u{e000}(\d+)\u{e001}/gu;

/** One item of a select list. `tid` items are announced as tid. */
export type SelectItem = { readonly t: 'star' } | { readonly t: 'item'; readonly name: string; readonly tid: boolean };

export class Translation {
  readonly cursor: Cursor;
  readonly context: TranslationContext;
  /** Names of common table expressions, innermost last. */
  readonly commonTables: string[] = [];
  /** Items of the outermost select list. */
  items: readonly SelectItem[] = [];
  /** Highest `$n` seen. */
  parameterCount = 0;
  /** Stored tables that are read or changed. */
  readonly used = new Set<ViewTable>();
  /** Literals that stand in the text as they are. Only a text without any has a shape worth keeping a plan for. */
  bareLiterals = 0;
  /** True if the text asks for more than rows: the time, who asks, chance, where rows lie (ctid), a reading of text as a time. */
  isVolatile = false;
  readonly #taken: string[] = [];
  readonly #canTake: boolean;
  /** True if a pg_catalog relation or a session function made the text depend on the view. */
  usesCatalog = false;

  constructor(sql: string, context: TranslationContext) {
    this.cursor = new Cursor(sql);
    this.context = context;
    this.#canTake = !sql.includes(markStart) && !sql.includes(markEnd);
  }

  /** Takes a literal out that was just read; `sql` is how it is written. */
  take(sql: string): string {
    if (!this.#canTake || this.#taken.length >= limits.takenLiteralsMax) return sql;
    this.bareLiterals--;
    this.#taken.push(sql);
    return `${markStart}${this.#taken.length - 1}${markEnd}`;
  }

  /** The text with its literals back in place. */
  written(sql: string): string {
    return this.#taken.length === 0 ? sql : sql.replace(marks, (_mark, index) => this.#taken[Number(index)] ?? '');
  }

  /** The shape of a text, if nothing in it is likely to differ the next time. */
  shape(sql: string): Shape | undefined {
    if (this.bareLiterals > 0 || this.parameterCount > 0 || this.usesCatalog) return undefined;
    return { sql: this.#taken.length === 0 ? sql : sql.replace(marks, '?'), literalCount: this.#taken.length };
  }

  /** The stored tables that alone decide the answer; undefined if something else does too. */
  fixed(): readonly ViewTable[] | undefined {
    if (this.isVolatile || this.usesCatalog || this.parameterCount > 0) return undefined;
    return [...this.used];
  }

  /** Reads `[database.][schema.]name` and finds the table that may be touched under it; throws `undefined_table` and friends. */
  readTable(): FoundTable {
    const { schema, name } = this.readQualifiedName();
    return this.findTable(schema, name);
  }

  findTable(schema: string | undefined, name: string): FoundTable {
    if (schema === undefined || schema === 'pg_temp') {
      const table = this.context.temporary.get(name.toLowerCase());
      if (table) this.isVolatile = true;
      if (table) return { table, temporary: true, sql: `temp.main.${quoteName(table.name)}` };
    }
    const table = this.context.view.find(schema ?? defaultSchema, name);
    if (!table || !isServedName(table.name)) {
      if (schema !== undefined && !this.context.view.hasSchema(schema))
        throw new LakeError('undefined_schema', `schema "${schema}" does not exist`);
      throw undefinedTable(schema, name);
    }
    this.used.add(table);
    return { table, temporary: false, sql: this.storedName(table.schema, table.name) };
  }

  /** The full DuckDB name of a table in this lake's database. */
  storedName(schema: string, name: string): string {
    return storedName({ schema, name }, this.context.alias);
  }

  /** `[database.][schema.]name`; any other database is refused as PostgreSQL does. */
  readQualifiedName(): { schema: string | undefined; name: string } {
    const parts = [this.cursor.takeName()];
    while (this.cursor.takeSymbol('.')) parts.push(this.cursor.takeName());
    if (parts.length > 3)
      throw new LakeError('syntax_error', `improper qualified name (too many dotted names): ${parts.join('.')}`);
    if (parts.length === 3 && parts[0] !== this.context.database) {
      throw new LakeError('feature_not_supported', `cross-database references are not implemented: "${parts.join('.')}"`);
    }
    return { schema: parts.at(-2), name: parts.at(-1) as string };
  }
}

/** True for names of tables that belong to DuckLake. */
export function isServedName(name: string): boolean {
  return servedTable.test(name.toLowerCase());
}
