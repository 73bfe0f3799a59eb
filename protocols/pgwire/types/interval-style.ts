/**
 * interval as IntervalStyle sql_standard, postgres_verbose and iso_8601 write it.
 * Source: PostgreSQL, datetime.c, EncodeInterval.
 */

export type IntervalStyle = 'postgres' | 'postgres_verbose' | 'sql_standard' | 'iso_8601';

interface Fields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: bigint;
  readonly minute: bigint;
  /** Seconds of the minute, in microseconds; all three of the time have one sign. */
  readonly micros: bigint;
}

/** The text of an interval in a style other than `postgres`. */
export function restyleInterval(style: Exclude<IntervalStyle, 'postgres'>, months: number, days: number, micros: bigint): string {
  const fields: Fields = {
    year: Math.trunc(months / 12),
    month: months % 12,
    day: days,
    hour: micros / 3_600_000_000n,
    minute: (micros / 60_000_000n) % 60n,
    micros: micros % 60_000_000n,
  };
  if (style === 'iso_8601') return iso8601(fields);
  return style === 'sql_standard' ? sqlStandard(fields, months, micros) : verbose(fields);
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** `5`, `5.25`; with `width` 2 `05.25`. No sign. */
function secondsOf(micros: bigint, width = 1): string {
  const magnitude = absolute(micros);
  const fraction = (magnitude % 1_000_000n).toString().padStart(6, '0').replace(/0+$/, '');
  return `${(magnitude / 1_000_000n).toString().padStart(width, '0')}${fraction === '' ? '' : `.${fraction}`}`;
}

function iso8601({ year, month, day, hour, minute, micros }: Fields): string {
  const part = (value: number | bigint, unit: string): string => (Number(value) === 0 ? '' : `${value}${unit}`);
  const time = `${part(hour, 'H')}${part(minute, 'M')}${micros === 0n ? '' : `${micros < 0n ? '-' : ''}${secondsOf(micros)}S`}`;
  const text = `${part(year, 'Y')}${part(month, 'M')}${part(day, 'D')}${time === '' ? '' : `T${time}`}`;
  return text === '' ? 'PT0S' : `P${text}`;
}

function sqlStandard({ year, month, day, hour, minute, micros }: Fields, months: number, time: bigint): string {
  const clock = `${absolute(hour)}:${absolute(minute).toString().padStart(2, '0')}:${secondsOf(micros, 2)}`;
  const date = `${Math.abs(year)}-${Math.abs(month)}`;
  const isNegative = months < 0 || day < 0 || time < 0n;
  const isPositive = months > 0 || day > 0 || time > 0n;
  if (!isNegative && !isPositive) return '0';
  // What the standard cannot say: signs that differ, or months beside days and times.
  if ((isNegative && isPositive) || (months !== 0 && (day !== 0 || time !== 0n))) {
    const sign = (negative: boolean): string => (negative ? '-' : '+');
    return `${sign(months < 0)}${date} ${sign(day < 0)}${Math.abs(day)} ${sign(time < 0n)}${clock}`;
  }
  const text = months !== 0 ? date : day !== 0 ? `${Math.abs(day)} ${clock}` : clock;
  return isNegative ? `-${text}` : text;
}

function verbose({ year, month, day, hour, minute, micros }: Fields): string {
  let text = '@';
  let isZero = true;
  let isBefore = false;
  const part = (given: bigint, unit: string): void => {
    if (given === 0n) return;
    let value = given;
    // The first field's sign is said at the end, and the others are counted against it.
    if (isZero) isBefore = value < 0n;
    if (isBefore) value = -value;
    text += ` ${value} ${unit}${value === 1n ? '' : 's'}`;
    isZero = false;
  };
  part(BigInt(year), 'year');
  part(BigInt(month), 'mon');
  part(BigInt(day), 'day');
  part(hour, 'hour');
  part(minute, 'min');
  if (micros !== 0n) {
    if (isZero) isBefore = micros < 0n;
    text += ` ${micros < 0n !== isBefore ? '-' : ''}${secondsOf(micros)} sec${absolute(micros) === 1_000_000n ? '' : 's'}`;
    isZero = false;
  }
  return `${text}${isZero ? ' 0' : ''}${isBefore ? ' ago' : ''}`;
}
