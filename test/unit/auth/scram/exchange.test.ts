import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, it } from 'node:test';
import { ServerExchange } from '../../../../auth/scram/exchange.ts';
import { deriveVerifierSync, type ScramHash } from '../../../../auth/scram/hash.ts';
import { LakeError } from '../../../../base/errors.ts';

const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');

function exchangeFor(
  hash: ScramHash,
  options: { serverNonce?: string; plus?: boolean; plusOffered?: boolean; channelBinding?: Buffer } = {},
): ServerExchange {
  return new ServerExchange({
    plus: false,
    plusOffered: false,
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    ...options,
    lookUp: async () => deriveVerifierSync(hash, 'pencil', salt, 4096),
  });
}

/** The client's side, written from the RFC on its own: PBKDF2, proof, expected signature. */
function clientFinal(
  hash: ScramHash,
  password: string,
  gs2: string,
  binding: Buffer,
  bare: string,
  serverFirst: string,
): { message: Buffer; signature: string } {
  const fields = Object.fromEntries(serverFirst.split(',').map((part) => [part[0], part.slice(2)]));
  const h = (key: Buffer, text: string | Buffer): Buffer => createHmac(hash, key).update(text).digest();
  const salted = pbkdf2Sync(
    password,
    Buffer.from(fields.s as string, 'base64'),
    Number(fields.i),
    hash === 'sha256' ? 32 : 64,
    hash,
  );
  const without = `c=${Buffer.concat([Buffer.from(gs2), binding]).toString('base64')},r=${fields.r}`;
  const text = `${bare},${serverFirst},${without}`;
  const clientKey = h(salted, 'Client Key');
  const signature = h(createHash(hash).update(clientKey).digest(), text);
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] as number)));
  return {
    message: Buffer.from(`${without},p=${proof.toString('base64')}`),
    signature: h(h(salted, 'Server Key'), text).toString('base64'),
  };
}

const failsWith =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof LakeError && error.code === code;

describe('SCRAM, server side', () => {
  it('answers the example of RFC 7677, section 3, byte for byte', async () => {
    const exchange = exchangeFor('sha256');
    const first = await exchange.first(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'));
    assert.equal(first.toString(), 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096');
    const final = exchange.final(
      Buffer.from('c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='),
    );
    assert.equal(final.toString(), 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });

  for (const hash of ['sha256', 'sha512'] as const) {
    it(`agrees with a client written from the RFC (${hash}), with and without channel binding`, async () => {
      for (const binding of [undefined, Buffer.from('certificate hash')]) {
        const exchange = exchangeFor(hash, binding ? { plus: true, plusOffered: true, channelBinding: binding } : {});
        const gs2 = binding ? 'p=tls-server-end-point,,' : 'n,,';
        const serverFirst = (await exchange.first(Buffer.from(`${gs2}n=,r=abcdefgh`))).toString();
        const client = clientFinal(hash, 'pencil', gs2, binding ?? Buffer.alloc(0), 'n=,r=abcdefgh', serverFirst);
        assert.equal(exchange.final(client.message).toString(), `v=${client.signature}`);
      }
    });
  }

  it('refuses a wrong password, another certificate, another nonce, a short proof: all with the same words', async () => {
    const bare = 'n=,r=abcdefgh';
    const refused: string[] = [];
    const attempt = async (
      change: (message: string) => string,
      password = 'pencil',
      binding = Buffer.from('right'),
    ): Promise<void> => {
      const exchange = exchangeFor('sha256', { plus: true, plusOffered: true, channelBinding: Buffer.from('right') });
      const serverFirst = (await exchange.first(Buffer.from(`p=tls-server-end-point,,${bare}`))).toString();
      const { message } = clientFinal('sha256', password, 'p=tls-server-end-point,,', binding, bare, serverFirst);
      assert.throws(
        () => exchange.final(Buffer.from(change(message.toString()))),
        (error) => {
          refused.push(`${(error as LakeError).code} ${(error as LakeError).message}`);
          return true;
        },
      );
    };
    await attempt((message) => message, 'pencils');
    await attempt((message) => message, 'pencil', Buffer.from('left'));
    await attempt((message) => message.replace(',r=abc', ',r=abd'));
    await attempt((message) => message.replace(/p=.*/, 'p=AAAA'));
    assert.equal(refused.length, 4);
    assert.equal(new Set(refused).size, 1);
    assert.match(refused[0] as string, /^invalid_password /);
  });

  it('notices a downgrade: flag y although -PLUS was offered', async () => {
    await assert.rejects(
      exchangeFor('sha256', { plusOffered: true }).first(Buffer.from('y,,n=,r=abcdefgh')),
      failsWith('invalid_authorization'),
    );
    await exchangeFor('sha256', { plusOffered: false }).first(Buffer.from('y,,n=,r=abcdefgh'));
  });

  it('refuses a binding flag that does not fit the mechanism', async () => {
    await assert.rejects(
      exchangeFor('sha256').first(Buffer.from('p=tls-server-end-point,,n=,r=abcdefgh')),
      failsWith('protocol_violation'),
    );
    await assert.rejects(
      exchangeFor('sha256', { plus: true, channelBinding: Buffer.from('x') }).first(Buffer.from('n,,n=,r=abcdefgh')),
      failsWith('protocol_violation'),
    );
    await assert.rejects(
      exchangeFor('sha256', { plus: true, channelBinding: Buffer.from('x') }).first(Buffer.from('p=tls-unique,,n=,r=abcdefgh')),
      failsWith('protocol_violation'),
    );
  });

  it('runs each step once: no second try on the same challenge', async () => {
    const exchange = exchangeFor('sha256');
    assert.throws(() => exchange.final(Buffer.from('c=biws,r=x,p=AAAA')), failsWith('protocol_violation'));
    await exchange.first(Buffer.from('n,,n=,r=abcdefgh'));
    assert.throws(() => exchange.final(Buffer.from('c=biws,r=x,p=AAAA')), failsWith('invalid_password'));
    assert.throws(() => exchange.final(Buffer.from('c=biws,r=x,p=AAAA')), failsWith('protocol_violation'));
    await assert.rejects(exchange.first(Buffer.from('n,,n=,r=abcdefgh')), failsWith('protocol_violation'));
  });

  it('throws nothing but LakeErrors on hostile bytes', async () => {
    let seed = 42;
    const next = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    const good = [
      'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ];
    const fast = deriveVerifierSync('sha256', 'pencil', salt, 4096);
    for (let round = 0; round < 5000; round++) {
      const exchange = new ServerExchange({ plus: false, plusOffered: false, serverNonce: 'x', lookUp: async () => fast });
      const mutate = (text: string): Buffer => {
        const bytes = Buffer.from(text);
        for (let n = next(4); n >= 0; n--) bytes[next(bytes.length)] = next(256);
        return bytes.subarray(0, 1 + next(bytes.length));
      };
      try {
        await exchange.first(round % 3 === 0 ? Buffer.from(good[0] as string) : mutate(good[0] as string));
        exchange.final(mutate(good[1] as string));
        assert.fail('a broken proof was accepted');
      } catch (error) {
        assert.ok(
          error instanceof LakeError && (error.code === 'protocol_violation' || error.code === 'invalid_password'),
          String(error),
        );
      }
    }
  });

  it('refuses a message longer than any honest one before looking at it', async () => {
    await assert.rejects(
      exchangeFor('sha256').first(Buffer.concat([Buffer.from('n,,n=,r='), Buffer.alloc(5000, 97)])),
      failsWith('protocol_violation'),
    );
  });
});
