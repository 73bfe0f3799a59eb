/** A SCRAM client written from RFC 5802 on its own, so that the server is not tested against itself. */
import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

export interface ScramClient {
  first(): Buffer;
  final(serverFirst: Buffer): Buffer;
  verify(serverFinal: Buffer): void;
}

/** `binding`: tls-server-end-point data; given = the -PLUS mechanism. */
export function scramClient(hash: 'sha256' | 'sha512', password: string, user = '', binding?: Buffer): ScramClient {
  const gs2 = binding ? 'p=tls-server-end-point,,' : 'n,,';
  const bare = `n=${user},r=${randomBytes(18).toString('base64')}`;
  const h = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  let expected = '';
  return {
    first: () => Buffer.from(gs2 + bare),
    final(serverFirst) {
      const challenge = serverFirst.toString();
      const [, nonce, salt, iterations] =
        /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge) ?? assert.fail(`bad challenge ${challenge}`);
      const salted = pbkdf2Sync(
        password,
        Buffer.from(salt as string, 'base64'),
        Number(iterations),
        hash === 'sha256' ? 32 : 64,
        hash,
      );
      const without = `c=${Buffer.concat([Buffer.from(gs2), binding ?? Buffer.alloc(0)]).toString('base64')},r=${nonce}`;
      const text = `${bare},${challenge},${without}`;
      const clientKey = h(salted, 'Client Key');
      const signature = h(createHash(hash).update(clientKey).digest(), text);
      expected = `v=${h(h(salted, 'Server Key'), text).toString('base64')}`;
      return Buffer.from(
        `${without},p=${Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] as number))).toString('base64')}`,
      );
    },
    verify: (serverFinal) => assert.equal(serverFinal.toString(), expected, 'the server knows the secret too'),
  };
}
