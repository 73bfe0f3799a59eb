/** From JSON lines to the Markdown table: medians of the rounds, ratios, server CPU seconds, and whether what must hold holds. */
import { type Goal, goals } from './goals.ts';

export interface Measurement {
  readonly script: string;
  readonly metric: string;
  readonly target: string;
  readonly value: number | null;
  readonly error?: string;
  readonly server_cpu_s?: number;
  /** Load average of the machine at the time. */
  readonly load1?: number;
}

export interface Judged {
  readonly goal: Goal;
  /** Medians, with the spread of the rounds. */
  readonly ours?: Spread;
  readonly theirs?: Spread;
  readonly ratio?: number;
  readonly error?: string;
  /** undefined: nothing must hold, or it was not measured. */
  readonly holds?: boolean;
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly cpuSeconds?: number;
}

/** Holds the measurements against the goals. Rows that were not measured are left out. */
export function judge(measurements: readonly Measurement[]): Judged[] {
  return goals.flatMap((goal): Judged[] => {
    const of = (target: string): Measurement[] =>
      measurements.filter((row) => row.script === goal.script && row.metric === goal.metric && row.target === target);
    const mine = of('boilstream');
    if (mine.length === 0) return [];
    const ours = spread(mine);
    const theirs = goal.against ? spread(of(goal.against)) : undefined;
    const error = mine.find((row) => row.error)?.error;
    const bounded = goal.atMost !== undefined || goal.atLeast !== undefined;
    if (!ours || error)
      return [{ goal, ...(theirs ? { theirs } : {}), error: error ?? 'no value', ...(bounded ? { holds: false } : {}) }];
    const ratio = theirs ? ours.median / theirs.median : undefined;
    const judgedValue = goal.against ? ratio : ours.median;
    const holds =
      bounded && judgedValue !== undefined
        ? judgedValue <= (goal.atMost ?? Infinity) && judgedValue >= (goal.atLeast ?? 0)
        : undefined;
    return [
      {
        goal,
        ours,
        ...(theirs ? { theirs } : {}),
        ...(ratio === undefined ? {} : { ratio }),
        ...(holds === undefined ? {} : { holds }),
      },
    ];
  });
}

function spread(rows: readonly Measurement[]): Spread | undefined {
  const values = rows.flatMap((row) => (row.value === null ? [] : [row.value]));
  if (values.length === 0) return undefined;
  const cpu = rows.flatMap((row) => (row.server_cpu_s === undefined ? [] : [row.server_cpu_s]));
  return {
    median: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
    ...(cpu.length > 0 ? { cpuSeconds: median(cpu) } : {}),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The table as Markdown. */
export function toMarkdown(rows: readonly Judged[]): string {
  const lines = [
    '| what | unit | peer | BoilStream | ratio | must hold | | server CPU s, peer / ours |',
    '|---|---|--:|--:|--:|--:|---|--:|',
    ...rows.map(({ goal, ours, theirs, ratio, error, holds }) => {
      const bound =
        goal.atMost !== undefined ? `≤ ${amount(goal.atMost)}` : goal.atLeast !== undefined ? `≥ ${amount(goal.atLeast)}` : '';
      const shown = bound && goal.against ? `${bound}×` : bound;
      const verdict = holds === undefined ? '' : holds ? 'holds' : '**missed**';
      const cpu =
        ours?.cpuSeconds === undefined ? '' : `${theirs?.cpuSeconds?.toFixed(2) ?? '–'} / ${ours.cpuSeconds.toFixed(2)}`;
      return `| ${goal.label} | ${goal.unit} | ${theirs ? withSpread(theirs) : '–'} | ${ours ? withSpread(ours) : `failed: ${error}`} | ${ratio === undefined ? '' : `${ratio.toFixed(2)}×`} | ${shown} | ${verdict} | ${cpu} |`;
    }),
  ];
  return lines.join('\n');
}

function withSpread({ median: middle, least, most }: Spread): string {
  return least === most ? amount(middle) : `${amount(middle)} (${amount(least)}–${amount(most)})`;
}

function amount(value: number): string {
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(2)} M`;
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} k`;
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
