/**
 * The functions a metadata session may call: an allow-list, so that nothing that reads files, settings, secrets or
 * other databases is reachable, whatever DuckDB's next version brings. Names are looked at after folding.
 */

/** Same name and meaning in PostgreSQL and DuckDB: passed on. */
export const sharedFunctions: ReadonlySet<string> = new Set([
  'count',
  'sum',
  'min',
  'max',
  'avg',
  'bool_and',
  'bool_or',
  'string_agg',
  'array_agg',
  'row_number',
  'rank',
  'dense_rank',
  'lag',
  'lead',
  'first_value',
  'last_value',
  'ntile',
  'coalesce',
  'nullif',
  'greatest',
  'least',
  'now',
  'transaction_timestamp',
  'abs',
  'round',
  'floor',
  'ceil',
  'ceiling',
  'sign',
  'mod',
  'sqrt',
  'power',
  'lower',
  'upper',
  'length',
  'char_length',
  'character_length',
  'octet_length',
  'bit_length',
  'substr',
  'substring',
  'replace',
  'concat',
  'concat_ws',
  'split_part',
  'strpos',
  'position',
  'trim',
  'ltrim',
  'rtrim',
  'btrim',
  'left',
  'right',
  'reverse',
  'starts_with',
  'md5',
  'ascii',
  'chr',
  'translate',
  'date_trunc',
  'date_part',
  'to_timestamp',
  'make_date',
  'age',
  'gen_random_uuid',
  'array_length',
  'cardinality',
]);

/** Of them, those that give the same for the same rows; what is not here is never remembered. */
export const fixedFunctions: ReadonlySet<string> = new Set([
  'count',
  'sum',
  'min',
  'max',
  'coalesce',
  'nullif',
  'lower',
  'length',
]);

/** Callable with other names in DuckDB. */
export const renamedFunctions: Readonly<Record<string, string>> = {
  btrim: 'trim',
  char_length: 'length',
  character_length: 'length',
  transaction_timestamp: 'now',
  cardinality: 'len',
};

/** Set-returning functions that may stand in FROM. */
export const tableFunctions: ReadonlySet<string> = new Set(['unnest']);
