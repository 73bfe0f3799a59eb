/**
 * PostgreSQL's date and time functions that DuckDB has not, as macros; the largest is `to_char`, which goes through the
 * format piece by piece. `to_date` and `to_timestamp` with a format are the rewriter's (datetime-format.ts), because
 * DuckDB's parser of dates wants its format when it plans.
 * Source: PostgreSQL 15 documentation, section 9.8 "Data Type Formatting Functions", section 9.9 "Date/Time Functions".
 */
import type { PgFunction } from './functions.ts';
import { letIn, pg } from './view.ts';

/** A piece of a format: quoted text, a pattern with its modifiers, or any other character. Longest first. */
const pieces =
  '(?i)"(?:[^"\\\\]|\\\\.)*"|(?:FM)?(?:IYYY|IDDD|IYY|IY|IW|ID|I|Y,YYY|YYYY|YYY|YY|Y|HH24|HH12|HH|MONTH|MON|MI|MM|MS|US|FF[1-6]|SSSSS|SSSS|SS|DAY|DDD|DD|DY|D|WW|W|Q|J|CC|RM|TZH|TZM|TZ|OF|A\\.M\\.|P\\.M\\.|A\\.D\\.|B\\.C\\.|AM|PM|AD|BC)(?:TH)?|[\\s\\S]';

const pad = (value: string, width: number): string => `lpad((${value})::VARCHAR, ${width}, '0')`;
/** Spelled as the pattern is: MONTH, Month, month. */
const named = (pattern: string, value: string, width: number): string =>
  [
    [pattern.toUpperCase(), `upper(${value})`],
    [`${pattern[0]?.toUpperCase()}${pattern.slice(1).toLowerCase()}`, value],
    [pattern.toLowerCase(), `lower(${value})`],
  ]
    .map(([spelled, text]) => `WHEN _p = '${spelled}' THEN ${width > 0 ? `rpad(${text}, ${width}, ' ')` : text}`)
    .join(' ');

/** Values of patterns of a timestamp `_t`, by the pattern in upper case. */
const fields: readonly (readonly [patterns: string, value: string])[] = [
  ["'YYYY'", pad('year(_t)', 4)],
  ["'YYY'", `right(${pad('year(_t)', 4)}, 3)`],
  ["'YY'", `right(${pad('year(_t)', 4)}, 2)`],
  ["'Y'", 'right(year(_t)::VARCHAR, 1)'],
  ["'Y,YYY'", `left(${pad('year(_t)', 4)}, -3) || ',' || right(${pad('year(_t)', 4)}, 3)`],
  ["'IYYY'", pad('isoyear(_t)', 4)],
  ["'IYY'", `right(${pad('isoyear(_t)', 4)}, 3)`],
  ["'IY'", `right(${pad('isoyear(_t)', 4)}, 2)`],
  ["'I'", 'right(isoyear(_t)::VARCHAR, 1)'],
  ["'MM'", pad('month(_t)', 2)],
  ["'DDD'", pad('dayofyear(_t)', 3)],
  ["'DD'", pad('day(_t)', 2)],
  ["'D'", '(dayofweek(_t) + 1)::VARCHAR'],
  ["'IDDD'", pad('(week(_t) - 1) * 7 + isodow(_t)', 3)],
  ["'ID'", 'isodow(_t)::VARCHAR'],
  ["'IW'", pad('week(_t)', 2)],
  ["'WW'", pad('(dayofyear(_t) - 1) // 7 + 1', 2)],
  ["'W'", '((day(_t) - 1) // 7 + 1)::VARCHAR'],
  ["'Q'", 'quarter(_t)::VARCHAR'],
  ["'J'", "(date_diff('day', DATE '2000-01-01', _t::DATE) + 2451545)::VARCHAR"],
  ["'CC'", pad('century(_t)', 2)],
  ["'RM'", "rpad(['I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X', 'XI', 'XII'][month(_t)], 4, ' ')"],
  ["'HH24'", pad('hour(_t)', 2)],
  ["'HH', 'HH12'", pad('(hour(_t) + 11) % 12 + 1', 2)],
  ["'MI'", pad('minute(_t)', 2)],
  ["'SS'", pad('second(_t)', 2)],
  ["'MS', 'FF3'", pad('millisecond(_t) % 1000', 3)],
  ["'US', 'FF6'", pad('microsecond(_t) % 1000000', 6)],
  ...[1, 2, 4, 5].map((digits) => [`'FF${digits}'`, `left(${pad('microsecond(_t) % 1000000', 6)}, ${digits})`] as const),
  ["'SSSS', 'SSSSS'", '(hour(_t) * 3600 + minute(_t) * 60 + second(_t))::VARCHAR'],
];

const half = "CASE WHEN hour(_t) < 12 THEN 'a' ELSE 'p' END";
const era = "CASE WHEN year(_t) > 0 THEN 'ad' ELSE 'bc' END";
const dotted = (letters: string): string => `${letters}[1] || '.' || ${letters}[2] || '.'`;
/** Both words of a pair mean the same; the case of the pattern decides. */
const halves: readonly (readonly [pair: string, value: string])[] = [
  ["'AM', 'PM'", `${half} || 'm'`],
  ["'A.M.', 'P.M.'", `${half} || '.m.'`],
  ["'AD', 'BC'", era],
  ["'A.D.', 'B.C.'", dotted(`(${era})`)],
];
const offset = (letters: 'OF' | 'TZH'): string =>
  `CASE WHEN _offset < 0 THEN '-' ELSE '+' END || ${pad('abs(_offset) // 3600', 2)}${
    letters === 'OF' ? ` || CASE WHEN abs(_offset) % 3600 > 0 THEN ':' || ${pad('abs(_offset) % 3600 // 60', 2)} ELSE '' END` : ''
  }`;

/** One piece, `_p` without its modifiers. */
const piece = `CASE
  ${named('month', 'monthname(_t)', 9)} ${named('mon', 'left(monthname(_t), 3)', 0)}
  ${named('day', 'dayname(_t)', 9)} ${named('dy', 'left(dayname(_t), 3)', 0)}
  ${halves.map(([pair, value]) => `WHEN upper(_p) IN (${pair}) THEN CASE WHEN _p = upper(_p) THEN upper(${value}) ELSE ${value} END`).join(' ')}
  WHEN _p = 'TZ' THEN _zone WHEN _p = 'tz' THEN lower(_zone) WHEN upper(_p) = 'OF' THEN ${offset('OF')} WHEN upper(_p) = 'TZH' THEN ${offset('TZH')}
  WHEN upper(_p) = 'TZM' THEN ${pad('abs(_offset) % 3600 // 60', 2)}
  WHEN starts_with(_p, '"') THEN regexp_replace(_p[2:-2], '\\\\(.)', '\\1', 'g')
  ELSE CASE upper(_p) ${fields
    .map(([patterns, value]) =>
      patterns
        .split("', '")
        .map((one) => `WHEN '${one.replaceAll("'", '')}' THEN ${value}`)
        .join(' '),
    )
    .join(' ')} ELSE _p END END`;

const ordinal = `CASE WHEN regexp_matches(_v, '1[123]$') THEN 'th' ELSE CASE right(_v, 1) WHEN '1' THEN 'st' WHEN '2' THEN 'nd' WHEN '3' THEN 'rd' ELSE 'th' END END`;

export const timeFunctions: readonly PgFunction[] = [
  ['_to_char_piece', `(_p, _t, _zone, _offset) AS ${piece}`],
  // FM takes the padding away, TH appends st, nd, rd, th.
  [
    '_to_char_modified',
    `(_v, piece) AS CASE WHEN regexp_matches(piece, '^FM.', 'i') THEN CASE WHEN regexp_full_match(_v, '0+') THEN '0' ELSE rtrim(ltrim(_v, '0'), ' ') END ELSE _v END
      || CASE WHEN length(piece) > 3 AND regexp_matches(_v, '\\d$') AND right(piece, 2) = 'TH' THEN upper(${ordinal}) WHEN length(piece) > 3 AND regexp_matches(_v, '\\d$') AND right(piece, 2) = 'th' THEN ${ordinal} ELSE '' END`,
  ],
  // What a macro is handed stands wherever its parameter does: each step has its value in a field, or planning would take seconds.
  [
    '_to_char_time',
    `(moment, format, zone, seconds_east) AS ${letIn(
      `{'_t': moment, '_zone': zone, '_offset': seconds_east, '_pieces': regexp_extract_all(format, '${pieces}')}`,
      [],
      `CASE WHEN q._t IS NOT NULL AND q._pieces IS NOT NULL THEN array_to_string(list_transform(list_transform(list_transform(q._pieces,
        lambda k: {'_k': k, '_p': CASE WHEN length(k) > 1 AND NOT starts_with(k, '"') THEN regexp_replace(regexp_replace(k, '^FM', '', 'i'), '([^n])TH$', '\\1', 'i') ELSE k END}),
        lambda r: struct_insert(r, _v := ${pg('_to_char_piece')}(r._p, q._t, q._zone, q._offset))),
        lambda r: ${pg('_to_char_modified')}(r._v, r._k)), '') END`,
    )}`,
  ],
  [
    '_to_char_interval',
    `(span, format) AS array_to_string(list_transform(regexp_extract_all(format, '${pieces}'), lambda piece: CASE upper(piece)
      WHEN 'YYYY' THEN ${pad('year(span)', 4)} WHEN 'MM' THEN ${pad('month(span)', 2)} WHEN 'DD' THEN ${pad('day(span)', 2)}
      WHEN 'HH24' THEN ${pad('hour(span)', 2)} WHEN 'HH' THEN ${pad('hour(span) % 12', 2)} WHEN 'HH12' THEN ${pad('hour(span) % 12', 2)}
      WHEN 'MI' THEN ${pad('minute(span)', 2)} WHEN 'SS' THEN ${pad('second(span)', 2)} WHEN 'MS' THEN ${pad('millisecond(span) % 1000', 3)} WHEN 'US' THEN ${pad('microsecond(span) % 1000000', 6)}
      ELSE CASE WHEN starts_with(piece, '"') THEN piece[2:-2] ELSE piece END END), '')`,
  ],
  [
    '_to_char_zoned',
    `(moment, format) AS ${pg('_to_char_time')}(moment::TIMESTAMP, format, regexp_replace(strftime(moment, '%Z'), '^Etc/', ''), (epoch(moment::TIMESTAMP) - epoch(moment))::INTEGER)`,
  ],
  // A format that is written out, with what it is for strftime. The text of a moment shows the session's zone, whatever its type.
  [
    '_to_char_plain',
    `(value, format, plain) AS CASE WHEN typeof(value) IN ('INTERVAL', 'TIME') THEN ${pg('_to_char_interval')}(TRY_CAST(value::VARCHAR AS INTERVAL), format)
      ELSE strftime(CAST(regexp_replace(value::VARCHAR, '(:\\d\\d(?:\\.\\d+)?)[+-]\\d\\d(?::?\\d\\d)*$', '\\1') AS TIMESTAMP), plain) END`,
  ],
  ['_to_char_numeric', `(value, format) AS ${pg('_to_char_number')}(CAST(value AS DECIMAL(38, 10)), format)`],
  // Overloads by type cannot be told apart for aggregates (`to_char(sum(x), …)`), so what it is is asked of the value.
  [
    'to_char',
    `(value, format) AS CASE WHEN typeof(value) IN ('DATE', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS') THEN ${pg('_to_char_time')}(TRY_CAST(value::VARCHAR AS TIMESTAMP), format, '', 0)
      WHEN typeof(value) = 'TIMESTAMP WITH TIME ZONE' THEN ${pg('_to_char_zoned')}(TRY_CAST(value::VARCHAR AS TIMESTAMPTZ), format)
      WHEN typeof(value) IN ('INTERVAL', 'TIME') THEN ${pg('_to_char_interval')}(TRY_CAST(value::VARCHAR AS INTERVAL), format)
      WHEN typeof(value) IN ('VARCHAR', 'BOOLEAN', 'BLOB', 'UUID') THEN error('to_char: cast the ' || typeof(value) || ' to a number, date or timestamp first')
      ELSE ${pg('_to_char_number')}(TRY_CAST(value::VARCHAR AS DECIMAL(38, 10)), format) END`,
  ],
  ['statement_timestamp', '() AS now()'],
  [
    'date_trunc',
    '(field, source) AS system.main.date_trunc(field, source)',
    '(field, source, zone) AS system.main.timezone(zone, system.main.date_trunc(field, system.main.timezone(zone, source)))',
  ],
  ['date_bin', '(stride, source, origin) AS system.main.time_bucket(stride::INTERVAL, source, origin)'],
  [
    'justify_days',
    "(span) AS to_months((datepart('year', span) * 12 + datepart('month', span) + datepart('day', span) // 30)::INTEGER) + to_days((datepart('day', span) % 30)::INTEGER) + to_microseconds(datepart('hour', span) * 3600000000 + datepart('minute', span) * 60000000 + datepart('microsecond', span))",
  ],
  [
    'justify_hours',
    "(span) AS to_months((datepart('year', span) * 12 + datepart('month', span))::INTEGER) + to_days((datepart('day', span) + datepart('hour', span) // 24)::INTEGER) + to_microseconds(datepart('hour', span) % 24 * 3600000000 + datepart('minute', span) * 60000000 + datepart('microsecond', span))",
  ],
  [
    'make_interval',
    '(years := 0, months := 0, weeks := 0, days := 0, hours := 0, mins := 0, secs := 0) AS to_years(years) + to_months(months) + to_days(weeks * 7 + days) + to_hours(hours) + to_minutes(mins) + to_seconds(secs)',
  ],
];
