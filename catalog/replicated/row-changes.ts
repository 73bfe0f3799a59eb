/**
 * A commit as changes of rows: literals to insert, and columns to set where keys have values. What such a commit does is
 * plain from its text, so it can be in the log, and be answered, before DuckDB has it (database.ts, `record`). Later many
 * of them are told to DuckDB in one transaction, which costs it hardly more than one.
 */
import { LakeError } from '../../base/errors.ts';
import { quoteName } from '../../base/sql-lexer.ts';

export type RowChange =
  | {
      readonly t: 'insert';
      readonly schema: string;
      readonly table: string;
      /** Rows of VALUES in DuckDB's SQL: literals for all columns, of one form per column: `(1, 'a'), (2, 'b')`. */
      readonly rows: string;
    }
  | {
      readonly t: 'update';
      readonly schema: string;
      readonly table: string;
      /** The columns that `set` sets, by name: of two updates with the same columns and condition only the later matters. */
      readonly columns: readonly string[];
      readonly set: string;
      readonly where: string;
    };

/** The changes of one commit as the log carries them: JSON. */
export function encodeRowChanges(changes: readonly RowChange[]): Buffer {
  return Buffer.from(JSON.stringify(changes));
}

/** Throws `corrupt` for what `encodeRowChanges` does not make. */
export function decodeRowChanges(bytes: Buffer): RowChange[] {
  let changes: unknown;
  try {
    changes = JSON.parse(bytes.toString());
  } catch {
    changes = null;
  }
  if (!Array.isArray(changes) || !changes.every(isRowChange))
    throw new LakeError('corrupt', 'the row changes of a commit in the log cannot be read', {
      hint: 'Start the release that wrote them, or restore the lake to an earlier point.',
    });
  return changes;
}

function isRowChange(value: unknown): value is RowChange {
  const change = value as Record<string, unknown> | null;
  if (typeof change !== 'object' || change === null) return false;
  const areStrings = (...names: string[]): boolean => names.every((name) => typeof change[name] === 'string');
  if (change['t'] === 'insert') return areStrings('schema', 'table', 'rows');
  return change['t'] === 'update' && areStrings('schema', 'table', 'set', 'where') && Array.isArray(change['columns']);
}

/** Statements for DuckDB that do what the commits did one after the other. `database` is the alias of the database. */
export function toStatements(commits: readonly (readonly RowChange[])[], database: string): string[] {
  const steps: Array<{ table: string; rows: string[] | null; key: string; sql: string }> = [];
  for (const change of commits.flat()) {
    const table = `${quoteName(database)}.${quoteName(change.schema)}.${quoteName(change.table)}`;
    const own = steps.findLastIndex((step) => step.table === table);
    if (change.t === 'insert') {
      const last = steps[own];
      // Not into an INSERT before an update of the same table, which does not see these rows.
      if (last?.rows) last.rows.push(change.rows);
      else steps.push({ table, rows: [change.rows], key: '', sql: '' });
      continue;
    }
    const key = JSON.stringify([change.columns, change.where]);
    const superseded = steps.findIndex((step) => step.table === table && step.rows === null && step.key === key);
    if (superseded >= 0) steps.splice(superseded, 1);
    steps.push({ table, rows: null, key, sql: `UPDATE ${table} SET ${change.set} WHERE ${change.where}` });
  }
  return steps.map(({ table, rows, sql }) => (rows ? `INSERT INTO ${table} VALUES ${rows.join(', ')}` : sql));
}
