/** Numbers as ASCII digits and big-endian words, written straight into the answer's buffer. Each returns the next position. */

/** "00" to "99", two bytes each. */
const pairs = Buffer.from(Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0')).join(''));

/** Writes a 16-bit integer, big endian. */
export function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

/** Writes a 32-bit integer, big endian. */
export function put32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** Two digits of 0 to 99. */
export function put2(out: Uint8Array, at: number, value: number): number {
  out[at] = pairs[value * 2] as number;
  out[at + 1] = pairs[value * 2 + 1] as number;
  return at + 2;
}

/** Eight digits of 0 to 99,999,999. */
function put8(out: Uint8Array, at: number, value: number): number {
  const high = (value / 10000) | 0;
  const low = value - high * 10000;
  const a = (high / 100) | 0;
  const c = (low / 100) | 0;
  put2(out, at, a);
  put2(out, at + 2, high - a * 100);
  put2(out, at + 4, c);
  return put2(out, at + 6, low - c * 100);
}

/** `count` digits (at most 9), with leading zeros. */
export function putPadded(out: Uint8Array, at: number, value: number, count: number): number {
  let rest = value;
  for (let i = at + count - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    out[i] = 48 + rest - next * 10;
    rest = next;
  }
  return at + count;
}

/** An integer of 0 to 2^32-1. */
export function putUint32(out: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    out[at] = 48 + value;
    return at + 1;
  }
  const end =
    at +
    (value < 100
      ? 2
      : value < 1000
        ? 3
        : value < 10000
          ? 4
          : value < 100000
            ? 5
            : value < 1000000
              ? 6
              : value < 10000000
                ? 7
                : value < 100000000
                  ? 8
                  : value < 1000000000
                    ? 9
                    : 10);
  let rest = value;
  let i = end;
  while (rest >= 100) {
    const next = Math.floor(rest / 100);
    const pair = (rest - next * 100) * 2;
    rest = next;
    out[--i] = pairs[pair + 1] as number;
    out[--i] = pairs[pair] as number;
  }
  if (rest >= 10) {
    out[--i] = pairs[rest * 2 + 1] as number;
    out[--i] = pairs[rest * 2] as number;
  } else out[--i] = 48 + rest;
  return end;
}

/** An integer of 0 to 2^53-1. */
export function putUint53(out: Uint8Array, at: number, value: number): number {
  if (value <= 0xffffffff) return putUint32(out, at, value);
  const high = Math.floor(value / 100000000);
  return put8(out, putUint32(out, at, high), value - high * 100000000);
}

/** An integer that a double holds exactly. */
export function putInteger(out: Uint8Array, at: number, value: number): number {
  if (value >= 0) return putUint53(out, at, value);
  out[at] = 0x2d;
  return putUint53(out, at + 1, -value);
}

/** Characters below 128. */
export function putAscii(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/** A 64-bit word of a vector given by its halves, exactly: as a number when it is safe, else as a bigint. */
export function toBigInt64(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** 2^53 in the upper half: |value| < 2^53 exactly when -this <= high < this. */
export const safeHigh = 0x200000;
