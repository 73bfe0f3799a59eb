/**
 * Functions of numbers that PostgreSQL has and DuckDB has not, as macros; the largest is `to_char`, which fills the places
 * of its format from the right. Patterns done: 9 0 . D , G FM S MI PR and literal text; EEEE, RN, V and TH are refused.
 * Source: PostgreSQL 15 documentation, section 9.3 "Mathematical Functions", table 9.30 "Template Patterns for Numeric Formatting".
 */
import type { PgFunction } from './functions.ts';
import { letIn, pg } from './view.ts';

/** Places after the point that are computed; a format with more is refused. */
const scaleMax = 10;

/** The digit places of a part of a format. */
const places = (format: string): string => `regexp_replace(${format}, '[^90]', '', 'g')`;

/** 10 to the power of `largest`, … 1, 0. */
const powers = (largest: number): string =>
  `[${Array.from({ length: largest + 1 }, (_, i) => `1${'0'.repeat(largest - i)}`).join(', ')}]::BIGINT[]`;

export const numberFunctions: readonly PgFunction[] = [
  ['div', '(dividend, divisor) AS dividend // divisor'],
  [
    'width_bucket',
    `(operand, low, high, count) AS (CASE WHEN operand < low THEN 0 WHEN operand >= high THEN count + 1 ELSE floor((operand - low) / (high - low) * count) + 1 END)::INTEGER`,
  ],
  [
    'to_number',
    `(string, format) AS CAST(regexp_replace(string, '[^0-9.+-]|[+-]$', '', 'g') AS DECIMAL(38, 10)) * CASE WHEN regexp_matches(string, '-\\s*$|^\\s*<') THEN -1 ELSE 1 END`,
  ],
  // The value without sign and point, rounded half away from zero to `scale` places, at least one digit before the point.
  [
    '_to_char_rounded',
    `(_n, scale) AS ((replace(abs(_n)::VARCHAR, '.', '')::HUGEINT + CASE WHEN scale < ${scaleMax} THEN 5 * (${powers(scaleMax - 1)})[scale + 1] ELSE 0 END) // (${powers(scaleMax)})[scale + 1])::VARCHAR`,
  ],
  [
    '_to_char_digits',
    `(_n, scale) AS repeat('0', scale + 1 - length(${pg('_to_char_rounded')}(_n, scale))) || ${pg('_to_char_rounded')}(_n, scale)`,
  ],
  // The places before the point. `_digits` may be shorter than the places; `_zero` is the first place that shows a zero.
  [
    '_to_char_whole',
    `(_format, _digits, _places, _zero, _fill) AS array_to_string(list_transform(string_split(_format, ''), lambda c, i: CASE
      WHEN c IN ('9', '0') THEN CASE WHEN _places - length(regexp_replace(_format[1:i], '[^90]', '', 'g')) < length(_digits) THEN _digits[length(_digits) - _places + length(regexp_replace(_format[1:i], '[^90]', '', 'g'))]
        WHEN length(regexp_replace(_format[1:i], '[^90]', '', 'g')) >= _zero THEN '0' ELSE _fill END
      WHEN c IN (',', 'G') THEN CASE WHEN _places - length(regexp_replace(_format[1:i], '[^90]', '', 'g')) < length(_digits) OR length(regexp_replace(_format[1:i], '[^90]', '', 'g')) >= _zero THEN ',' ELSE _fill END
      ELSE c END), '')`,
  ],
  [
    '_to_char_places',
    `(_format, _digits) AS array_to_string(list_transform(string_split(_format, ''), lambda c, i: CASE WHEN c IN ('9', '0') THEN _digits[length(regexp_replace(_format[1:i], '[^90]', '', 'g'))] ELSE c END), '')`,
  ],
  // Each step of `let` adds what it computes; a subquery could not hold an aggregate that is the argument.
  [
    '_to_char_number',
    `(number, format) AS ${letIn(
      `{'_n': number, '_format': format, '_fill': CASE WHEN contains(upper(format), 'FM') THEN '' ELSE ' ' END,
        '_tail': regexp_extract(upper(format), '(S|MI|PR)$'), '_head': regexp_extract(upper(format), '^(?:FM)?(S)', 1),
        '_plain': regexp_replace(regexp_replace(upper(format), 'FM', '', 'g'), '^S|(S|MI|PR)$', '', 'g')}`,
      [
        `_whole_format := regexp_extract(q._plain, '^[^.D]*'), _has_point := regexp_matches(q._plain, '[.D]'), _places_format := regexp_extract(q._plain, '[.D](.*)$', 1)`,
        `_scale := length(${places('q._places_format')})`,
        `_digits := ${pg('_to_char_digits')}(q._n, q._scale)`,
        `_is_minus := q._digits <> repeat('0', q._scale + 1) AND q._n < 0, _whole := left(q._digits, length(q._digits) - q._scale), _places := right(q._digits, q._scale),
         _whole_places := length(${places('q._whole_format')}), _zero := coalesce(nullif(instr(${places('q._whole_format')}, '0'), 0), 1000),
         _kept := length(regexp_extract(${places('q._places_format')}, '^[90]*0'))`,
        `_body := CASE WHEN length(q._whole) > q._whole_places AND NOT (q._whole = '0' AND q._whole_places = 0) THEN regexp_replace(q._whole_format, '[90]', '#', 'g') || CASE WHEN q._has_point THEN '.' || regexp_replace(q._places_format, '[90]', '#', 'g') ELSE '' END
          ELSE ${pg('_to_char_whole')}(q._whole_format, CASE WHEN q._whole = '0' AND q._scale > 0 THEN '' ELSE q._whole END, q._whole_places, q._zero, q._fill)
            || CASE WHEN q._has_point THEN '.' || ${pg('_to_char_places')}(q._places_format, CASE WHEN q._fill = '' THEN left(q._places, greatest(q._kept, length(rtrim(q._places, '0')))) ELSE q._places END) ELSE '' END END`,
      ],
      `CASE WHEN q._n IS NULL OR q._format IS NULL THEN NULL
        WHEN regexp_matches(q._format, 'EEEE|RN|V|TH', 'i') OR q._scale > ${scaleMax} THEN error('to_char: the pattern "' || q._format || '" is not supported for numbers')
        WHEN q._tail = 'PR' THEN CASE WHEN q._is_minus THEN regexp_replace(q._body, '^( *)', '\\1<') || '>' WHEN q._fill = '' THEN q._body ELSE ' ' || q._body || ' ' END
        WHEN q._head = 'S' THEN regexp_replace(q._body, '^( *)', '\\1' || CASE WHEN q._is_minus THEN '-' ELSE '+' END)
        WHEN q._tail = 'S' THEN q._body || CASE WHEN q._is_minus THEN '-' ELSE '+' END
        WHEN q._tail = 'MI' THEN q._body || CASE WHEN q._is_minus THEN '-' WHEN q._fill = '' THEN '' ELSE ' ' END
        ELSE regexp_replace(q._body, '^([^0-9.#]*)', '\\1' || CASE WHEN q._is_minus THEN '-' ELSE q._fill END) END`,
    )}`,
  ],
];
