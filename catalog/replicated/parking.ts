/** Which open databases are to be parked now. Pure. */
import type { LogLimits } from './limits.ts';

interface Idle {
  readonly isParked: boolean;
  /** Since when nobody has used it, milliseconds; null while somebody does. */
  readonly idleSince: number | null;
}

/** Those that have been idle too long, and of the others the longest idle, as many as there are too many. */
export function toPark<D extends Idle>(
  databases: readonly D[],
  now: number,
  { idleMsMax, idleDatabasesMax }: Pick<LogLimits, 'idleMsMax' | 'idleDatabasesMax'>,
): D[] {
  const idle = databases
    .filter((each) => !each.isParked && each.idleSince !== null)
    .sort((a, b) => (a.idleSince as number) - (b.idleSince as number));
  const surplus = idle.length - idleDatabasesMax;
  return idle.filter((each, index) => index < surplus || now - (each.idleSince as number) >= idleMsMax);
}
