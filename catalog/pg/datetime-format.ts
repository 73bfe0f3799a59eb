/**
 * The formats of PostgreSQL's `to_date` and `to_timestamp` in DuckDB's words. DuckDB parses strictly and wants its format
 * when it plans, so only a format that is written in the statement can be translated.
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
