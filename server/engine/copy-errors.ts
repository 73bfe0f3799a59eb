/** What DuckDB says about a row it cannot read, as PostgreSQL would say it: which line, which column, what was wrong. */
import { type ErrorCode, LakeError } from '../../base/errors.ts';

/** `linesBefore` are lines of earlier segments. Errors that are not about the data come back as they are. */
export function copyInError(error: unknown, table: string, linesBefore: number): unknown {
  if (!(error instanceof Error) || error instanceof LakeError) return error;
  const at = /CSV Error on Line: (\d+)/.exec(error.message);
  if (!at) return error;
  const line = Number(at[1]) + linesBefore;
  const column = /column "((?:[^"]|"")*)"/.exec(error.message)?.[1];
  const context = `COPY ${table}, line ${line}${column === undefined ? '' : `, column ${column}`}`;
  const convert = /Could not convert string "([\s\S]*)" to '([^']+)'/.exec(error.message);
  if (convert) {
    const [, text, type] = convert as unknown as [string, string, string];
    return refuse('invalid_text_representation', `invalid input syntax for type ${type.toLowerCase()}: "${text.slice(0, 200)}"`, context);
  }
  const count = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(error.message);
  if (count) {
    const [expected, found] = [Number(count[1]), Number(count[2])];
    const what = found < expected ? `missing data: the row has ${found} of ${expected} columns` : 'extra data after last expected column';
    return refuse('bad_copy_format', what, context);
  }
  if (/unterminated quote/.test(error.message)) return refuse('bad_copy_format', 'unterminated CSV quoted field', context);
  if (/Invalid unicode/.test(error.message)) return refuse('invalid_byte_sequence', 'invalid byte sequence for encoding "UTF8"', context);
  return refuse('bad_copy_format', /\n([^\n]+)\n\nPossible/.exec(error.message)?.[1] ?? 'the row cannot be read', context);
}

function refuse(code: ErrorCode, message: string, detail: string): LakeError {
  return new LakeError(code, message, { detail, hint: 'Nothing of this COPY was stored.' });
}
