/**
 * What is remembered of the texts that come again and again on one connection, by their shape (the text without its
 * literals). A text without literals keeps its plan. One with literals does not: DuckDB plans a statement with
 * parameters over a table anew at every execution, which costs more than planning the text (measured with 1.5.5:
 * INSERT 0.75 ms against 0.31). For those the size of the last answer is kept: small ones are asked for in one step
 * instead of being streamed.
 */
import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import type { Shape } from './dialect/translation.ts';
import { limits } from './limits.ts';

interface Known {
  plan?: DuckDBPreparedStatement;
  /** Rows of the last answer. */
  rows?: number;
}

export class Plans {
  readonly #connection: DuckDBConnection;
  /** By shape, least recently used first. */
  readonly #known = new Map<string, Known>();

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** The plan of a text without literals. */
  async constant(shape: Shape): Promise<DuckDBPreparedStatement> {
    const known = this.#recall(shape);
    known.plan ??= await this.#connection.prepare(shape.sql);
    return known.plan;
  }

  /** True if the last answer to this shape fitted one chunk. */
  isSmall(shape: Shape): boolean {
    const { rows } = this.#recall(shape);
    return rows !== undefined && rows <= limits.smallAnswerRows;
  }

  answered(shape: Shape, rows: number): void {
    this.#recall(shape).rows = rows;
  }

  #recall(shape: Shape): Known {
    const known = this.#known.get(shape.sql) ?? {};
    // Put back at the end: used just now.
    this.#known.delete(shape.sql);
    this.#known.set(shape.sql, known);
    if (this.#known.size > limits.plansPerSessionMax) {
      const [oldest] = this.#known.keys();
      this.#known.get(oldest as string)?.plan?.destroySync();
      this.#known.delete(oldest as string);
    }
    return known;
  }

  close(): void {
    for (const { plan } of this.#known.values()) plan?.destroySync();
    this.#known.clear();
  }
}
