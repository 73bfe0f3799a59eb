/**
 * PostgreSQL's numeric, as text and in its binary form: int16 ndigits, weight, sign, dscale, then ndigits base-10,000
 * digits. Source: numeric.c, numeric_send and numeric_recv. Values are kept as a scaled bigint, never as a double.
 */
import { LakeError } from './errors.ts';

/** A decimal number: value / 10^scale; or one of the three that are not numbers in that sense. */
export type PgNumeric = { readonly value: bigint; readonly scale: number } | 'NaN' | 'Infinity' | '-Infinity';

/** Most base-10 digits a number from a client may have: DuckDB's widest decimal is 38, and doubles need 324 + 17 places. */
const digitsMax = 1100;

const signs: Readonly<Record<number, PgNumeric | 1 | -1>> = {
  0x0000: 1,
  0x4000: -1,
  0xc000: 'NaN',
  0xd000: 'Infinity',
  0xf000: '-Infinity',
};

/** Reads the binary form. Throws `invalid_text_representation` when it is malformed, `numeric_out_of_range` past 1,100 digits. */
export function decodeNumeric(bytes: Buffer): PgNumeric {
  if (bytes.length < 8) throw malformed();
  const count = bytes.readUInt16BE(0);
  const weight = bytes.readInt16BE(2);
  const sign = signs[bytes.readUInt16BE(4)];
  const scale = bytes.readUInt16BE(6);
  if (sign === undefined || bytes.length !== 8 + count * 2) throw malformed();
  if (typeof sign !== 'number') return sign as PgNumeric;
  if (count * 4 > digitsMax || Math.abs(weight) * 4 > digitsMax || scale > digitsMax) throw outOfRange();
  let value = 0n;
  for (let i = 0; i < count; i++) {
    const digit = bytes.readUInt16BE(8 + i * 2);
    if (digit > 9999) throw malformed();
    value = value * 10000n + BigInt(digit);
  }
  // The digits stand for value * 10000^(weight - count + 1); bring that to `scale` places, dropping what lies beyond.
  const shift = scale + (weight - count + 1) * 4;
  value = shift >= 0 ? value * 10n ** BigInt(shift) : value / 10n ** BigInt(-shift);
  return { value: sign < 0 ? -value : value, scale };
}

/** Reads `[+-]digits[.digits][e±n]`, NaN and Infinity. Throws `invalid_text_representation`, `numeric_out_of_range`. */
export function parseNumeric(text: string): PgNumeric {
  const parts = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?\s*$/.exec(text);
  if (!parts || (!parts[2] && !parts[3])) {
    const word = text.trim().toLowerCase();
    if (word === 'nan') return 'NaN';
    if (/^\+?inf(inity)?$/.test(word)) return 'Infinity';
    if (/^-inf(inity)?$/.test(word)) return '-Infinity';
    throw new LakeError('invalid_text_representation', `invalid input syntax for type numeric: "${text.slice(0, 80)}"`);
  }
  const fraction = parts[3] ?? '';
  const exponent = Number(parts[4] ?? 0);
  if ((parts[2] ?? '').length + fraction.length > digitsMax || Math.abs(exponent) > digitsMax) throw outOfRange();
  let value = BigInt(`${parts[2]}${fraction}` || '0');
  let scale = fraction.length - exponent;
  if (scale < 0) {
    value *= 10n ** BigInt(-scale);
    scale = 0;
  }
  return { value: parts[1] === '-' ? -value : value, scale };
}

/** Writes a scaled bigint as PostgreSQL prints numeric: all `scale` places, no exponent. */
export function formatNumeric(value: bigint, scale: number): string {
  const negative = value < 0n;
  let digits = (negative ? -value : value).toString();
  if (scale > 0) {
    digits = digits.padStart(scale + 1, '0');
    digits = `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  }
  return negative ? `-${digits}` : digits;
}

/** Writes the binary form of value / 10^scale. */
export function encodeNumeric(value: bigint, scale: number): Buffer {
  const negative = value < 0n;
  let rest = negative ? -value : value;
  const padding = (4 - (scale % 4)) % 4;
  if (padding > 0) rest *= 10n ** BigInt(padding);
  const digits: number[] = [];
  let exponent = -(scale + padding) / 4;
  while (rest > 0n) {
    const digit = Number(rest % 10000n);
    rest /= 10000n;
    if (digits.length === 0 && digit === 0) exponent++;
    else digits.push(digit);
  }
  const out = Buffer.allocUnsafe(8 + digits.length * 2);
  out.writeUInt16BE(digits.length, 0);
  out.writeInt16BE(digits.length === 0 ? 0 : exponent + digits.length - 1, 2);
  out.writeUInt16BE(negative && digits.length > 0 ? 0x4000 : 0, 4);
  out.writeUInt16BE(scale, 6);
  for (let i = 0; i < digits.length; i++) out.writeUInt16BE(digits[digits.length - 1 - i] as number, 8 + i * 2);
  return out;
}

function malformed(): LakeError {
  return new LakeError('invalid_text_representation', 'malformed binary numeric');
}

function outOfRange(): LakeError {
  return new LakeError('numeric_out_of_range', `numeric has more than ${digitsMax} digits`);
}
