/**
 * Scalars as PostgreSQL's input functions read them: bool, integers, floats, uuid, bytea, bit strings. Each throws a
 * LakeError that names the type and shows the beginning of what it got.
 */
import type { DuckDBValue } from '@duckdb/node-api';
import { bitValue, DuckDBUUIDValue } from '@duckdb/node-api';
import { LakeError } from './errors.ts';

/** PostgreSQL takes any prefix of these words. Source: bool.c, parse_bool_with_len. */
export function parseBool(text: string): boolean {
  const word = text.trim().toLowerCase();
  if (word !== '') {
    if ('true'.startsWith(word) || 'yes'.startsWith(word) || word === 'on' || word === '1') return true;
    if ('false'.startsWith(word) || 'no'.startsWith(word) || word === 'off' || word === 'of' || word === '0') return false;
  }
  throw badText('boolean', text);
}

/** An integer between min and max. Throws invalid_text_representation, numeric_out_of_range. */
export function parseInt64(text: string, type: string, min: bigint, max: bigint): bigint {
  if (!/^\s*[+-]?\d{1,400}\s*$/.test(text)) throw badText(type, text);
  const value = BigInt(text.trim().replace(/^\+/, ''));
  if (value < min || value > max)
    throw new LakeError('numeric_out_of_range', `value "${text.slice(0, 80)}" is out of range for type ${type}`);
  return value;
}

/** A double, NaN and Infinity included. Throws numeric_out_of_range when it would become infinite. */
export function parseFloat8(text: string, type: string): number {
  const word = text.trim().toLowerCase();
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(word)) {
    const value = Number(word);
    if (!Number.isFinite(value))
      throw new LakeError('numeric_out_of_range', `"${text.slice(0, 80)}" is out of range for type ${type}`);
    return value;
  }
  if (word === 'nan') return Number.NaN;
  if (/^\+?inf(inity)?$/.test(word)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/.test(word)) return Number.NEGATIVE_INFINITY;
  throw badText(type, text);
}

/** The value, if it does not overflow a 32-bit float. */
export function checkFloat4(value: number, text: string): number {
  if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
    throw new LakeError('numeric_out_of_range', `"${text.slice(0, 80)}" is out of range for type real`);
  }
  return value;
}

/** 32 hex digits, with or without dashes and braces. */
export function parseUuid(text: string): DuckDBUUIDValue {
  const trimmed = text.trim().replace(/^\{(.*)\}$/, '$1');
  const hex = trimmed.replaceAll('-', '');
  if (!/^[0-9a-fA-F]{32}$/.test(hex)) throw badText('uuid', text);
  return DuckDBUUIDValue.fromUint128(BigInt(`0x${hex}`));
}

/** Hex form `\x6869`, or the escape form with `\\` and `\ooo`. Source: bytea.c, byteain. */
export function parseBytea(text: string): Uint8Array {
  if (text.startsWith('\\x')) {
    const hex = text.slice(2).replace(/\s+/g, '');
    if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex))
      throw new LakeError('invalid_text_representation', 'invalid hexadecimal data for type bytea');
    return Uint8Array.from(Buffer.from(hex, 'hex'));
  }
  const raw = Buffer.from(text);
  const out = new Uint8Array(raw.length);
  let length = 0;
  for (let at = 0; at < raw.length; at++) {
    let byte = raw[at] as number;
    if (byte === 0x5c) {
      const octal = /^[0-3][0-7]{2}/.exec(raw.toString('latin1', at + 1, at + 4));
      if (raw[at + 1] === 0x5c) at++;
      else if (octal) {
        byte = Number.parseInt(octal[0], 8);
        at += 3;
      } else throw badText('bytea', text);
    }
    out[length++] = byte;
  }
  return out.slice(0, length);
}

/** Binary bit string: int32 count, then the bits left-aligned. */
export function readBits(bytes: Buffer): DuckDBValue {
  const count = bytes.length >= 4 ? bytes.readInt32BE(0) : -1;
  if (count < 1 || bytes.length !== 4 + Math.ceil(count / 8))
    throw new LakeError('invalid_text_representation', 'malformed binary bit string');
  const bits: number[] = [];
  for (let i = 0; i < count; i++) bits.push(((bytes[4 + (i >> 3)] as number) >> (7 - (i & 7))) & 1);
  return bitValue(bits);
}

/** The error of an input function. */
export function badText(type: string, text: string): LakeError {
  return new LakeError('invalid_text_representation', `invalid input syntax for type ${type}: "${text.slice(0, 80)}"`);
}
