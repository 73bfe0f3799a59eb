/**
 * Names of unnamed result columns as PostgreSQL gives them where both databases agree on the idea: a function call is called
 * after its function (`count`, not `count_star()`; `sum`, not `sum(x)`). DuckDB spells the whole expression; programs and
 * people who come with PostgreSQL read `row["count"]`. Only what is announced changes: tables made from a query keep
 * DuckDB's names. Source: PostgreSQL 17, FigureColname in parse_target.c, as its documentation of SELECT tells it.
 */

/** DuckDB quotes names that are keywords of its own: `"version"()`. */
const plainCall = /^("?)([a-z_][a-z0-9_]*)\1\(/;

/** `name` as DuckDB gives it to the name that is announced. An alias written as a call (`AS "f(x)"`) is shortened too. */
export function announcedName(name: string): string {
  if (!name.endsWith(')')) return name;
  const call = plainCall.exec(name);
  if (!call || !closesAtEnd(name, call[0].length)) return name;
  return call[2] === 'count_star' ? 'count' : (call[2] as string);
}

/** Whether the parenthesis before `from` closes with the last character: `f(a) + g(b)` is no call. */
function closesAtEnd(name: string, from: number): boolean {
  let depth = 1;
  let quote = '';
  for (let at = from; at < name.length; at++) {
    const c = name[at] as string;
    if (quote !== '') {
      if (c === quote) quote = '';
    } else if (c === "'" || c === '"') quote = c;
    else if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return at === name.length - 1;
  }
  return false;
}
