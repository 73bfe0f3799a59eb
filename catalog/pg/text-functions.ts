/**
 * Text, array and JSON functions that PostgreSQL has and DuckDB has not, or only with other arguments, as DuckDB macros.
 * A name that DuckDB has too keeps DuckDB's meaning for the arguments DuckDB takes (`encode(text)`, `format('{}', x)`).
 * Source: PostgreSQL 15 documentation, chapter 9 "Functions and Operators".
 */
import type { PgFunction } from './functions.ts';
import { letIn, pg } from './view.ts';

/** Arguments of `format` and of the functions that count nulls: macros have no variable argument lists. */
const argumentsMax = 12;
/** Groups of a regular expression that `regexp_match` answers. */
const groupsMax = 9;

function listOf(count: number, cast: string): string {
  return `[${Array.from({ length: count }, (_, i) => `argument${i + 1}${cast}`).join(', ')}]`;
}

function parametersOf(count: number): string {
  return Array.from({ length: count }, (_, i) => `argument${i + 1}`).join(', ');
}

/** One overload for each number of arguments. */
function variadic(first: string, body: (count: number) => string): string[] {
  return Array.from({ length: argumentsMax }, (_, i) => `(${first}${parametersOf(i + 1)}) AS ${body(i + 1)}`);
}

export const textFunctions: readonly PgFunction[] = [
  [
    'initcap',
    `(string) AS array_to_string(list_transform(regexp_extract_all(lower(string), '[\\p{L}\\p{N}]+|[^\\p{L}\\p{N}]+'), lambda word: upper(word[1]) || word[2:]), '')`,
  ],
  ['btrim', '(string) AS system.main.trim(string)', '(string, characters) AS system.main.trim(string, characters)'],
  [
    'lpad',
    "(string, length) AS system.main.lpad(string, length, ' ')",
    '(string, length, fill) AS system.main.lpad(string, length, fill)',
  ],
  [
    'rpad',
    "(string, length) AS system.main.rpad(string, length, ' ')",
    '(string, length, fill) AS system.main.rpad(string, length, fill)',
  ],
  [
    'octet_length',
    "(value) AS CASE WHEN typeof(value) = 'BLOB' THEN system.main.octet_length(TRY_CAST(value AS BLOB)) ELSE strlen(value::VARCHAR) END",
  ],
  [
    'encode',
    '(string) AS system.main.encode(string)',
    `(bytes, format) AS CASE lower(format) WHEN 'hex' THEN lower(hex(bytes::BLOB)) WHEN 'base64' THEN to_base64(bytes::BLOB)
      ELSE error('unrecognized encoding: "' || format || '"; hex and base64 are known') END`,
  ],
  [
    'decode',
    '(bytes) AS system.main.decode(bytes)',
    `(string, format) AS CASE lower(format) WHEN 'hex' THEN unhex(string) WHEN 'base64' THEN from_base64(string)
      ELSE error('unrecognized encoding: "' || format || '"; hex and base64 are known') END`,
  ],
  // How many groups a regular expression has that keep what they match.
  [
    '_group_count',
    `(pattern) AS length(regexp_replace(regexp_replace(regexp_replace(pattern, '\\\\.|\\(\\?', '', 'g'), '\\[[^\\]]*\\]', '', 'g'), '[^(]', '', 'g'))`,
  ],
  // `substring(x FROM pattern)`, which the rewriter sends here: the first group, or else the whole match. A group that
  // always exists is appended, because DuckDB wants to know when it plans which one is meant.
  [
    '_substring',
    `(string, pattern) AS CASE WHEN regexp_matches(string, pattern) THEN CASE WHEN ${pg('_group_count')}(pattern) > 0 THEN regexp_extract(string, pattern || '()', 1) ELSE regexp_extract(string, pattern) END END`,
  ],
  [
    '_similar',
    `(pattern) AS array_to_string(list_transform(regexp_extract_all(pattern, '\\\\.|[\\s\\S]'), lambda c: CASE c WHEN '%' THEN '(?s:.*)' WHEN '_' THEN '(?s:.)' WHEN '.' THEN '\\.' WHEN '^' THEN '\\^' WHEN '$' THEN '\\$' ELSE c END), '')`,
  ],
  [
    '_regexp_match',
    `(string, pattern) AS CASE WHEN regexp_matches(string, pattern) THEN CASE WHEN ${pg('_group_count')}(pattern) = 0 THEN [regexp_extract(string, pattern)]
      ELSE [${Array.from({ length: groupsMax }, (_, i) => `regexp_extract(string, pattern || '${'()'.repeat(groupsMax)}', ${i + 1})`).join(', ')}][1:${pg('_group_count')}(pattern)] END END`,
  ],
  [
    'regexp_match',
    `(string, pattern) AS ${pg('_regexp_match')}(string, pattern)`,
    `(string, pattern, flags) AS ${pg('_regexp_match')}(string, CASE WHEN regexp_matches(flags, '[is]') THEN '(?' || regexp_replace(flags, '[^is]', '', 'g') || ')' ELSE '' END || pattern)`,
  ],
  ['string_to_table', '(string, delimiter) AS unnest(string_split(string, delimiter))'],
  // format() with PostgreSQL's %s, %I, %L; any other text is DuckDB's format with {}.
  [
    '_format_argument',
    `(kind, value) AS CASE kind WHEN 'I' THEN coalesce(${pg('quote_ident')}(value), error('null values cannot be formatted as an SQL identifier'))
      WHEN 'L' THEN ${pg('quote_nullable')}(value) ELSE coalesce(value, '') END`,
  ],
  [
    '_format_pad',
    `(value, width) AS CASE WHEN width IS NULL OR abs(width) <= length(value) THEN value WHEN width < 0 THEN value || repeat(' ', -width - length(value)) ELSE repeat(' ', width - length(value)) || value END`,
  ],
  [
    '_format',
    `(template, arguments) AS ${letIn(
      `{'_tokens': regexp_extract_all(template, '%(?:\\d+\\$)?-?\\d*[sIL%]|[^%]+|%'), '_arguments': arguments}`,
      [],
      `array_to_string(list_transform(q._tokens, lambda t, i: CASE WHEN t = '%%' THEN '%' WHEN NOT regexp_full_match(t, '%(\\d+\\$)?-?\\d*[sIL]') THEN t
        ELSE ${pg('_format_pad')}(${pg('_format_argument')}(right(t, 1), q._arguments[coalesce(TRY_CAST(regexp_extract(t, '^%(\\d+)\\$', 1) AS INTEGER),
            len(list_filter(q._tokens[1:i], lambda u: regexp_full_match(u, '%-?\\d*[sIL]'))))]), TRY_CAST(regexp_extract(t, '(-?\\d+)[sIL]$', 1) AS INTEGER)) END), '')`,
    )}`,
  ],
  [
    'format',
    "(template) AS CASE WHEN contains(template, '%') THEN replace(template, '%%', '%') ELSE system.main.format(template) END",
    ...variadic(
      'template, ',
      (count) =>
        `CASE WHEN regexp_matches(template, '%(\\d+\\$)?-?\\d*[sIL]') THEN ${pg('_format')}(template, ${listOf(count, '::VARCHAR')}) ELSE system.main.format(template, ${parametersOf(count)}) END`,
    ),
  ],
  ['num_nulls', ...variadic('', (count) => `len(list_filter(${listOf(count, '::VARCHAR')}, lambda x: x IS NULL))::INTEGER`)],
  [
    'num_nonnulls',
    ...variadic('', (count) => `len(list_filter(${listOf(count, '::VARCHAR')}, lambda x: x IS NOT NULL))::INTEGER`),
  ],
  ['hashtext', '(string) AS ((hash(string) % 4294967296)::BIGINT - 2147483648)::INTEGER'],
  [
    'parse_ident',
    `(qualified_identifier) AS list_transform(regexp_extract_all(qualified_identifier, '"(?:[^"]|"")+"|[^."\\s]+'),
      lambda part: CASE WHEN starts_with(part, '"') THEN replace(part[2:-2], '""', '"') ELSE lower(part) END)`,
  ],
  // Arrays
  [
    'array_length',
    '(list) AS system.main.array_length(list)',
    '(list, dimension) AS nullif(system.main.array_length(list, dimension), 0)::INTEGER',
  ],
  ['cardinality', '(list) AS len(list)::INTEGER'],
  [
    'array_positions',
    '(list, element) AS list_filter(range(1, len(list) + 1), lambda i: list[i] IS NOT DISTINCT FROM element)::INTEGER[]',
  ],
  [
    'array_replace',
    '(list, old_element, new_element) AS list_transform(list, lambda x: CASE WHEN x IS NOT DISTINCT FROM old_element THEN new_element ELSE x END)',
  ],
  ['array_dims', "(list) AS CASE WHEN len(list) > 0 THEN '[1:' || len(list) || ']' END"],
  [
    'array_to_string',
    "(list, delimiter) AS CASE WHEN list IS NOT NULL THEN coalesce(system.main.list_aggregate(list_filter(list, lambda x: x IS NOT NULL), 'string_agg', delimiter), '') END",
    "(list, delimiter, null_text) AS CASE WHEN list IS NOT NULL THEN coalesce(system.main.list_aggregate(list_transform(list, lambda x: coalesce(x::VARCHAR, null_text)), 'string_agg', delimiter), '') END",
  ],
  [
    'string_to_array',
    '(string, delimiter) AS system.main.string_split(string, delimiter)',
    '(string, delimiter, null_text) AS list_transform(system.main.string_split(string, delimiter), lambda x: nullif(x, null_text))',
  ],
  // JSON
  ...['json', 'jsonb'].flatMap((kind): PgFunction[] => [
    [`${kind}_build_array`, '() AS json_array()', ...variadic('', (count) => `json_array(${parametersOf(count)})`)],
    [
      `${kind}_typeof`,
      `(value) AS CASE json_type(value) WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'array' WHEN 'VARCHAR' THEN 'string' WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null' ELSE lower(nullif(regexp_replace(json_type(value), '^(U?BIGINT|DOUBLE|HUGEINT)$', 'number'), '')) END`,
    ],
    [`${kind}_object_keys`, '(value) AS unnest(json_keys(value))'],
    [`${kind}_array_elements`, "(value) AS TABLE SELECT unnest(json_extract(value, '$[*]')) AS value"],
    [`${kind}_array_elements_text`, "(value) AS TABLE SELECT unnest(json_extract_string(value, '$[*]')) AS value"],
    [
      `${kind}_each_text`,
      "(value) AS TABLE SELECT _k AS key, json_extract_string(value, '$.\"' || _k || '\"') AS value FROM (SELECT unnest(json_keys(value)) AS _k)",
    ],
  ]),
  [
    'jsonb_each',
    "(value) AS TABLE SELECT _k AS key, json_extract(value, '$.\"' || _k || '\"') AS value FROM (SELECT unnest(json_keys(value)) AS _k)",
  ],
  ['jsonb_array_length', '(value) AS json_array_length(value)::INTEGER'],
  ['jsonb_pretty', '(value) AS json_pretty(value)'],
  ['to_jsonb', '(value) AS to_json(value)'],
  ['jsonb_strip_nulls', "(value) AS json_merge_patch('{}', value)"],
];
