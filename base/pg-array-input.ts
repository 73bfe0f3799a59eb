/**
 * PostgreSQL arrays in text (`{1,NULL,{…}}`) and binary form, to nested JavaScript arrays of still undecoded elements.
 * Depth, counts and lengths are checked before memory is taken. Source: arrayfuncs.c, array_in and array_recv.
 */
import { LakeError } from './errors.ts';

/** MAXDIM of PostgreSQL. */
const depthMax = 6;

/** array_isspace: a no-break space, say, is part of an element. */
const isSpace = /[ \t\n\v\f\r]/;

/** Parses the text form; elements are strings or null. */
export function parseArrayText(text: string): unknown[] {
  // An explicit lower bound as in [0:2]={…} says nothing DuckDB could keep.
  const body = text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '').replace(/^(?:\[[+-]?\d+:[+-]?\d+\])+=/, '');
  let at = 0;
  const fail = (): LakeError => new LakeError('invalid_text_representation', `malformed array literal: "${text.slice(0, 80)}"`);

  function space(): void {
    while (at < body.length && isSpace.test(body[at] as string)) at++;
  }

  function element(): string | null {
    if (body[at] === '"') {
      let value = '';
      for (at++; body[at] !== '"'; at++) {
        if (body[at] === '\\') at++;
        if (at >= body.length) throw fail();
        value += body[at];
      }
      at++;
      return value;
    }
    let value = '';
    let end = 0;
    for (; at < body.length && body[at] !== ',' && body[at] !== '}'; at++) {
      if (body[at] === '{' || body[at] === '"') throw fail();
      const escaped = body[at] === '\\';
      if (escaped && ++at >= body.length) throw fail();
      value += body[at];
      if (escaped || !isSpace.test(body[at] as string)) end = value.length;
    }
    value = value.slice(0, end);
    if (value === '') throw fail();
    return value.toUpperCase() === 'NULL' ? null : value;
  }

  function list(depth: number): unknown[] {
    if (body[at] !== '{' || depth > depthMax) throw fail();
    at++;
    const items: unknown[] = [];
    space();
    if (body[at] === '}') {
      at++;
      return items;
    }
    for (;;) {
      space();
      items.push(body[at] === '{' ? list(depth + 1) : element());
      space();
      const next = body[at++];
      if (next === '}') return items;
      if (next !== ',') throw fail();
    }
  }

  const items = list(1);
  space();
  if (at !== body.length) throw fail();
  return items;
}

/** Reads the binary form; elements are Buffers (views of `bytes`) or null. Its element type must be `element`. */
export function readArrayBinary(bytes: Buffer, element: number): unknown[] {
  const fail = (what: string): LakeError => new LakeError('invalid_text_representation', `malformed binary array: ${what}`);
  if (bytes.length < 12) throw fail('too short');
  const dimensions = bytes.readInt32BE(0);
  if (dimensions < 0 || dimensions > depthMax) throw fail(`${dimensions} dimensions`);
  if (bytes.readUInt32BE(8) !== element) throw fail(`element type ${bytes.readUInt32BE(8)} instead of ${element}`);
  if (dimensions === 0) return [];
  let at = 12;
  const sizes: number[] = [];
  let count = 1;
  for (let i = 0; i < dimensions; i++, at += 8) {
    if (bytes.length < at + 8) throw fail('too short');
    const size = bytes.readInt32BE(at);
    count *= size;
    // Each element takes at least its length word, so the count is bounded by what was received.
    if (size < 0 || count * 4 > bytes.length) throw fail('more elements than bytes');
    sizes.push(size);
  }
  function dimension(depth: number): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < (sizes[depth] as number); i++) {
      if (depth + 1 < dimensions) items.push(dimension(depth + 1));
      else {
        if (bytes.length < at + 4) throw fail('too short');
        const length = bytes.readInt32BE(at);
        at += 4;
        if (length < -1 || (length > 0 && bytes.length < at + length)) throw fail('an element is longer than the array');
        items.push(length === -1 ? null : bytes.subarray(at, at + length));
        at += Math.max(0, length);
      }
    }
    return items;
  }
  if (count === 0) return [];
  const items = dimension(0);
  if (at !== bytes.length) throw fail('bytes left over');
  return items;
}
