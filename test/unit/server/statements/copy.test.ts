import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { relationSql } from '../../../../server/engine/copy-statement.ts';
import { copyOutSql, parseCopy } from '../../../../server/statements/copy.ts';

function refusal(sql: string): string {
  try {
    parseCopy(sql);
  } catch (error) {
    assert.ok(error instanceof LakeError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return 'accepted';
}

test('reads relation, columns and direction in both syntaxes', () => {
  const statement = parseCopy('COPY "My Schema".t (a, "B c") FROM STDIN WITH (FORMAT csv, HEADER)');
  assert.deepEqual(statement?.table, ['My Schema', 't']);
  assert.deepEqual(statement?.columns, ['a', 'B c']);
  assert.equal(statement?.direction, 'in');
  assert.equal(statement && relationSql(statement), '"My Schema"."t"');
  assert.equal(parseCopy('copy t to stdout')?.direction, 'out');
  assert.equal(parseCopy('copy T from stdout')?.direction, 'in', 'STDIN and STDOUT mean the same, as in PostgreSQL');
  assert.deepEqual(parseCopy('/* x */ copy binary t from stdin')?.options.format, 'binary');
});

test('other statements are not COPY', () => {
  for (const sql of ['select 1', 'select copy from t', '', 'copying', 'COPY FROM DATABASE a TO b'])
    assert.equal(parseCopy(sql), null, sql);
});

test('defaults depend on the format', () => {
  const text = parseCopy('copy t from stdin')?.options;
  assert.deepEqual([text?.format, text?.delimiter, text?.nullText, text?.header], ['text', '\t', '\\N', false]);
  const csv = parseCopy('copy t from stdin csv')?.options;
  assert.deepEqual([csv?.format, csv?.delimiter, csv?.nullText, csv?.quote, csv?.escape], ['csv', ',', '', '"', '"']);
  const quoted = parseCopy("copy t from stdin (format csv, quote '''')")?.options;
  assert.deepEqual([quoted?.quote, quoted?.escape], ["'", "'"], 'ESCAPE defaults to QUOTE');
});

test('reads every option, old and new', () => {
  const old = parseCopy(
    `copy t to stdout with delimiter as E'\\t' null 'x' csv header quote as '!' escape '#' force quote a, b`,
  )?.options;
  assert.deepEqual(old, {
    format: 'csv',
    delimiter: '\t',
    nullText: 'x',
    header: true,
    headerMatch: false,
    quote: '!',
    escape: '#',
    forceQuote: ['a', 'b'],
    forceNotNull: [],
    forceNull: [],
    encoding: null,
  });
  const modern = parseCopy(
    `copy t from stdin (format 'csv', delimiter ';', null '', header match, force_not_null (a), force_null (b), encoding 'utf8', freeze)`,
  )?.options;
  assert.deepEqual(
    [modern?.delimiter, modern?.headerMatch, modern?.forceNotNull, modern?.forceNull, modern?.encoding],
    [';', true, ['a'], ['b'], 'UTF8'],
  );
  assert.equal(parseCopy('copy t to stdout (format csv, force_quote *)')?.options.forceQuote, 'all');
  assert.equal(parseCopy('copy t from stdin (header off)')?.options.header, false);
});

test('COPY (query) keeps the text of the query', () => {
  const statement = parseCopy("copy (select ')' as a, (1) from t -- )\n) to stdout csv");
  assert.equal(statement?.query, "select ')' as a, (1) from t -- )\n");
  assert.equal(statement && copyOutSql(statement), statement?.query);
  assert.equal(
    copyOutSql(parseCopy('copy s.t (a) to stdout') as NonNullable<ReturnType<typeof parseCopy>>),
    'SELECT "a" FROM "s"."t"',
  );
  assert.equal(refusal('copy (select 1) from stdin'), 'syntax_error: syntax error at or near "from"');
});

test('WHERE belongs to COPY FROM', () => {
  assert.equal(parseCopy('copy t from stdin csv where a > 1 and b')?.where, 'a > 1 and b');
  assert.equal(refusal('copy t to stdout where a > 1'), 'syntax_error: WHERE clause not allowed with COPY TO');
});

test('a WHERE cannot leave its parentheses', () => {
  for (const sql of [
    'copy t from stdin where a) union select 1 from (select 1',
    'copy t from stdin where (a',
    'copy t from stdin where a; drop table t',
  ]) {
    assert.match(refusal(sql), /^syntax_error/, sql);
  }
});

test('server-side files are refused with what works instead', () => {
  for (const sql of [
    "copy t from '/etc/passwd'",
    "copy t to '/tmp/x'",
    "copy t from program 'id'",
    "copy (select 1) to 'x.csv' (format csv)",
  ]) {
    assert.throws(
      () => parseCopy(sql),
      (error: unknown) => error instanceof LakeError && error.code === 'permission_denied' && /\\copy/.test(error.hint ?? ''),
      sql,
    );
  }
});

test('refuses what PostgreSQL refuses, in its words', () => {
  const cases: Record<string, string> = {
    "copy t from stdin (format 'parquet')": 'invalid_argument: COPY format "parquet" not recognized',
    'copy t from stdin (speed 1)': 'syntax_error: option "speed" not recognized',
    "copy t from stdin (null 'a', null 'b')": 'syntax_error: conflicting or redundant options',
    "copy t from stdin (format binary, delimiter ',')": 'syntax_error: cannot specify DELIMITER in BINARY mode',
    "copy t from stdin (format binary, null 'x')": 'syntax_error: cannot specify NULL in BINARY mode',
    'copy t from stdin (format binary, header)': 'feature_not_supported: cannot specify HEADER in BINARY mode',
    "copy t from stdin (delimiter 'ab')": 'feature_not_supported: COPY delimiter must be a single one-byte character',
    "copy t from stdin (delimiter 'é')": 'feature_not_supported: COPY delimiter must be a single one-byte character',
    "copy t from stdin (delimiter E'\\n')": 'invalid_argument: COPY delimiter cannot be newline or carriage return',
    "copy t from stdin (null E'a\\nb')": 'invalid_argument: COPY null representation cannot use newline or carriage return',
    "copy t from stdin (delimiter 'a')": 'invalid_argument: COPY delimiter cannot be "a"',
    "copy t from stdin (quote '!')": 'feature_not_supported: COPY quote available only in CSV mode',
    "copy t from stdin (format csv, quote '')": 'feature_not_supported: COPY quote must be a single one-byte character',
    "copy t from stdin (format csv, quote ',')": 'invalid_argument: COPY delimiter and quote must be different',
    "copy t from stdin (escape '!')": 'feature_not_supported: COPY escape available only in CSV mode',
    'copy t from stdin (format csv, force_quote *)': 'feature_not_supported: COPY force quote only available using COPY TO',
    'copy t to stdout (force_quote *)': 'feature_not_supported: COPY force quote available only in CSV mode',
    'copy t to stdout (format csv, force_null (a))': 'feature_not_supported: COPY force null only available using COPY FROM',
    'copy t (a) from stdin (format csv, force_null (b))': 'undefined_column: FORCE_NULL column "b" not referenced by COPY',
    "copy t from stdin (null 'a,b', format csv)":
      'feature_not_supported: COPY delimiter must not appear in the NULL specification',
    "copy t from stdin (null '\"', format csv)":
      'feature_not_supported: CSV quote character must not appear in the NULL specification',
    'copy t (a, a) from stdin': 'duplicate_column: column "a" specified more than once',
    'copy t from stdin (header maybe)': 'syntax_error: header requires a Boolean value or "match"',
    'copy t to stdout (header match)': 'feature_not_supported: cannot use "match" with HEADER in COPY TO',
    'copy t from': 'syntax_error: syntax error at end of input',
    'copy t from nowhere': 'syntax_error: syntax error at or near "nowhere"',
    'copy t from stdin please': 'syntax_error: syntax error at or near "please"',
    "copy t from stdin (encoding 'LATIN1')": 'feature_not_supported: COPY encoding "LATIN1" is not available',
  };
  for (const [sql, expected] of Object.entries(cases)) assert.equal(refusal(sql), expected, sql);
});
