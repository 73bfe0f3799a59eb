/**
 * What the clients of a killed pod know about each of their operations, and what the pod must therefore show after its
 * restart. An operation writes all of its rows or none. This file knows nothing of how the pod works.
 */

/** `acked`: the client was told "done". `failed`: told "not done". `unknown`: the connection broke first. */
export type Told = 'acked' | 'failed' | 'unknown';

export interface Operation {
  /** `r<round>-<writer>-<number>`; stands in every row. */
  readonly id: string;
  readonly round: number;
  /** Rows per table if it happened. */
  readonly rows: Readonly<Record<string, number>>;
  /** Name of the counter that it raised by one, if it did. */
  readonly counter?: string;
  told: Told;
  /** SQLSTATE and text of the refusal, for people. */
  reason?: string;
  /** What the pod showed after the first restart; must never change again. */
  seen?: boolean;
}

/** Rows found per operation and table: how many, and the sum of their check column. */
export type Found = ReadonlyMap<string, ReadonlyMap<string, { readonly rows: number; readonly check: bigint }>>;

/** The value of the check column of row `n` of an operation: only the right row has it. */
export function checkOf(id: string, n: number): number {
  let hash = 2166136261;
  for (const text of [id, '/', String(n)]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619) >>> 0;
  }
  return hash;
}

export class Ledger {
  readonly operations = new Map<string, Operation>();

  /** Notes an operation before anything of it is sent: until told otherwise its outcome is unknown. */
  begin(operation: Omit<Operation, 'told' | 'seen'>): Operation {
    if (this.operations.has(operation.id)) throw new Error(`operation ${operation.id} was begun twice`);
    const noted: Operation = { ...operation, told: 'unknown' };
    this.operations.set(noted.id, noted);
    return noted;
  }

  count(told: Told): number {
    let count = 0;
    for (const operation of this.operations.values()) if (operation.told === told) count++;
    return count;
  }

  /** Compares the operations that `covers` accepts with what the pod shows; returns one line for each wrong one. */
  judge(found: Found, covers: (operation: Operation) => boolean): string[] {
    const wrong: string[] = [];
    for (const operation of this.operations.values()) {
      if (!covers(operation)) continue;
      const verdict = judgeOne(operation, found);
      if (verdict !== null) wrong.push(`${operation.id} (client was told: ${operation.told}): ${verdict}`);
    }
    for (const [id, tables] of found) {
      if (!this.operations.has(id)) wrong.push(`${id}: nobody ever sent it, but ${[...tables.keys()].join(', ')} has rows of it`);
    }
    return wrong;
  }

  /** The value each counter must have: how many operations that raised it did happen (after `judge`). */
  counters(): Map<string, number> {
    const values = new Map<string, number>();
    for (const operation of this.operations.values()) {
      if (operation.counter !== undefined)
        values.set(operation.counter, (values.get(operation.counter) ?? 0) + (operation.seen ? 1 : 0));
    }
    return values;
  }
}

function judgeOne(operation: Operation, found: Found): string | null {
  const tables = found.get(operation.id);
  const whole = Object.entries(operation.rows).every(([table, count]) => {
    const there = tables?.get(table);
    return there?.rows === count && there.check === sumOfChecks(operation.id, count);
  });
  const nothing = tables === undefined;
  if (!whole && !nothing) {
    const text = [...(tables ?? [])].map(([table, { rows, check }]) => `${rows} rows with check ${check} in ${table}`).join(', ');
    return `half of it is there: ${text}; whole would be ${JSON.stringify(operation.rows)}`;
  }
  if (operation.told === 'acked' && nothing) return 'acknowledged and lost';
  if (operation.told === 'failed' && whole) return 'reported as failed and there all the same';
  if (operation.seen === true && nothing) return 'it was there after an earlier restart and is gone';
  if (operation.seen === false && whole) return 'it was not there after an earlier restart and has appeared';
  operation.seen = whole;
  return null;
}

function sumOfChecks(id: string, count: number): bigint {
  let sum = 0n;
  for (let n = 0; n < count; n++) sum += BigInt(checkOf(id, n));
  return sum;
}
