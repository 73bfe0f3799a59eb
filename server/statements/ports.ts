/** What SQL sessions need from the rest of the pod. Types only: main.ts hands in what fulfils them. */
import type { Principal, Right } from '../../base/domain.ts';
import type { Column } from '../../base/statement-session.ts';

/** The administrative statements (CREATE DUCKLAKE, CREATE USER, GRANT …). A statement it parsed is opaque here. */
export interface Admin<Statement = unknown> {
  /** The statement if it is one of these, else null. Throws syntax_error and the like. */
  parse(sql: string): Statement | null;
  /** Columns it answers, or null when it answers no rows. */
  columns(statement: Statement): readonly string[] | null;
  run(statement: Statement, principal: Principal): Promise<AdminAnswer>;
}

export interface AdminAnswer {
  /** CommandComplete text; for rows without the count. */
  readonly tag: string;
  readonly rows?: { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] };
}

/** PostgreSQL's catalog names in a lake session: their text as DuckDB understands it, their types as PostgreSQL has them. */
export interface PgNames {
  rewrite(
    sql: string,
    options: { readonly lake: string; isPublicAlias(lake: string | undefined): boolean },
  ): { readonly sql: string; readonly isCatalog: boolean; readonly parameters?: readonly number[] };
  /** The columns of a catalog query with the types PostgreSQL announces for them. `sql` is the client's text. */
  announce(sql: string, columns: readonly Column[]): readonly Column[];
  /** Statements to run on a connection when the session's facts changed: what the catalog views and functions read. */
  sessionStatements(facts: SessionFacts): readonly string[];
}

/** What catalog views and functions know of the session. */
export interface SessionFacts {
  readonly principal: Principal;
  readonly database: string;
  readonly processId: number;
  readonly lakes: readonly { readonly name: string; readonly owner?: string | undefined; readonly right: Right }[];
  /** Schemas in order, as the client set them (`public` for `main`). */
  readonly searchPath: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
}
