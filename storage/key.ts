/** What an object key may look like, the same in every store, so that a key that works embedded also works on S3. */
import { LakeError } from '../base/errors.ts';

/** S3's own limit, in UTF-8 bytes. */
export const keyBytesMax = 1024;

/**
 * Throws `invalid_argument` unless `key` is relative, `/`-separated, at most 1024 bytes of UTF-8, and free of empty,
 * `.` and `..` parts, control characters and backslashes. (A directory store would otherwise reach outside its root.)
 */
export function checkKey(key: string): void {
  const reason = reasonAgainst(key);
  if (reason !== null)
    throw new LakeError('invalid_argument', `object key ${JSON.stringify(key.slice(0, 200))} is refused: ${reason}`);
}

/** A list prefix is the beginning of a key: it may be empty or end in `/`, all else as in `checkKey`. */
export function checkPrefix(prefix: string): void {
  if (prefix === '') return;
  checkKey(prefix.endsWith('/') ? `${prefix}x` : prefix);
}

/** Ascending order of UTF-8 bytes, as S3 lists. (JavaScript's `<` compares UTF-16 units, which differs above U+FFFF.) */
export function compareKeys(a: string, b: string): number {
  if (isAscii.test(a) && isAscii.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const isAscii = /^[\x20-\x7e]*$/;
// Control characters are exactly what is refused.
const control = /[\x00-\x1f\x7f\\]/;

function reasonAgainst(key: string): string | null {
  if (key === '') return 'it is empty';
  if (key.length > keyBytesMax || Buffer.byteLength(key) > keyBytesMax) return `it is longer than ${keyBytesMax} bytes`;
  if (key.startsWith('/')) return 'it is absolute';
  if (control.test(key)) return 'it holds a control character or a backslash';
  if (!key.isWellFormed()) return 'it is not valid Unicode';
  for (const part of key.split('/')) {
    if (part === '') return 'it has an empty part';
    if (part === '.' || part === '..') return `it has the part "${part}"`;
    if (Buffer.byteLength(part) > 255) return 'it has a part longer than 255 bytes';
  }
  return null;
}
