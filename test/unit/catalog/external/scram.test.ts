/** The client's half of SCRAM against the server's half of this product, and against servers that lie. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { systemRandom } from '../../../../base/random.ts';
import { scramClient, scramVerifier } from '../../../../catalog/external/scram.ts';

// RFC 7677, section 3: the exchange with its nonce, which is not ours, so only the server's part can be replayed; the arithmetic is checked below.
test('proof and signature fit the verifier that the server was given', () => {
  const [, iterations, salt, stored, server] =
    /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(scramVerifier('pass wörd', systemRandom)) ?? assert.fail('no verifier');
  const client = scramClient('pass wörd', systemRandom);
  const bare = client.first.toString().slice(3);
  const first = `${bare.slice(3)}server,s=${salt},i=${iterations}`;
  const final = client.answer(first).toString();
  const [, without, proof] = /^(c=biws,r=.*),p=(.*)$/.exec(final) ?? assert.fail(final);
  const signed = `${bare},${first},${without}`;
  const hmac = (key: Buffer): Buffer => createHmac('sha256', key).update(signed).digest();
  const signature = hmac(Buffer.from(stored as string, 'base64'));
  const key = Buffer.from(Buffer.from(proof as string, 'base64').map((byte, at) => byte ^ (signature[at] as number)));
  assert.equal(createHash('sha256').update(key).digest('base64'), stored, 'the client knows the password');
  const v = hmac(Buffer.from(server as string, 'base64')).toString('base64');
  client.verify(`v=${v}`);
  assert.throws(() => client.verify(`v=${Buffer.alloc(32).toString('base64')}`), { code: 'invalid_password' });
});

test('a server that does not keep to the exchange is not answered', () => {
  for (const first of [
    '',
    'r=other,s=AAAA,i=4096',
    'r=NONCE,s=AAAA,i=4096',
    'r=NONCEx,s=AAAA,i=999999999',
    'r=NONCEx,s=AAAA,i=0',
    'r=NONCEx,s=,i=4096',
  ]) {
    const client = scramClient('x', systemRandom);
    const nonce = client.first.toString().split('r=')[1] as string;
    assert.throws(() => client.answer(first.replace('NONCE', nonce)), { code: 'invalid_password' }, first);
    assert.throws(() => client.verify('v='), { code: 'invalid_password' });
  }
});
