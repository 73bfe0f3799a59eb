import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArrayText } from '../../../base/pg-array-input.ts';

// A no-break space was trimmed as if it stood between elements: the element was lost, or the array refused.
test('only the six spaces of ASCII are between elements; every other character belongs to one', () => {
  assert.deepEqual(parseArrayText('\t{ a \v,\f{}\r}\n'.replace('{}', 'b')), ['a', 'b']);
  for (const character of ['\u00a0', '\u0085', '\u2028', '\ufeff', '\u001c', '\u0001'])
    assert.deepEqual(parseArrayText(`{${character},x}`), [character, 'x']);
});

test('dimensions, bounds, quotes and NULL', () => {
  assert.deepEqual(parseArrayText('[0:1][2:3]={{1,NULL},{"NULL","a\\"b"}}'), [
    ['1', null],
    ['NULL', 'a"b'],
  ]);
});
