/**
 * An array parameter of more dimensions than the statement was planned for. PostgreSQL has one type for arrays of any
 * number of them; DuckDB has a type for each, so the statement is planned again for what was sent.
 */
import { type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { tokenize } from '../../base/sql-lexer.ts';

/** How many dimensions a type has; 0 for what is no list. */
export function dimensionsOf(type: DuckDBType): number {
  return type.typeId === DuckDBTypeId.LIST || type.typeId === DuckDBTypeId.ARRAY ? 1 + dimensionsOf(type.valueType) : 0;
}

/** Thrown while parameters are bound; what a client is told where planning again does not help. */
export class DeeperArray extends LakeError {
  readonly #number: number;
  readonly #type: DuckDBType;

  /** Parameter `number` (from 1) was sent as `type` where `wanted` is expected. */
  constructor(number: number, type: DuckDBType, wanted: DuckDBType) {
    super('feature_not_supported', `an array of ${dimensionsOf(type)} dimensions does not fit ${wanted}`, {
      hint: `Cast the parameter: $${number}::${type}.`,
    });
    this.#number = number;
    this.#type = type;
  }

  /** The statement with the parameter as what it is; casts that follow it (`$1::text[]`) get as many dimensions. */
  deepen(sql: string): string {
    const tokens = tokenize(sql).filter(({ kind }) => kind !== 'space' && kind !== 'comment');
    let text = '';
    let from = 0;
    tokens.forEach((token, i) => {
      if (token.kind !== 'parameter' || Number(token.text.slice(1)) !== this.#number) return;
      text += `${sql.slice(from, token.start)}CAST(${token.text} AS ${this.#type})`;
      from = token.end;
      if (tokens[i + 1]?.text !== ':' || tokens[i + 2]?.text !== ':') return;
      let at = i + 4;
      let pairs = 0;
      for (; tokens[at]?.text === '[' && tokens[at + 1]?.text === ']'; at += 2) pairs++;
      const last = tokens[at - 1];
      if (pairs === 0 || last === undefined) return;
      text += `${sql.slice(from, last.end)}${'[]'.repeat(Math.max(0, dimensionsOf(this.#type) - pairs))}`;
      from = last.end;
    });
    return text + sql.slice(from);
  }
}
