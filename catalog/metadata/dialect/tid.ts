/**
 * `ctid` over DuckDB's row ids. The text is PostgreSQL's `(page,item)`; 1,024 rows make a page. Rows of the open
 * transaction, which DuckDB numbers from 2^55 until they are committed, get pages from 2^30 upwards, so both kinds fit
 * the 32 bits of a block number and stay what they are for the whole transaction.
 */
import { LakeError } from '../../../base/errors.ts';

/** DuckDB's MAX_ROW_ID: first row id of rows that only the open transaction has. */
const localRowIdBase = 36_028_797_018_960_000n;
const rowsPerPage = 1024n;
const localPageBase = 1n << 30n;

/**
 * The row id that a tid text names. What stands around the parentheses is ignored, as PostgreSQL's tidin does: a stock
 * client sends the text in quotes that it forgot to take off. Throws `invalid_text_representation`.
 */
export function parseTid(text: string): bigint {
  const parts = /\(\s*(\d{1,10})\s*,\s*(\d{1,5})\s*\)/.exec(text);
  if (!parts) throw new LakeError('invalid_text_representation', `invalid input syntax for type tid: "${text.slice(0, 40)}"`);
  const page = BigInt(parts[1] as string);
  const row = (page % localPageBase) * rowsPerPage + BigInt(parts[2] as string) - 1n;
  return page >= localPageBase ? row + localRowIdBase : row;
}

/** DuckDB expression: row id expression to the `(page,item)` text. */
export function tidText(rowid: string): string {
  return `format('({},{})', ${page(rowid)}, ${item(rowid)})`;
}

/** DuckDB expression: row id expression to the six bytes of tid's binary form (block number, offset). */
export function tidBytes(rowid: string): string {
  return `unhex(format('{:08x}{:04x}', ${page(rowid)}, ${item(rowid)}))`;
}

/** DuckDB expression: tid text expression to a row id. */
export function rowidOfText(text: string): string {
  const part = (n: number): string => `CAST(regexp_extract(${text}, '\\(([0-9]+),([0-9]+)\\)', ${n}) AS BIGINT)`;
  const local = `${part(1)} >= ${localPageBase}`;
  return `((${part(1)} % ${localPageBase}) * ${rowsPerPage} + ${part(2)} - 1 + CASE WHEN ${local} THEN ${localRowIdBase} ELSE 0 END)`;
}

function page(rowid: string): string {
  return `(CASE WHEN ${rowid} >= ${localRowIdBase} THEN (${rowid} - ${localRowIdBase}) // ${rowsPerPage} + ${localPageBase} ELSE ${rowid} // ${rowsPerPage} END)`;
}

function item(rowid: string): string {
  return `(CASE WHEN ${rowid} >= ${localRowIdBase} THEN (${rowid} - ${localRowIdBase}) % ${rowsPerPage} ELSE ${rowid} % ${rowsPerPage} END + 1)`;
}
