/**
 * Dates, times and intervals as drivers write them in text parameters: ISO 8601 and PostgreSQL's own output styles
 * (DateStyle ISO, IntervalStyle postgres and iso_8601). Everything drivers send is covered; free-form input such as
 * `tomorrow` or `Jan 8` is refused with `invalid_datetime`. Source: PostgreSQL documentation, section 8.5.
 */
import { LakeError } from './errors.ts';

/** Months, days and microseconds, as both PostgreSQL and DuckDB keep an interval. */
export interface PgInterval {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

const dayMicros = 86_400_000_000n;

/** Days since 1970-01-01 of a proleptic Gregorian date; the year is astronomical (0 = 1 BC). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719468;
}

const datePattern = /^(\d{1,7})-(\d{1,2})-(\d{1,2})/;
const timePattern = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?/;
const zonePattern = /^(?:Z|UTC|GMT|([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?)/i;

/** `YYYY-MM-DD [BC]`, `infinity`, `-infinity` to days since 1970. A time of day after the date is ignored, as in PostgreSQL. */
export function parseDate(text: string): number | 'infinity' | '-infinity' {
  const parsed = parseTimestamp(text, 'date');
  return typeof parsed === 'string' ? parsed : Number((parsed.micros - mod(parsed.micros, dayMicros)) / dayMicros);
}

/** A time of day to microseconds (0 to 86,400,000,000) and the zone's offset in seconds east of Greenwich, if one is given. */
export function parseTime(text: string): { readonly micros: bigint; readonly offset: number | undefined } {
  const trimmed = text.trim();
  const time = timePattern.exec(trimmed);
  if (!time) throw invalid('time', text);
  const zone = trimmed.slice(time[0].length).trim();
  return { micros: timeMicros(time, 'time', text), offset: zone === '' ? undefined : parseZone(zone, 'time', text) };
}

/** A timestamp to microseconds since 1970 as written, and the zone's offset in seconds east of Greenwich, if one is given. */
export function parseTimestamp(
  text: string,
  type = 'timestamp',
): { readonly micros: bigint; readonly offset: number | undefined } | 'infinity' | '-infinity' {
  let rest = text.trim();
  const word = rest.toLowerCase();
  if (word === 'infinity' || word === '-infinity') return word;
  if (word === 'epoch') return { micros: 0n, offset: 0 };
  const bc = /\s+BC$/i.exec(rest);
  if (bc) rest = rest.slice(0, bc.index);
  const date = datePattern.exec(rest);
  if (!date) throw invalid(type, text);
  const [year, month, day] = [Number(date[1]), Number(date[2]), Number(date[3])];
  const astronomical = bc ? 1 - year : year;
  if (year === 0 || month < 1 || month > 12 || day < 1 || day > daysIn(astronomical, month)) throw fieldRange(text);
  let micros = BigInt(daysFromCivil(astronomical, month, day)) * dayMicros;
  rest = rest.slice(date[0].length).replace(/^(?:T|\s+)/i, '');
  if (rest === '') return { micros, offset: undefined };
  const time = timePattern.exec(rest);
  if (time) {
    micros += timeMicros(time, type, text);
    rest = rest.slice(time[0].length).trim();
  }
  return { micros, offset: rest === '' ? undefined : parseZone(rest, type, text) };
}

const unitMonths: Readonly<Record<string, number>> = {
  mon: 1,
  mons: 1,
  month: 1,
  months: 1,
  y: 12,
  yr: 12,
  yrs: 12,
  year: 12,
  years: 12,
  decade: 120,
  decades: 120,
  century: 1200,
  centuries: 1200,
  millennium: 12000,
  millennia: 12000,
};
const unitDays: Readonly<Record<string, number>> = { d: 1, day: 1, days: 1, w: 7, week: 7, weeks: 7 };
const unitMicros: Readonly<Record<string, bigint>> = {
  us: 1n,
  microsecond: 1n,
  microseconds: 1n,
  ms: 1000n,
  millisecond: 1000n,
  milliseconds: 1000n,
  s: 1_000_000n,
  sec: 1_000_000n,
  secs: 1_000_000n,
  second: 1_000_000n,
  seconds: 1_000_000n,
  m: 60_000_000n,
  min: 60_000_000n,
  mins: 60_000_000n,
  minute: 60_000_000n,
  minutes: 60_000_000n,
  h: 3_600_000_000n,
  hr: 3_600_000_000n,
  hrs: 3_600_000_000n,
  hour: 3_600_000_000n,
  hours: 3_600_000_000n,
};

/** `1 year 2 mons -3 days 04:05:06.7`, `@ 1 day ago`, `P1Y2M3DT4H5M6.7S`. */
export function parseInterval(text: string): PgInterval {
  const sum = { months: 0, days: 0, micros: 0n };
  let rest = text.trim().toLowerCase();
  const iso = /^([+-]?)p(?=.)/.exec(rest);
  if (iso) return parseIsoInterval(rest.slice(iso[0].length), iso[1] === '-', text);
  rest = rest.replace(/^@\s*/, '');
  const ago = /\s+ago$/.exec(rest);
  if (ago) rest = rest.slice(0, ago.index);
  if (rest === '') throw invalid('interval', text);
  while (rest !== '') {
    const clock = /^([+-]?)(\d{1,9}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?(?=\s|$)/.exec(rest);
    const part = clock ?? /^([+-]?\d{1,15})(\.\d{1,9})?\s*([a-z]*)(?=[\s+-]|\d|$)/.exec(rest);
    if (!part) throw invalid('interval', text);
    if (clock) {
      const micros =
        BigInt(clock[2] as string) * 3_600_000_000n +
        BigInt(clock[3] as string) * 60_000_000n +
        BigInt(clock[4] ?? 0) * 1_000_000n +
        fractionMicros(clock[5]);
      sum.micros += clock[1] === '-' ? -micros : micros;
    } else addUnit(sum, part[1] as string, part[2] ?? '', part[3] || 's', text);
    rest = rest.slice(part[0].length).trim();
  }
  return checkInterval(ago ? { months: -sum.months, days: -sum.days, micros: -sum.micros } : sum, text);
}

const isoUnits: Readonly<Record<string, string>> = {
  y: 'year',
  m: 'month',
  w: 'week',
  d: 'day',
  th: 'hour',
  tm: 'minute',
  ts: 'second',
};

function parseIsoInterval(body: string, negative: boolean, text: string): PgInterval {
  const sum = { months: 0, days: 0, micros: 0n };
  let time = '';
  let rest = body;
  while (rest !== '') {
    if (rest.startsWith('t') && time === '') {
      time = 't';
      rest = rest.slice(1);
    }
    const part = /^([+-]?\d{1,15})(\.\d{1,9})?([ymwdhs])/.exec(rest);
    const unit = part && isoUnits[time + part[3]];
    if (!part || !unit) throw invalid('interval', text);
    addUnit(sum, part[1] as string, part[2] ?? '', unit, text);
    rest = rest.slice(part[0].length);
  }
  return checkInterval(negative ? { months: -sum.months, days: -sum.days, micros: -sum.micros } : sum, text);
}

/** Adds `whole.fraction unit`; a fraction of months or days flows into the next smaller field, as in PostgreSQL. */
function addUnit(
  sum: { months: number; days: number; micros: bigint },
  whole: string,
  fraction: string,
  unit: string,
  text: string,
): void {
  const part = (whole.startsWith('-') ? -1 : 1) * (fraction === '' ? 0 : Number(`0${fraction}`));
  if (unitMicros[unit] !== undefined) {
    sum.micros += BigInt(whole) * unitMicros[unit] + BigInt(Math.round(part * Number(unitMicros[unit])));
  } else if (unitDays[unit] !== undefined) {
    const days = part * unitDays[unit];
    sum.days += Number(whole) * unitDays[unit] + Math.trunc(days);
    sum.micros += BigInt(Math.round((days - Math.trunc(days)) * Number(dayMicros)));
  } else if (unitMonths[unit] !== undefined) {
    const months = part * unitMonths[unit];
    sum.months += Number(whole) * unitMonths[unit] + Math.trunc(months + 1e-9 * Math.sign(part));
    if (unitMonths[unit] === 1) {
      const days = part * 30;
      sum.days += Math.trunc(days);
      sum.micros += BigInt(Math.round((days - Math.trunc(days)) * Number(dayMicros)));
    }
  } else throw invalid('interval', text);
}

function checkInterval(interval: PgInterval, text: string): PgInterval {
  const { months, days, micros } = interval;
  if (Math.abs(months) > 0x7fffffff || Math.abs(days) > 0x7fffffff || micros !== BigInt.asIntN(64, micros)) {
    throw new LakeError('invalid_datetime', `interval out of range: "${text.slice(0, 80)}"`);
  }
  return interval;
}

function timeMicros(time: RegExpExecArray, type: string, text: string): bigint {
  const [hour, minute, second] = [Number(time[1]), Number(time[2]), Number(time[3] ?? 0)];
  if (hour > 24 || minute > 59 || second > 60) throw fieldRange(text);
  const micros = BigInt((hour * 60 + minute) * 60 + second) * 1_000_000n + fractionMicros(time[4]);
  if (micros > dayMicros) throw fieldRange(text);
  if (type === 'date') return 0n;
  return micros;
}

function fractionMicros(digits: string | undefined): bigint {
  if (!digits) return 0n;
  return BigInt(Math.round(Number(`0.${digits}`) * 1e6));
}

function parseZone(text: string, type: string, whole: string): number {
  const zone = zonePattern.exec(text);
  if (!zone || zone[0].length !== text.length) throw invalid(type, whole);
  if (zone[1] === undefined) return 0;
  const seconds = (Number(zone[2]) * 60 + Number(zone[3] ?? 0)) * 60 + Number(zone[4] ?? 0);
  if (seconds > 57_599) throw fieldRange(whole);
  return zone[1] === '-' ? -seconds : seconds;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function mod(value: bigint, by: bigint): bigint {
  const rest = value % by;
  return rest < 0n ? rest + by : rest;
}

function invalid(type: string, text: string): LakeError {
  return new LakeError('invalid_datetime', `invalid input syntax for type ${type}: "${text.slice(0, 80)}"`, {
    hint:
      type === 'interval'
        ? 'Write it as 1 day 02:03:04 or P1DT2H3M4S.'
        : 'Write it in ISO form, as in 2026-01-31 12:34:56.789+02.',
  });
}

function fieldRange(text: string): LakeError {
  return new LakeError('invalid_datetime', `date/time field value out of range: "${text.slice(0, 80)}"`);
}
