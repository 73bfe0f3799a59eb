/**
 * DuckDB's error texts to the product's codes. DuckDB has no machine-readable code behind its class ("Binder Error"), so
 * the sentences of version 1.5.5 are matched; what no rule knows keeps the code of its class. Message texts are cleaned
 * of DuckDB's prefix, of the excerpt with the caret (it becomes the position) and of names nobody should see.
 */
import { type ErrorCode, LakeError } from '../../base/errors.ts';
import { lakeLimit } from './lake-limits.ts';

type Rule = readonly [RegExp, ErrorCode, hint?: string];

const elsewhere =
  "Files on the server and URLs are not readable here. Load a local file with psql's \\copy table FROM 'file.csv' CSV HEADER, or ATTACH the lake from your own DuckDB and read the file there.";
const readOnlyLake = 'You may only read this lake. Its owner can grant more: GRANT WRITE ON DUCKLAKE … TO ….';

/** By DuckDB's class of error: the rules in order, then the code of what none matches. */
const classes: Readonly<Record<string, { readonly rules: readonly Rule[]; readonly otherwise: ErrorCode }>> = {
  Parser: { rules: [[/not implemented|not supported/i, 'feature_not_supported']], otherwise: 'syntax_error' },
  Syntax: { rules: [], otherwise: 'syntax_error' },
  Catalog: {
    rules: [
      [/^(?:Table|View) with name .* already exists/i, 'duplicate_table'],
      [/^Schema with name .* already exists/i, 'duplicate_schema'],
      [/^Existing object .* is of type/i, 'duplicate_table'],
      [/^Column with name .* already exists/i, 'duplicate_column'],
      [/already exists/i, 'duplicate_object'],
      [/^(?:Table|View) with name .* does not exist/i, 'undefined_table'],
      [
        /^(?:Table )?Function with name .* does not exist|(?:Scalar|Aggregate|Table|Macro|Pragma|Window)[\w ]* with name .* does not exist/i,
        'undefined_function',
      ],
      [/^Schema with name .* does not exist|No catalog \+ schema named|Schema .* not found/i, 'undefined_schema'],
      [/^Catalog .* does not exist|^Database .* does not exist/i, 'undefined_database'],
      [/^Column with name .* does not exist/i, 'undefined_column'],
      [/unrecognized configuration parameter/i, 'undefined_parameter'],
      [/Cannot drop entry|depends on/i, 'dependent_objects'],
    ],
    otherwise: 'undefined_object',
  },
  Binder: {
    rules: [
      [
        /^Referenced column|does not have a column|Table .* does not have column|Column .* (?:not found|does not exist)|column .* referenced (?:that|but)/i,
        'undefined_column',
      ],
      [/^Referenced table|Table .* (?:not found|does not exist)/i, 'undefined_table'],
      [/^Ambiguous reference|ambiguous/i, 'ambiguous_column'],
      [
        /must appear in the GROUP BY|cannot contain aggregates|aggregates? (?:are|is) not allowed|nested aggregate|window functions? (?:are|is) not allowed/i,
        'grouping_error',
      ],
      [
        /^No function matches|^Could not choose a best candidate function|Function .* (?:not found|does not exist)/i,
        'undefined_function',
      ],
      [/^Catalog .* does not exist/i, 'undefined_database'],
      [/Schema .* (?:not found|does not exist)/i, 'undefined_schema'],
      [/duplicate column|specified more than once|Duplicate alias/i, 'duplicate_column'],
      [/has \d+ columns but \d+ values|Set operations can only apply|same number of (?:columns|result)/i, 'syntax_error'],
      [/Cannot (?:compare|mix|cast|combine)|type mismatch|Could not (?:convert|cast)|Unimplemented type/i, 'datatype_mismatch'],
      [/not (?:yet )?(?:supported|implemented)|unsupported/i, 'feature_not_supported'],
      [
        /Cannot (?:update|create|alter|drop|delete|insert).*(?:read-only|system catalog)|Cannot create entry in system catalog/i,
        'permission_denied',
      ],
      [/already exists/i, 'duplicate_object'],
    ],
    otherwise: 'invalid_argument',
  },
  Conversion: {
    rules: [
      [/^(?:date|time|timestamp|interval)\b.*(?:field value|format|out of|invalid)|invalid (?:date|time)/i, 'invalid_datetime'],
      [/out of range|overflow|not in (?:the )?range|too (?:large|big)/i, 'numeric_out_of_range'],
    ],
    otherwise: 'invalid_text_representation',
  },
  'Out of Range': { rules: [[/division by zero/i, 'division_by_zero']], otherwise: 'numeric_out_of_range' },
  Decimal: { rules: [], otherwise: 'numeric_out_of_range' },
  'Divide by Zero': { rules: [], otherwise: 'division_by_zero' },
  Constraint: {
    rules: [
      [/NOT NULL constraint/i, 'not_null_violation'],
      [/CHECK constraint/i, 'check_violation'],
      [/foreign key/i, 'foreign_key_violation'],
      [/duplicate key|PRIMARY KEY|UNIQUE/i, 'unique_violation'],
    ],
    otherwise: 'check_violation',
  },
  TransactionContext: {
    rules: [
      [/conflict|concurrent|primary key|unique/i, 'serialization_conflict'],
      [/read-only/i, 'read_only_transaction'],
      [/Current transaction is aborted/i, 'in_failed_transaction'],
      [/no transaction is active/i, 'no_active_transaction'],
      [/within a transaction/i, 'active_transaction'],
      [
        /single transaction can only write to a single attached database/i,
        'feature_not_supported',
        'Write to one lake per transaction; reading any number of lakes is fine.',
      ],
    ],
    otherwise: 'serialization_conflict',
  },
  Transaction: { rules: [[/conflict|concurrent/i, 'serialization_conflict']], otherwise: 'serialization_conflict' },
  Permission: {
    rules: [[/file system operations are disabled|Cannot access|external/i, 'permission_denied', elsewhere]],
    otherwise: 'permission_denied',
  },
  'Invalid Input': {
    rules: [
      // What the catalog's macros say.
      [/^relation ".*" does not exist/i, 'undefined_table'],
      [/^type ".*" does not exist/i, 'undefined_object'],
      [/^unrecognized configuration parameter/i, 'undefined_parameter'],
      [/^Could not parse string .* according to format specifier/i, 'invalid_datetime'],
      [/attached in read-only mode/i, 'permission_denied', readOnlyLake],
      [
        /configuration has been locked|Cannot change configuration/i,
        'permission_denied',
        'Settings of the engine belong to the operator of the pod; SHOW ALL lists those of your session.',
      ],
      [/More than one row returned by a subquery|scalar subquery/i, 'cardinality_violation'],
      [/division by zero/i, 'division_by_zero'],
      [/out of range|overflow/i, 'numeric_out_of_range'],
      [/duplicate key|unique/i, 'unique_violation'],
      [/not (?:yet )?(?:supported|implemented)/i, 'feature_not_supported'],
      [/invalid unicode|UTF-?8/i, 'invalid_byte_sequence'],
      [/Cannot prepare multiple statements/i, 'syntax_error'],
    ],
    otherwise: 'invalid_argument',
  },
  'Not implemented': { rules: [], otherwise: 'feature_not_supported' },
  Dependency: { rules: [], otherwise: 'dependent_objects' },
  'Out of Memory': {
    rules: [
      [
        /max_temp_directory_size|offload|disk/i,
        'disk_full',
        'The statement spilled more than it may. Select less at once, or give the pod more memory.',
      ],
    ],
    otherwise: 'out_of_memory',
  },
  INTERRUPT: { rules: [], otherwise: 'query_canceled' },
  IO: {
    rules: [
      [/no space left|disk full/i, 'disk_full'],
      [
        /(?:could not|unable to|failed to) connect|connection (?:refused|to server|reset)|server closed the connection|terminating connection/i,
        'store_unavailable',
        'The catalog of the lake cannot be reached; try again shortly.',
      ],
      [/conflict|concurrent|primary key|unique|duplicate key/i, 'serialization_conflict'],
      [/permission denied|read-only|not allowed/i, 'permission_denied'],
      [/does not exist|No files found|cannot open file/i, 'not_found'],
    ],
    otherwise: 'store_unavailable',
  },
  // What the lake's catalog answered, as DuckLake passes it on.
  Invalid: {
    rules: [
      [/conflict|concurrent|primary key|unique|duplicate key/i, 'serialization_conflict'],
      [/permission denied|read-only|not allowed/i, 'permission_denied'],
    ],
    otherwise: 'store_unavailable',
  },
  HTTP: { rules: [], otherwise: 'store_unavailable' },
  Connection: { rules: [], otherwise: 'store_unavailable' },
  'Mismatch Type': { rules: [], otherwise: 'datatype_mismatch' },
  'Invalid Type': { rules: [], otherwise: 'datatype_mismatch' },
  'Parameter Not Resolved': { rules: [], otherwise: 'invalid_argument' },
  'Parameter Not Allowed': { rules: [], otherwise: 'invalid_argument' },
  'Missing Extension': { rules: [], otherwise: 'feature_not_supported' },
  Settings: { rules: [], otherwise: 'invalid_argument' },
};

/** DuckDB's error (or a LakeError, as it is) for the client; `sql` is the text it was about, for the position. */
export function toStatementError(thrown: unknown, sql?: string): LakeError {
  if (thrown instanceof LakeError) return thrown;
  if (!(thrown instanceof Error))
    return new LakeError('internal', 'internal error; the pod log has the cause', { cause: thrown });
  const match = /^([A-Za-z][A-Za-z ]*?) Error: ([\s\S]*)$/.exec(thrown.message);
  const kind = match ? classes[match[1] as string] : undefined;
  if (!match || !kind || match[1] === 'INTERNAL' || match[1] === 'FATAL') {
    return new LakeError('internal', 'internal error; the pod log has the cause', { cause: thrown });
  }
  // Whatever class DuckLake wraps it in; libpq's own words for a session on the catalog that is gone.
  if (
    /server closed the connection unexpectedly|no connection to the server|Unable to connect to Postgres/i.test(
      match[2] as string,
    )
  )
    return new LakeError('store_unavailable', 'the catalog of the lake cannot be reached', {
      hint: 'Try again shortly. A COMMIT that was under way may have taken effect: look before you repeat it.',
      cause: thrown,
    });
  const body = hideNames(match[2] as string);
  const { message, suggestion } = parts(body);
  const rule = kind.rules.find(([pattern]) => pattern.test(message));
  // A commit that failed carries the catalog server's own words, whatever class DuckDB wraps them in.
  const limit = lakeLimit(message);
  const code = message === manyStatements ? 'syntax_error' : (limit?.code ?? rule?.[1] ?? kind.otherwise);
  if (code === 'query_canceled')
    return new LakeError('query_canceled', 'canceling statement due to user request', { cause: thrown });
  // DuckDB looks for similar names everywhere, the hidden catalogs included.
  const hint =
    limit?.hint ??
    rule?.[2] ??
    (suggestion?.includes('__ducklake_metadata') || suggestion?.includes('pg.') || suggestion?.includes('pg_catalog')
      ? undefined
      : suggestion);
  const position = sql === undefined ? undefined : excerptPosition(body, sql);
  return new LakeError(code, message, {
    cause: thrown,
    ...(hint ? { hint } : {}),
    ...(position ? { position } : {}),
    retriable: code === 'serialization_conflict',
  });
}

const manyStatements = 'cannot insert multiple commands into a prepared statement';

function parts(body: string): { message: string; suggestion: string | undefined } {
  const withoutExcerpt = body.replace(/\n+LINE \d+: [\s\S]*$/, '').trim();
  const cut =
    /\n\s*(Did you mean|Candidate (?:functions|bindings|tables)|Possible|\* )/.exec(withoutExcerpt) ??
    /(?<=[.!?"])\s+(Did you mean)/.exec(withoutExcerpt);
  if (!cut) return { message: oneLine(withoutExcerpt), suggestion: undefined };
  return {
    message: oneLine(withoutExcerpt.slice(0, cut.index)),
    suggestion: withoutExcerpt.slice(cut.index).trim().slice(0, 2000),
  };
}

/** On one line, and in PostgreSQL's words where drivers look for these. */
function oneLine(text: string): string {
  if (text.startsWith('Cannot prepare multiple statements')) return manyStatements;
  return text.replace(/\s*\n\s*/g, ' ').trim();
}

/** Names of metadata catalogs are random so that no statement can say them; an error must not teach them. */
function hideNames(text: string): string {
  return text.replace(/__ducklake_metadata_[0-9a-z_]+/gi, '__ducklake_metadata');
}

/** 1-based position of the caret below DuckDB's `LINE n: …excerpt…`. The excerpt may be cut on both sides. */
function excerptPosition(body: string, sql: string): number | undefined {
  const match = /\nLINE (\d+): (.*)\n( *)\^/.exec(body);
  if (!match) return undefined;
  const [, lineText, shown, indent] = match as unknown as [string, string, string, string];
  const caret = indent.length - `LINE ${lineText}: `.length;
  const lines = sql.split('\n');
  const line = lines[Number(lineText) - 1];
  if (line === undefined || caret < 0) return undefined;
  const cutLeft = shown.startsWith('...') && !line.startsWith(shown.slice(0, 4));
  const needle = shown.slice(cutLeft ? 3 : 0).replace(/\.\.\.$/, '');
  const at = line.indexOf(needle);
  if (at < 0) return undefined;
  const before = lines.slice(0, Number(lineText) - 1).reduce((sum, text) => sum + text.length + 1, 0);
  return before + at + (caret - (cutLeft ? 3 : 0)) + 1;
}
