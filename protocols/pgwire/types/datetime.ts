/**
 * date, time, timetz, timestamp and timestamptz. Text is DateStyle ISO (date-style.ts has the others); binary counts from 2000-01-01. DuckDB counts
 * from 1970-01-01 and knows seconds, milliseconds, microseconds and nanoseconds; the wire has microseconds, so
 * nanoseconds are cut off (towards the past). Source: datetime.c, EncodeDateTime; date.c and timestamp.c, *_send.
 */
import type { OutputSettings } from './cell.ts';
import { put2, put32, putAscii, putPadded, putUint32, safeHigh, toBigInt64 } from './digits.ts';
import { FixedWriter } from './integer.ts';

const dayMicros = 86_400_000_000;
const epochDays = 10957;
const epochMicros = 946_684_800_000_000;
/** Days that PostgreSQL's date text can hold; only the two infinities lie outside. */
const infiniteDays = 0x7fffffff;

/** Year, month and day of a day number, as `YYYY-MM-DD`; years before 1 are counted BC and marked by the caller. Returns the end. */
function putCivil(out: Uint8Array, at: number, days: number): number {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const day = doy - Math.floor((153 * mp + 2) / 5) + 1;
  const month = mp < 10 ? mp + 3 : mp - 9;
  let year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  if (year <= 0) year = 1 - year;
  let end = year > 9999 ? putUint32(out, at, year) : putPadded(out, at, year, 4);
  out[end++] = 0x2d;
  end = put2(out, end, month);
  out[end++] = 0x2d;
  return put2(out, end, day);
}

/** 0001-01-01 as days since 1970. */
const firstAdDay = -719162;

function putBc(out: Uint8Array, at: number, days: number): number {
  return days < firstAdDay ? putAscii(out, at, ' BC') : at;
}

/** `HH:MM:SS[.ffffff]` of the microseconds of a day; trailing zeros of the fraction are left out. */
export function putClock(out: Uint8Array, at: number, micros: number): number {
  const seconds = Math.floor(micros / 1e6);
  let fraction = micros - seconds * 1e6;
  const hours = (seconds / 3600) | 0;
  const minutes = ((seconds - hours * 3600) / 60) | 0;
  put2(out, at, hours);
  out[at + 2] = 0x3a;
  put2(out, at + 3, minutes);
  out[at + 5] = 0x3a;
  let end = put2(out, at + 6, seconds - hours * 3600 - minutes * 60);
  if (fraction === 0) return end;
  let digits = 6;
  while (fraction % 10 === 0) {
    fraction /= 10;
    digits--;
  }
  out[end++] = 0x2e;
  return putPadded(out, end, fraction, digits);
}

/** `+02`, `-03:30`, `+00:19:32`. */
export function putOffset(out: Uint8Array, at: number, offset: number): number {
  const magnitude = Math.abs(offset);
  out[at] = offset < 0 ? 0x2d : 0x2b;
  const hours = Math.floor(magnitude / 3600);
  const minutes = Math.floor((magnitude - hours * 3600) / 60);
  const seconds = magnitude - hours * 3600 - minutes * 60;
  let end = put2(out, at + 1, hours);
  if (minutes !== 0 || seconds !== 0) {
    out[end++] = 0x3a;
    end = put2(out, end, minutes);
  }
  if (seconds !== 0) {
    out[end++] = 0x3a;
    end = put2(out, end, seconds);
  }
  return end;
}

export class DateText extends FixedWriter {
  constructor() {
    super(4, 20);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const days = this.i32[row] as number;
    if (days === infiniteDays) return putAscii(out, at, 'infinity');
    if (days === -infiniteDays) return putAscii(out, at, '-infinity');
    return putBc(out, putCivil(out, at, days), days);
  }
}

export class DateBinary extends FixedWriter {
  constructor() {
    super(4, 4);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const days = this.i32[row] as number;
    put32(out, at, days === infiniteDays ? infiniteDays : days === -infiniteDays ? -0x80000000 : days - epochDays);
    return at + 4;
  }
}

/** Units of a stored time: how many make a second. */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns';

/** A 64-bit count of microseconds in two parts that stay exact: the day, and the microseconds in it. */
abstract class InstantWriter extends FixedWriter {
  protected day = 0;
  protected micros = 0;
  readonly #unit: TimeUnit;

  constructor(unit: TimeUnit, max: number) {
    super(8, max);
    this.#unit = unit;
  }

  /** Sets `day` and `micros`; returns 1 or -1 for the infinities, else 0. */
  protected read(row: number): -1 | 0 | 1 {
    const low = this.u32[row * 2] as number;
    const high = this.i32[row * 2 + 1] as number;
    if (high === 0x7fffffff && low === 0xffffffff) return 1;
    if (high === -0x80000000 && low === 1) return -1;
    if (this.#unit === 'us' && high < safeHigh && high >= -safeHigh) {
      const value = high * 4294967296 + low;
      this.day = Math.floor(value / dayMicros);
      this.micros = value - this.day * dayMicros;
      return 0;
    }
    let value = toBigInt64(low, high);
    if (this.#unit === 's') value *= 1_000_000n;
    else if (this.#unit === 'ms') value *= 1000n;
    else if (this.#unit === 'ns') value = (value - (((value % 1000n) + 1000n) % 1000n)) / 1000n;
    const rest = ((value % 86_400_000_000n) + 86_400_000_000n) % 86_400_000_000n;
    this.day = Number((value - rest) / 86_400_000_000n);
    this.micros = Number(rest);
    return 0;
  }
}

export class TimestampText extends InstantWriter {
  // Rows of one chunk mostly share their day: its ten characters are kept.
  #lastDay = Number.NaN;
  readonly #lastText = new Uint8Array(12);
  #lastLength = 0;

  constructor(unit: TimeUnit) {
    super(unit, 40);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const infinite = this.read(row);
    if (infinite !== 0) return putAscii(out, at, infinite > 0 ? 'infinity' : '-infinity');
    return this.finish(out, at, this.day, this.micros);
  }

  protected finish(out: Uint8Array, at: number, day: number, micros: number): number {
    if (day !== this.#lastDay) {
      this.#lastLength = putCivil(this.#lastText, 0, day);
      this.#lastDay = day;
    }
    const length = this.#lastLength;
    for (let i = 0; i < length; i++) out[at + i] = this.#lastText[i] as number;
    out[at + length] = 0x20;
    return this.suffix(out, putClock(out, at + length + 1, micros), day);
  }

  protected suffix(out: Uint8Array, at: number, day: number): number {
    return putBc(out, at, day);
  }
}

export class TimestamptzText extends TimestampText {
  readonly #settings: OutputSettings;
  /** Of the cell written last, seconds east. */
  offset = 0;

  constructor(settings: OutputSettings) {
    super('us');
    this.#settings = settings;
  }

  override write(out: Uint8Array, at: number, row: number): number {
    const infinite = this.read(row);
    if (infinite !== 0) return putAscii(out, at, infinite > 0 ? 'infinity' : '-infinity');
    this.offset = this.#settings.offsetAt(this.day * dayMicros + this.micros);
    let { day } = this;
    let micros = this.micros + this.offset * 1e6;
    if (micros < 0 || micros >= dayMicros) {
      const days = Math.floor(micros / dayMicros);
      day += days;
      micros -= days * dayMicros;
    }
    return this.finish(out, at, day, micros);
  }

  protected override suffix(out: Uint8Array, at: number, day: number): number {
    return putBc(out, putOffset(out, at, this.offset), day);
  }
}

export class TimestampBinary extends InstantWriter {
  constructor(unit: TimeUnit) {
    super(unit, 8);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const infinite = this.read(row);
    if (infinite !== 0) {
      put32(out, at, infinite > 0 ? 0x7fffffff : -0x80000000);
      put32(out, at + 4, infinite > 0 ? -1 : 0);
      return at + 8;
    }
    const value = this.day * dayMicros + this.micros - epochMicros;
    if (Number.isSafeInteger(value)) {
      const high = Math.floor(value / 4294967296);
      put32(out, at, high);
      put32(out, at + 4, value - high * 4294967296);
    } else {
      const exact = BigInt(this.day) * 86_400_000_000n + BigInt(this.micros) - BigInt(epochMicros);
      put32(out, at, Number(exact >> 32n));
      put32(out, at + 4, Number(exact & 0xffffffffn));
    }
    return at + 8;
  }
}

/** Microseconds (or nanoseconds) of a day. */
export class TimeWriter extends FixedWriter {
  readonly #nanos: boolean;
  readonly #binary: boolean;

  constructor(nanos: boolean, binary: boolean) {
    super(8, 16);
    this.#nanos = nanos;
    this.#binary = binary;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const stored = (this.i32[row * 2 + 1] as number) * 4294967296 + (this.u32[row * 2] as number);
    const micros = this.#nanos ? Math.floor(stored / 1000) : stored;
    if (!this.#binary) return putClock(out, at, micros);
    const high = Math.floor(micros / 4294967296);
    put32(out, at, high);
    put32(out, at + 4, micros - high * 4294967296);
    return at + 8;
  }
}

/** 40 bits of microseconds, then 24 bits of 57,599 minus the offset in seconds east. The wire has seconds west. */
export class TimetzWriter extends FixedWriter {
  readonly #binary: boolean;

  constructor(binary: boolean) {
    super(8, 32);
    this.#binary = binary;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const low = this.u32[row * 2] as number;
    const high = this.u32[row * 2 + 1] as number;
    const micros = high * 256 + (low >>> 24);
    const offset = 57_599 - (low & 0xffffff);
    if (!this.#binary) return putOffset(out, putClock(out, at, micros), offset);
    const upper = Math.floor(micros / 4294967296);
    put32(out, at, upper);
    put32(out, at + 4, micros - upper * 4294967296);
    put32(out, at + 8, -offset);
    return at + 12;
  }
}
