/**
 * `x = ANY($1)`: a parameter that is a list of what stands on the other side. DuckDB finds no type for it there, but it
 * finds one for `x = ($1)`, so that is asked for the type of the elements. Looks at tokens only.
 */
import type { Token } from '../../base/sql-lexer.ts';

const quantifiers: ReadonlySet<string> = new Set(['any', 'some', 'all']);

export interface AnyParameters {
  /** Numbers of the parameters that are the whole of an ANY, SOME or ALL. */
  readonly numbers: ReadonlySet<number>;
  /** The text without the quantifiers: each of these parameters stands where one element would. */
  readonly probe: string;
}

/** The parameters of `tokens` that are lists by their place, or null when there are none. */
export function anyParameters(tokens: readonly Token[]): AnyParameters | null {
  const numbers = new Set<number>();
  const significant = tokens.filter(({ kind }) => kind !== 'space' && kind !== 'comment');
  const dropped = new Set<Token>();
  significant.forEach((token, i) => {
    const [open, parameter, close] = significant.slice(i + 1, i + 4);
    if (token.kind !== 'name' || !quantifiers.has(token.text.toLowerCase())) return;
    if (open?.text !== '(' || parameter?.kind !== 'parameter' || close?.text !== ')') return;
    numbers.add(Number(parameter.text.slice(1)));
    dropped.add(token);
  });
  if (numbers.size === 0) return null;
  return { numbers, probe: tokens.map((token) => (dropped.has(token) ? '' : token.text)).join('') };
}
