/**
 * PostgreSQL's two text forms of bytea, to bytes: hex (`\x6b61`) and escape (`a\\b\001`). Source: PostgreSQL 15
 * documentation, section 8.4 "Binary Data Types". DuckDB reads `\x6b61` differently, so no such text may reach it.
 */
import { LakeError } from '../../../base/errors.ts';

/** Bytes of a bytea text; throws `invalid_text_representation`. */
export function parseBytea(text: string): Buffer {
  if (text.startsWith('\\x')) {
    const digits = text.slice(2).replace(/\s+/g, '');
    if (digits.length % 2 !== 0)
      throw new LakeError('invalid_text_representation', 'invalid hexadecimal data: odd number of digits');
    if (!/^[0-9a-fA-F]*$/.test(digits)) throw new LakeError('invalid_text_representation', 'invalid hexadecimal digit in bytea');
    return Buffer.from(digits, 'hex');
  }
  if (!text.includes('\\')) return Buffer.from(text, 'utf8');
  const bytes: Buffer[] = [];
  let at = 0;
  while (at < text.length) {
    const next = text.indexOf('\\', at);
    if (next < 0) {
      bytes.push(Buffer.from(text.slice(at), 'utf8'));
      break;
    }
    if (next > at) bytes.push(Buffer.from(text.slice(at, next), 'utf8'));
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(next + 1, next + 4));
    if (octal) {
      bytes.push(Buffer.of(Number.parseInt(octal[0], 8)));
      at = next + 4;
    } else if (text[next + 1] === '\\') {
      bytes.push(Buffer.from('\\'));
      at = next + 2;
    } else throw new LakeError('invalid_text_representation', 'invalid input syntax for type bytea');
  }
  return Buffer.concat(bytes);
}

/** A DuckDB expression of exactly these bytes. */
export function blobExpression(bytes: Buffer): string {
  return bytes.length === 0 ? "''::BLOB" : `unhex('${bytes.toString('hex')}')`;
}
