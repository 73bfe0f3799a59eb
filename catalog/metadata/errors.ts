/**
 * DuckDB's errors to the product's, in PostgreSQL's words. DuckLake's client retries a commit when an error text holds
 * one of four words, whatever the SQLSTATE, and repeats it even if it landed (durability rule 12): those words leave
 * here only in `unique_violation` and `serialization_conflict`, which are sent after the transaction is rolled back.
 */
import { LakeError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';

/** What makes DuckLake's client repeat a commit. */
const retryWords = /primary key|unique|conflict|concurrent/i;
const spelledOtherwise: Readonly<Record<string, string>> = {
  'primary key': 'primary-key',
  unique: 'uniq.',
  conflict: 'confl.',
  concurrent: 'concurr.',
};

const rules: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^INTERRUPT Error|Interrupted!/i, 'query_canceled'],
  [/^Conversion Error.*(?:out of range|overflow)/is, 'numeric_out_of_range'],
  [/^Conversion Error.*(?:date|timestamp|time) /is, 'invalid_datetime'],
  [/More than one row returned by a subquery/i, 'cardinality_violation'],
  [/^Conversion Error/i, 'invalid_text_representation'],
  [/^Invalid Input Error/i, 'invalid_argument'],
  [/^Out of Range Error.*division/is, 'division_by_zero'],
  [/^Out of Range Error/i, 'numeric_out_of_range'],
  [/NOT NULL constraint/i, 'not_null_violation'],
  [/^(?:Catalog|Binder) Error.*(?:Table|relation) with name .* does not exist/is, 'undefined_table'],
  [/^(?:Catalog|Binder) Error.*already exists/is, 'duplicate_table'],
  [/^Binder Error.*(?:Referenced column|does not have a column|not found in FROM)/is, 'undefined_column'],
  [/^Binder Error.*Ambiguous/is, 'ambiguous_column'],
  [/^Binder Error.*GROUP BY/is, 'grouping_error'],
  [/^(?:Binder|Catalog) Error.*(?:No function matches|Function with name)/is, 'undefined_function'],
  [/^Binder Error/i, 'invalid_argument'],
  [/^Parser Error/i, 'syntax_error'],
  [/Out of Memory|failed to (?:allocate|pin)|could not allocate/i, 'out_of_memory'],
  [/^(?:Not implemented|Unsupported)/i, 'feature_not_supported'],
];

/** Maps anything that was thrown while a statement ran. `table` is the statement's target, for the constraint's name. */
export function toMetadataError(thrown: unknown, table?: string): LakeError {
  if (thrown instanceof LakeError) return retriableCodes.has(thrown.code) ? thrown : withoutRetryWords(thrown);
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const duplicate = duplicateKey(text, table);
  if (duplicate) return duplicate;
  if (/write-write conflict|conflict on|Conflict|could not serialize/i.test(text) && /^TransactionContext Error/i.test(text))
    return serializationConflict(thrown);
  for (const [pattern, code] of rules) {
    if (!pattern.test(text)) continue;
    if (code === 'out_of_memory')
      return new LakeError(code, 'out of memory in the metadata databases of this pod', {
        hint: 'Raise BOILSTREAM_MEMORY_LIMIT.',
        cause: thrown,
      });
    if (code === 'query_canceled') return new LakeError(code, 'canceling statement due to user request');
    return withoutRetryWords(new LakeError(code, firstLine(text), { cause: thrown }));
  }
  return new LakeError('internal', 'internal error in the metadata database; the pod log has the cause', { cause: thrown });
}

const retriableCodes: ReadonlySet<ErrorCode> = new Set(['unique_violation', 'serialization_conflict']);

/**
 * 40001 with PostgreSQL's text, and in the detail the word with which DuckDB's own catalog says it, which users of DuckLake look for.
 * Only for transactions that are certainly rolled back.
 */
export function serializationConflict(cause?: unknown): LakeError {
  return new LakeError('serialization_conflict', 'could not serialize access due to concurrent update', {
    detail: 'Conflict on a row that a transaction running at the same time has changed.',
    hint: 'The transaction was rolled back; run it again.',
    retriable: true,
    cause,
  });
}

function duplicateKey(text: string, table: string | undefined): LakeError | undefined {
  const found =
    /Duplicate key "(.*)" violates (?:primary key|unique) constraint/is.exec(text) ??
    /(?:PRIMARY KEY or UNIQUE) constraint (?:violation|violated): duplicate key "(.*)"/is.exec(text);
  if (!found) return undefined;
  const pairs = (found[1] as string).split(', ').map((pair) => pair.split(': '));
  const detail = pairs.every((pair) => pair.length === 2)
    ? `Key (${pairs.map((p) => p[0]).join(', ')})=(${pairs.map((p) => p[1]).join(', ')}) already exists.`
    : `Key (${found[1]}) already exists.`;
  const constraint = table === undefined ? 'primary key' : `${table}_pkey`;
  return new LakeError('unique_violation', `duplicate key value violates unique constraint "${constraint}"`, {
    detail,
    retriable: true,
  });
}

/** The same error with the words spelled so that no client repeats its commit because of them. */
function withoutRetryWords(error: LakeError): LakeError {
  const clean = (text: string): string =>
    text.replace(new RegExp(retryWords, 'gi'), (word) => spelledOtherwise[word.toLowerCase()] ?? '…');
  const texts = [error.message, error.hint ?? '', error.detail ?? ''];
  if (!texts.some((text) => retryWords.test(text))) return error;
  return new LakeError(error.code, clean(error.message), {
    ...(error.hint === undefined ? {} : { hint: clean(error.hint) }),
    ...(error.detail === undefined ? {} : { detail: clean(error.detail) }),
    ...(error.position === undefined ? {} : { position: error.position }),
    cause: error.cause ?? error,
  });
}

/** DuckDB's message without its class, the excerpt of our rewritten text and the candidates it suggests. */
function firstLine(text: string): string {
  const line = text.split('\n')[0] as string;
  return line.replace(/^[A-Z][A-Za-z ]+ Error: /, '');
}
