/**
 * The formats of PostgreSQL's `to_date`, `to_timestamp` and `to_char` in DuckDB's words, where a statement writes them out.
 * DuckDB parses strictly and wants its format when it plans, so there is no other way for the first two; `to_char` has one
 * for every format (time-functions.ts), and this one for the usual formats, which is planned faster.
 * Source: PostgreSQL 15 documentation, table 9.26; DuckDB's "Date Format Functions".
 */

const specifiers: Readonly<Record<string, string>> = {
  YYYY: '%Y',
  YY: '%y',
  MM: '%m',
  DD: '%d',
  DDD: '%j',
  HH24: '%H',
  HH12: '%I',
  HH: '%I',
  MI: '%M',
  SS: '%S',
  MS: '%g',
  US: '%f',
  FF3: '%g',
  FF6: '%f',
  MONTH: '%B',
  MON: '%b',
  DAY: '%A',
  DY: '%a',
  AM: '%p',
  PM: '%p',
  TZH: '%z',
  OF: '%z',
  IYYY: '%G',
  IW: '%V',
  ID: '%u',
};
const pieces =
  /"((?:[^"\\]|\\.)*)"|(?:FM)?(IYYY|IW|ID|YYYY|YY|HH24|HH12|HH|MONTH|MON|MI|MM|MS|US|FF[36]|SS|DAY|DDD|DD|DY|TZH|OF|AM|PM)|([A-Z]+)|([\s\S])/gi;

/** The format for `strptime`, or null when it has a pattern that DuckDB cannot parse. */
export function strptimeFormat(format: string): string | null {
  let translated = '';
  for (const [, quoted, pattern, unknown, other] of format.matchAll(pieces)) {
    if (unknown !== undefined && unknown.toUpperCase() !== 'T') return null;
    translated +=
      pattern !== undefined
        ? (specifiers[pattern.toUpperCase()] as string)
        : (quoted?.replace(/\\(.)/g, '$1') ?? unknown ?? other ?? '').replaceAll('%', '%%');
  }
  return translated;
}

/** Patterns that mean the same in any case and are never padded with blanks. */
const plain: ReadonlySet<string> = new Set('YYYY MM DD DDD HH24 HH12 HH MI SS MS US IYYY IW ID'.split(' '));
/** Without the padding that FM takes away; names in the one spelling that strftime has. */
const unpadded: Readonly<Record<string, string>> = {
  FMDD: '%-d',
  FMMM: '%-m',
  FMDDD: '%-j',
  FMHH24: '%-H',
  FMHH12: '%-I',
  FMHH: '%-I',
  FMMI: '%-M',
  FMSS: '%-S',
  FMMonth: '%B',
  FMDay: '%A',
  FMMon: '%b',
  FMDy: '%a',
  Mon: '%b',
  Dy: '%a',
  AM: '%p',
  PM: '%p',
};

/** The format for `strftime`, or null when it has a pattern that `strftime` writes otherwise. */
export function strftimeFormat(format: string): string | null {
  let translated = '';
  let hasPattern = false;
  for (const [whole, quoted, pattern, unknown, other] of format.matchAll(pieces)) {
    if (unknown !== undefined) return null;
    if (pattern === undefined) {
      translated += (quoted?.replace(/\\(.)/g, '$1') ?? other ?? '').replaceAll('%', '%%');
      continue;
    }
    const specifier = unpadded[whole] ?? (plain.has(whole.toUpperCase()) ? specifiers[whole.toUpperCase()] : undefined);
    if (specifier === undefined) return null;
    translated += specifier;
    hasPattern = true;
  }
  return hasPattern ? translated : null;
}
