/**
 * Names of unnamed result columns as PostgreSQL gives them where both databases agree on the idea: a function call is called
 * after its function (`count`, not `count_star()`), a cast after what is cast or else after its type, an expression
 * `?column?`. DuckDB spells the whole expression; programs and people who come with PostgreSQL read `row["count"]`. Only
 * what is announced changes: tables made from a query keep DuckDB's names. An alias that is written like an expression
 * (`AS "f(x)"`) is taken for one. Source: PostgreSQL 17, FigureColname in parse_target.c, as its documentation of SELECT tells it.
 */

/** DuckDB quotes names that are keywords of its own: `"version"()`; `main.` stands before what its grammar made a call of. */
const call = /^(?:boilstream\.pg\._?|(main\.|system\.main\.))?("?)([A-Za-z_][A-Za-z0-9_]*)\2\(/;
const anonymous = '?column?';

/** DuckDB's names for functions that PostgreSQL's grammar calls otherwise. */
const otherNames: Readonly<Record<string, string>> = {
  count_star: 'count',
  from_hex: 'bytea',
  // `~` and SIMILAR TO
  regexp_full_match: '?column?',
};

/** PostgreSQL's names of types by DuckDB's, where they differ. */
const typeNames: Readonly<Record<string, string>> = {
  boolean: 'bool',
  tinyint: 'int2',
  smallint: 'int2',
  integer: 'int4',
  bigint: 'int8',
  hugeint: 'numeric',
  decimal: 'numeric',
  float: 'float4',
  double: 'float8',
  varchar: 'text',
  blob: 'bytea',
  'timestamp with time zone': 'timestamptz',
  'time with time zone': 'timetz',
};

/** `name` as DuckDB gives it to the name that is announced. */
export function announcedName(name: string): string {
  const last = name.charCodeAt(name.length - 1);
  // `)`, `]`, a quote, a digit, or a constant or CASE: everything else is a column or an alias.
  if (
    last !== 0x29 &&
    last !== 0x5d &&
    last !== 0x27 &&
    !(last >= 0x30 && last <= 0x39) &&
    !/^(?:NULL$|CASE )|" COLLATE |[a-z_] COLLATE /.test(name)
  )
    return name;
  return nameOfExpression(name) ?? name;
}

/** The name of an expression in DuckDB's spelling, or undefined when it looks like a name of someone's own. */
function nameOfExpression(text: string): string | undefined {
  if (/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) || text === 'NULL' || /^'(?:[^']|'')*'$/.test(text)) return anonymous;
  if (text.startsWith('CASE ')) return 'case';
  if (text.startsWith('(ARRAY[') || text.startsWith('ARRAY[')) return 'array';
  const collated = /^(.*) COLLATE [A-Za-z_"]+$/s.exec(text);
  if (collated) return plainName(collated[1] as string);
  if (text.startsWith('(') && closesAt(text, 1) === text.length - 1) return anonymous;
  if (text.startsWith('-(') || /^\(.*\)\[[^\]]*\]$/s.test(text)) return undefined;
  const found = call.exec(text);
  if (!found) return undefined;
  const [head, schema, , word] = found as unknown as [string, string | undefined, string, string];
  const end = closesAt(text, head.length);
  const isWhole = end === text.length - 1 || /^\) (?:OVER|FILTER|WITHIN GROUP) ?\(.*\)$/s.test(text.slice(end));
  if (!isWhole) return undefined;
  if (word === 'CAST' || word === 'TRY_CAST') return nameOfCast(text.slice(head.length, -1));
  if (schema !== undefined && word === 'date_part') return 'extract';
  // Casts to regclass and its kin are calls of ours.
  return otherNames[word] ?? (head.startsWith('boilstream') ? word.replace(/_(?:in|out)$/, '') : word.toLowerCase());
}

/** `x AS TYPE`: what has a name keeps it, the rest is called after the type. */
function nameOfCast(text: string): string {
  const at = text.lastIndexOf(' AS ');
  const inner = text.slice(0, at);
  const type = text
    .slice(at + 4)
    .replace(/\(.*$|(?:\[\d*\])+$/, '')
    .replaceAll('"', '')
    .toLowerCase();
  const own = plainName(inner) ?? nameOfExpression(inner);
  return own === undefined || own === anonymous ? (typeNames[type] ?? type) : own;
}

/** `a`, `"b c"`, `t.a`: the last part. */
function plainName(text: string): string | undefined {
  const parts = /^(?:(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+")\.)*([A-Za-z_][\w$]*|"(?:[^"]|"")+")$/.exec(text);
  const name = parts?.[1];
  return name?.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name === 'NULL' ? undefined : name;
}

/** Where the parenthesis that is open before `from` closes; -1 if it does not. */
function closesAt(text: string, from: number): number {
  let depth = 1;
  let quote = '';
  for (let at = from; at < text.length; at++) {
    const c = text[at] as string;
    if (quote !== '') {
      if (c === quote) quote = '';
    } else if (c === "'" || c === '"') quote = c;
    else if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return at;
  }
  return -1;
}
