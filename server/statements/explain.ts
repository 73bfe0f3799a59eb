/**
 * EXPLAIN as PostgreSQL's tools read it: one column `QUERY PLAN`, a line a row or one JSON document with PostgreSQL's keys.
 * The plan is DuckDB's; options that choose what PostgreSQL shows beside it are accepted and change nothing.
 * Source: PostgreSQL 15 documentation, EXPLAIN; DuckDB 1.5's `EXPLAIN (FORMAT json)`.
 */
import { VARCHAR } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { oid } from '../../base/pg-types.ts';
import { nameOf, stringOf, type Token } from '../../base/sql-lexer.ts';
import type { Column } from '../../base/statement-session.ts';
import { wordAt } from './classify.ts';

export interface Explain {
  /** What DuckDB is asked. */
  readonly sql: string;
  readonly isJson: boolean;
  readonly columns: readonly Column[];
}

/** Options that only choose what is shown. */
const ignored: ReadonlySet<string> = new Set([
  'verbose',
  'costs',
  'settings',
  'generic_plan',
  'buffers',
  'wal',
  'timing',
  'summary',
  'memory',
  'serialize',
]);
/** Nested plans deeper than this are cut: the document is for eyes. */
const depthMax = 500;

/** The statement in DuckDB's words. Throws syntax_error, feature_not_supported. */
export function parseExplain(sql: string, tokens: readonly Token[]): Explain {
  let at = 1;
  let analyze = false;
  let format = 'text';
  for (; ['analyze', 'analyse', 'verbose'].includes(wordAt(tokens, at)); at++) analyze ||= wordAt(tokens, at) !== 'verbose';
  if (tokens[at]?.text === '(' && !['select', 'with', 'values', 'from', 'table', ''].includes(wordAt(tokens, at + 1))) {
    at++;
    for (; at < tokens.length && tokens[at]?.text !== ')'; at++) {
      const option = wordAt(tokens, at);
      const value = tokens[at + 1];
      const hasValue = value !== undefined && value.text !== ',' && value.text !== ')';
      const said = hasValue ? (value.kind === 'string' ? stringOf(value) : nameOf(value)).toLowerCase() : 'true';
      if (option === 'analyze' || option === 'analyse') analyze = !['false', 'off', '0'].includes(said);
      else if (option === 'format') format = said;
      else if (!ignored.has(option))
        throw new LakeError('syntax_error', `unrecognized EXPLAIN option "${tokens[at]?.text}"`, {
          position: (tokens[at]?.start ?? 0) + 1,
        });
      if (hasValue) at++;
      if (tokens[at + 1]?.text === ',') at++;
    }
    at++;
  }
  const inner = tokens[at];
  if (inner === undefined) throw new LakeError('syntax_error', 'syntax error at end of input', { hint: 'EXPLAIN statement' });
  if (format !== 'text' && format !== 'json')
    throw new LakeError('feature_not_supported', `EXPLAIN (FORMAT ${format}) is not supported`, { hint: 'TEXT and JSON are.' });
  const isJson = format === 'json';
  return {
    sql: `EXPLAIN (${analyze ? 'ANALYZE, ' : ''}FORMAT ${format}) ${sql.slice(inner.start)}`,
    isJson,
    columns: [{ name: 'QUERY PLAN', type: VARCHAR, ...(isJson ? { pgType: { oid: oid.json } } : {}) }],
  };
}

/** The rows of `QUERY PLAN` from what DuckDB answered. */
export function planRows(explain: Explain, plans: readonly string[]): readonly (readonly [string])[] {
  if (!explain.isJson) return plans.flatMap((text) => text.replace(/\n$/, '').split('\n')).map((line) => [line]);
  return plans.map((text) => [JSON.stringify(documentOf(JSON.parse(text)), null, 2)]);
}

interface Operator {
  readonly name?: string;
  readonly operator_name?: string;
  readonly operator_timing?: number;
  readonly operator_cardinality?: number;
  readonly latency?: number;
  readonly extra_info?: Readonly<Record<string, string | readonly string[]>>;
  readonly children?: readonly Operator[];
}

/** `[{"Plan": …}]`: an EXPLAIN is a list of operators, an EXPLAIN ANALYZE a record of the query around them. */
function documentOf(plan: readonly Operator[] | Operator): unknown {
  if (Array.isArray(plan)) return plan.map((operator: Operator) => ({ Plan: nodeOf(operator, 0) }));
  const query = plan as Operator;
  const top = query.children?.[0];
  const root = top?.operator_name === 'EXPLAIN_ANALYZE' ? top.children?.[0] : top;
  return [
    {
      Plan: root === undefined ? { 'Node Type': 'Result' } : nodeOf(root, 0),
      'Execution Time': milliseconds(query.latency ?? 0),
    },
  ];
}

function nodeOf(operator: Operator, depth: number): Record<string, unknown> {
  const { Table: table, Filters: filter, 'Estimated Cardinality': rows, ...rest } = operator.extra_info ?? {};
  const children = depth < depthMax ? (operator.children ?? []) : [];
  return {
    'Node Type': nodeType((operator.operator_name ?? operator.name ?? '').trim()),
    ...(table === undefined ? {} : { 'Relation Name': String(table).replace(/^.*\./s, '') }),
    'Plan Rows': Number(rows ?? 0),
    ...(operator.operator_timing === undefined
      ? {}
      : {
          'Actual Total Time': milliseconds(operator.operator_timing),
          'Actual Rows': operator.operator_cardinality ?? 0,
          'Actual Loops': 1,
        }),
    ...(filter === undefined ? {} : { Filter: filter }),
    ...rest,
    ...(children.length === 0 ? {} : { Plans: children.map((child) => nodeOf(child, depth + 1)) }),
  };
}

/** `HASH_GROUP_BY` as `Hash Group By`. */
function nodeType(name: string): string {
  return name
    .toLowerCase()
    .replace(/(^|[_ ])([a-z])/g, (_, gap: string, letter: string) => (gap === '' ? '' : ' ') + letter.toUpperCase());
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3;
}
