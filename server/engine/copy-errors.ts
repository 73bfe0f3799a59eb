/** What DuckDB says about a row it cannot read, as PostgreSQL would say it: which line, which column, what was wrong. */
import { type ErrorCode, LakeError } from '../../base/errors.ts';
import type { Column } from '../../base/statement-session.ts';

export interface CopyContext {
  readonly table: string;
  readonly columns: readonly Column[];
  /** Lines of the header and of earlier segments. */
  readonly linesBefore: number;
}

/** Errors that are not about the data come back as they are. */
export function copyInError(error: unknown, context: CopyContext): unknown {
  if (!(error instanceof Error) || error instanceof LakeError) return error;
  const { message } = error;
  const at = /CSV Error on Line: (\d+)/.exec(message);
  if (!at) return castError(message, context) ?? stateError(message, context) ?? error;
  const where = `COPY ${context.table}, line ${Number(at[1]) + context.linesBefore}`;
  const convert = /Error when converting column "((?:[^"]|"")*)"\. Could not convert string "([\s\S]*?)" to '([^'\n]+)'/.exec(
    message,
  );
  if (convert)
    return conversion(
      convert[2] as string,
      convert[3] as string,
      `${where}, column ${convert[1]}: "${shortened(convert[2] as string)}"`,
    );
  const count = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
  if (count) {
    const found = Number(count[2]);
    const missing = context.columns[found]?.name;
    return refuse(
      'bad_copy_format',
      missing === undefined ? 'extra data after last expected column' : `missing data for column "${missing}"`,
      where,
    );
  }
  if (/unterminated quote/.test(message)) return refuse('bad_copy_format', 'unterminated CSV quoted field', where);
  if (/Invalid unicode/.test(message)) return refuse('invalid_byte_sequence', 'invalid byte sequence for encoding "UTF8"', where);
  if (/Maximum line size/i.test(message)) return refuse('too_large', 'a row is longer than this pod can take', where);
  return refuse('bad_copy_format', /\n([^\n]+)\n\nPossible/.exec(message)?.[1] ?? 'the row cannot be read', where);
}

/** A value that was read as text and did not convert; the line is not known then. */
function castError(message: string, { table }: CopyContext): LakeError | undefined {
  const cast =
    /Could not convert string '([\s\S]*?)' to ([A-Z][A-Z0-9_ ]*?)(?: when casting from source column (\S+))?(?:\n|$)/.exec(
      message,
    );
  if (!cast) return undefined;
  return conversion(
    cast[1] as string,
    cast[2] as string,
    `COPY ${table}${cast[3] === undefined ? '' : `, column ${cast[3]}`}: "${shortened(cast[1] as string)}"`,
  );
}

function stateError(message: string, { table }: CopyContext): LakeError | undefined {
  if (!/CSV Parser state machine reached an invalid state/.test(message)) return undefined;
  return refuse(
    'bad_copy_format',
    'unquoted newline found in data',
    `COPY ${table}: lines end in more than one way, or a quote stands where none may`,
  );
}

const typeNames: Readonly<Record<string, string>> = {
  TINYINT: 'smallint',
  SMALLINT: 'smallint',
  INTEGER: 'integer',
  INT32: 'integer',
  INT64: 'bigint',
  INT16: 'smallint',
  INT8: 'smallint',
  BIGINT: 'bigint',
  FLOAT: 'real',
  DOUBLE: 'double precision',
  BOOL: 'boolean',
  BOOLEAN: 'boolean',
  VARCHAR: 'text',
  'TIMESTAMP WITH TIME ZONE': 'timestamp with time zone',
};

function conversion(text: string, type: string, context: string): LakeError {
  const name = typeNames[type] ?? type.toLowerCase().replace(/^decimal/, 'numeric');
  const shown = shortened(text);
  if (/INT|DECIMAL/.test(type) && /^\s*[+-]?\d+\s*$/.test(text))
    return refuse('numeric_out_of_range', `value "${shown}" is out of range for type ${name}`, context);
  if (/^(?:DATE|TIME|INTERVAL)/.test(type)) {
    if (/^\d{1,6}-\d{1,2}-\d{1,2}/.test(text))
      return refuse('invalid_datetime', `date/time field value out of range: "${shown}"`, context);
    return refuse('invalid_datetime', `invalid input syntax for type ${name}: "${shown}"`, context);
  }
  return refuse('invalid_text_representation', `invalid input syntax for type ${name}: "${shown}"`, context);
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

function refuse(code: ErrorCode, message: string, detail: string): LakeError {
  return new LakeError(code, message, { detail, hint: 'Nothing of this COPY was stored.' });
}
