/**
 * What a client may say to the external server, by the first words of each statement. The server keeps lakes apart by roles;
 * this is for what a role may do by nature: change its own password or settings, leave code behind, lock or notify. An
 * allow-list of what DuckLake's clients send and people look at.
 */

/** First words that pass. */
const passing: ReadonlySet<string> = new Set(
  'select with values table insert update delete truncate copy begin start commit end rollback abort savepoint release show discard explain declare fetch move close deallocate prepare execute analyze'.split(
    ' ',
  ),
);

/** What comes after CREATE, ALTER and DROP: tables, for DuckLake makes nothing else. */
const made = /^(?:create|alter|drop)\s+(?:(?:global|local)\s+)?(?:(?:temporary|temp)\s+)?table\b/;
/** Transactions that outlive their session. */
const twoPhase = /^(?:prepare\s+transaction|(?:commit|rollback)\s+prepared)\b/;
/** Settings through which a role would become another, or the text another than the one looked at. */
const settings =
  /^(?:set|reset)\s+(?:(?:session|local)\s+)?"?(?:role|session_authorization|authorization|session\s+authorization|standard_conforming_strings|client_encoding|all)\b/;
/** Files and programs of the server's machine; its roles may not, and nobody is to try. */
const foreign = /^copy\b[\s\S]*\bprogram\b/;

/** Why the text may not be sent, or undefined. */
export function refusal(sql: string): string | undefined {
  for (const isEscaped of sql.includes("\\'") ? [false, true] : [false]) {
    for (const head of heads(sql, isEscaped)) {
      const word = /^[a-z]+/.exec(head)?.[0] ?? '';
      if (passing.has(word) && !foreign.test(head) && !twoPhase.test(head)) continue;
      if (made.test(head)) continue;
      if ((word === 'set' || word === 'reset') && !settings.test(head)) continue;
      return (/^\w+(?:\s+\w+)?/.exec(head)?.[0] ?? 'this').toUpperCase();
    }
  }
  return undefined;
}

/** Characters of a statement's beginning that are looked at. */
const headLength = 200;
/** Everything that hides a semicolon, and the semicolon. PostgreSQL 15 documentation, 4.1. */
const plain = /--[^\n]*|\/\*|(?<![\w$])[eE]'(?:[^'\\]|\\[\s\S]|'')*'?|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|(?<![\w$])\$(\w*)\$|;/g;
/** The same when a backslash escapes in every string (standard_conforming_strings = off). */
const escaped = /--[^\n]*|\/\*|'(?:[^'\\]|\\[\s\S]|'')*'?|"(?:[^"]|"")*"?|(?<![\w$])\$(\w*)\$|;/g;

/** The beginnings of a text's statements: lower case, comments as spaces. */
function heads(sql: string, isEscaped: boolean): string[] {
  const found: string[] = [];
  let head = '';
  let from = 0;
  const take = (to: number): void => {
    if (head.length < headLength) head += sql.slice(from, Math.min(to, from + headLength));
  };
  const pattern = new RegExp(isEscaped ? escaped : plain);
  for (let match = pattern.exec(sql); match; match = pattern.exec(sql)) {
    const [token] = match;
    take(match.index);
    let end = pattern.lastIndex;
    if (token === ';') {
      found.push(head);
      head = '';
    } else if (token.startsWith('--')) head += ' ';
    else if (token === '/*') {
      end = commentEnd(sql, match.index);
      head += ' ';
    } else if (match[1] !== undefined) {
      const close = sql.indexOf(token, end);
      end = close < 0 ? sql.length : close + token.length;
    } else if (token.startsWith('"') && head.length < headLength) head += token.slice(0, headLength);
    from = end;
    pattern.lastIndex = end;
  }
  take(sql.length);
  found.push(head);
  return found
    .map((text) =>
      text
        .trim()
        .toLowerCase()
        .replace(/^[\s(]+(?=[\s\S])/, ''),
    )
    .filter((text) => text !== '');
}

/** Comments nest. */
function commentEnd(sql: string, start: number): number {
  const pattern = /\/\*|\*\//g;
  pattern.lastIndex = start;
  let depth = 0;
  for (let match = pattern.exec(sql); match; match = pattern.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return pattern.lastIndex;
  }
  return sql.length;
}
