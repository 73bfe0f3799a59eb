/**
 * float4 and float8. Text is the shortest that reads back the same, laid out as PostgreSQL does: plain for exponents
 * from -4 to the type's digits (15, 6), else `1e+15`; `NaN`, `Infinity`, `-0`. Source: float.c, float8out_internal.
 */
import { put32, putAscii, putUint53 } from './digits.ts';
import { FixedWriter } from './integer.ts';

const powers = [1, 10, 100, 1000, 10000, 100000, 1e6];

export class Float8Text extends FixedWriter {
  #values: Float64Array = new Float64Array();

  constructor() {
    super(8, 32);
  }

  override load(vector: Parameters<FixedWriter['load']>[0], count: number): void {
    super.load(vector, count);
    this.#values = new Float64Array(this.bytes.buffer, this.bytes.byteOffset, count);
  }

  write(out: Uint8Array, at: number, row: number): number {
    return putFloat8(out, at, this.#values[row] as number);
  }
}

/**
 * Most doubles people store have few decimal places: m / 10^k with m below 10^15 is exactly the shortest form when
 * it divides back to the same double, because two decimals of at most 15 digits never round to one double.
 */
function putFloat8(out: Uint8Array, start: number, value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < 1e15 && magnitude >= 0.001) {
    for (let k = 0; k <= 6; k++) {
      const power = powers[k] as number;
      const scaled = magnitude * power;
      if (scaled >= 1e15) break;
      const whole = Math.round(scaled);
      if (whole / power !== magnitude) continue;
      let at = start;
      if (value < 0) out[at++] = 0x2d;
      if (k === 0) return putUint53(out, at, whole);
      const integer = Math.floor(whole / power);
      at = putUint53(out, at, integer);
      out[at++] = 0x2e;
      let rest = whole - integer * power;
      for (let i = at + k - 1; i >= at; i--) {
        const next = (rest / 10) | 0;
        out[i] = 48 + rest - next * 10;
        rest = next;
      }
      return at + k;
    }
  }
  return putAscii(out, start, formatFloat8(value));
}

/** float8out. */
export function formatFloat8(value: number): string {
  return layOut(value, value.toString(), 15);
}

/** float4out: the shortest digits that give the same 32-bit float. */
export function formatFloat4(value: number): string {
  if (!Number.isFinite(value) || value === 0) return layOut(value, '', 6);
  return layOut(value, shortestFloat4(value), 6);
}

function shortestFloat4(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return text;
    // At a power of two the neighbour below is closer than the one above, and the nearest decimal may fall out on that side.
    const up = nextDecimal(text, value);
    if (Math.fround(Number(up)) === value) return up;
  }
  return value.toPrecision(9);
}

/** The decimal of as many digits as `text` has on the other side of `value`. */
function nextDecimal(text: string, value: number): string {
  const [mantissa, exponent] = digitsOf(text);
  const step = Math.abs(Number(text)) < Math.abs(value) ? 1n : -1n;
  const next = BigInt(mantissa) + step;
  return `${value < 0 ? '-' : ''}${next}e${exponent - mantissa.length + 1}`;
}

/** Significant digits (as given, without point) and decimal exponent of the first one. */
function digitsOf(text: string): [string, number] {
  const parts = /^-?(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/.exec(text) as RegExpExecArray;
  const whole = parts[1] as string;
  const fraction = parts[2] ?? '';
  const all = whole + fraction;
  const digits = all.replace(/^0+/, '');
  return [digits || '0', Number(parts[3] ?? 0) + whole.length - 1 - (all.length - digits.length)];
}

function layOut(value: number, text: string, plainDigits: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return 'Infinity';
  if (value === Number.NEGATIVE_INFINITY) return '-Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const sign = value < 0 ? '-' : '';
  let [digits, exponent] = digitsOf(text);
  digits = digits.replace(/0+$/, '');
  if (exponent < -4 || exponent >= plainDigits) {
    const places = Math.abs(exponent).toString().padStart(2, '0');
    return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}e${exponent < 0 ? '-' : '+'}${places}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, '0');
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

export class Float4Text extends FixedWriter {
  #values: Float32Array = new Float32Array();

  constructor() {
    super(4, 32);
  }

  override load(vector: Parameters<FixedWriter['load']>[0], count: number): void {
    super.load(vector, count);
    this.#values = new Float32Array(this.bytes.buffer, this.bytes.byteOffset, count);
  }

  write(out: Uint8Array, at: number, row: number): number {
    const value = this.#values[row] as number;
    const magnitude = Math.abs(value);
    // Few places and at most 6 digits: the same argument as for float8, with float's 6 digits.
    if (magnitude < 100000 && magnitude >= 0.01) {
      for (let k = 0; k <= 3; k++) {
        const power = powers[k] as number;
        const whole = Math.round(magnitude * power);
        if (whole >= 1e6) break;
        if (Math.fround(whole / power) === magnitude) return putFloat8(out, at, value < 0 ? -whole / power : whole / power);
      }
    }
    return putAscii(out, at, formatFloat4(value));
  }
}

/** Both widths are the same bits in the other byte order. */
export class FloatBinary extends FixedWriter {
  constructor(width: 4 | 8) {
    super(width, width);
  }

  write(out: Uint8Array, at: number, row: number): number {
    if (this.width === 4) {
      put32(out, at, this.u32[row] as number);
      return at + 4;
    }
    put32(out, at, this.u32[row * 2 + 1] as number);
    put32(out, at + 4, this.u32[row * 2] as number);
    return at + 8;
  }
}
