/**
 * What PostgreSQL has and a lake has not, as DuckDB and DuckLake refuse it: the code drivers should see and what to do
 * instead. Their sentences of version 1.5.5; docs/sql.md lists the same for people.
 */
import type { ErrorCode } from '../../base/errors.ts';

const noKeys =
  'A ducklake keeps no keys, checks or indexes: leave it out. NOT NULL and DEFAULT are kept; MERGE INTO writes rows that may exist.';
const noSequences = 'A ducklake has no sequences: use BIGINT and give the numbers yourself, or UUID with gen_random_uuid().';

const limits: readonly (readonly [RegExp, ErrorCode, hint: string])[] = [
  [
    /constraints are not supported in DuckLake|^Constraint not implemented|^Failed to create foreign key/i,
    'feature_not_supported',
    noKeys,
  ],
  [
    /^(?:DuckLake does not support indexes|Adding indexes or constraints|No support for that ALTER TABLE option)/i,
    'feature_not_supported',
    noKeys,
  ],
  [
    /^Adding columns with constraints/i,
    'feature_not_supported',
    'Add the column with its DEFAULT; ALTER COLUMN … SET NOT NULL works once the lake has statistics of the table.',
  ],
  [/^Type with name (?:small|big)?serial\d? does not exist/i, 'feature_not_supported', noSequences],
  [/does not support sequences/i, 'feature_not_supported', noSequences],
  [
    /UNIQUE\/PRIMARY KEY constraints? (?:that refer|or index)|not referenced by a UNIQUE\/PRIMARY KEY/i,
    'feature_not_supported',
    'ON CONFLICT needs a key, and a ducklake keeps none: MERGE INTO t USING … ON t.id = … says the same.',
  ],
  [
    /^RETURNING clause not yet supported/i,
    'feature_not_supported',
    'SELECT the rows in the same transaction. ORMs ask for it to learn generated keys: give keys yourself.',
  ],
  [
    /^WITH clause is not supported/i,
    'feature_not_supported',
    'Storage parameters of tables do not exist here: leave WITH (…) out.',
  ],
  [
    /^SELECT locking clause/i,
    'feature_not_supported',
    'Transactions see a snapshot; a conflicting commit fails with 40001 and can be repeated.',
  ],
  [/^Collations are not supported/i, 'feature_not_supported', 'Text compares by bytes, as COLLATE "C" would: leave it out.'],
  [
    /does not support user-defined types/i,
    'feature_not_supported',
    'Write the type out in the table, or make it for the session: CREATE TEMP TYPE.',
  ],
  [/^Can not create a STORED generated column/i, 'feature_not_supported', 'Make a view that computes it.'],
  [/^ColumnDef type not handled/i, 'feature_not_supported', 'CREATE TABLE new AS FROM old LIMIT 0 copies the columns.'],
  [/^Cascade Drop not supported/i, 'feature_not_supported', 'Leave CASCADE out.'],
];

/** The limit a message of DuckDB speaks of, or undefined. */
export function lakeLimit(message: string): { readonly code: ErrorCode; readonly hint: string } | undefined {
  const found = limits.find(([pattern]) => pattern.test(message));
  return found && { code: found[1], hint: found[2] };
}
