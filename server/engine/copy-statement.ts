/** A COPY as statements/copy.ts has parsed it and the engine carries it out. */
import { quoteName } from '../../base/sql-lexer.ts';
import type { CopyFormat } from '../../base/statement-session.ts';

/** Columns an option is about: all of the statement's, or those named. */
export type ColumnChoice = 'all' | readonly string[];

export interface CopyOptions extends CopyFormat {
  /** HEADER MATCH: the header line must hold the column names. */
  readonly headerMatch: boolean;
  readonly forceNotNull: ColumnChoice;
  readonly forceNull: ColumnChoice;
  /** ENCODING as named in the statement, upper case; null is the client encoding. */
  readonly encoding: string | null;
}

export interface CopyStatement {
  readonly direction: 'in' | 'out';
  /** Name parts of the relation as written ([table], [schema, table], [lake, schema, table]); null for a query. */
  readonly table: readonly string[] | null;
  /** Text between the parentheses of COPY (query) TO; null for a table. */
  readonly query: string | null;
  /** The column list, null when there is none. */
  readonly columns: readonly string[] | null;
  /** Text after WHERE (COPY FROM only), null when there is none. */
  readonly where: string | null;
  readonly options: CopyOptions;
}

/** The relation of a COPY, quoted for SQL text; undefined for a query. */
export function relationSql(statement: CopyStatement): string | undefined {
  return statement.table?.map(quoteName).join('.');
}
