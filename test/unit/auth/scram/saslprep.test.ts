import assert from 'node:assert/strict';
import { it } from 'node:test';
import { preparePassword, saslprep } from '../../../../auth/scram/saslprep.ts';

it('prepares the examples of RFC 4013, section 3', () => {
  assert.equal(saslprep('I\u00ADX'), 'IX', 'soft hyphen mapped to nothing');
  assert.equal(saslprep('user'), 'user');
  assert.equal(saslprep('USER'), 'USER', 'case is kept');
  assert.equal(saslprep('\u00AA'), 'a', 'NFKC');
  assert.equal(saslprep('\u2168'), 'IX', 'NFKC');
  assert.equal(saslprep('\u0007'), null, 'prohibited character');
  assert.equal(saslprep('\u0627\u0031'), null, 'bidirectional rule');
});

it('maps spaces that look like one and keeps real letters', () => {
  assert.equal(saslprep('a\u00A0b\u2003c'), 'a b c');
  assert.equal(saslprep('пароль'), 'пароль');
  assert.equal(saslprep('שלום'), 'שלום');
});

it('takes a password it cannot prepare as it is, as PostgreSQL does', () => {
  assert.equal(preparePassword('\u0007bell'), '\u0007bell');
  assert.equal(preparePassword(''), '');
});

it('refuses one character of each prohibited table', () => {
  for (const code of [
    0x00, 0x7f, 0x80, 0x06dd, 0x2028, 0x2061, 0xe000, 0xf0000, 0xfdd0, 0xfffe, 0x1ffff, 0xd800, 0xfffd, 0x2ff0, 0x202e, 0xe0001,
    0xe0041,
  ]) {
    assert.equal(saslprep(`a${String.fromCodePoint(code)}b`), null, code.toString(16));
  }
});
