/** interval: months, days and microseconds, kept apart. Text in IntervalStyle postgres is `1 year 2 mons -3 days +04:05:06.7`. Source: datetime.c, EncodeInterval; timestamp.c, interval_send. */
import { put32, putAscii, toBigInt64 } from './digits.ts';
import { FixedWriter } from './integer.ts';
import { type IntervalStyle, restyleInterval } from './interval-style.ts';

/** interval_out with IntervalStyle postgres. */
export function formatInterval(months: number, days: number, micros: bigint): string {
  let text = '';
  let afterNegative = false;
  const part = (value: number, unit: string): void => {
    if (value === 0) return;
    // A positive field after a negative one gets a sign, so that nobody reads the minus as covering it.
    text += `${text === '' ? '' : ' '}${afterNegative && value > 0 ? '+' : ''}${value} ${unit}${value === 1 ? '' : 's'}`;
    afterNegative = value < 0;
  };
  part(Math.trunc(months / 12), 'year');
  part(months % 12, 'mon');
  part(days, 'day');
  if (micros !== 0n || text === '') {
    const magnitude = micros < 0n ? -micros : micros;
    const seconds = magnitude / 1_000_000n;
    const fraction = (magnitude % 1_000_000n).toString().padStart(6, '0').replace(/0+$/, '');
    const two = (value: bigint): string => value.toString().padStart(2, '0');
    const sign = micros < 0n ? '-' : afterNegative ? '+' : '';
    text += `${text === '' ? '' : ' '}${sign}${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fraction === '' ? '' : `.${fraction}`}`;
  }
  return text;
}

export class IntervalText extends FixedWriter {
  readonly #style: IntervalStyle;

  constructor(style: IntervalStyle) {
    super(16, 96);
    this.#style = style;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const { i32, u32 } = this;
    const micros = toBigInt64(u32[row * 4 + 2] as number, i32[row * 4 + 3] as number);
    const [months, days] = [i32[row * 4] as number, i32[row * 4 + 1] as number];
    const style = this.#style;
    return putAscii(
      out,
      at,
      style === 'postgres' ? formatInterval(months, days, micros) : restyleInterval(style, months, days, micros),
    );
  }
}

/** int64 microseconds, int32 days, int32 months. */
export class IntervalBinary extends FixedWriter {
  constructor() {
    super(16, 16);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const { i32 } = this;
    put32(out, at, i32[row * 4 + 3] as number);
    put32(out, at + 4, i32[row * 4 + 2] as number);
    put32(out, at + 8, i32[row * 4 + 1] as number);
    put32(out, at + 12, i32[row * 4] as number);
    return at + 16;
  }
}
