import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announcedName } from '../../../../server/statements/column-name.ts';

test('an unnamed call is announced by the name of its function', () => {
  assert.equal(announcedName('count_star()'), 'count');
  assert.equal(announcedName('sum(x)'), 'sum');
  assert.equal(announcedName('"version"()'), 'version');
  assert.equal(announcedName("string_agg(a, ')')"), 'string_agg');
  assert.equal(announcedName('max("a ( b")'), 'max');
});

test('what is no single call keeps its name', () => {
  for (const name of ['celsius', 'f(a) + g(b)', '(1 + 1)', 'CAST(x AS INTEGER)', "'a)'", 'Sum of (x)', 'f(', '"f()', '']) {
    assert.equal(announcedName(name), name);
  }
});
