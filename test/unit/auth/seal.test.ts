import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSealer, parseKeyFile } from '../../../auth/seal.ts';
import { systemRandom } from '../../../base/random.ts';
import { refusedWith } from '../../support/control.ts';

const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

describe('sealing', () => {
  it('opens what it sealed, for the same purpose only', () => {
    const sealer = createSealer([one], systemRandom);
    const sealed = sealer.seal('totp alice', Buffer.from('secret'));
    assert.equal(sealer.open('totp alice', sealed).toString(), 'secret');
    assert.equal(sealer.open('totp alice', new Uint8Array(sealed)).toString(), 'secret', 'as it comes out of a database');
    assert.throws(() => sealer.open('totp bob', sealed), refusedWith('corrupt'));
    assert.ok(!sealed.includes('secret'));
    assert.notDeepEqual(sealer.seal('totp alice', Buffer.from('secret')), sealed, 'never the same twice');
  });

  it('notices every changed byte and every cut', () => {
    const sealer = createSealer([one], systemRandom);
    const sealed = sealer.seal('p', Buffer.from('secret'));
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ 1;
      assert.throws(
        () => sealer.open('p', changed),
        (error) => refusedWith('corrupt')(error) || refusedWith('config_invalid')(error),
        `byte ${at}`,
      );
      assert.throws(() => sealer.open('p', sealed.subarray(0, at)), refusedWith('corrupt'), `cut at ${at}`);
    }
  });

  it('opens with every key of the ring and seals with the first', () => {
    const old = createSealer([one], systemRandom).seal('p', Buffer.from('x'));
    const rotated = createSealer([two, one], systemRandom);
    assert.equal(rotated.open('p', old).toString(), 'x');
    assert.equal(rotated.keyIdOf(rotated.seal('p', Buffer.from('x'))), rotated.keyId);
    assert.notEqual(rotated.keyIdOf(old), rotated.keyId);
    assert.throws(() => createSealer([two], systemRandom).open('p', old), refusedWith('config_invalid', /does not have/));
  });

  it('reads key files strictly', () => {
    const hex = one.toString('hex');
    assert.deepEqual(parseKeyFile(`# newest first\n${two.toString('hex').toUpperCase()}  # since May\n\n${hex}\n`), [two, one]);
    for (const text of ['', '# nothing', hex.slice(2), `${hex}00`, `${hex.slice(0, 62)}zz`])
      assert.throws(() => parseKeyFile(text), refusedWith('config_invalid'), text);
    assert.throws(() => createSealer([], systemRandom), refusedWith('config_invalid'));
  });
});
