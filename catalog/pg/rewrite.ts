/**
 * PostgreSQL's names in statement text, turned into names DuckDB finds: `pg_catalog.x`, `information_schema.x` and bare
 * `pg_class` become our relations and functions, `public` becomes `main`, and the few spellings that only catalog queries
 * use (`OPERATOR(pg_catalog.~)`, `COLLATE pg_catalog.default`, `::regclass`) become what DuckDB understands; so do the
 * literals whose text DuckDB would read as something else (`'\x00'::bytea`, `'{a,b}'::text[]`, `'1.2345'::numeric`).
 * It looks at tokens, never into comments, and leaves every other statement as it is: one regular expression decides that
 * for most.
 */
import { nameOf, quoteString, stringOf, type Token } from '../../base/sql-lexer.ts';
import { parseArrayText } from '../../base/pg-array-input.ts';
import { oidOfTypeName } from '../../base/pg-types.ts';
import { aliasColumns, spellings, spellingWords } from './spellings.ts';
import { fileSizes, sizeFunctions } from './sizes.ts';
import { StatementText } from './statement-text.ts';
import { countedSchema, pg } from './view.ts';

export interface RewriteOptions {
  /** The current lake: `lake.pg_catalog.pg_class` is accepted for it. */
  readonly lake: string;
  /** Whether `public` means `main` in this lake (undefined: the current one); false for a lake with a `public` of its own, and for names that are no lake. */
  isPublicAlias(lake: string | undefined): boolean;
  /** Names of our relations in pg_catalog and information_schema, and of our functions. */
  readonly names: CatalogNames;
}

export interface CatalogNames {
  readonly relations: ReadonlySet<string>;
  readonly informationRelations: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
}

export interface Rewritten {
  readonly sql: string;
  /** True if the statement asks the catalog: its result columns are announced with catalog types (see announce.ts). */
  readonly isCatalog: boolean;
  /** Oids of parameters that are cast to a type DuckDB does not know apart (`$1::oid[]`), by position; 0 for the others. */
  readonly parameters: readonly number[];
}

const trigger = new RegExp(
  `pg_|public|information_schema|\\breg[a-z]{3,}\\b|operator\\s*\\(|~|['\\d]\\s*::\\s*(?:numeric|decimal|bytea|time(?:stamp)?tz|[a-z_]\\w*\\s*\\[)|like\\s+'[^'\\\\]*\\\\|${spellingWords}`,
  'i',
);
const catalogTrigger =
  /\bpg_|information_schema|\breg(?:class|type|proc|procedure|namespace|role|oper|operator|config|dictionary)\b/i;

/** Whether a statement asks the catalog (its text names something only the catalog has). */
export function isCatalogQuery(sql: string): boolean {
  return catalogTrigger.test(sql);
}

/** Rewrites one statement. Text without any of the words above comes back as the same string. */
export function rewriteNames(sql: string, options: RewriteOptions): Rewritten {
  if (!trigger.test(sql)) return { sql, isCatalog: false, parameters: [] };
  const isCatalog = catalogTrigger.test(sql);
  const rewriter = new Rewriter(sql, options, isCatalog);
  const rewritten = rewriter.run();
  return { sql: rewritten, isCatalog, parameters: rewriter.parameters };
}

const regTypes: ReadonlySet<string> = new Set([
  'regclass',
  'regtype',
  'regproc',
  'regprocedure',
  'regnamespace',
  'regrole',
  'regoper',
  'regoperator',
  'regconfig',
  'regdictionary',
]);
const textTypes: ReadonlySet<string> = new Set(['text', 'varchar', 'name', 'bpchar']);
/** Types of pg_catalog and information_schema that DuckDB does not have under that name. */
const typeNames: Readonly<Record<string, string>> = {
  name: 'varchar',
  char: 'varchar',
  '"char"': 'varchar',
  bpchar: 'varchar',
  oid: 'bigint',
  xid: 'bigint',
  cid: 'bigint',
  int2vector: 'smallint[]',
  oidvector: 'bigint[]',
  pg_node_tree: 'varchar',
  aclitem: 'varchar',
  inet: 'varchar',
  cstring: 'varchar',
  unknown: 'varchar',
  anyarray: 'varchar',
  jsonb: 'json',
  float8: 'double',
  float4: 'float',
  bool: 'boolean',
  sql_identifier: 'varchar',
  character_data: 'varchar',
  yes_or_no: 'varchar',
  cardinal_number: 'integer',
  time_stamp: 'timestamptz',
};
/** Relations that are there a second time, with rows counted. */
const countedRelations: ReadonlySet<string> = new Set(['pg_class', 'pg_stat_user_tables', 'pg_stat_all_tables']);
/** Columns of catalogs that hold functions. */
const procColumns: ReadonlySet<string> = new Set([
  'typsubscript',
  'typinput',
  'typoutput',
  'typreceive',
  'typsend',
  'typmodin',
  'typmodout',
  'typanalyze',
]);
/** Functions that stand in FROM with their alias as the name of their column. */
const setReturning: ReadonlySet<string> = new Set(['unnest', 'generate_series', 'generate_subscripts']);

class Rewriter extends StatementText {
  readonly options: RewriteOptions;
  readonly isCatalog: boolean;
  readonly parameters: number[] = [];
  /** Rows of tables are asked for: the relations of `counted`, which are dear, instead of those of `pg`. */
  readonly isCounted: boolean;

  constructor(sql: string, options: RewriteOptions, isCatalog: boolean) {
    super(sql);
    this.options = options;
    this.isCatalog = isCatalog;
    this.isCounted = isCatalog && /\b(?:reltuples|n_live_tup)\b/i.test(sql);
  }

  run(): string {
    for (let i = 0; i < this.at.length; ) i = this.step(i);
    return this.toString();
  }

  /** Handles what begins at significant token `i`; returns the next one to look at. */
  step(i: number): number {
    const token = this.token(i) as Token;
    if (token.kind === 'operator') {
      if (token.text === ':' && this.text(i + 1) === ':') return this.cast(i);
      if (token.text === '~') return this.match(i);
      return i + 1;
    }
    if (token.kind === 'string') return this.literalCast(i) ?? (this.isCatalog ? this.arrayLiteral(i) : i + 1);
    if (token.kind === 'number') return this.literalCast(i) ?? i + 1;
    if (token.kind !== 'name' && token.kind !== 'quoted-name') return i + 1;
    const name = nameOf(token);
    if (this.text(i + 1) === '.') {
      if (name === 'pg_catalog' || name === 'information_schema') return this.qualified(i, name);
      if (name === 'public') return this.publicName(i);
      if ((name === 'pg_temp' || name === 'pg_temp_1') && this.text(i - 1) !== '.') this.set(i, 'temp');
    }
    if (token.kind === 'quoted-name') return i + 1;
    if (name === 'operator' && this.text(i + 1) === '(') return this.operator(i);
    if (name === 'collate') return this.collate(i);
    if (name === 'like' || name === 'ilike') this.escape(i);
    if (name === 'public' && this.word(i - 1) !== undefined) return this.publicName(i);
    if (name === 'as' && this.isCatalog) return this.castAs(i);
    if (this.isCatalog && procColumns.has(name)) this.procColumn(i);
    if (this.text(i - 1) !== '.') spellings.get(name)?.(this, i, name);
    if (this.isCatalog && this.text(i - 1) !== '.') {
      if (name === 'generate_subscripts') aliasColumns(this, i);
      else if (this.text(i + 1) === '(' && this.options.names.functions.has(name) && !name.startsWith('_')) {
        this.set(i, pg(name));
        if (sizeFunctions.has(name)) this.completeSize(i + 1);
      } else if (
        this.text(i + 1) !== '(' &&
        this.text(i + 1) !== '.' &&
        this.options.names.relations.has(name) &&
        this.isRelationPlace(i)
      )
        this.set(i, this.isCounted && countedRelations.has(name) ? `boilstream.${countedSchema}.${name}` : pg(name));
    }
    return i + 1;
  }

  /** `pg_catalog . x` and `information_schema . x`, also after the current lake's name. */
  qualified(i: number, schema: string): number {
    const target = this.token(i + 2);
    if (target?.kind !== 'name' && target?.kind !== 'quoted-name') return i + 2;
    if (this.text(i - 1) === '.') {
      const lake = this.token(i - 2);
      if (!lake || nameOf(lake) !== this.options.lake || this.text(i - 3) === '.') return i + 3;
      this.clear(i - 2, i);
    }
    const name = nameOf(target);
    const { names } = this.options;
    if (this.text(i + 3) === '(') {
      this.clear(i, i + 2);
      if (names.functions.has(name)) this.set(i + 2, pg(name));
      if (sizeFunctions.has(name)) this.completeSize(i + 3);
      if (setReturning.has(name)) aliasColumns(this, i + 2);
      return i + 3;
    }
    const info = schema === 'information_schema';
    if (
      !(info ? names.informationRelations : names.relations).has(name) &&
      this.text(i + 3) !== '.' &&
      typeNames[name] !== undefined
    ) {
      this.clear(i, i + 2);
      this.set(i + 2, typeNames[name] as string);
      return i + 3;
    }
    const counted = this.isCounted && !info && countedRelations.has(name);
    this.set(i, info ? 'boilstream.info' : counted ? `boilstream.${countedSchema}` : 'boilstream.pg');
    return i + 3;
  }

  /** The call that opens at token `i` gets its last argument. */
  completeSize(i: number): void {
    this.prefix(this.closing(i), `, ${fileSizes(this.options.lake)}`);
  }

  publicName(i: number): number {
    let lake: string | undefined;
    if (this.text(i - 1) === '.') {
      const before = this.token(i - 2);
      if (!before || this.text(i - 3) === '.') return i + 1;
      lake = nameOf(before);
      if (this.text(i + 1) !== '.') return i + 1;
    }
    const named = this.text(i + 1) === '.' || ['schema', 'exists', 'use'].includes(this.word(i - 1) ?? '');
    if (named && this.options.isPublicAlias(lake)) this.set(i, 'main');
    return i + 1;
  }

  /** `OPERATOR ( pg_catalog . op )` is `op`. */
  operator(i: number): number {
    let end = i + 2;
    if (this.text(end + 1) === '.') end += 2;
    const from = end;
    while (end < this.at.length && this.text(end) !== ')') end++;
    const symbol = this.at
      .slice(from, end)
      .map((k) => this.tokens[k]?.text)
      .join('');
    this.clear(i, end);
    this.set(end, symbol);
    if (symbol === '~' || symbol === '!~' || symbol === '~*' || symbol === '!~*') {
      this.set(end, symbol.startsWith('!') ? '!~' : '~');
      this.pattern(end + 1, symbol.endsWith('*'));
    }
    return end + 1;
  }

  /** In a pattern of LIKE a backslash makes the next character mean itself; DuckDB wants to be told so. */
  escape(i: number): void {
    const pattern = this.token(i + 1);
    if (pattern === undefined || (!this.isCatalog && !(pattern.kind === 'string' && stringOf(pattern).includes('\\')))) return;
    const end = this.operandEnd(i + 1);
    if (end > i + 1 && this.word(end) !== 'escape' && this.text(end) !== '|') this.suffix(end - 1, " ESCAPE '\\'");
  }

  /** Text compares by bytes, so PostgreSQL's own collations are what happens anyway. */
  collate(i: number): number {
    const qualified = this.text(i + 2) === '.' && this.word(i + 1) === 'pg_catalog';
    const target = this.token(qualified ? i + 3 : i + 1);
    const name = target ? nameOf(target) : '';
    if (!qualified && name !== 'default' && name !== 'C' && name !== 'POSIX' && name !== 'ucs_basic') return i + 1;
    const end = qualified ? i + 4 : i + 2;
    this.clear(i, end);
    return end;
  }

  /** PostgreSQL's `~` finds the pattern anywhere, DuckDB's wants it to match all; `~*` DuckDB does not have. */
  match(i: number): number {
    if (this.adjacent(i - 1, i) && this.text(i - 1) === '~') return i + 1;
    if (this.adjacent(i, i + 1) && ['~', '=', '>', '<'].includes(this.text(i + 1) ?? '')) return i + 2;
    const negated = this.text(i - 1) === '!' && this.adjacent(i - 1, i);
    const insensitive = this.text(i + 1) === '*' && this.adjacent(i, i + 1);
    if (!this.isOperandEnd(negated ? i - 2 : i - 1)) return i + 1;
    if (insensitive) this.clear(i + 1, i + 2);
    this.pattern(insensitive ? i + 2 : i + 1, insensitive);
    return insensitive ? i + 2 : i + 1;
  }

  /** Wraps the pattern operand that begins at `i` so that a whole match is a match anywhere. */
  pattern(i: number, insensitive: boolean): void {
    const end = this.operandEnd(i);
    this.prefix(i, `('(?${insensitive ? 'i' : ''}s).*(?:' || `);
    this.suffix(end - 1, " || ').*')");
  }

  /** `x::type`: reg types become a look-up, types of pg_catalog lose their schema. */
  cast(i: number): number {
    let k = i + 2;
    if (this.text(k + 1) === '.' && ['pg_catalog', 'information_schema'].includes(this.word(k) ?? '')) {
      this.clear(k, k + 2);
      k += 2;
      const name = this.typeName(k);
      if (name !== undefined && typeNames[name] !== undefined) this.set(k, typeNames[name] as string);
    }
    const name = this.typeName(k);
    this.noteParameter(i - 1, name, this.text(k + 1) === '[');
    if (name === 'oid' && this.text(i - 1) === ')') this.typeOid(i, k);
    if (name === undefined || !regTypes.has(name) || this.text(k + 1) === '[') return k + 1;
    const start = this.operandStart(i - 1);
    let after = k + 1;
    let isText = false;
    if (this.text(after) === ':' && this.text(after + 1) === ':') {
      let next = after + 2;
      if (this.text(next + 1) === '.' && this.word(next) === 'pg_catalog') next += 2;
      const target = this.typeName(next) ?? '';
      isText = textTypes.has(target);
      if (isText || target === 'oid') {
        this.clear(after, next + 1);
        after = next + 1;
        if (!isText) return this.regCast(start, i, k, name, 'oid', after);
      }
    }
    return this.regCast(start, i, k, name, isText ? 'text' : 'any', after);
  }

  /** `pg_typeof(x)::oid`: the function answers the type's name. */
  typeOid(i: number, k: number): void {
    const start = this.operandStart(i - 1);
    if (this.word(start) !== 'pg_typeof') return;
    this.prefix(start, `${pg('_regtype_in')}(`);
    this.clear(i, k + 1);
    this.suffix(i - 1, this.isSelectItem(start, k + 1) && this.word(k + 1) !== 'as' ? ') AS pg_typeof' : ')');
  }

  /** A driver encodes a parameter as the type it is cast to; of `oid` and `name` DuckDB keeps only what holds them. */
  noteParameter(i: number, type: string | undefined, isArray: boolean): void {
    const token = this.token(i);
    if (token?.kind !== 'parameter' || (type !== 'oid' && type !== 'name')) return;
    const oid = oidOfTypeName(isArray ? `_${type}` : type);
    const position = Number(token.text.slice(1)) - 1;
    if (oid === undefined || position < 0 || position > 65_535) return;
    while (this.parameters.length < position) this.parameters.push(0);
    this.parameters[position] = oid;
  }

  /** Turns tokens start..k (`operand :: regx`) into a look-up; `wanted` is what the value is used as. */
  regCast(start: number, i: number, k: number, type: string, wanted: 'oid' | 'text' | 'any', after: number): number {
    this.clear(i, k + 1);
    // A literal, a parameter or what an expression puts together names a thing, so its oid is wanted; a column holds an
    // oid, so its name is.
    const only = i - start === 1 ? this.token(start) : undefined;
    const names = only?.kind === 'string' || only?.kind === 'parameter' || this.isComputed(start, i);
    const toOid = `${pg(`_${type}_in`)}(`;
    const toName = `${pg(`_${type}_out`)}(`;
    if (names) {
      const isText = wanted === 'text' || (wanted === 'any' && this.isSelectItem(start, after));
      this.prefix(start, isText ? `${toName}${toOid}` : toOid);
      const isShown = wanted === 'oid' && this.isSelectItem(start, after) && this.word(after) !== 'as';
      this.suffix(i - 1, isText ? '))' : isShown ? ') AS oid' : ')');
    } else if (wanted !== 'oid') {
      this.prefix(start, toName);
      this.suffix(i - 1, ')');
    }
    return after;
  }

  /** Whether the operand from `start` to before `end` is a call or in parentheses, and more than a column's name in them. */
  isComputed(start: number, end: number): boolean {
    if (this.text(end - 1) !== ')') return false;
    for (let k = start + 1; k < end - 1; k++) {
      const kind = this.token(k)?.kind;
      if (kind !== 'name' && kind !== 'quoted-name' && this.text(k) !== '.') return true;
    }
    return false;
  }

  /** `CAST(x AS pg_catalog.type)` and `CAST(x AS regclass)`. */
  castAs(i: number): number {
    let k = i + 1;
    const qualified = this.text(k + 1) === '.' && this.word(k) === 'pg_catalog';
    if (qualified) k += 2;
    const name = this.typeName(k);
    if (name === undefined || this.text(k + 1) !== ')') return i + 1;
    let open = i;
    for (let depth = 1; open > 0 && depth > 0; ) {
      open--;
      if (this.text(open) === ')') depth++;
      else if (this.text(open) === '(') depth--;
    }
    if (this.word(open - 1) !== 'cast') return i + 1;
    if (regTypes.has(name)) {
      this.clear(open - 1, open);
      return this.regCast(
        open + 1,
        i,
        k,
        name,
        (this.token(open + 1)?.kind === 'string' || this.isComputed(open + 1, i)) && this.isSelectItem(open - 1, k + 2)
          ? 'text'
          : 'any',
        k + 1,
      );
    }
    if (qualified) {
      this.clear(i + 1, k);
      if (typeNames[name] !== undefined) this.set(k, typeNames[name] as string);
    }
    return k + 1;
  }

  /**
   * `'…'::type` where DuckDB reads the text in another way than PostgreSQL, and loses something: hexadecimal bytea, array
   * literals, zones without minutes after times without seconds, decimals without precision (three places in DuckDB). Returns the next token, or undefined when it is no such cast.
   */
  literalCast(i: number): number | undefined {
    if (this.text(i + 1) !== ':' || this.text(i + 2) !== ':') return undefined;
    const type = this.typeName(i + 3);
    const token = this.token(i) as Token;
    const value = token.kind === 'string' ? stringOf(token) : token.text;
    const next = this.text(i + 4);
    if (next === '[' && this.text(i + 5) === ']' && type !== undefined && !regTypes.has(type)) {
      const elements = arrayElements(value);
      if (elements === null) return undefined;
      this.set(i, listOf(elements));
      // `'{{1,2},{3,4}}'::int[]` is of two dimensions, which DuckDB wants to be told.
      let dimensions = 1;
      while (this.text(i + 4 + 2 * dimensions) === '[' && this.text(i + 5 + 2 * dimensions) === ']') dimensions++;
      this.suffix(i + 5, '[]'.repeat(Math.max(0, depthOf(elements) - dimensions)));
      return this.isCatalog ? i + 1 : i + 6;
    }
    if (next === '[' || next === '(') return undefined;
    if (type === 'bytea' && /^\\x(?:[0-9a-f]{2})*$/i.test(value)) {
      this.set(i, `from_hex('${value.slice(2)}')`);
      this.clear(i + 1, i + 4);
      return i + 4;
    }
    if (type === 'timestamptz' || type === 'timetz') {
      const zoned = /^(.*?\d\d:\d\d)(:\d\d(?:\.\d+)?)?\s*([+-])(\d{1,2})((?::?\d\d){0,2})$/.exec(value.replace(/Z$/i, '+00'));
      if (zoned === null) return undefined;
      const [, clock, seconds, sign, hours, rest] = zoned;
      this.set(i, quoteString(`${clock}${seconds ?? ':00'}${sign}${hours?.padStart(2, '0')}${rest}`));
      return i + 4;
    }
    const decimal = type === 'numeric' || type === 'decimal' ? /^\s*[+-]?(\d*)(?:\.(\d*))?\s*$/.exec(value) : null;
    if (decimal === null) return undefined;
    const [whole, places] = [decimal[1]?.length ?? 0, decimal[2]?.length ?? 0];
    if (whole + places > 0 && whole + places <= 38) this.set(i + 3, `DECIMAL(38, ${places})`);
    return i + 4;
  }

  /** A column that holds a function's oid is read as its name: cast to text, or shown by the outermost select list. */
  procColumn(i: number): void {
    const start = this.text(i - 1) === '.' ? i - 2 : i;
    const isCast = this.text(i + 1) === ':' && this.text(i + 2) === ':';
    const type = this.typeName(this.text(i + 4) === '.' ? i + 5 : i + 3);
    const isShown = !isCast && this.isOutermost(start) && this.isSelectItem(start, i + 1);
    if (!isShown && !(isCast && textTypes.has(type ?? ''))) return;
    this.prefix(start, `${pg('_regproc_out')}(`);
    this.suffix(i, isShown && this.word(i + 1) !== 'as' ? `) AS ${this.token(i)?.text}` : ')');
  }

  /** `'{1,2}'` is an array to PostgreSQL wherever one is expected; DuckDB wants a list. */
  arrayLiteral(i: number): number {
    const token = this.token(i) as Token;
    const text = stringOf(token);
    if (!text.startsWith('{') || !text.endsWith('}')) return i + 1;
    const isNumbers = /^\{(?:-?\d+(?:,-?\d+)*)?\}$/.test(text);
    const before = this.word(i - 2);
    const inAny = this.text(i - 1) === '(' && (before === 'any' || before === 'all' || before === 'some');
    let k = i + 1;
    while (
      this.text(k) === ':' ||
      this.text(k) === '.' ||
      this.token(k)?.kind === 'name' ||
      this.token(k)?.kind === 'quoted-name'
    ) {
      if (this.token(k)?.kind === 'name' && this.text(k - 1) !== ':' && this.text(k - 1) !== '.') break;
      k++;
    }
    const isCast = this.text(i + 1) === ':' && this.text(k) === '[';
    if (!isNumbers && !inAny && !isCast) return i + 1;
    const values = arrayElements(text);
    if (values) this.set(i, isNumbers && !isCast ? `[${values.join(', ')}]` : listOf(values));
    return i + 1;
  }

  isRelationPlace(i: number): boolean {
    const word = this.word(i - 1);
    return (
      word === 'from' ||
      word === 'join' ||
      word === 'only' ||
      word === 'table' ||
      word === 'describe' ||
      word === 'lateral' ||
      (this.text(i - 1) === ',' && this.isInFrom(i - 1)) ||
      (this.text(i - 1) === '(' && this.word(i - 2) === 'from')
    );
  }
}

/** The elements of a PostgreSQL array literal, lists where it has more dimensions; null when it is none. */
function arrayElements(text: string): unknown[] | null {
  try {
    return parseArrayText(text);
  } catch {
    return null;
  }
}

function listOf(elements: readonly unknown[]): string {
  const one = (element: unknown): string =>
    Array.isArray(element) ? listOf(element) : element === null ? 'NULL' : quoteString(String(element));
  return `[${elements.map(one).join(', ')}]`;
}

function depthOf(elements: readonly unknown[]): number {
  const [first] = elements;
  return Array.isArray(first) ? 1 + depthOf(first) : 1;
}
